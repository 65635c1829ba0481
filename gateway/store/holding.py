"""One `serve` per SQLite file: the limits and memories of two would not know of each other."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import StoreFailed


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Holds a store's file for one `serve`, by a lock on `FILE.lock`, which the system lets go when the process ends.

    Raises StoreFailed where another holds it.
    """
    file = file.resolve()
    name = file.with_name(f"{file.name}.lock")
    try:
        lock = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreFailed(f"The store's file {file} cannot be locked ({error.strerror}).") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreFailed(
                f"Another `sage-gateway serve` uses the store's file {file}: stop it, or take PostgreSQL for several."
            ) from None
        yield
    finally:
        os.close(lock)

"""How the store fails: foreign exceptions become `StoreFailed` here and nowhere else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gateway.errors import StoreFailed

DEADLOCK, SERIALIZATION = "40P01", "40001"


class SchemaOld(StoreFailed):
    """The database's tables are older than this gateway; the message names the command that mends it."""


class KeyWrong(StoreFailed):
    """The key is not 32 bytes, is not this store's, or a stored secret was tampered with."""


@contextmanager
def translated() -> Iterator[None]:
    """Turns what SQLAlchemy, its drivers and the system raise into StoreFailed, without values in it."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise StoreFailed(f"The gateway's store failed ({_kind(error)}).") from error


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Says where the store is when it fails: for the operator at a start, never for clients at work."""
    try:
        yield
    except StoreFailed as failed:
        if failed.__cause__ is None:
            raise
        said = f"The gateway's store at {place} cannot be used ({_kind(failed.__cause__)})."
        raise StoreFailed(said) from failed.__cause__


def _kind(error: BaseException) -> str:
    return type(getattr(error, "orig", None) or error).__name__


def worth_repeating(error: DBAPIError) -> bool:
    """Whether the transaction, run once more, may succeed: the connection was lost, or it met a deadlock."""
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in (DEADLOCK, SERIALIZATION)

"""An empty store's file, for laws that begin many histories."""

from __future__ import annotations

import asyncio
import functools
import tempfile
from pathlib import Path

from gateway.store import Store

KEY = bytes(range(32))


@functools.cache
def empty_store() -> bytes:
    """A migrated store's file: migrating anew for every history would take most of the time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        asyncio.run(make(f"sqlite:///{path}"))
        return path.read_bytes()


async def make(url: str) -> None:
    """Opens a new store and closes it."""
    await (await Store.open(url, KEY)).close()

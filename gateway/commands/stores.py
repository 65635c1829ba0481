"""The store that the settings name, opened for a command, or for the one `serve` that may serve it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from gateway.errors import StoreFailed
from gateway.settings import Settings
from gateway.store import Store
from gateway.store.holding import held


async def open_store(settings: Settings, *, migrate: bool | None = None) -> Store:
    """The store that the settings name; `migrate` as in `Store.open`. Raises StoreFailed, also for a key that cannot
    be had."""
    if settings.store.db is None:
        raise StoreFailed("store.db is not set")
    try:
        # A command that prints the key may take its time.
        present, *former = await asyncio.to_thread(lambda: settings.store.keys)
    except ValueError as wrong:
        raise StoreFailed(f"store: {wrong}.") from None
    return await Store.open(settings.store.db.get_secret_value(), present, former=former, migrate=migrate)


async def served_store(
    settings: Settings, running: AsyncExitStack, *, sandboxed: bool = False
) -> tuple[Store, str | None]:
    """The store, held for this `serve` until `running` is closed; and why it is taken for a copy of the one that is
    served, as a sentence, None where it is that one. Invented books have no copies. Raises StoreFailed."""
    if settings.store.file is not None:
        running.enter_context(held(settings.store.file))
    store = await open_store(settings)
    running.push_async_callback(store.close)
    if sandboxed:
        return store, None
    return store, await store.identity.claim(settings.store.marker_path)

"""The store that the settings name, opened for a command, or for the one `serve` that may serve it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from gateway.errors import StoreFailed
from gateway.settings import Settings
from gateway.settings_keys import weakness
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


async def present_store(settings: Settings) -> Store:
    """The store that the settings name, for a command that makes none. Raises StoreFailed where there is none yet."""
    if settings.store.file is not None and not settings.store.file.exists():
        raise StoreFailed(f"There is no store at {settings.store.file.absolute()} yet.")
    return await open_store(settings, migrate=False)


def weak_key(settings: Settings) -> str | None:
    """Why store.key is not to be used, as a sentence; None where it is strong. Raises StoreFailed where it cannot be
    had."""
    try:
        weak = weakness(settings.store.keys[0])
    except ValueError as wrong:
        raise StoreFailed(f"store: {wrong}.") from None
    if weak is None:
        return None
    return (
        f"store.key is weak: {weak}. `openssl rand -hex 32` makes a strong one; where secrets are sealed already, the "
        "weak one becomes store.old_key until `sage-gateway keys rotate` has run."
    )


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
    return store, mended(await store.identity.claim(settings.store.marker_path))


def mended(doubt: str | None) -> str | None:
    """What is said of a copy, and how it becomes the real one."""
    if doubt is None:
        return None
    return f"{doubt} It is served read-only. If it is the real one now: sage-gateway store adopt."

"""Waiting for the operator, or the platform, to say stop."""

from __future__ import annotations

import asyncio
import signal


async def until_stopped(loop: asyncio.AbstractEventLoop) -> None:
    """Return at the first SIGTERM or SIGINT; a second one ends the process as if there were no handler."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)

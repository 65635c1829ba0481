"""How much of anything one caller, or all of them, may have: numbers, and the queues that keep to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.errors import Throttled


@dataclass(frozen=True, slots=True)
class Limits:
    """The public listener's limits (reliability.md §3.5): sizes in bytes, times in seconds."""

    target: int = 8192
    headers: int = 64
    header_line: int = 8192
    body: int = 1024 * 1024
    """Of all but the resources that take files, which say how much they take."""
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 75.0
    reply_seconds: float = 60.0
    """How long a client may take to read its reply."""
    lingering_seconds: float = 5.0
    """How long a refused call's unread body is read away, so that the client gets to see the reply."""
    calls_per_connection: int = 1000
    tenant_in_flight: int = 16
    in_flight: int = 512
    queue_seconds: float = 5.0
    grace_seconds: float = 75.0
    """How long a stopping server waits for running exchanges: longer than an upstream call may take."""


class Gate:
    """Admits at most `each` calls of one tenant and `total` of all at a time; the others wait in line.

    Whoever has waited `patience` seconds, or finds `total` others waiting, gets `Throttled`.
    A tenant at its own limit does not hold up the tenants behind it.
    """

    def __init__(self, each: int, total: int, patience: float) -> None:
        self._each = each
        self._total = total
        self._patience = patience
        self._running: dict[int, int] = {}
        self._waiting: dict[asyncio.Future[None], int] = {}
        self.in_flight = 0
        """How many calls are inside."""

    async def enter(self, tenant: int) -> None:
        """Come in, or wait to; every `enter` that returns needs one `leave`.

        Raises Throttled.
        """
        if self._admissible(tenant):
            self._take(tenant)
            return
        if len(self._waiting) >= self._total:
            raise self._busy()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = tenant
        try:
            await asyncio.wait((turn,), timeout=self._patience)
        except BaseException:
            self._withdraw(turn, tenant)
            raise
        if not turn.done():
            self._withdraw(turn, tenant)
            raise self._busy()

    def leave(self, tenant: int) -> None:
        """Go out, and let in all who may come in now."""
        self.in_flight -= 1
        left = self._running[tenant] - 1
        if left:
            self._running[tenant] = left
        else:
            del self._running[tenant]
        for turn, waiter in list(self._waiting.items()):
            if self._admissible(waiter):
                del self._waiting[turn]
                self._take(waiter)
                turn.set_result(None)

    def _admissible(self, tenant: int) -> bool:
        return self.in_flight < self._total and self._running.get(tenant, 0) < self._each

    def _take(self, tenant: int) -> None:
        self.in_flight += 1
        self._running[tenant] = self._running.get(tenant, 0) + 1

    def _withdraw(self, turn: asyncio.Future[None], tenant: int) -> None:
        if self._waiting.pop(turn, None) is None:
            self.leave(tenant)

    def _busy(self) -> Throttled:
        return Throttled("Too many calls at once; try again in a moment", max(1, round(self._patience)))


class Turns:
    """One at a time for each key; a key nobody holds or waits for takes no memory."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, key: str) -> AsyncIterator[None]:
        """Hold the key's turn for the length of the block."""
        lock, users = self._locks.get(key, (None, 0))
        if lock is None:
            lock = asyncio.Lock()
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            users = self._locks[key][1] - 1
            if users:
                self._locks[key] = (lock, users)
            else:
                del self._locks[key]

"""Keeps grants alive without being asked: ahead of time where they are in use, weekly where they are not.

Each replica does all of it; the lease of each grant lets one of them send (reliability.md §3.3 steps 1 and 9).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Protocol

from gateway.edges.refresh_sender import Chances, Notice
from gateway.errors import GatewayError
from gateway.grants.health import ALARM, DAY, Duty, Standing, duty

TEND_SECONDS = 5.0
SWEEP_SECONDS = 3600.0
FIRST_SWEEP = 60.0
"""The first sweep comes within this time of the start: replicas that start together do not sweep together."""
AT_ONCE = 4
"""Grants that one sweep refreshes at a time: calls come first."""
YOUNGEST = 60.0
"""A grant refreshed so lately is not looked at by the sweep."""


class Refreshes(Protocol):
    """What keeps single grants fresh (`gateway.edges.refresher.Refresher`)."""

    def tend(self) -> None:
        """Starts what is due of grants in use."""

    async def renew(self, grant_id: int) -> bool:
        """Refreshes a grant that no call uses."""


class Grants(Protocol):
    """Where grants are kept (`gateway.store.grants.Grants`); each method may raise StoreFailed."""

    async def standings(self, before: float) -> list[Standing]:
        """The grants of connected tenants that were refreshed last before then."""

    async def adopt_all_rescued(self, now: float) -> int:
        """Gives grants that need consent what was rescued for them."""

    async def forget_rescued(self, before: float) -> None:
        """Drops rescued tokens that Sage has ended."""


class Keeper:
    """The timers of one process."""

    def __init__(
        self,
        refresher: Refreshes,
        grants: Grants,
        chances: Chances,
        notice: Notice,
    ) -> None:
        self._refresher = refresher
        self._grants = grants
        self._chances = chances
        self._notice = notice
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts the timers in the running loop."""
        self._tasks = [
            asyncio.create_task(self._tend(), name="refreshes ahead of time"),
            asyncio.create_task(self._sweep_for_ever(), name="sweeps idle grants"),
        ]

    async def close(self) -> None:
        """Stops the timers; refreshes under way go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def sweep(self) -> None:
        """Refreshes what nobody used for a week, and says what is about to lapse.

        A grant that cannot be refreshed hinders no other. Raises StoreFailed.
        """
        now = self._chances.now()
        await self._grants.forget_rescued(now - ALARM - 3 * DAY)
        await self._grants.adopt_all_rescued(now)
        waiting = iter(await self._grants.standings(now - YOUNGEST))
        await asyncio.gather(*(self._work_off(waiting) for _ in range(AT_ONCE)))

    async def _work_off(self, waiting: Iterator[Standing]) -> None:
        for standing in waiting:
            owed = duty(standing, self._chances.now())
            if owed is Duty.NOTHING:
                continue
            fresh = await self._refresher.renew(standing.id)
            if not fresh and owed in (Duty.WARN, Duty.ALARM):
                self._notice("grant_idle" if owed is Duty.WARN else "grant_dying", standing.id)

    async def _tend(self) -> None:
        while True:
            await self._chances.sleep(TEND_SECONDS)
            self._refresher.tend()

    async def _sweep_for_ever(self) -> None:
        await self._chances.sleep(FIRST_SWEEP * self._chances.dice())
        while True:
            try:
                await self.sweep()
            except GatewayError:
                self._notice("sweep_failed", 0)
            await self._chances.sleep(SWEEP_SECONDS * (0.75 + self._chances.dice() / 2))

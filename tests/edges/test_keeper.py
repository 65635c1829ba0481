"""Keeping grants alive: ahead of time, weekly, and saying what is about to lapse."""

from __future__ import annotations

import asyncio

import pytest

from gateway.edges.keeper import AT_ONCE, SWEEP_SECONDS, TEND_SECONDS, Keeper
from gateway.edges.refresh_sender import Chances
from gateway.errors import StoreFailed
from gateway.grants.health import DAY, Standing
from gateway.grants.life import State

NOW = 1_700_000_000.0


class Kept:
    """Grants and their refreshing, as the keeper sees them."""

    def __init__(self, *days: float, dead: tuple[int, ...] = ()) -> None:
        self.standing = [
            Standing(number, "app", State.ACTIVE, NOW, NOW - idle * DAY, NOW - (idle - 31) * DAY)
            for number, idle in enumerate(days)
        ]
        self.dead = dead
        self.renewed: list[int] = []
        self.at_once = self.most_at_once = 0
        self.tended = self.swept = 0
        self.done: list[str] = []
        self.failing = False

    def tend(self) -> None:
        self.tended += 1

    async def renew(self, grant_id: int) -> bool:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self.renewed.append(grant_id)
        return grant_id not in self.dead

    async def standings(self, before: float) -> list[Standing]:
        self.swept += 1
        if self.failing:
            raise StoreFailed("no disk")
        return [one for one in self.standing if one.refreshed_at < before]

    async def adopt_all_rescued(self, now: float) -> int:
        self.done.append("adopted")
        return 0

    async def forget_rescued(self, before: float) -> None:
        self.done.append(f"forgot {(NOW - before) / DAY:g}")


class Time:
    """Sleepers wait until they are woken."""

    def __init__(self) -> None:
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append((seconds, woken))
        await woken

    async def wake(self, seconds: float) -> None:
        """Wakes who sleeps for so long."""
        for length, woken in self.sleepers:
            if length == seconds and not woken.done():
                woken.set_result(None)
        for _ in range(20):
            await asyncio.sleep(0)

    def chances(self) -> Chances:
        return Chances(lambda: NOW, lambda: NOW, self.sleep, lambda: 0.5)


def keeper(kept: Kept, told: list[tuple[str, int]], time: Time | None = None) -> Keeper:
    return Keeper(kept, kept, (time or Time()).chances(), lambda word, grant: told.append((word, grant)))


async def test_a_sweep_refreshes_the_idle_and_tells_of_those_that_cannot_be():
    """From 7 days on; told of at 21 and 28 where that fails."""
    told: list[tuple[str, int]] = []
    kept = Kept(1, 7, 21, 28, 22, 29, dead=(1, 2, 3))
    await keeper(kept, told).sweep()
    assert sorted(kept.renewed) == [1, 2, 3, 4, 5]
    assert sorted(told) == [("grant_dying", 3), ("grant_idle", 2)]
    assert kept.done == ["forgot 31", "adopted"]


async def test_a_sweep_goes_gently():
    """A few at a time, all of them once."""
    kept = Kept(*[8.0] * 50)
    await keeper(kept, []).sweep()
    assert sorted(kept.renewed) == list(range(50))
    assert kept.most_at_once == AT_ONCE


async def test_a_failing_store_ends_no_timer():
    """It is told of, and the next sweep comes."""
    told: list[tuple[str, int]] = []
    kept, time = Kept(8), Time()
    made = keeper(kept, told, time)
    made.start()
    await asyncio.sleep(0)
    kept.failing = True
    await time.wake(30.0)
    assert told == [("sweep_failed", 0)]
    kept.failing = False
    await time.wake(SWEEP_SECONDS)
    assert kept.renewed == [0]
    await made.close()


async def test_the_timer_tends_every_few_seconds_until_it_is_closed():
    """Those in use are seen to in time."""
    kept, time = Kept(), Time()
    made = keeper(kept, [], time)
    made.start()
    await asyncio.sleep(0)
    await time.wake(TEND_SECONDS)
    await time.wake(TEND_SECONDS)
    assert kept.tended == 2
    await made.close()
    await time.wake(TEND_SECONDS)
    assert kept.tended == 2


async def test_a_mistake_of_ours_is_not_swallowed():
    """A sweep raises what is no failure of the store."""
    kept = Kept(8)

    async def broken(grant_id: int) -> bool:
        raise ZeroDivisionError

    kept.renew = broken  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await keeper(kept, []).sweep()

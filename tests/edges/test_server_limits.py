"""The gate and the turns."""

from __future__ import annotations

import asyncio

import pytest

from gateway.edges.limits import Gate, Turns
from gateway.errors import Throttled


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_gate_admits_up_to_the_limit_of_one_tenant() -> None:
    """A tenant's calls beyond its limit wait until one of its own leaves."""
    gate = Gate(each=2, total=10, patience=60)
    await gate.enter(1)
    await gate.enter(1)
    third = asyncio.create_task(gate.enter(1))
    await _settle()
    assert not third.done()
    gate.leave(1)
    await third
    assert gate.in_flight == 2


async def test_a_full_tenant_does_not_hold_up_others() -> None:
    """A tenant at its limit has no effect on another tenant's calls, even on those behind it in the line."""
    gate = Gate(each=1, total=2, patience=60)
    await gate.enter(1)
    mine = asyncio.create_task(gate.enter(1))
    await _settle()
    await gate.enter(2)
    other = asyncio.create_task(gate.enter(3))
    await _settle()
    gate.leave(2)
    await other
    assert not mine.done()
    gate.leave(1)
    await mine
    gate.leave(1)
    gate.leave(3)
    assert gate.in_flight == 0


async def test_waiting_too_long_is_throttled_with_a_time_to_come_back() -> None:
    """Who waits longer than the patience gets Throttled with a Retry-After, and leaves no trace."""
    gate = Gate(each=1, total=1, patience=0.001)
    await gate.enter(1)
    with pytest.raises(Throttled) as caught:
        await gate.enter(2)
    assert caught.value.retry_after == 1
    gate.leave(1)
    await gate.enter(2)
    assert gate.in_flight == 1


async def test_the_line_has_an_end() -> None:
    """With as many waiting as may run, the next one is throttled at once."""
    gate = Gate(each=5, total=1, patience=60)
    await gate.enter(1)
    waiting = asyncio.create_task(gate.enter(2))
    await _settle()
    with pytest.raises(Throttled):
        await gate.enter(3)
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_a_cancelled_waiter_gives_its_place_back() -> None:
    """Cancelled before or after its turn came, a waiter holds no place."""
    gate = Gate(each=1, total=1, patience=60)
    await gate.enter(1)
    early = asyncio.create_task(gate.enter(2))
    await _settle()
    early.cancel()
    await asyncio.wait([early])
    late = asyncio.create_task(gate.enter(3))
    await _settle()
    gate.leave(1)
    late.cancel()
    await asyncio.wait([late])
    assert gate.in_flight == 0
    await gate.enter(4)


async def test_turns_are_taken_one_at_a_time_per_key() -> None:
    """Two holders of one key never overlap; another key is free; nothing is remembered afterwards."""
    turns = Turns()
    inside: list[str] = []
    go_on = asyncio.Event()

    async def hold(key: str, name: str) -> None:
        async with turns.of(key):
            inside.append(name)
            await go_on.wait()

    tasks = [asyncio.create_task(hold("a", "first")), asyncio.create_task(hold("a", "second"))]
    tasks.append(asyncio.create_task(hold("b", "other")))
    await _settle()
    assert inside == ["first", "other"]
    go_on.set()
    await asyncio.gather(*tasks)
    assert inside == ["first", "other", "second"]
    assert turns._locks == {}


async def test_a_turn_ends_when_its_holder_fails() -> None:
    """An exception inside a turn frees the key."""
    turns = Turns()
    with pytest.raises(ZeroDivisionError):
        async with turns.of("a"):
            raise ZeroDivisionError
    async with turns.of("a"):
        pass
    assert turns._locks == {}

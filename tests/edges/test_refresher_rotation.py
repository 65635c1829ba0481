"""Keys are rotated beside the running refresher, and no token is lost (reliability.md §3.3, §6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.grants.life import Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.store import Store
from tests.edges.refresh_house import World

KEY = bytes(32)


@pytest.fixture
async def operator(world: World, tmp_path: Path) -> AsyncIterator[Store]:
    """The same store as another process has it, which rotates."""
    store = await Store.open(f"sqlite:///{tmp_path}/store.db", KEY)
    yield store
    await store.close()


async def lives(world: World, *stores: Store) -> None:
    """Every process opens the grant, whose refresh token is the one that Sage takes; none was sent twice."""
    for store in stores:
        grant = await store.grants.load(world.tenant.grant)
        assert {grant.refresh.reveal()} == world.endpoint.live
    assert len(set(world.endpoint.asked)) == len(world.endpoint.asked)


async def test_a_rotation_while_sage_is_asked_loses_nothing(world: World, operator: Store) -> None:
    """The answer is sealed under the key that the refresher knew, and opens for everybody; the next rotation seals it
    anew, and the refresher learns the newest key when it meets it."""
    world.endpoint.gate = asyncio.Event()
    refresher = world.refresher()
    waiting = asyncio.create_task(refresher.token(world.tenant))
    await world.endpoint.entered.wait()
    assert (await operator.keys.rotate(0.0)).retired == [1]
    world.endpoint.gate.set()
    token = await waiting
    await lives(world, world.store, operator)
    assert (await operator.keys.rotate(0.0)).retired == [3]
    world.clock.now += 400
    assert await refresher.token(world.tenant) != token
    await lives(world, world.store, operator)
    assert {facts.id: many for facts, many in await operator.keys.show()} == {1: 0, 2: 0, 3: 0, 4: 3}


async def test_rotations_and_refreshes_at_one_time_lose_nothing(world: World, operator: Store) -> None:
    """Two gateways refresh as fast as they can while a third process rotates again and again."""
    other = await Store.open(f"sqlite:///{operator._database.place}", KEY)
    refreshers = [world.refresher(), world.refresher(other.grants)]
    rounds, stop = 12, asyncio.Event()

    async def rotate() -> int:
        times = 0
        while not stop.is_set():
            await operator.keys.rotate(0.0)
            times += 1
        return times

    rotating = asyncio.create_task(rotate())
    for _ in range(rounds):
        world.clock.now += 400
        tokens = await asyncio.gather(*(refresher.token(world.tenant) for refresher in refreshers))
        assert len(set(tokens)) == 1
    stop.set()
    assert await rotating > 1
    await lives(world, world.store, other, operator)
    assert len(world.endpoint.asked) == rounds
    await other.close()


async def test_a_result_that_was_rescued_opens_after_a_rotation(world: World, operator: Store) -> None:
    """It lies beside its grant until it is needed."""
    grant = await world.row()
    refresher = world.refresher()
    await refresher.token(world.tenant)
    (token,) = world.endpoint.live
    late = await world.row()
    lost = after_refresh(grant, Tokens(Secret("late"), 300.0, Secret("rescued"), None, None), 0.0)
    assert not await world.store.grants.save_refreshed(lost, "late", 0.0)
    await operator.keys.rotate(0.0)
    assert await world.store.grants.adopt_rescued(late, 0.0)
    adopted = await world.row()
    assert (adopted.refresh, adopted.previous) == (Secret("rescued"), Secret(token))

"""The refresher without calls: ahead of time, idle grants, copies, spools, two client secrets."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest

from gateway.errors import StoreFailed, UpstreamFailed
from gateway.grants.life import State
from gateway.grants.secret import Secret
from gateway.store.spool import Spool, open_spools
from tests.edges.refresh_house import add, settled
from tests.store.planting import next_of


async def test_a_grant_in_use_is_refreshed_before_a_call_has_to_wait(world):
    """The timer starts it in the early margin, and not before; a call finds the new token without waiting."""
    refresher = world.refresher()
    first = await refresher.token(world.tenant)
    world.clock.now += 100
    refresher.tend()
    assert len(world.endpoint.asked) == 1
    world.clock.now += 110
    refresher.tend()
    await settled(refresher)
    assert len(world.endpoint.asked) == 2
    assert await refresher.token(world.tenant) != first
    assert len(world.endpoint.asked) == 2


async def test_a_grant_not_in_use_is_left_to_its_next_call(world):
    """After five minutes without a call the timer leaves it; after fifteen it is forgotten here."""
    refresher = world.refresher()
    await refresher.token(world.tenant)
    world.clock.now += 301
    refresher.tend()
    await settled(refresher)
    assert len(world.endpoint.asked) == 1
    assert refresher._held
    world.clock.now += 600
    refresher.tend()
    assert not refresher._held
    await refresher.token(world.tenant)
    assert len(world.endpoint.asked) == 2


async def test_what_is_held_in_memory_is_no_refresh_token(world):
    """It is read from the store when it is sent."""
    refresher = world.refresher()
    await refresher.token(world.tenant)
    [held] = refresher._held.values()
    assert held.grant.refresh.reveal() not in world.endpoint.live | world.endpoint.spent
    assert held.grant.previous is None


async def test_an_idle_grant_is_renewed(world):
    """Once; one with a fresh token is left alone."""
    refresher = world.refresher()
    assert await refresher.renew(world.tenant.grant)
    assert await refresher.renew(world.tenant.grant)
    assert len(world.endpoint.asked) == 1


async def test_an_idle_grant_that_has_lapsed_is_not_renewed(world):
    """And says so."""
    world.endpoint.live.clear()
    refresher = world.refresher()
    assert not await refresher.renew(world.tenant.grant)
    assert (await world.row()).state is State.REAUTH_REQUIRED
    assert "needs_consent" in world.told


async def test_a_copy_of_a_store_refreshes_nothing(world):
    """What is stored serves out its time; then the call fails, and no token is used up."""
    await world.refresher().token(world.tenant)
    frozen = world.refresher(frozen=True)
    assert await frozen.token(world.tenant)
    world.clock.now += 250
    assert await frozen.token(world.tenant)
    world.clock.now += 100
    with pytest.raises(StoreFailed, match="copy"):
        await frozen.token(world.tenant)
    assert not await frozen.renew(world.tenant.grant)
    assert len(world.endpoint.asked) == 1


async def test_rescued_tokens_are_tried_before_the_owner_is_asked(world):
    """A refused refresh token is succeeded by the one that came second."""
    refresher = world.refresher()
    await refresher.token(world.tenant)
    grant = await world.row()
    world.endpoint.live = {"rescued"}
    late = replace(next_of(grant, "x"), generation=grant.generation, refresh=Secret("rescued"), access_until=0.0)
    assert not await world.store.grants.save_refreshed(late, "late", world.clock.now)
    world.clock.now += 400
    assert await refresher.token(world.tenant)
    assert world.endpoint.asked[-1] == "rescued"
    assert (await world.row()).state is State.ACTIVE


async def test_a_previous_client_secret_is_tried_where_the_new_one_is_refused(world):
    """A refused client spends nothing, so the same refresh token goes again."""
    refused = (400, {"error": "invalid_client"})
    world.endpoint.moods = [refused, "ok"]
    refresher = world.refresher(apps={"app": ("id", "new", "old")})
    assert await refresher.token(world.tenant)
    assert world.endpoint.asked == ["seed", "seed"]
    world.endpoint.moods = [refused, refused]
    world.clock.now += 400
    with pytest.raises(UpstreamFailed, match="client"):
        await refresher.token(world.tenant)


async def test_a_result_that_the_store_does_not_take_stands_in_the_spool(world, tmp_path):
    """Until the store has it; a process that is killed meanwhile leaves it to the next one."""
    [spool] = open_spools(tmp_path / "spool", world.store._seal)
    grants = world.lame("save_refreshed")
    refresher = world.refresher(grants, spool=spool)
    calling = asyncio.ensure_future(refresher.token(world.tenant))
    while not spool._slots:  # noqa: ASYNC110 - the spool tells nobody
        await asyncio.sleep(0)
    # Were it killed now, this is what the next process would find.
    file = os.open(tmp_path / "spool", os.O_RDWR)
    [left] = Spool(file, world.store._seal).left_behind()
    os.close(file)
    assert left.new.refresh.reveal() in world.endpoint.live
    assert "unsaved" in world.told
    grants.failing.clear()
    assert left.new.access is not None
    assert await calling == left.new.access.reveal()
    assert not spool._slots
    assert (await world.row()).refresh == left.new.refresh
    spool.close()


async def test_tenants_of_several_grants_are_tended_apart(world):
    """One that fails hinders no other."""
    second = await add(world.store, world.clock, "seed2", "second")
    world.endpoint.live.add("seed2")
    refresher = world.refresher()
    await refresher.token(world.tenant)
    await refresher.token(second)
    world.clock.now += 250
    world.endpoint.moods = [(503, {})]
    refresher.tend()
    await settled(refresher)
    assert len(world.endpoint.asked) == 4


async def test_a_new_process_uses_a_stored_token_while_it_is_refreshed(world):
    """The first call waits for the store, not for Sage."""
    await world.refresher().token(world.tenant)
    stored = (await world.row()).access
    world.clock.now += 220
    world.endpoint.gate, world.endpoint.entered = asyncio.Event(), asyncio.Event()
    fresh = world.refresher()
    assert await fresh.token(world.tenant) == stored.reveal()
    await world.endpoint.entered.wait()
    world.endpoint.gate.set()
    await settled(fresh)
    assert (await world.row()).generation == 3

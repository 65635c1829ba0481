"""The refresher against a real token endpoint that rotates and kills families, on a real store."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from gateway.edges.refresh_sender import LEASES_AT_ONCE, anchored_clock, boot_clock
from gateway.errors import NeedsConsent, StoreFailed, TableWrong, Throttled, UpstreamFailed, UpstreamLate
from gateway.grants.life import State
from gateway.store.grants import Grants
from tests.edges.refresh_house import LameGrants, add, settled


async def test_the_first_call_refreshes_and_the_next_ones_use_its_token(world):
    """One token call for many calls, also at once."""
    refresher = world.refresher()
    tokens = set(await asyncio.gather(*(refresher.token(world.tenant) for _ in range(50))))
    tokens.add(await refresher.token(world.tenant))
    assert len(tokens) == 1
    assert world.endpoint.asked == ["seed"]
    assert world.told == ["refreshed"]


async def test_a_fresh_token_costs_no_io(world):
    """The hot path neither reads the store nor calls Sage."""
    grants = world.lame()
    refresher = world.refresher(grants)
    token = await refresher.token(world.tenant)
    grants.failing = {"load", "take_lease", "save_refreshed"}
    assert await refresher.token(world.tenant) == token


async def test_what_is_used_is_stored(world):
    """Persist before use (reliability.md §3.3 step 5)."""
    token = await world.refresher().token(world.tenant)
    row = await world.row()
    assert row.access.reveal() == token
    assert row.refresh.reveal() in world.endpoint.live
    assert (row.state, row.generation, row.user) == (State.ACTIVE, 2, "user")


async def test_a_restart_uses_the_stored_token(world):
    """A new process does not refresh what is still good."""
    token = await world.refresher().token(world.tenant)
    assert await world.refresher().token(world.tenant) == token
    assert len(world.endpoint.asked) == 1


async def test_near_its_end_a_token_is_used_while_its_successor_is_fetched(world):
    """No call waits for an early refresh."""
    refresher = world.refresher()
    token = await refresher.token(world.tenant)
    world.clock.now += 200
    world.endpoint.gate = asyncio.Event()
    assert await refresher.token(world.tenant) == token
    await world.endpoint.entered.wait()
    assert await refresher.token(world.tenant) == token
    world.endpoint.gate.set()
    await settled(refresher)
    assert await refresher.token(world.tenant) != token
    assert len(world.endpoint.asked) == 2


async def test_lifetimes_are_read_from_the_answer(world):
    """A token of 60 s is refreshed when 24 s of it remain (v31.md §2: do not hard-code)."""
    world.endpoint.life = 60
    refresher = world.refresher()
    token = await refresher.token(world.tenant)
    world.clock.now += 30
    assert await refresher.token(world.tenant) == token
    await settled(refresher)
    assert len(world.endpoint.asked) == 1
    world.clock.now += 28
    assert await refresher.token(world.tenant) != token


async def test_many_rotations_in_a_row_lose_nothing(world):
    """Each generation descends from the one before."""
    refresher = world.refresher()
    for _ in range(20):
        await refresher.token(world.tenant)
        world.clock.now += 400
    assert len(set(world.endpoint.asked)) == 20
    assert (await world.row()).generation == 21


async def test_a_client_that_hangs_up_does_not_stop_a_refresh(world):
    """The refresh is a task of its own (reliability.md §3.3 step 2)."""
    world.endpoint.gate = asyncio.Event()
    refresher = world.refresher()
    call = asyncio.create_task(refresher.token(world.tenant))
    await world.endpoint.entered.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    world.endpoint.gate.set()
    assert await refresher.token(world.tenant) == (await world.row()).access.reveal()
    assert world.endpoint.asked == ["seed"]


async def test_closing_waits_for_a_refresh_that_was_sent(world):
    """Its result is stored before the process ends."""
    world.endpoint.gate = asyncio.Event()
    refresher = world.refresher()
    call = asyncio.create_task(refresher.token(world.tenant))
    await world.endpoint.entered.wait()
    closing = asyncio.create_task(refresher.close())
    await asyncio.sleep(0)
    assert not closing.done()
    world.endpoint.gate.set()
    await closing
    assert (await world.row()).refresh.reveal() in world.endpoint.live
    assert await call


async def test_after_closing_nothing_is_sent(world):
    """A late call is told to come again."""
    refresher = world.refresher()
    await refresher.close()
    with pytest.raises(Throttled):
        await refresher.token(world.tenant)
    assert world.endpoint.asked == []


async def test_two_processes_send_one_refresh(world):
    """The loser of the lease waits for the winner's result."""
    refreshers = [world.refresher() for _ in range(4)]
    tokens = await asyncio.gather(*(refresher.token(world.tenant) for refresher in refreshers))
    assert len(set(tokens)) == 1
    assert world.endpoint.asked == ["seed"]


async def test_a_lease_held_elsewhere_is_waited_for_within_bounds(world):
    """The call is told to come again; nothing is sent."""
    await world.store.grants.take_lease(await world.row(), "other", 3600, "attempt")
    refresher = world.refresher(patience=0.01)
    with pytest.raises(Throttled) as failure:
        await refresher.token(world.tenant)
    assert failure.value.retry_after > 1
    assert world.endpoint.asked == []
    await refresher.close()


async def test_a_holder_that_died_is_succeeded(world):
    """Its lease is over: the same token is sent again (reliability.md §3.3 step 7)."""
    await world.store.grants.take_lease(await world.row(), "dead", -1, "attempt")
    assert (await world.row()).state is State.REFRESHING
    assert await world.refresher().token(world.tenant)
    assert world.endpoint.asked == ["seed"]


async def test_a_token_refused_with_401_is_replaced_once(world):
    """However many calls met the refusal."""
    refresher = world.refresher()
    token = await refresher.token(world.tenant)
    newer = set(await asyncio.gather(*(refresher.stale(world.tenant, token) for _ in range(20))))
    assert len(newer) == 1
    assert token not in newer
    assert len(world.endpoint.asked) == 2
    assert await refresher.stale(world.tenant, token) in newer
    assert len(world.endpoint.asked) == 2


async def test_a_refused_token_is_not_loaded_again(world):
    """Another process has not stored a newer one: so it is refreshed, after a restart too."""
    token = await world.refresher().token(world.tenant)
    restarted = world.refresher()
    assert await restarted.stale(world.tenant, token) != token


async def test_a_newer_token_of_another_process_serves_the_refused(world):
    """No refresh is needed."""
    one, two = world.refresher(), world.refresher()
    token = await one.token(world.tenant)
    assert await two.token(world.tenant) == token
    newer = await one.stale(world.tenant, token)
    assert await two.stale(world.tenant, token) == newer
    assert len(world.endpoint.asked) == 2


async def test_a_storm_of_refusals_is_no_storm_of_refreshes(world):
    """A token just refreshed and refused again is Sage's trouble (reliability.md §3.4 fault 16)."""
    refresher = world.refresher()
    token = await refresher.stale(world.tenant, await refresher.token(world.tenant))
    with pytest.raises(UpstreamFailed):
        await refresher.stale(world.tenant, token)
    assert len(world.endpoint.asked) == 2
    world.clock.now += 31
    assert await refresher.stale(world.tenant, token) != token


async def test_a_refused_refresh_token_needs_the_owner(world):
    """The state is stored, the alarm is told once, and nobody sends the dead token again."""
    world.endpoint.live.clear()
    refresher = world.refresher()
    for _ in range(3):
        with pytest.raises(NeedsConsent):
            await refresher.token(world.tenant)
        world.clock.now += 3600
    with pytest.raises(NeedsConsent):
        await world.refresher().token(world.tenant)
    assert world.endpoint.asked == ["seed"]
    assert (await world.row()).state is State.REAUTH_REQUIRED
    assert world.told == ["invalid_grant", "needs_consent"]


async def test_a_lapsed_grant_serves_out_its_access_token(world):
    """Until it ends; a refusal by v3.1 ends it too."""
    refresher = world.refresher()
    token = await refresher.token(world.tenant)
    world.endpoint.live.clear()
    world.clock.now += 200
    assert await refresher.token(world.tenant) == token
    await settled(refresher)
    assert await refresher.token(world.tenant) == token
    with pytest.raises(NeedsConsent):
        await refresher.stale(world.tenant, token)


async def test_a_new_consent_heals_a_lapsed_grant(world):
    """Within seconds, without a restart."""
    world.endpoint.live.clear()
    refresher = world.refresher()
    with pytest.raises(NeedsConsent):
        await refresher.token(world.tenant)
    world.endpoint.live.add("new")
    await add(world.store, world.clock, "new")
    world.clock.now += 6
    assert await refresher.token(world.tenant)


async def test_a_token_refused_because_another_process_rotated_it_is_no_lapse(world):
    """Reading once more finds the newer generation (reliability.md §3.3 step 7d)."""
    other = world.refresher()

    class Raced(LameGrants):
        async def take_lease(self, grant, owner, seconds, attempt):
            epoch = await super().take_lease(grant, owner, -1, attempt)
            await other.token(world.tenant)
            return epoch

    grants = Raced(world.store._database, world.store.grants._seal)
    grants.failing = set()
    token = await world.refresher(grants).token(world.tenant)
    assert token == await other.token(world.tenant)
    assert (await world.row()).state is State.ACTIVE
    assert "needs_consent" not in world.told


async def test_an_unanswered_refresh_is_sent_once_more_when_its_lease_is_over(world):
    """Sage had not done it: the same token works."""
    world.endpoint.moods = ["deaf"]
    refresher = world.refresher(lease_seconds=0.05)
    assert await refresher.token(world.tenant)
    assert world.endpoint.asked == ["seed", "seed"]
    assert world.told == ["ambiguous", "refreshed"]


async def test_an_unanswered_refresh_keeps_its_lease(world):
    """Nobody else may send meanwhile; the old access token serves."""
    refresher = world.refresher()
    token = await refresher.token(world.tenant)
    world.clock.now += 200
    world.endpoint.moods = ["deaf"]
    assert await refresher.token(world.tenant) == token
    await settled(refresher)
    row = await world.row()
    assert row.state is State.AMBIGUOUS
    assert row.lease_left > 30
    assert await refresher.token(world.tenant) == token
    assert await world.store.grants.take_lease(row, "other", 60, "attempt") is None


async def test_a_lost_answer_of_a_strict_sage_needs_the_owner(world):
    """Unavoidable by protocol (reliability.md §3.3, promise table), found out and never silent."""
    world.endpoint.moods = ["drop"]
    refresher = world.refresher(lease_seconds=0.05)
    with pytest.raises(NeedsConsent):
        await refresher.token(world.tenant)
    assert world.told == ["ambiguous", "invalid_grant", "needs_consent"]


async def test_a_refresh_token_without_an_access_token_is_stored_and_used(world):
    """Sage has spent the old one: the new one is kept, and the next refresh is sent with it."""
    world.endpoint.moods = ["half"]
    refresher = world.refresher()
    assert await refresher.token(world.tenant) == (await world.row()).access.reveal()
    assert world.endpoint.asked[0] == "seed"
    assert world.endpoint.asked[1] in world.endpoint.spent
    row = await world.row()
    assert (row.generation, row.state) == (3, State.ACTIVE)
    assert world.told == ["refreshed", "ambiguous", "refreshed"]


async def test_refresh_tokens_alone_are_not_fetched_without_end(world):
    """Twice no access token: the grant rests, the newest refresh token is stored, the old access token serves."""
    refresher = world.refresher()
    token = await refresher.token(world.tenant)
    world.clock.now += 200
    world.endpoint.moods = ["half"] * 2
    assert await refresher.token(world.tenant) == token
    await settled(refresher)
    assert await refresher.token(world.tenant) == token
    assert len(world.endpoint.asked) == 3
    assert (await world.row()).refresh.reveal() in world.endpoint.live
    world.clock.now += 60
    await refresher.token(world.tenant)
    await settled(refresher)
    assert await refresher.token(world.tenant) != token


async def test_an_access_token_that_never_comes_is_sages_trouble(world):
    """A first refresh, twice without one."""
    world.endpoint.moods = ["half"] * 2
    with pytest.raises(UpstreamLate):
        await world.refresher().token(world.tenant)
    assert (await world.row()).refresh.reveal() in world.endpoint.live


async def test_answers_that_never_come_are_not_waited_for_without_end(world):
    """Twice unanswered: the grant rests, and is not given up."""
    world.endpoint.moods = ["deaf"] * 2
    refresher = world.refresher(lease_seconds=0.05)
    with pytest.raises(UpstreamLate):
        await refresher.token(world.tenant)
    assert world.endpoint.asked == ["seed", "seed"]
    world.clock.now += 60
    assert await refresher.token(world.tenant)


async def test_an_unreachable_endpoint_spends_nothing(world):
    """The lease is given back at once, and another process may try."""
    refresher = world.refresher(url="http://127.0.0.1:1/token")
    with pytest.raises(UpstreamFailed):
        await refresher.token(world.tenant)
    row = await world.row()
    assert (row.state, row.lease_left) == (State.ACTIVE, 0.0)
    assert world.told == ["not_sent"]
    assert await world.refresher().token(world.tenant)


async def test_failures_rest_before_the_next_attempt(world):
    """Calls meanwhile are refused without a token call; Retry-After is passed on."""
    world.endpoint.moods = [(503, {}, {"Retry-After": "20"})]
    refresher = world.refresher()
    for _ in range(3):
        with pytest.raises(Throttled) as failure:
            await refresher.token(world.tenant)
        assert failure.value.retry_after == 20
        world.clock.now += 2
    assert len(world.endpoint.asked) == 1
    world.clock.now += 20
    assert await refresher.token(world.tenant)


async def test_a_refused_client_stops_all_refreshes_of_its_app(world):
    """And no other app's; the refresh tokens stay unspent (reliability.md §3.3 step 8)."""
    second = await add(world.store, world.clock, "seed2", "second")
    third = await add(world.store, world.clock, "seed3", "third", "app2")
    world.endpoint.live |= {"seed2", "seed3"}
    world.endpoint.moods = [(400, {"error": "invalid_client"})]
    refresher = world.refresher()
    with pytest.raises(UpstreamFailed):
        await refresher.token(world.tenant)
    with pytest.raises((UpstreamFailed, Throttled)):
        await refresher.token(second)
    assert world.endpoint.asked == ["seed"]
    assert await refresher.token(third)
    world.clock.now += 301
    assert await refresher.token(second)
    assert (await world.row()).state is State.ACTIVE


async def test_an_app_without_a_client_is_our_mistake(world):
    """Nothing is sent, and no lease is taken."""
    with pytest.raises(TableWrong):
        await world.refresher(apps={}).token(world.tenant)
    assert (await world.row()).state is State.ACTIVE


async def test_nothing_is_sent_while_the_store_cannot_be_written(world):
    """The lease proves that the result can be kept (reliability.md §3.3 step 3)."""
    grants = world.lame("take_lease")
    refresher = world.refresher(grants)
    with pytest.raises(StoreFailed):
        await refresher.token(world.tenant)
    assert world.endpoint.asked == []
    grants.failing.clear()
    world.clock.now += 2
    assert await refresher.token(world.tenant)


async def test_a_result_that_cannot_be_stored_is_kept_and_stored_later(world):
    """It is not used before, the gateway says that it holds one, and closing waits for it."""
    grants = world.lame("save_refreshed")
    refresher = world.refresher(grants, patience=0.05)
    with pytest.raises(Throttled):
        await refresher.token(world.tenant)
    assert refresher.unsaved == 1
    closing = asyncio.create_task(refresher.close())
    await asyncio.sleep(0)
    assert not closing.done()
    grants.failing.clear()
    await closing
    assert refresher.unsaved == 0
    assert (await world.row()).refresh.reveal() in world.endpoint.live
    assert set(world.told) == {"unsaved", "refreshed"}


async def test_a_result_that_comes_second_is_rescued_and_the_first_is_used(world):
    """Both were received, so both are kept (reliability.md §3.3 step 5)."""
    refresher = world.refresher()
    world.endpoint.gate = asyncio.Event()
    call = asyncio.create_task(refresher.token(world.tenant))
    await world.endpoint.entered.wait()
    await add(world.store, world.clock, "new")
    world.endpoint.live.add("new")
    world.endpoint.gate.set()
    token = await call
    assert world.told == ["rescued", "refreshed"]
    assert world.endpoint.asked == ["seed", "new"]
    assert token == (await world.row()).access.reveal()


async def test_another_machines_clock_makes_no_token_immortal(world):
    """A token lives no longer than its life from when we read it."""
    await world.refresher().token(world.tenant)
    row = await world.row()
    ahead = replace(row, generation=row.generation + 1, access_until=world.clock.now + 1e6)
    assert await world.store.grants.save_refreshed(ahead, "ahead", world.clock.now)
    refresher = world.refresher()
    token = await refresher.token(world.tenant)
    world.clock.now += 301
    assert await refresher.token(world.tenant) != token


async def test_tenants_of_one_grant_share_its_token_and_others_do_not(world):
    """A refresh is per grant; a tenant's 401 refreshes nobody else's grant (G7)."""
    sharing = await add(world.store, world.clock, "seed", "sharing")
    other = await add(world.store, world.clock, "seed2", "other")
    world.endpoint.live.add("seed2")
    refresher = world.refresher()
    token = await refresher.token(world.tenant)
    assert await refresher.token(sharing) == token
    others = await refresher.token(other)
    assert others != token
    await refresher.stale(world.tenant, token)
    assert await refresher.token(other) == others


def test_the_usual_clocks_run_forward_in_seconds():
    """The wall clock anchored at the start, and one that counts sleep."""
    now, before = anchored_clock(), time.time()
    assert abs(now() - before) < 60
    assert now() <= now()
    assert boot_clock() <= boot_clock()


async def test_leases_leave_room_for_results(world):
    """However many grants are due at once, a process takes few leases at a time: what Sage gave is stored meanwhile."""
    under_way, most, go_on = 0, 0, asyncio.Event()

    class SlowLeases(Grants):
        async def take_lease(self, grant, owner, seconds, attempt):
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            if under_way == LEASES_AT_ONCE:
                go_on.set()
            await go_on.wait()
            under_way -= 1
            return await super().take_lease(grant, owner, seconds, attempt)

    tenants = [await add(world.store, world.clock, f"seed{n}", f"many{n}") for n in range(3 * LEASES_AT_ONCE)]
    world.endpoint.live |= {f"seed{n}" for n in range(3 * LEASES_AT_ONCE)}
    refresher = world.refresher(SlowLeases(world.store._database, world.store.grants._seal))
    await asyncio.gather(*(refresher.token(tenant) for tenant in tenants))
    assert most == LEASES_AT_ONCE
    assert len(world.endpoint.asked) == len(tenants)

"""Grants at rest: leases, compare-and-swap, nothing received thrown away."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from gateway.errors import StoreFailed
from gateway.grants.life import Grant, State
from gateway.grants.secret import Secret
from gateway.store import KeyWrong, Store
from tests.store.planting import NOW, next_of, planted, query


async def test_a_planted_grant_has_a_refresh_token_only(store):
    """It is active, of the first generation, and nobody holds its lease."""
    grant = await planted(store)
    assert grant == Grant(grant.id, "app", 1, State.ACTIVE, Secret("seed"))


async def test_a_saved_generation_is_what_is_loaded(store):
    """Tokens, deadlines, user, and the refresh token before."""
    grant = await planted(store)
    assert await store.grants.save_refreshed(next_of(grant), "attempt", NOW)
    loaded = await store.grants.load(grant.id)
    assert loaded == Grant(
        grant.id,
        "app",
        2,
        State.ACTIVE,
        Secret("r2"),
        Secret("a2"),
        NOW + 300,
        300.0,
        NOW + 2_678_400,
        Secret("seed"),
        "user",
    )


async def test_an_unknown_grant_is_a_store_failed(store):
    """Tenants refer to grants, so there is none."""
    with pytest.raises(StoreFailed):
        await store.grants.load(404)


async def test_a_lease_is_held_by_one(store):
    """Of many who ask at once; its state and attempt are on record."""
    grant = await planted(store)
    epochs = await asyncio.gather(*(store.grants.take_lease(grant, f"o{n}", 60, f"a{n}") for n in range(5)))
    assert sorted(epochs, key=str) == [1, None, None, None, None]
    held = await store.grants.load(grant.id)
    assert held.state is State.REFRESHING
    assert 50 < held.lease_left <= 60


async def test_a_lease_that_is_over_can_be_taken(store):
    """Its holder was stopped or paused."""
    grant = await planted(store)
    assert await store.grants.take_lease(grant, "paused", -1, "a1") == 1
    assert (await store.grants.load(grant.id)).lease_left <= 0
    assert await store.grants.take_lease(grant, "next", 60, "a2") == 2


async def test_no_lease_is_given_on_an_older_generation(store):
    """Its refresh token has been spent."""
    grant = await planted(store)
    await store.grants.save_refreshed(next_of(grant), "attempt", NOW)
    assert await store.grants.take_lease(grant, "me", 60, "a") is None


@pytest.mark.parametrize("state", [State.REAUTH_REQUIRED, State.REVOKED])
async def test_no_lease_is_given_on_a_lapsed_grant(store, state):
    """Nobody hammers with a dead token."""
    grant = await planted(store)
    epoch = await store.grants.take_lease(grant, "me", 60, "a")
    assert await store.grants.mark(grant, epoch, state, NOW)
    assert await store.grants.take_lease(grant, "me", 60, "b") is None
    assert (await store.grants.load(grant.id)).state is state


async def test_marking_gives_the_lease_back(store):
    """So that the next attempt need not wait."""
    grant = await planted(store)
    epoch = await store.grants.take_lease(grant, "me", 60, "a")
    assert await store.grants.mark(grant, epoch, State.ACTIVE, NOW)
    assert await store.grants.take_lease(grant, "you", 60, "b") == 2


async def test_a_lease_may_be_kept_while_marking(store):
    """An ambiguous attempt may still be in flight."""
    grant = await planted(store)
    epoch = await store.grants.take_lease(grant, "me", 60, "a")
    assert await store.grants.mark(grant, epoch, State.AMBIGUOUS, NOW, keep_lease=True)
    assert await store.grants.take_lease(grant, "you", 60, "b") is None
    assert (await store.grants.load(grant.id)).state is State.AMBIGUOUS


async def test_who_has_lost_the_lease_marks_nothing(store):
    """A paused holder must not declare dead what another is refreshing."""
    grant = await planted(store)
    first = await store.grants.take_lease(grant, "paused", -1, "a")
    await store.grants.take_lease(grant, "other", 60, "b")
    assert not await store.grants.mark(grant, first, State.REAUTH_REQUIRED, NOW)
    assert (await store.grants.load(grant.id)).state is State.REFRESHING


async def test_a_result_is_saved_whoever_holds_the_lease(store):
    """A fence must never throw away a fresh token (reliability.md, finding 4)."""
    grant = await planted(store)
    await store.grants.take_lease(grant, "paused", -1, "a")
    await store.grants.take_lease(grant, "other", 60, "b")
    assert await store.grants.save_refreshed(next_of(grant), "a", NOW)
    saved = await store.grants.load(grant.id)
    assert (saved.generation, saved.state, saved.lease_left) == (2, State.ACTIVE, 0.0)


async def test_a_result_that_comes_second_is_rescued(store):
    """It is kept, sealed, beside the generation that came first."""
    grant = await planted(store)
    assert await store.grants.save_refreshed(next_of(grant, "2"), "first", NOW)
    for _ in range(2):
        assert not await store.grants.save_refreshed(next_of(grant, "3"), "second", NOW)
    assert (await store.grants.load(grant.id)).refresh == Secret("r2")
    rows = await query(store, "SELECT grant_id, parent_generation, refresh_ct FROM token_rescue")
    assert [(row.grant_id, row.parent_generation) for row in rows] == [(grant.id, 1)]
    opened = store.grants._seal.unseal(rows[0].refresh_ct, "token_rescue", "refresh_ct", grant.id, 2)
    assert opened == Secret("r3")


async def test_saving_again_is_saving_once(store):
    """A commit whose answer was lost is no conflict with itself."""
    grant = await planted(store)
    for _ in range(2):
        assert await store.grants.save_refreshed(next_of(grant), "attempt", NOW)
    assert await query(store, "SELECT 1 FROM token_rescue") == []


async def test_many_results_of_one_generation_leave_one_winner(store):
    """And lose none."""
    grant = await planted(store)
    results = await asyncio.gather(
        *(store.grants.save_refreshed(next_of(grant, str(n)), f"a{n}", NOW) for n in range(5))
    )
    assert sorted(results) == [False] * 4 + [True]
    assert len(await query(store, "SELECT 1 FROM token_rescue")) == 4


async def test_no_token_is_in_the_database_in_clear(store):
    """Neither v3.1's nor v2's, in any column of any table."""
    tenant = await store.tenants.add(
        name="t",
        app="app",
        business="b",
        user="u",
        access_token="canary-legacy-access",
        refresh_token="canary-legacy-refresh",
        access_token_lifetime=None,
        v31_refresh_token="canary-seed",
        now=NOW,
    )
    grant = await store.grants.load(tenant.grant)
    for attempt in ("one", "two"):
        await store.grants.save_refreshed(next_of(grant, "canary" + attempt), attempt, NOW)
    for table in ("grants", "grant_seeds", "tenants", "legacy_tokens", "token_rescue", "sealing_keys", "meta"):
        rows = await query(store, f"SELECT * FROM {table}")  # noqa: S608
        assert rows
        assert "canary" not in repr(rows)


async def test_a_token_copied_between_rows_does_not_open(store):
    """One tenant's grant cannot be given to another by an editor of tables."""
    one = await planted(store, "one", "b1", "seed1")
    two = await planted(store, "two", "b2", "seed2")

    async def swap(connection):
        await connection.execute(
            text(
                f"UPDATE grants SET refresh_ct = (SELECT refresh_ct FROM grants WHERE id = {one.id}) "  # noqa: S608
                f"WHERE id = {two.id}"
            )
        )

    await store._database.write(swap)
    with pytest.raises(KeyWrong):
        await store.grants.load(two.id)


async def test_a_token_rolled_back_does_not_open(store):
    """An old ciphertext is not the present generation's."""
    grant = await planted(store)
    (old,) = await query(store, "SELECT refresh_ct FROM grants")
    await store.grants.save_refreshed(next_of(grant), "attempt", NOW)

    async def roll_back(connection):
        await connection.execute(text("UPDATE grants SET refresh_ct = :old"), {"old": old.refresh_ct})

    await store._database.write(roll_back)
    with pytest.raises(KeyWrong):
        await store.grants.load(grant.id)


async def test_a_lost_grant_says_so(url, key):
    """Another process's save is seen at once."""
    one, two = await Store.open(url, key, migrate=True), await Store.open(url, key, migrate=True)
    grant = await planted(one)
    assert await two.grants.save_refreshed(next_of(grant), "attempt", NOW)
    assert (await one.grants.load(grant.id)).generation == 2
    assert not await one.grants.save_refreshed(replace(next_of(grant, "3")), "late", NOW)
    await one.close()
    await two.close()

"""Rescued tokens: what came second is tried before the owner is asked."""

from __future__ import annotations

from gateway.grants.life import State
from gateway.grants.secret import Secret
from tests.store.planting import NOW, next_of, planted, query


async def lapsed(store, grant):
    """Marks the grant as needing consent, as the holder of its lease."""
    epoch = await store.grants.take_lease(grant, "me", 60, "lapse")
    assert await store.grants.mark(grant, epoch, State.REAUTH_REQUIRED, NOW)


async def rescued(store, name="late"):
    """A grant of generation 2, with the tokens of a second refresh of generation 1 rescued."""
    grant = await planted(store)
    assert await store.grants.save_refreshed(next_of(grant, "first"), "first", NOW)
    assert not await store.grants.save_refreshed(next_of(grant, name), name, NOW + 1)
    return await store.grants.load(grant.id)


async def test_rescued_tokens_become_the_next_generation(store):
    """Both tokens and their ends; the ones before become the previous; the rescue is spent."""
    grant = await rescued(store)
    assert await store.grants.adopt_rescued(grant, NOW + 2)
    heir = await store.grants.load(grant.id)
    assert (heir.generation, heir.state, heir.refresh, heir.access) == (
        3,
        State.ACTIVE,
        Secret("rlate"),
        Secret("alate"),
    )
    assert heir.previous == Secret("rfirst")
    assert not await store.grants.adopt_rescued(heir, NOW + 3)


async def test_the_newest_rescued_is_adopted_first(store):
    """Of several, the one that came last is the likeliest to live."""
    grant = await rescued(store)
    old = next_of(grant, "older")
    assert await store.grants.save_refreshed(next_of(grant, "second"), "second", NOW + 2)
    assert not await store.grants.save_refreshed(old, "older", NOW + 3)
    grant = await store.grants.load(grant.id)
    found = []
    while await store.grants.adopt_rescued(grant, NOW + 9):
        grant = await store.grants.load(grant.id)
        found.append(grant.refresh.reveal())
    assert found == ["rolder", "rlate"]


async def test_a_generation_that_has_moved_on_is_left_alone(store):
    """Whoever saw the generation move uses what is there."""
    grant = await rescued(store)
    assert await store.grants.save_refreshed(next_of(grant, "newer"), "newer", NOW + 2)
    assert await store.grants.adopt_rescued(grant, NOW + 3)
    assert (await store.grants.load(grant.id)).refresh == Secret("rnewer")


async def test_what_comes_late_heals_a_grant_that_needs_consent(store):
    """A result whose holder was paused, found after others had given up, is no mere rescue."""
    grant = await planted(store)
    assert await store.grants.save_refreshed(next_of(grant, "first"), "first", NOW)
    present = await store.grants.load(grant.id)
    await lapsed(store, present)
    for _ in range(2):  # a transaction may run twice
        assert not await store.grants.save_refreshed(next_of(grant, "late"), "late", NOW + 1)
    healed = await store.grants.load(grant.id)
    assert (healed.state, healed.generation, healed.refresh) == (State.ACTIVE, 3, Secret("rlate"))
    assert await query(store, "SELECT attempt_id FROM token_rescue") == []


async def test_at_a_start_all_that_was_rescued_is_adopted_where_it_is_needed(store):
    """A grant that needs consent gets it, a healthy one keeps what it has."""
    needy, fine = await rescued(store), await planted(store, "u", "c", "seed2")
    assert await store.grants.save_refreshed(next_of(fine, "x"), "x", NOW)
    assert not await store.grants.save_refreshed(next_of(fine, "y"), "y", NOW)
    await lapsed(store, needy)
    assert await store.grants.adopt_all_rescued(NOW + 5) == 1
    assert (await store.grants.load(needy.id)).state is State.ACTIVE
    assert (await store.grants.load(fine.id)).refresh == Secret("rx")


async def test_what_sage_has_ended_is_forgotten(store):
    """Rescued tokens older than a refresh token's life go."""
    grant = await rescued(store)
    await store.grants.forget_rescued(NOW + 1)
    assert len(await query(store, "SELECT attempt_id FROM token_rescue")) == 1
    await store.grants.forget_rescued(NOW + 1.5)
    assert not await store.grants.adopt_rescued(grant, NOW + 2)


async def test_the_sweep_sees_the_grants_of_connected_tenants_oldest_first(store):
    """Not those that need consent, not those whose tenants are all disconnected, not the fresh ones."""
    old, seeded, gone, dead, fresh = [await planted(store, name, name, name) for name in ("a", "b", "c", "d", "e")]
    for grant, at in ((old, NOW - 500), (gone, NOW - 900), (dead, NOW - 900), (fresh, NOW)):
        assert await store.grants.save_refreshed(next_of(grant, f"{grant.id}"), f"{grant.id}", at)
    await lapsed(store, await store.grants.load(dead.id))
    await query_write(store, "UPDATE tenants SET disconnected_at = 5 WHERE name = 'c'")
    found = await store.grants.standings(NOW - 100)
    assert [(one.id, one.never) for one in found] == [(old.id, False), (seeded.id, True)]
    assert found[0].refreshed_at == NOW - 500
    assert found[0].refresh_until == NOW + 2_678_400


async def query_write(store, statement):
    """Changes rows as an operator would."""
    from sqlalchemy import text

    async def work(connection):
        await connection.execute(text(statement))

    await store._database.write(work)

"""Consents: whose grant it is, and which tenants live by it."""

from __future__ import annotations

import pytest

from gateway.grants.life import State, Tokens
from gateway.grants.secret import Secret
from gateway.store.consents import Disconnected
from tests.store.planting import NOW, next_of, planted, query


def tokens(name: str, user: str | None = "user") -> Tokens:
    """What the token endpoint gave for a code."""
    return Tokens(Secret(f"a{name}"), 300.0, Secret(f"r{name}"), 2_678_400.0, user)


async def test_a_consent_makes_a_grant_with_its_tokens(store):
    """Active, with deadlines from when the request was begun."""
    grant = await store.grants.load(await store.consents.record("app", tokens("1"), NOW, NOW + 1))
    assert (grant.app, grant.generation, grant.state, grant.user) == ("app", 1, State.ACTIVE, "user")
    assert (grant.refresh, grant.access, grant.previous) == (Secret("r1"), Secret("a1"), None)
    assert (grant.access_until, grant.refresh_until) == (NOW + 300, NOW + 2_678_400)


async def test_a_second_consent_replaces_the_grant_for_all_its_tenants(store):
    """The same grant, the next generation; a refresh under way meanwhile is rescued, not lost."""
    first = await store.consents.record("app", tokens("1"), NOW, NOW)
    london = await store.consents.connect("app", "london", first, NOW)
    paris = await store.consents.connect("app", "paris", first, NOW)
    under_way = await store.grants.load(first)
    assert await store.consents.record("app", tokens("2"), NOW, NOW) == first == london.grant == paris.grant
    assert (await store.grants.load(first)).refresh == Secret("r2")
    assert not await store.grants.save_refreshed(next_of(under_way, "late"), "late", NOW)
    assert (await store.grants.load(first)).refresh == Secret("r2")


async def test_a_consent_heals_what_has_lapsed(store):
    """The state, the lease and the rest are those of a new generation."""
    grant_id = await store.consents.record("app", tokens("1"), NOW, NOW)
    grant = await store.grants.load(grant_id)
    epoch = await store.grants.take_lease(grant, "me", 60, "x")
    await store.grants.mark(grant, epoch, State.REAUTH_REQUIRED, NOW, keep_lease=True)
    await store.consents.record("app", tokens("2"), NOW, NOW)
    healed = await store.grants.load(grant_id)
    assert (healed.state, healed.lease_left, healed.generation) == (State.ACTIVE, 0.0, 2)


async def test_tenants_whose_user_was_learnt_by_refreshing_move_to_the_users_grant(store):
    """Their own refresh tokens were of the same user's older consents."""
    seeded, strange = await planted(store, "a", "a", "seed"), await planted(store, "b", "b", "seed2")
    assert await store.grants.save_refreshed(next_of(seeded), "1", NOW)  # Sage says: user
    grant_id = await store.consents.record("app", tokens("1"), NOW, NOW)
    owners = {tenant.name: tenant.grant for tenant in await store.tenants.all()}
    assert owners == {"a": grant_id, "b": strange.id}


async def test_users_apps_and_unknown_users_have_grants_of_their_own(store):
    """Nobody gets another's tokens."""
    made = [
        await store.consents.record(app, tokens(name, user), NOW, NOW)
        for name, app, user in (
            ("1", "app", "user"),
            ("2", "app", "other"),
            ("3", "app2", "user"),
            ("4", "app", None),
            ("5", "app", None),
        )
    ]
    assert len(set(made)) == 5


async def test_a_consent_without_a_refresh_token_is_none(store):
    """There would be nothing to keep alive."""
    with pytest.raises(ValueError, match="refresh token"):
        await store.consents.record("app", Tokens(Secret("a"), 300.0, None, None, "user"), NOW, NOW)


async def test_re_authorising_keeps_the_tenant(store):
    """Its number, name and legacy tokens."""
    planted_grant = await planted(store, "shop", "london")
    [before] = await store.tenants.all()
    grant_id = await store.consents.record("app", tokens("1"), NOW, NOW)
    after = await store.consents.connect("app", "london", grant_id, NOW, "another name")
    assert (after.id, after.name, after.grant) == (before.id, "shop", grant_id)
    assert planted_grant.id != grant_id


async def test_only_its_own_link_brings_a_disconnected_tenant_back(store):
    """Not the app's own authorisation, nor a link for another name: nothing is changed then."""
    await planted(store, "shop", "london")
    assert await store.rows.disconnect("shop", NOW)
    [before] = await store.tenants.all()
    grant_id = await store.consents.record("app", tokens("1"), NOW, NOW)
    for name in (None, "another name"):
        with pytest.raises(Disconnected):
            await store.consents.connect("app", "london", grant_id, NOW, name)
    assert await store.tenants.all() == [before]
    after = await store.consents.connect("app", "london", grant_id, NOW, "shop")
    assert (after.id, after.grant) == (before.id, grant_id)
    assert await query(store, "SELECT name FROM tenants WHERE disconnected_at IS NOT NULL") == []


async def test_a_new_tenant_gets_a_name_that_is_free(store):
    """The one wished for, the app's, or one with a number."""
    grant_id = await store.consents.record("app", tokens("1"), NOW, NOW)
    businesses = [("l", "shop"), ("p", None), ("r", None), ("b", "shop")]
    made = [await store.consents.connect("app", b, grant_id, NOW, name) for b, name in businesses]
    assert [tenant.name for tenant in made] == ["shop", "app", "app_2", "shop_2"]

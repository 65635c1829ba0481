"""Tenants and their legacy tokens; bootstrap from the settings at every start."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from gateway.errors import StoreFailed
from gateway.grants.life import State, Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.store import Store

NOW = 1_700_000_000.0


async def add(store, name="t", app="app", business="b", seed="seed", user=None, **more):
    """Adds a tenant as the settings would at a start."""
    values = {"access_token": None, "refresh_token": None, "access_token_lifetime": None, "now": NOW} | more
    return await store.tenants.add(name=name, app=app, business=business, user=user, v31_refresh_token=seed, **values)


async def rotate(store, tenant, name):
    """A refresh took place."""
    grant = await store.grants.load(tenant.grant)
    tokens = Tokens(Secret("a" + name), 300.0, Secret("r" + name))
    assert await store.grants.save_refreshed(after_refresh(grant, tokens, NOW), f"attempt {name}", NOW)


async def refresh_token(store, tenant):
    """What the next refresh would send."""
    return (await store.grants.load(tenant.grant)).refresh.reveal()


async def test_a_tenant_is_found_by_its_access_token(store):
    """And by nothing else."""
    tenant = await add(store, access_token="canary", refresh_token="other")
    assert await store.tenants.by_token("canary", NOW) == tenant
    for wrong in ("", "Canary", "canary ", "other", "x" * 100_000, "\ud800", "\x00"):
        assert await store.tenants.by_token(wrong, NOW) is None


async def test_an_access_token_lives_as_long_as_the_app_says(store):
    """Counted from when it was first added: a restart does not prolong it."""
    await add(store, access_token="canary", access_token_lifetime=3600)
    await add(store, access_token="canary", access_token_lifetime=3600, now=NOW + 1000)
    assert await store.tenants.by_token("canary", NOW + 3599) is not None
    assert await store.tenants.by_token("canary", NOW + 3600) is None


async def test_a_token_without_a_lifetime_lives_for_ever(store):
    """As imported ones do."""
    await add(store, access_token="canary")
    assert await store.tenants.by_token("canary", NOW + 1e9) is not None


async def test_two_tenants_do_not_share_a_token(store):
    """A credential must name one tenant (G7); nothing of the second is kept."""
    one = await add(store, access_token="canary")
    with pytest.raises(StoreFailed):
        await add(store, "two", business="b2", seed="seed2", access_token="canary")
    assert await store.tenants.all() == [one]


async def test_a_name_stands_for_one_business(store):
    """A name that moves to another business would move its ids."""
    await add(store)
    with pytest.raises(StoreFailed):
        await add(store, business="b2", seed="seed2")


async def test_a_tenant_may_be_renamed(store):
    """It is the app and business that count."""
    one = await add(store, "one")
    two = await add(store, "two")
    assert (two.id, two.grant) == (one.id, one.grant)
    assert await store.tenants.all() == [two]


async def test_tenants_are_listed_by_name(store):
    """All of them."""
    tenants = [await add(store, name, business=name, seed=name) for name in ("b", "a", "c")]
    assert await store.tenants.all() == sorted(tenants, key=lambda tenant: tenant.name)


async def test_a_restart_never_brings_back_a_spent_seed(store):
    """The store's refresh token descends from the settings' one, which Sage would refuse."""
    tenant = await add(store)
    await rotate(store, tenant, "2")
    assert await add(store) == tenant
    assert await refresh_token(store, tenant) == "r2"


async def test_a_new_seed_in_the_settings_replaces_the_token(store):
    """The owner consented again: the grant starts a new generation, healthy."""
    tenant = await add(store)
    grant = await store.grants.load(tenant.grant)
    epoch = await store.grants.take_lease(grant, "me", 60, "a")
    await store.grants.mark(grant, epoch, State.REAUTH_REQUIRED, NOW)
    assert await add(store, seed="new") == tenant
    replaced = await store.grants.load(tenant.grant)
    assert (replaced.refresh.reveal(), replaced.state, replaced.generation) == ("new", State.ACTIVE, 2)
    assert replaced.access is None


async def test_a_refresh_under_way_loses_against_a_new_seed(store):
    """Its result is rescued, not used."""
    tenant = await add(store)
    before = await store.grants.load(tenant.grant)
    await store.grants.take_lease(before, "me", 60, "a")
    await add(store, seed="new")
    after = after_refresh(before, Tokens(Secret("a"), 300.0, Secret("r")), NOW)
    assert not await store.grants.save_refreshed(after, "a", NOW)
    assert await refresh_token(store, tenant) == "new"


async def test_an_older_seed_is_not_planted_again(store):
    """A replica with yesterday's settings must not bring back a spent token."""
    tenant = await add(store)
    await add(store, seed="new")
    await rotate(store, tenant, "3")
    await add(store, seed="seed")
    assert await refresh_token(store, tenant) == "r3"


async def test_one_seed_makes_one_grant(store):
    """Two businesses of one consent share its tokens: each refresh spends them for both."""
    one, two = await add(store), await add(store, "two", business="b2")
    assert one.grant == two.grant
    assert one.id != two.id


async def test_one_user_makes_one_grant_per_app(store):
    """A second consent of the same user replaces the grant for all its tenants."""
    one = await add(store, user="u")
    two = await add(store, "two", business="b2", seed="seed2", user="u")
    other = await add(store, "three", app="app2", business="b", seed="seed3", user="u")
    assert one.grant == two.grant != other.grant
    assert await refresh_token(store, one) == "seed2"


async def test_the_same_seed_of_two_apps_is_two_grants(store):
    """A refresh token belongs to one app."""
    one, two = await add(store), await add(store, "two", app="app2")
    assert one.grant != two.grant


async def test_a_new_seed_for_one_of_two_who_share_makes_a_grant_of_its_own(store):
    """The other keeps the consent it was given."""
    one, two = await add(store), await add(store, "two", business="b2")
    moved = await add(store, "two", business="b2", seed="new")
    assert (moved.id, await refresh_token(store, moved)) == (two.id, "new")
    assert await refresh_token(store, one) == "seed"


async def test_replicas_that_start_together_add_one_tenant(url, key):
    """With one grant and one token."""
    await (await Store.open(url, key, migrate=True)).close()
    stores = [await Store.open(url, key) for _ in range(3)]
    tenants = await asyncio.gather(*(add(store, access_token="canary") for store in stores))
    assert len(set(tenants)) == 1
    rows = await stores[0]._database.read(text("SELECT generation FROM grants"))
    assert [tuple(row) for row in rows] == [(1,)]
    for store in stores:
        await store.close()


async def test_tenants_survive_a_restart(url, key):
    """The token still names its tenant, under the store's own digest key."""
    store = await Store.open(url, key, migrate=True)
    tenant = await add(store, access_token="canary")
    await store.close()
    store = await Store.open(url, key)
    assert await store.tenants.by_token("canary", NOW) == tenant
    await store.close()

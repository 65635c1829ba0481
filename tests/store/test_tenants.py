"""Tenants and their legacy tokens; bootstrap from the settings at every start."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import event, text

from gateway.errors import StoreFailed
from gateway.grants.life import State, Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.store import Named, Store

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


def named(name="t", app="app", business="b", seed="seed", access=None, refresh=None):
    """A tenant as the settings name it."""
    return Named(name, app, business, *(Secret(given) if given else None for given in (seed, access, refresh)))


async def whose(store, *tokens):
    """The names of the tenants that access tokens stand for; None where there is none."""
    found = [await store.tenants.by_token(token, NOW) for token in tokens]
    return [tenant and tenant.name for tenant in found]


async def test_the_settings_tenants_are_added_with_their_tokens(store):
    """And given by name; a second start finds the same."""
    wanted = [named("a", business="1", access="x"), named("b", business="2", seed="other", access="y")]
    made = await store.tenants.settle(wanted, NOW)
    assert sorted(made.values(), key=lambda tenant: tenant.name) == await store.tenants.all()
    assert await store.tenants.settle(wanted, NOW + 1) == made
    assert await whose(store, "x", "y") == ["a", "b"]
    assert [await refresh_token(store, made[name]) for name in "ab"] == ["seed", "other"]
    assert (await store.grants.load(made["a"].grant)).state is State.ACTIVE


async def test_one_seed_in_the_settings_makes_one_grant(store):
    """Also of tenants that are added together, and only within one app; one that comes later shares it too."""
    wanted = [named("a", business="1"), named("b", business="2"), named("c", app="app2", business="1")]
    made = await store.tenants.settle(wanted, NOW)
    assert made["a"].grant == made["b"].grant != made["c"].grant
    made = await store.tenants.settle([*wanted, named("d", business="4")], NOW)
    assert made["d"].grant == made["a"].grant


async def test_a_token_that_is_replaced_in_the_settings_works_no_more(store):
    """The one in its place does."""
    await store.tenants.settle([named(access="old", refresh="kept")], NOW)
    await store.tenants.settle([named(access="new", refresh="kept")], NOW)
    assert await whose(store, "old", "new") == [None, "t"]
    rows = await store._database.read(text("SELECT kind FROM legacy_tokens ORDER BY kind"))
    assert [row.kind for row in rows] == ["access", "refresh"]


async def test_a_tenant_that_the_settings_no_longer_name_loses_its_tokens(store):
    """The others keep theirs; named again, it is the same tenant with the same grant."""
    both = [named("a", business="1", access="x"), named("b", business="2", seed="other", access="y")]
    made = await store.tenants.settle(both, NOW)
    await rotate(store, made["b"], "2")
    assert await store.tenants.settle(both[:1], NOW) == {"a": made["a"]}
    assert await whose(store, "x", "y") == ["a", None]
    assert await store.tenants.settle(both, NOW) == made
    assert await whose(store, "x", "y") == ["a", "b"]
    assert await refresh_token(store, made["b"]) == "r2"


async def test_issued_tokens_are_not_the_settings_to_take_away(store):
    """They live as long as they were issued for."""
    await add(store, access_token="issued")
    await store.tenants.settle([named(access="x")], NOW)
    await store.tenants.settle([], NOW)
    assert await whose(store, "issued", "x") == ["t", None]


async def test_a_token_may_move_to_another_tenant_of_the_settings(store):
    """It names one at a time."""
    a, b = named("a", business="1"), named("b", business="2")
    await store.tenants.settle([named("a", business="1", access="x"), b], NOW)
    await store.tenants.settle([a, named("b", business="2", access="x")], NOW)
    assert await whose(store, "x") == ["b"]


@pytest.mark.parametrize("known", [False, True])
async def test_a_token_of_two_tenants_in_the_settings_is_refused(store, known):
    """Whether or not one of them had it before; what was there stays."""
    before = [named("a", business="1", access="x"), named("b", business="2", access="y")]
    if known:
        await store.tenants.settle(before, NOW)
    for one in ("a", "b"):
        both = [named("a", business="1", access="x"), named("b", business="2", access="x")]
        with pytest.raises(StoreFailed, match="another tenant's"):
            await store.tenants.settle(both if one == "a" else both[::-1], NOW)
    assert await whose(store, "x", "y") == (["a", "b"] if known else [None, None])
    assert len(await store.tenants.all()) == (2 if known else 0)


async def test_a_token_issued_to_one_tenant_is_refused_for_another(store):
    """The settings cannot take it over."""
    await add(store, "a", business="1", access_token="x")
    with pytest.raises(StoreFailed):
        await store.tenants.settle([named("b", business="2", access="x")], NOW)


async def test_a_seed_may_leave_the_settings_once_it_is_planted(store):
    """The tenant is served on."""
    made = await store.tenants.settle([named(access="x")], NOW)
    bare = named("renamed", seed=None, access="y")
    after = await store.tenants.settle([bare], NOW)
    assert [(tenant.name, tenant.id, tenant.grant) for tenant in after.values()] == [
        ("renamed", made["t"].id, made["t"].grant)
    ]
    assert await whose(store, "x", "y") == [None, "renamed"]
    assert await store.tenants.settle([bare], NOW) == after


async def test_a_tenant_of_the_settings_without_a_seed_waits_for_its_owner(store):
    """It is there with its tokens, and its grant needs consent: a link can be made for it, and then they work."""
    wanted = [named(seed=None, access="x"), named("u", business="c", seed=None, refresh="r")]
    made = await store.tenants.settle(wanted, NOW)
    assert await store.tenants.settle(wanted, NOW) == made
    grant = await store.grants.load(made["t"].grant)
    assert (grant.state, bool(grant.refresh), grant.id != made["u"].grant) == (State.REAUTH_REQUIRED, False, True)
    assert await whose(store, "x") == ["t"]
    user = await store.consents.record("app", Tokens(Secret("a"), 300.0, Secret("r1"), user="owner"), NOW, NOW)
    live = await store.consents.connect("app", "b", user, NOW)
    assert (live.id, live.name, live.grant) == (made["t"].id, "t", user)
    assert (await store.tenants.settle(wanted, NOW))["t"] == live


async def test_a_new_seed_in_the_settings_is_planted(store):
    """As an owner's new consent is."""
    made = await store.tenants.settle([named()], NOW)
    assert await store.tenants.settle([named(seed="new")], NOW) == made
    assert await refresh_token(store, made["t"]) == "new"


async def test_two_names_of_one_business_are_one_tenant(store):
    """Each brings its client's token."""
    two = [named("a", access="x"), named("b", access="y")]
    for _ in range(3):
        made = await store.tenants.settle(two, NOW)
        assert made["a"].id == made["b"].id
        assert None not in await whose(store, "x", "y")


async def test_a_name_does_not_move_to_another_business_of_the_settings(store):
    """Not even to one that is new."""
    await store.tenants.settle([named()], NOW)
    with pytest.raises(StoreFailed, match="'t' belongs to another"):
        await store.tenants.settle([named(business="b2")], NOW)


async def test_a_start_with_many_tenants_takes_few_statements(store):
    """One transaction, first and again, however many there are: 3,000 tenants start in a second or two."""
    wanted = [named(f"t{i}", business=f"b{i}", seed=f"s{i}", access=f"a{i}") for i in range(300)]
    executed = []
    event.listen(
        store._database._writes.sync_engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, *more: executed.append(statement),
    )
    made = await store.tenants.settle(wanted, NOW)
    assert len(made) == 300
    first = len(executed)
    assert await store.tenants.settle(wanted, NOW) == made
    assert first <= 20
    assert len(executed) - first <= 5


async def test_replicas_that_settle_together_agree(url, key):
    """One makes the tenants, the others find them."""
    await (await Store.open(url, key, migrate=True)).close()
    stores = [await Store.open(url, key) for _ in range(3)]
    wanted = [named(f"t{i}", business=f"b{i}", seed=f"s{i}", access=f"a{i}") for i in range(9)]
    made = await asyncio.gather(*(store.tenants.settle(wanted, NOW) for store in stores))
    assert made[0] == made[1] == made[2]
    rows = await stores[0]._database.read(text("SELECT count(*) FROM grants"))
    assert rows[0][0] == 9
    for store in stores:
        await store.close()

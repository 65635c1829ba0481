"""What operators see of tenants, and how one is disconnected."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from gateway.edges.callers import Callers, Terms
from gateway.errors import InvalidToken
from gateway.grants.health import Condition, health
from gateway.grants.life import State, Tokens
from gateway.grants.secret import Secret
from gateway.store import Named, Store
from gateway.store.consents import Disconnected
from gateway.store.imports import Entry
from gateway.store.tenant_rows import Counted, Waiting

NOW = 1_700_000_000.0
DAY = 86_400.0


def named(name="t", business="b", seed="seed", access="x", refresh="y"):
    """A tenant as settings name it."""
    secrets = (Secret(each) if each else None for each in (seed, access, refresh))
    return Named(name, "app", business, *secrets)


async def make(store, *wanted):
    """Tenants of the settings by name."""
    return await store.tenants.settle(wanted or (named(),), NOW)


async def condition(store, name, now=NOW):
    """How the grant of a tenant stands."""
    return health((await store.rows.named(name, now)).standing, now).condition


async def test_a_tenant_is_shown_with_how_its_grant_stands(store):
    """By name, or by app and business; all of them by name."""
    made = await make(store, named("b", "b1"), named("a", "b2", "other", None, None))
    row = await store.rows.named("b", NOW)
    assert (row.tenant, row.created_at, row.disconnected_at, row.link_until) == (made["b"], NOW, None, None)
    assert await store.rows.of("app", "b1", NOW) == row
    assert [each.tenant.name for each in await store.rows.all(NOW)] == ["a", "b"]
    assert await store.rows.named("c", NOW) is None
    assert await store.rows.of("app", "b3", NOW) is None


async def test_each_state_of_a_grant_shows(store):
    """Healthy, refreshing, expiring, in need of consent."""
    tenant = (await make(store))["t"]
    assert await condition(store, "t") is Condition.HEALTHY
    assert await condition(store, "t", NOW + 25 * DAY) is Condition.EXPIRES
    grant = await store.grants.load(tenant.grant)
    epoch = await store.grants.take_lease(grant, "me", 60, "a")
    assert await condition(store, "t") is Condition.REFRESHING
    await store.grants.mark(grant, epoch, State.REAUTH_REQUIRED, NOW + 5)
    row = await store.rows.named("t", NOW)
    assert (await condition(store, "t"), row.standing.since) == (Condition.NEEDS_CONSENT, NOW + 5)


async def test_links_show_while_they_are_out(store):
    """With their tenant, or as a name that waits; an ended, used or withdrawn one shows no more."""
    await make(store)
    await store.links.issue("t", "app", "b", NOW)
    await store.links.issue("new", "app", None, NOW)
    await store.links.issue("t", "other_app", None, NOW + 100)
    assert (await store.rows.named("t", NOW)).link_until == NOW + DAY
    assert await store.rows.waiting(NOW) == [Waiting("new", "app", None, NOW + DAY)]
    assert (await store.rows.named("t", NOW + DAY)).link_until is None
    assert await store.rows.waiting(NOW + DAY) == []
    for name in ("t", "new"):
        await store.rows.withdraw_links(name)
    assert (await store.rows.named("t", NOW)).link_until is None
    assert await store.rows.waiting(NOW) == []


async def test_a_withdrawn_link_leads_nowhere(store):
    """Others do."""
    gone, stays = [await store.links.issue(name, "app", None, NOW) for name in ("a", "b")]
    await store.rows.withdraw_links("a")
    assert await store.links.find(gone.reveal(), NOW) is None
    assert (await store.links.find(stays.reveal(), NOW)).name == "b"


async def test_only_tokens_that_still_work_are_counted(store):
    """By kind and origin."""
    tenant = (await make(store))["t"]
    for number in range(2):
        await store.imports.take([Entry(2, named(seed=None, access=f"a{number}", refresh=None))], NOW)
    values = {"refresh_token": None, "access_token_lifetime": 60, "user": None}
    await store.tenants.add(
        name="t", app="app", business="b", access_token="short", v31_refresh_token="seed", now=NOW, **values
    )
    assert await store.rows.tokens(tenant.id, NOW) == [
        Counted("access", "imported", 2),
        Counted("access", "issued", 1),
        Counted("access", "settings", 1),
        Counted("refresh", "settings", 1),
    ]
    assert Counted("access", "issued", 1) not in await store.rows.tokens(tenant.id, NOW + 60)


async def test_tenants_of_one_grant_know_each_other(store):
    """What befalls one befalls all."""
    made = await make(store, named("a", "b1"), named("c", "b2", access=None, refresh=None))
    assert await store.rows.sharing(made["a"]) == ["c"]


async def test_a_disconnected_tenants_tokens_are_unknown(store):
    """So are its codes and links; nothing else is lost, and the first time counts."""
    tenant = (await make(store))["t"]
    code = await store.codes.issue(tenant.id, "https://x.example", "full_access", NOW)
    link = await store.links.issue("t", "app", "b", NOW)
    assert await store.rows.disconnect("t", NOW)
    assert await store.rows.disconnect("t", NOW + 9)
    assert (await store.rows.named("t", NOW)).disconnected_at == NOW
    assert await store.tenants.by_token("x", NOW) is None
    assert not (await store.tokens.find("y")).served
    assert await store.codes.find(code) is None
    assert await store.links.find(link.reveal(), NOW) is None
    assert not await store.rows.disconnect("nobody", NOW)
    rows = await store._database.read(text("SELECT count(*) FROM legacy_tokens"))
    assert rows[0][0] == 2
    assert (await store.grants.load(tenant.grant)).refresh.reveal() == "seed"


async def test_a_disconnected_tenants_grant_is_not_swept(store):
    """Unless another tenant lives by it."""
    await make(store, named("a", "b1"), named("c", "b2", access=None, refresh=None))
    await store.rows.disconnect("a", NOW)
    assert len(await store.grants.standings(NOW + 30 * DAY)) == 1
    await store.rows.disconnect("c", NOW)
    assert await store.grants.standings(NOW + 30 * DAY) == []


async def test_a_restart_does_not_reconnect(store):
    """The settings name the tenant still; a consent by its own link brings it back, with its tokens."""
    tenant = (await make(store))["t"]
    await store.rows.disconnect("t", NOW)
    await make(store)
    assert await store.tenants.by_token("x", NOW) is None
    grant = await store.consents.record("app", Tokens(Secret("a"), 300.0, Secret("new"), user="u"), NOW, NOW)
    with pytest.raises(Disconnected):
        await store.consents.connect("app", "b", grant, NOW)
    again = await store.consents.connect("app", "b", grant, NOW, "t")
    assert (again.id, again.name) == (tenant.id, "t")
    assert (await store.tenants.by_token("x", NOW)).id == tenant.id


async def test_every_replica_knows_within_thirty_seconds(url, key):
    """Whatever it remembers: a busy client of it is refused, too."""
    await (await Store.open(url, key, migrate=True)).close()
    stores = [await Store.open(url, key) for _ in range(3)]
    await make(stores[0])
    clock = 1000.0

    def callers(store):
        return Callers(lambda token: store.tenants.held(token, NOW), {"app": Terms()}, clock=lambda: clock)

    replicas = [callers(store) for store in stores[:2]]
    for replica in replicas:
        await replica.recognise("x")
    clock += 14.0
    await replicas[1].recognise("x")
    assert await stores[2].rows.disconnect("t", NOW)
    clock += 30.0
    for replica in replicas:
        with pytest.raises(InvalidToken):
            await replica.recognise("x")
    for store in stores:
        await store.close()


async def test_an_import_does_not_disturb_a_running_gateway(url, key):
    """Calls find their tenants, ids are minted and grants refreshed meanwhile; both are done in the end."""
    serving = await Store.open(url, key, migrate=True)
    tenant = (await make(serving))["t"]
    command = await Store.open(url, key)
    entries = [Entry(i, named(f"t{i}", f"b{i}", f"s{i}", f"a{i}", None)) for i in range(2000)]
    importing = asyncio.create_task(command.imports.take(entries, NOW))
    calls = 0
    while not importing.done():
        assert await serving.tenants.by_token("x", NOW) == tenant
        await serving.ids.mint("b", "contacts", [f"c{calls}"])
        grant = await serving.grants.load(tenant.grant)
        epoch = await serving.grants.take_lease(grant, "me", 60, "a")
        assert epoch is not None
        assert await serving.grants.mark(grant, epoch, State.ACTIVE, NOW)
        calls += 1
    assert (await importing).made == 2000
    assert calls
    await serving.close()
    await command.close()

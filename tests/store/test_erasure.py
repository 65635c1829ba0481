"""Erasing a tenant: what goes, what stays, and how the id pairs' guard lets it by."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from gateway.errors import StoreFailed
from gateway.grants.life import State, Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.store import Named, Store
from gateway.store.erasure import Told
from gateway.store.id_pairs import FIRST_MINTED
from gateway.store.imports import Entry

NOW = 1_700_000_000.0


def named(name="t", app="app", business="b", seed="seed", access="access"):
    """A tenant as settings name it."""
    secrets = (Secret(each + name) if each and each != seed else each and Secret(each) for each in (seed, access))
    return Named(name, app, business, *secrets)


async def make(store, *wanted):
    """Tenants by name."""
    return await store.tenants.settle(wanted or (named(),), NOW)


async def rows(store, table):
    """How many rows a table has."""
    return (await store._database.read(text(f"SELECT count(*) FROM {table}")))[0][0]  # noqa: S608


async def execute(store, *statements):
    """Runs SQL in one transaction, as anybody might who has the database's password."""

    async def work(connection):
        for statement in statements:
            await connection.execute(text(statement))

    await store._database.write(work)


class Sage:
    """Takes revocations."""

    def __init__(self, answer=True):
        self.answer = answer
        self.revoked = []

    async def __call__(self, app, refresh):
        self.revoked.append((app, refresh.reveal()))
        return self.answer


async def fill(store, tenant):
    """Something in every table that knows a tenant."""
    await store.ids.mint("b", "contacts", ["x", "y"])
    await store.kept.retain("b", "contacts", "x", {"extra_info": "canary-kept"})
    await store.links.issue(tenant.name, tenant.app, tenant.business, NOW)
    grant = await store.grants.load(tenant.grant)
    after = after_refresh(grant, Tokens(Secret("a"), 300.0, Secret("r2"), user="canary-user"), NOW)
    assert await store.grants.save_refreshed(after, "one", NOW)
    assert not await store.grants.save_refreshed(after, "two", NOW)
    values = f"({tenant.id}, 'u', 's', 0, 1)"
    await execute(
        store,
        f"INSERT INTO codes (digest, tenant_id, redirect_uri, scope, created_at, expires_at) "  # noqa: S608
        f"SELECT digest, {values[1:-1]} FROM links",
        f"INSERT INTO authorizations (digest, stage, app, browser, scope, link, verifier_ct, grant_id, created_at, "  # noqa: S608
        f"expires_at) SELECT digest, 'asked', 'app', digest, 's', digest, digest, {tenant.grant}, 0, 1 FROM links",
    )


EVERYWHERE = ("tenants", "legacy_tokens", "codes", "links", "authorizations", "token_rescue", "kept_fields", "id_pairs")


async def test_all_that_is_only_the_tenants_goes(store):
    """From every table; its consent is ended at Sage first, and what remains of its grant is empty."""
    tenant = (await make(store))["t"]
    await fill(store, tenant)
    for table in EVERYWHERE:
        assert await rows(store, table), table
    sage = Sage()
    erased = await store.erasure.erase(tenant, sage, NOW)
    assert (erased.told, erased.tokens, erased.pairs, erased.kept) == (Told.REVOKED, 1, 2, 1)
    assert erased.business
    assert sage.revoked == [("app", "r2")]
    for table in EVERYWHERE:
        assert await rows(store, table) == 0, table
    left = (await store._database.read(text("SELECT * FROM grants")))[0]._mapping
    full = {name for name, value in left.items() if value is not None}
    assert full == {"id", "app", "generation", "state", "state_since", "lease_epoch", "created_at"}
    assert (left["state"], left["generation"]) == ("revoked", 3)
    assert await rows(store, "meta WHERE name = 'erasing'") == 0


async def test_erasing_twice_is_erasing_once(store):
    """A repeated command, or transaction, finds nothing to do."""
    tenant = (await make(store))["t"]
    await store.erasure.erase(tenant, None, NOW)
    again = await store.erasure.erase(tenant, None, NOW)
    assert (again.told, again.tokens) == (Told.LAPSED, 0)


async def test_what_others_share_stays(store):
    """The grant of another business, and the books that another app has too."""
    made = await make(
        store, named(), named("same_grant", business="b2"), named("same_business", app="app2", seed="other")
    )
    await store.ids.mint("b", "contacts", ["x"])
    await store.kept.retain("b", "contacts", "x", {"extra_info": "kept"})
    sage = Sage()
    erased = await store.erasure.erase(made["t"], sage, NOW)
    assert (erased.told, erased.business, sage.revoked) == (Told.SHARED, False, [])
    assert await store.tenants.all() == [made["same_business"], made["same_grant"]]
    assert (await store.grants.load(made["same_grant"].grant)).refresh.reveal() == "seed"
    assert await store.ids.shown("b", "contacts", ["x"]) == {"x": FIRST_MINTED}
    assert await store.kept.read("b", "contacts", ["x"]) == {"x": {"extra_info": "kept"}}
    assert await store.tenants.by_token("accesssame_grant", NOW) == made["same_grant"]
    assert await store.tenants.by_token("accesst", NOW) is None


async def test_other_businesses_keep_their_pairs(store):
    """The guard opens for one business alone."""
    tenant = (await make(store))["t"]
    for business in ("b", "c"):
        await store.ids.mint(business, "contacts", ["x"])
    await store.erasure.erase(tenant, None, NOW)
    assert await store.ids.shown("b", "contacts", ["x"]) == {}
    assert await store.ids.shown("c", "contacts", ["x"]) == {"x": FIRST_MINTED}


@pytest.mark.parametrize(
    "statement", ["DELETE FROM id_pairs", "UPDATE id_pairs SET modern_id = 'y'", "DELETE FROM id_counters"]
)
async def test_an_open_guard_lets_nothing_else_by(store, statement):
    """No other business's pairs, no change, and no counter."""
    for business in ("b", "c"):
        await store.ids.mint(business, "contacts", ["x"])
    with pytest.raises(StoreFailed):
        await execute(store, "INSERT INTO meta (name, value) VALUES ('erasing', 'b')", statement)
    for business in ("b", "c"):
        assert await store.ids.shown(business, "contacts", ["x"]) == {"x": FIRST_MINTED}


async def test_a_number_that_was_minted_never_means_another_record(store):
    """Not even after its business was erased and came back: a client may still hold it."""
    tenant = (await make(store))["t"]
    assert await store.ids.mint("b", "contacts", ["x"]) == {"x": FIRST_MINTED}
    await store.erasure.erase(tenant, None, NOW)
    await make(store, named(seed="new"))
    assert await store.ids.mint("b", "contacts", ["other"]) == {"other": FIRST_MINTED + 1}


async def test_a_spent_seed_does_not_come_back_with_the_tenant(store):
    """Old settings name the tenant again: it is there, and needs a new consent; a new seed brings it back to life."""
    tenant = (await make(store))["t"]
    await store.erasure.erase(tenant, None, NOW)
    again = (await make(store))["t"]
    grant = await store.grants.load(again.grant)
    assert (grant.state, bool(grant.refresh)) == (State.REVOKED, False)
    revived = (await make(store, named(seed="new")))["t"]
    grant = await store.grants.load(revived.grant)
    assert (grant.state, grant.refresh.reveal()) == (State.ACTIVE, "new")


async def test_nor_does_it_come_back_with_an_import(store):
    """The tenant is there, and its owner must consent."""
    await store.erasure.erase((await make(store))["t"], None, NOW)
    told = await store.imports.take([Entry(2, named())], NOW)
    assert (told.made, told.lapsed) == (1, 1)
    tenant = await store.tenants.by_token("accesst", NOW)
    assert not (await store.grants.load(tenant.grant)).refresh


async def test_a_refresh_that_comes_late_does_not_fill_the_grant_again(store):
    """Its tokens are set aside, as those of every lost race."""
    tenant = (await make(store))["t"]
    before = await store.grants.load(tenant.grant)
    await store.erasure.erase(tenant, None, NOW)
    late = after_refresh(before, Tokens(Secret("a"), 300.0, Secret("r2")), NOW)
    assert not await store.grants.save_refreshed(late, "late", NOW)
    assert not (await store.grants.load(tenant.grant)).refresh


async def test_a_grant_that_is_being_refreshed_is_left_alone(store):
    """The token that would be revoked may be spent at this moment; nothing is erased."""
    tenant = (await make(store))["t"]
    await store.grants.take_lease(await store.grants.load(tenant.grant), "serve", 60, "a")
    sage = Sage()
    with pytest.raises(StoreFailed, match="is being refreshed at this moment"):
        await store.erasure.erase(tenant, sage, NOW)
    assert (await store.tenants.all(), sage.revoked) == ([tenant], [])


async def test_a_consent_that_comes_between_stops_the_erasure(store):
    """What was revoked is not what is there now."""
    tenant = (await make(store, named(), named("other", business="b2")))["t"]

    async def consents(app, refresh):
        grant = await store.consents.record("app", Tokens(Secret("a"), 300.0, Secret("new"), user="u"), NOW, NOW)
        await store.consents.connect("app", "b", grant, NOW)
        return True

    await store.erasure.erase((await store.tenants.all())[0], None, NOW)
    with pytest.raises(StoreFailed, match="has changed meanwhile"):
        await store.erasure.erase(tenant, consents, NOW)
    assert [one.name for one in await store.tenants.all()] == ["t"]


@pytest.mark.parametrize("sage", [None, Sage(answer=False)])
async def test_sage_need_not_answer(store, sage):
    """The erasure says so, and is done."""
    tenant = (await make(store))["t"]
    assert (await store.erasure.erase(tenant, sage, NOW)).told is Told.NOT_TOLD
    assert await store.tenants.all() == []


async def test_a_lapsed_consent_is_not_revoked(store):
    """There is nothing that Sage would know."""
    tenant = (await make(store))["t"]
    grant = await store.grants.load(tenant.grant)
    epoch = await store.grants.take_lease(grant, "me", 60, "a")
    await store.grants.mark(grant, epoch, State.REAUTH_REQUIRED, NOW)
    sage = Sage()
    assert (await store.erasure.erase(tenant, sage, NOW)).told is Told.LAPSED
    assert sage.revoked == []


async def test_a_sqlite_file_does_not_keep_what_was_erased(sqlite_url, key):
    """Deleted rows are overwritten, not only unlinked."""
    store = await Store.open(sqlite_url, key)
    tenant = (await make(store, named("canary-name")))["canary-name"]
    await fill(store, tenant)
    await store.ids.mint("b", "contacts", ["canary-modern-id"])
    async with store._database._writes.connect() as connection:  # many a SQLite has it on by itself
        await connection.execute(text("PRAGMA secure_delete = OFF"))
    await store.erasure.erase(tenant, None, NOW)
    await store.close()
    left = Path(urlsplit(sqlite_url).path).read_bytes()  # noqa: ASYNC240
    for erased in (b"canary-name", b"canary-user", b"canary-modern-id"):
        assert erased not in left

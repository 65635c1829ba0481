"""Taking a tenant's tokens away while others trade them, and what keeps a grant in use."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from gateway.grants.legacy import Pair
from gateway.grants.life import Tokens
from gateway.grants.secret import Secret
from gateway.store.consents import Disconnected
from gateway.store.imports import Entry
from gateway.store.legacy_tokens import LegacyTokens
from gateway.store.tenants import Named
from tests.store.planting import NOW, query

GRACE = 120.0
URI = "https://shop.example/callback"


async def tenant_of(store, business="b", **tokens):
    """A tenant on the grant of one seed."""
    given = {"access_token": None, "refresh_token": None, "access_token_lifetime": None, **tokens}
    return await store.tenants.add(
        name=business, app="app", business=business, v31_refresh_token="seed", now=NOW, **given
    )


async def blocked(store):
    """Waits until somebody waits for a lock of the database; SQLite has one for all, and says nothing of it."""
    if store._database.embedded:
        return
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(20):
        while not (await store._database.read(waiting))[0][0]:
            pass


async def test_a_pair_that_is_issued_at_the_same_moment_is_taken_away_too(store):
    """Whoever holds a stolen token cannot outlive its revocation by trading it meanwhile."""
    tenant = await tenant_of(store, access_token="a", refresh_token="r")
    found, held, go = await store.tokens.find("r"), asyncio.Event(), asyncio.Event()
    tokens = LegacyTokens(store._seal, embedded=store._database.embedded)

    async def trade(connection):
        """As `rotate` does: the row locked and spent, then the pair."""
        await connection.execute(text("UPDATE legacy_tokens SET spent_at = 1 WHERE kind = 'refresh'"))
        held.set()
        await go.wait()
        await tokens.issue(connection, Pair(Secret("a2"), Secret("r2")), found, None, NOW)

    trading = asyncio.create_task(store._database.write(trade))
    await held.wait()
    withdrawing = asyncio.create_task(store.tokens.withdraw(found, NOW))
    await blocked(store)
    go.set()
    await trading
    assert (await withdrawing).idle_grant == tenant.grant
    for token in ("a", "a2"):
        assert await store.tenants.by_token(token, NOW) is None
    for token in ("r", "r2"):
        assert await store.tokens.rotate(token, "app", None, NOW, GRACE) is None


async def test_a_code_keeps_a_grant_in_use(store):
    """Its app has another business, and is about to trade the code."""
    await tenant_of(store, access_token="a")
    other = await tenant_of(store, "other")
    code = await store.codes.issue(other.id, URI, "full_access", NOW)
    assert (await store.tokens.withdraw(await store.tokens.find("a", "access"), NOW)).idle_grant is None
    assert not await store.tokens.is_idle(other.grant, NOW + 59)
    assert await store.tokens.is_idle(other.grant, NOW + 60)
    assert await store.codes.redeem(code, "app", NOW + 3600, NOW) is not None


async def test_an_owner_who_chooses_keeps_a_grant_in_use(store):
    """The consent has been given a moment ago."""
    tenant = await tenant_of(store, access_token="a")
    await store.authorizations.begin("state", "browser", app="app", scope="full_access", verifier=Secret("v"), now=NOW)
    passage = await store.authorizations.redeem("state", "browser", NOW)
    await store.authorizations.offer(passage, tenant.grant, "gb", (), NOW)
    assert (await store.tokens.withdraw(await store.tokens.find("a", "access"), NOW)).idle_grant is None
    assert await store.tokens.is_idle(tenant.grant, NOW + 600)


async def test_a_consent_does_not_undo_a_disconnection_of_the_same_moment(store):
    """Whichever comes first, the operator's word holds."""
    tenant = await tenant_of(store)
    held, go = asyncio.Event(), asyncio.Event()

    async def disconnect(connection):
        await connection.execute(text("UPDATE tenants SET disconnected_at = 1"))
        held.set()
        await go.wait()

    disconnecting = asyncio.create_task(store._database.write(disconnect))
    await held.wait()
    connecting = asyncio.create_task(store.consents.connect("app", "b", tenant.grant, NOW))
    await blocked(store)
    go.set()
    await disconnecting
    with pytest.raises(Disconnected):
        await connecting
    assert (await query(store, "SELECT disconnected_at FROM tenants"))[0][0] == 1


async def test_a_key_of_a_grant_never_means_another(store):
    """Gateways remember tenants with their grant's key for seconds: one that an import leaves empty is not given to
    somebody else."""
    await tenant_of(store)

    def entry(name, seed):
        return Entry(1, Named(name, "app", name, seed and Secret(seed), Secret(f"token of {name}")))

    await store.imports.take([entry("late", None)], NOW)
    (late,) = await query(store, "SELECT grant_id FROM tenants WHERE name = 'late'")
    await store.imports.take([entry("late", "seed")], NOW)
    assert (await query(store, "SELECT grant_id FROM tenants WHERE name = 'late'"))[0] != late
    user = await store.consents.record("app", Tokens(Secret("a"), 300.0, Secret("r"), None, "somebody"), NOW, NOW)
    assert user != late.grant_id

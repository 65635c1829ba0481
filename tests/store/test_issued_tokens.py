"""Codes and refresh tokens: what they are traded for, how often, and when not."""

from __future__ import annotations

import asyncio
import re

import pytest
from sqlalchemy import text, update

from gateway.grants.legacy import CODE_LIFE
from gateway.grants.life import State
from gateway.grants.secret import Secret
from gateway.store import Named, Store
from gateway.store.codes import Codes
from gateway.store.database import Database
from gateway.store.issued_tokens import IssuedTokens
from gateway.store.tables import grants, tenants

NOW = 1_700_000_000.0
GRACE = 120.0
HOUR = NOW + 3600
URI = "https://shop.example/callback"


async def tenant_of(store, name="t", app="app", business="b", seed="seed", **tokens):
    """A tenant as the settings make it."""
    given = {kind: Secret(token) for kind, token in tokens.items()}
    return (await store.tenants.settle([Named(name, app, business, Secret(seed), **given)], NOW))[name]


async def traded(store, tenant, now=NOW):
    """The pair that a new code of a tenant gives."""
    code = await store.codes.issue(tenant.id, URI, "full_access", now)
    pair = await store.codes.redeem(code, tenant.app, now + 3600, now)
    assert pair is not None
    return pair


def revealed(pair):
    return None if pair is None else (pair.access.reveal(), pair.refresh.reveal())


async def rows_of(store, query):
    return await store._database.read(text(query))


@pytest.fixture
async def tenant(store):
    return await tenant_of(store)


async def test_a_code_is_traded_for_a_pair_that_names_its_tenant(store, tenant):
    """Both are 40 hexadecimal digits, and the store holds neither."""
    pair = await traded(store, tenant)
    for token in revealed(pair):
        assert re.fullmatch("[0-9a-f]{40}", token)
    assert await store.tenants.by_token(pair.access.reveal(), NOW) == tenant
    assert await store.tenants.by_token(pair.access.reveal(), HOUR) is None
    assert await store.tenants.by_token(pair.refresh.reveal(), NOW) is None
    held = await rows_of(store, "SELECT * FROM legacy_tokens")
    assert not any(token.encode() in repr(held).encode() for token in revealed(pair))


async def test_a_code_is_good_once_and_for_a_minute(store, tenant):
    """v2.md §1.2. Another app's code is nobody's."""
    code = await store.codes.issue(tenant.id, URI, "full_access", NOW)
    assert await store.codes.redeem(code, "other", HOUR, NOW) is None
    assert await store.codes.redeem(code, "app", HOUR, NOW + CODE_LIFE) is None
    assert await store.codes.redeem(code, "app", HOUR, NOW + CODE_LIFE - 1) is not None
    assert await store.codes.redeem(code, "app", HOUR, NOW + CODE_LIFE - 1) is None


async def test_of_two_trades_of_one_code_one_succeeds(store, url, key, tenant):
    """On two replicas at once."""
    code = await store.codes.issue(tenant.id, URI, "full_access", NOW)
    other = await Store.open(url, key)
    both = [each.codes.redeem(code, "app", HOUR, NOW + i / 8) for i, each in enumerate([store, other] * 3)]
    try:
        assert [pair is None for pair in await asyncio.gather(*both)].count(False) == 1
    finally:
        await other.close()


async def test_a_refresh_repeated_within_the_grace_gets_the_same_pair(store, tenant):
    """And after it nothing, while the pair goes on."""
    first = await traded(store, tenant)
    second = await store.tokens.rotate(first.refresh.reveal(), "app", HOUR, NOW, GRACE)
    assert revealed(second) != revealed(first)
    for later in (NOW, NOW + GRACE):
        again = await store.tokens.rotate(first.refresh.reveal(), "app", later + 3600, later, GRACE)
        assert revealed(again) == revealed(second)
    assert await store.tokens.rotate(first.refresh.reveal(), "app", HOUR, NOW + GRACE + 1, GRACE) is None
    assert await store.tokens.rotate(second.refresh.reveal(), "app", HOUR, NOW + 1e9, GRACE) is not None


async def test_the_older_access_token_lives_on_to_its_end(store, tenant):
    """A call that is on its way does not fail because of a refresh."""
    first = await traded(store, tenant)
    await store.tokens.rotate(first.refresh.reveal(), "app", HOUR + 60, NOW + 60, GRACE)
    assert await store.tenants.by_token(first.access.reveal(), HOUR - 1) == tenant
    assert await store.tenants.by_token(first.access.reveal(), HOUR) is None


async def test_a_repeated_refresh_prolongs_the_access_token(store, tenant):
    """What the answer says of its life is true."""
    first = await traded(store, tenant)
    await store.tokens.rotate(first.refresh.reveal(), "app", NOW + 60, NOW, GRACE)
    second = await store.tokens.rotate(first.refresh.reveal(), "app", NOW + 160, NOW + 100, GRACE)
    assert await store.tenants.by_token(second.access.reveal(), NOW + 159) == tenant
    assert await store.tenants.by_token(second.access.reveal(), NOW + 160) is None


async def test_a_token_that_never_ends_has_no_end(store, tenant):
    """`access_token_lifetime = "never"`."""
    first = await traded(store, tenant)
    second = await store.tokens.rotate(first.refresh.reveal(), "app", None, NOW, GRACE)
    assert await store.tenants.by_token(second.access.reveal(), NOW + 1e9) == tenant


async def test_refreshes_at_once_on_two_replicas_get_one_pair(store, url, key, tenant):
    """A client of several processes is not locked out by itself."""
    first = await traded(store, tenant)
    other = await Store.open(url, key)
    calls = [
        each.tokens.rotate(first.refresh.reveal(), "app", HOUR, NOW + i / 8, GRACE)
        for i, each in enumerate([store, other] * 4)
    ]
    try:
        assert len({revealed(pair) for pair in await asyncio.gather(*calls)}) == 1
    finally:
        await other.close()
    live = "SELECT count(*) FROM legacy_tokens WHERE kind = 'refresh' AND spent_at IS NULL"
    assert (await rows_of(store, live))[0][0] == 1


async def test_a_refresh_token_is_its_apps_alone(store, tenant):
    """Another app gets nothing and spends nothing."""
    first = await traded(store, tenant)
    assert await store.tokens.rotate(first.refresh.reveal(), "other", HOUR, NOW, GRACE) is None
    assert await store.tokens.rotate(first.access.reveal(), "app", HOUR, NOW, GRACE) is None
    assert (await store.tokens.find(first.refresh.reveal())).spent_at is None


@pytest.mark.parametrize("state", [State.REAUTH_REQUIRED, State.REVOKED])
async def test_a_lapsed_grant_spends_no_refresh_token(store, tenant, state):
    """Nor a code; both work when the grant does again (reliability.md §3.3 step 7d)."""
    first = await traded(store, tenant)
    code = await store.codes.issue(tenant.id, URI, "full_access", NOW)
    await put(store, update(grants).values(state=state.value))
    assert await store.tokens.rotate(first.refresh.reveal(), "app", HOUR, NOW, GRACE) is None
    assert await store.codes.redeem(code, "app", HOUR, NOW) is None
    await put(store, update(grants).values(state="active"))
    assert await store.tokens.rotate(first.refresh.reveal(), "app", HOUR, NOW, GRACE) is not None
    assert await store.codes.redeem(code, "app", HOUR, NOW) is not None


async def test_a_disconnected_tenant_spends_no_refresh_token(store, tenant):
    """Its access tokens are not known meanwhile."""
    first = await traded(store, tenant)
    await put(store, update(tenants).values(disconnected_at=NOW))
    assert await store.tokens.rotate(first.refresh.reveal(), "app", HOUR, NOW, GRACE) is None
    assert await store.tenants.by_token(first.access.reveal(), NOW) is None
    await put(store, update(tenants).values(disconnected_at=None))
    assert await store.tokens.rotate(first.refresh.reveal(), "app", HOUR, NOW, GRACE) is not None


async def test_a_spent_token_of_the_settings_stays_spent(store):
    """At the next start, and also where it was gone from the settings meanwhile."""
    await tenant_of(store, refresh_token="given")
    second = await store.tokens.rotate("given", "app", HOUR, NOW, GRACE)
    await tenant_of(store, refresh_token="given")
    await tenant_of(store)
    await tenant_of(store, refresh_token="given")
    assert await store.tokens.rotate("given", "app", HOUR, NOW + GRACE + 1, GRACE) is None
    assert await store.tokens.rotate(second.refresh.reveal(), "app", HOUR, NOW + GRACE + 1, GRACE) is not None


async def test_a_withdrawn_tenant_has_no_token_left(store):
    """Those of the settings stay away at the next start; another tenant's stay."""
    tenant = await tenant_of(store, access_token="a", refresh_token="r")
    other = await store.tenants.add(
        name="two", app="app", business="b2", access_token="a2", refresh_token=None,
        access_token_lifetime=None, v31_refresh_token="seed", now=NOW,
    )  # fmt: skip
    issued = await traded(store, tenant)
    code = await store.codes.issue(tenant.id, URI, "full_access", NOW)
    withdrawn = await store.tokens.withdraw(await store.tokens.find("r"), NOW)
    assert withdrawn.idle_grant is None
    await tenant_of(store, access_token="a", refresh_token="r")
    for token in ("a", issued.access.reveal()):
        assert await store.tenants.by_token(token, NOW) is None
    for token in ("r", issued.refresh.reveal()):
        assert await store.tokens.rotate(token, "app", HOUR, NOW, GRACE) is None
    assert await store.codes.redeem(code, "app", HOUR, NOW) is None
    assert await store.tenants.by_token("a2", NOW) == other


async def test_the_last_withdrawal_leaves_the_grant_idle(store, tenant):
    """So that it can be ended at Sage, unless it was refreshed meanwhile."""
    pair = await traded(store, tenant)
    withdrawn = await store.tokens.withdraw(await store.tokens.find(pair.access.reveal(), "access"), NOW)
    assert withdrawn.idle_grant == tenant.grant
    grant = await store.grants.load(tenant.grant)
    assert not await store.tokens.end_grant(tenant.grant, grant.generation - 1, NOW)
    assert await store.tokens.end_grant(tenant.grant, grant.generation, NOW)
    ended = await store.grants.load(tenant.grant)
    assert (ended.state, bool(ended.refresh), ended.access) == (State.REVOKED, False, None)


async def test_old_tokens_are_forgotten_a_few_at_a_time(store):
    """Never those of the settings, and none that is still good."""
    tenant = await tenant_of(store, refresh_token="given", access_token="kept")
    pair = await store.tokens.rotate("given", "app", HOUR, NOW, GRACE)
    for _ in range(3):
        pair = await store.tokens.rotate(pair.refresh.reveal(), "app", HOUR, NOW, GRACE)
    await store.codes.issue(tenant.id, URI, "full_access", NOW)
    late = NOW + 40 * 86_400
    assert await store.tokens.prune(NOW + 86_400, 100) == 0
    assert [await store.tokens.prune(late, 5) for _ in range(3)] == [5, 2, 0]
    assert [await store.codes.prune(late, 5) for _ in range(2)] == [1, 0]
    assert await store.tokens.rotate("given", "app", late, late, GRACE) is None
    assert await store.tenants.by_token("kept", late) == tenant
    assert await store.tokens.rotate(pair.refresh.reveal(), "app", late, late, GRACE) is not None


class LostAnswers(Database):
    """A database whose commits succeed, but for whose answers each write is begun anew."""

    async def write(self, work):
        await super().write(work)
        return await super().write(work)


async def test_a_commit_whose_answer_was_lost_is_no_second_use(store, url, tenant):
    """The pair is given, also of a code, and of a refresh token without any grace; then both are spent."""
    database = LostAnswers(url)
    try:
        codes, tokens = Codes(database, store._seal), IssuedTokens(database, store._seal)
        code = await codes.issue(tenant.id, URI, "full_access", NOW)
        pair = await codes.redeem(code, "app", HOUR, NOW + 1)
        assert pair is not None
        assert await tokens.rotate(pair.refresh.reveal(), "app", HOUR, NOW + 2, 0.0) is not None
        assert await codes.redeem(code, "app", HOUR, NOW + 1) is None
        assert await tokens.rotate(pair.refresh.reveal(), "app", HOUR, NOW + 3, 0.0) is None
    finally:
        await database.close()


async def put(store, statement):
    async def work(connection):
        await connection.execute(statement)

    await store._database.write(work)

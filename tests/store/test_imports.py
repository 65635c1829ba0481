"""Importing many tenants: all or nothing, repeatable, in few statements; no token comes to name two tenants."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text

from gateway.grants.life import State, Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.store import Named
from gateway.store.imports import Entry

NOW = 1_700_000_000.0


def named(name="t", app="app", business=None, seed=None, access=None, refresh=None):
    """A tenant to import."""
    secrets = (Secret(each) if each else None for each in (seed, access, refresh))
    return Named(name, app, business or f"b_{name}", *secrets)


async def take(store, *tenants, now=NOW, **how):
    """Imports a file whose lines count from 2, as under a header."""
    return await store.imports.take([Entry(line, one) for line, one in enumerate(tenants, 2)], now, **how)


async def whose(store, *tokens, now=NOW):
    """The names of the tenants that access tokens stand for."""
    found = [await store.tenants.by_token(token, now) for token in tokens]
    return [tenant and tenant.name for tenant in found]


async def grant_of(store, name):
    """The grant of a tenant."""
    return await store.grants.load((await store.rows.named(name, NOW)).tenant.grant)


async def lapse(store, name):
    """Sage refuses the tenant's refresh token."""
    grant = await grant_of(store, name)
    epoch = await store.grants.take_lease(grant, "me", 60, "a")
    await store.grants.mark(grant, epoch, State.REAUTH_REQUIRED, NOW)


async def test_an_imported_tenant_is_known_by_its_own_tokens(store):
    """For ever, and by its v3.1 refresh token its books can be reached."""
    told = await take(store, named("a", seed="s", access="x", refresh="y"))
    assert (told.done, told.made, told.known, told.tokens, told.lapsed) == (True, 1, 0, 2, 0)
    assert await whose(store, "x", "y", now=NOW + 1e9) == ["a", None]
    grant = await grant_of(store, "a")
    assert (grant.state, grant.refresh.reveal()) == (State.ACTIVE, "s")
    rows = await store._database.read(text("SELECT kind, origin, expires_at FROM legacy_tokens ORDER BY kind"))
    assert [tuple(row) for row in rows] == [("access", "imported", None), ("refresh", "imported", None)]


async def test_without_a_refresh_token_the_owner_must_consent(store):
    """The tenant has a grant of its own, which is empty."""
    told = await take(store, named("a", access="x"), named("b", app="app2", access="y"), named("c", seed="s"))
    assert (told.made, told.lapsed) == (3, 2)
    grants = [await grant_of(store, name) for name in "abc"]
    assert [grant.state for grant in grants] == [State.REAUTH_REQUIRED, State.REAUTH_REQUIRED, State.ACTIVE]
    assert [grant.app for grant in grants] == ["app", "app2", "app"]
    assert len({grant.id for grant in grants}) == 3
    assert await whose(store, "x", "y") == ["a", "b"]


async def test_importing_again_changes_nothing(store):
    """Above all, a refresh token that was spent meanwhile does not come back."""
    file = [named("a", seed="s", access="x"), named("b", access="y")]
    await take(store, *file)
    grant = await grant_of(store, "a")
    assert await store.grants.save_refreshed(
        after_refresh(grant, Tokens(Secret("t"), 300.0, Secret("r2")), NOW), "1", NOW
    )
    before = await store.rows.all(NOW)
    told = await take(store, *file, now=NOW + 1)
    assert (told.made, told.known, told.tokens, told.hints) == (0, 2, 0, {})
    assert await store.rows.all(NOW) == before
    assert (await grant_of(store, "a")).refresh.reveal() == "r2"


async def test_a_tenant_may_bring_several_tokens(store):
    """On lines of their own, or later: its older ones stay."""
    await take(store, named("a", seed="s", access="x"), named("a", access="y"))
    await take(store, named("a", access="z"))
    assert await whose(store, "x", "y", "z") == ["a", "a", "a"]


async def test_one_consent_of_several_businesses_is_one_grant(store):
    """Each refresh spends the token for all of them."""
    await take(store, named("a", seed="s"), named("b", seed="s"), named("c", app="app2", seed="s"))
    a, b, c = [await grant_of(store, name) for name in "abc"]
    assert a.id == b.id != c.id


@pytest.mark.parametrize(
    ("before", "lines", "said"),
    [
        ((), [("a", "b1"), ("a", "b2")], "the name a belongs to another app or business"),
        ((), [("a", "b1"), ("c", "b1")], "business b1 of app app is there already, as a"),
        ([("a", "b1")], [("x", "b9"), ("a", "b2")], "the name a belongs to another app or business"),
        ([("a", "b1")], [("x", "b9"), ("c", "b1")], "business b1 of app app is there already, as a"),
        ((), [("a", "b1", "canary"), ("c", "b2", "canary")], "its access_token is another tenant's"),
        ([("a", "b1", "canary")], [("x", "b9"), ("c", "b2", "canary")], "its access_token is another tenant's"),
        ((), [("a", "b1", "t", "canary1"), ("a", "b1", "t", "canary2")], "gives a another v31_refresh_token"),
    ],
)
async def test_a_bad_line_stops_the_file_or_is_skipped(store, before, lines, said):
    """It is named, without a secret in it; nothing of the file is kept, or with `skip_bad` all but that line."""

    def entries(rows):
        return [
            named(row[0], business=row[1], access=(row[2:] or (None,))[0], seed=(row[3:] or (None,))[0]) for row in rows
        ]

    await take(store, *entries(before))
    present = await store.rows.all(NOW)
    told = await take(store, *entries(lines))
    assert (told.done, list(told.wrong), said in told.wrong[3]) == (False, [3], True)
    assert "canary" not in told.wrong[3]
    assert await store.rows.all(NOW) == present
    told = await take(store, *entries(lines), skip_bad=True)
    assert (told.done, list(told.wrong), told.made) == (True, [3], 1)
    assert len(await store.rows.all(NOW)) == len(present) + 1


async def test_one_text_may_be_a_tenants_access_and_anothers_refresh_token(store):
    """They are never asked for in the same place."""
    told = await take(store, named("a", access="x"), named("b", refresh="x"))
    assert (told.done, told.tokens) == (True, 2)


async def test_a_refresh_token_for_a_grant_that_is_alive_is_left_alone(store):
    """The store's own is newer, or as good; an older one from the app's database would be the end of it."""
    await take(store, named("a", seed="s"))
    told = await take(store, named("a", seed="other"))
    assert told.hints == {2: "its grant is alive, so its v31_refresh_token is left alone"}
    assert (await grant_of(store, "a")).refresh.reveal() == "s"


async def test_a_refresh_token_revives_a_tenant_that_needs_consent(store):
    """One that never had a consent, and one whose consent has lapsed."""
    await take(store, named("empty", access="x"), named("lapsed", seed="s"), named("sibling", seed="s"))
    await lapse(store, "lapsed")
    told = await take(store, named("empty", seed="s1"), named("lapsed", seed="s2"))
    assert (told.lapsed, told.hints) == (0, {})
    for name, seed in (("empty", "s1"), ("lapsed", "s2")):
        grant = await grant_of(store, name)
        assert (grant.state, grant.refresh.reveal()) == (State.ACTIVE, seed)
    assert (await grant_of(store, "sibling")).state is State.REAUTH_REQUIRED


async def test_a_spent_refresh_token_does_not_revive_anybody(store):
    """It was planted before, and Sage has refused what came of it."""
    await take(store, named("a", seed="s"))
    await lapse(store, "a")
    told = await take(store, named("a", seed="s"))
    assert (told.lapsed, (await grant_of(store, "a")).state) == (1, State.REAUTH_REQUIRED)
    await take(store, named("a", seed="s2"))
    await lapse(store, "a")
    await take(store, named("a", seed="s"))
    assert (await grant_of(store, "a")).state is State.REAUTH_REQUIRED


async def test_a_disconnected_tenant_stays_so(store):
    """Its new tokens are kept for when it is reconnected, and the line is told."""
    await take(store, named("a", seed="s"))
    await store.rows.disconnect("a", NOW)
    told = await take(store, named("a", access="x"))
    assert told.hints == {2: "it is disconnected: no token of it is known until it is reconnected"}
    assert (told.tokens, await whose(store, "x")) == (1, [None])


async def test_judging_changes_nothing(store):
    """Not even where all is good."""
    told = await take(store, named("a", seed="s"), judge=True)
    assert (told.done, told.wrong) == (False, {})
    assert await store.rows.all(NOW) == []


async def test_a_token_of_the_settings_stays_once_it_is_imported(store):
    """So tenants can move from the settings into the store."""
    await store.tenants.settle([named("a", seed="s", access="x")], NOW)
    await take(store, named("a", access="x"))
    await store.tenants.settle([], NOW)
    assert await whose(store, "x") == ["a"]


async def test_ten_thousand_tenants_take_few_statements(store):
    """One transaction, first and again, half of them with a refresh token, which the other half brings later."""
    half = [named(f"t{i}", seed=f"s{i}" if i % 2 else None, access=f"a{i}", refresh=f"r{i}") for i in range(10_000)]
    rest = [named(f"t{i}", seed=f"s{i}") for i in range(0, 10_000, 2)]
    executed = []
    event.listen(
        store._database._writes.sync_engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, *more: executed.append(statement),
    )
    counts: list[int] = []
    for file in (half, half, rest):
        told = await take(store, *file)
        assert told.done
        counts.append(len(executed) - sum(counts))
    assert max(counts) <= 120
    assert await whose(store, "a0", "a9999") == ["t0", "t9999"]
    assert {(await grant_of(store, name)).refresh.reveal() for name in ("t0", "t9999")} == {"s0", "s9999"}
    assert told.lapsed == 0

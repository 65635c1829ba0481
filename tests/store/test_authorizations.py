"""Ways to Sage and back, and connect links: each step once, over both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.grants.business import Business
from gateway.grants.life import State, Tokens
from gateway.grants.secret import Secret
from gateway.store import Store
from gateway.store.authorizations import LIFE, PRUNED, Passage, PassageOver
from gateway.store.tables import authorizations, grants, links

NOW = 1_800_000_000.0
BOOKS = (Business("b1", "Ürsel & Söhne", "de"), Business("b2", "Zwei"))
TOKENS = Tokens(Secret("access"), 300.0, Secret("refresh"), 2_678_400.0, "user")


async def begin(store: Store, state: str = "s", browser: str = "b", **more: Any) -> None:
    """A way of the app `shop`."""
    usual = {
        "app": "shop",
        "scope": "readonly",
        "verifier": Secret("verifier"),
        "now": NOW,
        "redirect_uri": "https://a",
    }
    await store.authorizations.begin(state, browser, **{**usual, **more})


async def offered(store: Store, **more: Any) -> Passage:
    """A way whose browser is to choose."""
    await begin(store, **more)
    passage = await store.authorizations.redeem("s", "b", NOW)
    assert passage is not None
    grant = await store.consents.record("shop", TOKENS, NOW, NOW)
    return await store.authorizations.offer(passage, grant, "gb", BOOKS, NOW)


async def rows(store: Store) -> Any:
    return await store._database.read(select(authorizations))


async def test_a_way_comes_back_as_it_was_begun(store: Store):
    """App, address, state, scope, verifier."""
    await begin(store, client_state="a%00b")
    passage = await store.authorizations.redeem("s", "b", NOW + 1)
    assert passage is not None
    assert (passage.app, passage.scope, passage.redirect_uri) == ("shop", "readonly", "https://a")
    assert (passage.client_state, passage.verifier, passage.link) == ("a%00b", Secret("verifier"), None)
    assert (passage.grant, passage.country, passage.businesses) == (None, "", ())


async def test_neither_state_nor_cookie_nor_verifier_nor_businesses_can_be_read(store: Store):
    """Keyed hashes and sealed blobs; the verifier is not in its repr either."""
    await offered(store)
    (row,) = await rows(store)
    held = b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    for secret in (b"verifier", "Söhne".encode(), b"S\\u00f6hne", b"Zwei"):
        assert secret not in held
    assert "verifier" not in repr(Secret("verifier"))


async def test_a_sealed_blob_opens_in_its_own_row_alone(store: Store):
    """Moved to another way, it does not."""
    from gateway.store import KeyWrong

    await begin(store, "one", "b")
    await begin(store, "two", "b")
    one, two = (store.authorizations._digest("state", state) for state in ("one", "two"))
    blobs = {row.digest: row.verifier_ct for row in await rows(store)}

    async def move(connection: AsyncConnection) -> None:
        changed = authorizations.update().where(authorizations.c.digest == one)
        await connection.execute(changed.values(verifier_ct=blobs[two]))

    await store._database.write(move)
    with pytest.raises(KeyWrong):
        await store.authorizations.redeem("one", "b", NOW)


@pytest.mark.parametrize(
    ("state", "browser", "after"), [("x", "b", 0), ("s", "x", 0), ("s", "b", LIFE), ("b", "s", 0), ("", "", 0)]
)
async def test_a_wrong_try_changes_nothing(store: Store, state, browser, after):
    """Unknown, another browser's, over."""
    await begin(store)
    before = await rows(store)
    assert await store.authorizations.redeem(state, browser, NOW + after) is None
    assert await store.authorizations.choice(state, browser, NOW + after) is None
    assert await rows(store) == before
    assert await store.authorizations.redeem("s", "b", NOW + LIFE - 1) is not None


async def test_of_many_at_once_one_redeems(store: Store):
    """Conditional updates decide, over any number of replicas."""
    await begin(store)
    found = await asyncio.gather(*(store.authorizations.redeem("s", "b", NOW) for _ in range(8)))
    assert len([passage for passage in found if passage is not None]) == 1


async def test_a_choice_is_read_as_often_as_one_likes(store: Store):
    """For ten minutes from when it was offered."""
    passage = await offered(store)
    for _ in range(2):
        assert await store.authorizations.choice("s", "b", NOW + LIFE - 1) == passage
    assert passage.businesses == BOOKS
    assert await store.authorizations.choice("s", "b", NOW + LIFE) is None
    assert await store.authorizations.redeem("s", "b", NOW) is None


async def test_a_way_that_was_not_redeemed_cannot_be_offered(store: Store):
    """Nor one that is gone."""
    passage = await offered(store)
    await store.consents.connect("shop", "b1", passage.grant or 0, NOW, None, store.authorizations.end(passage, NOW))
    with pytest.raises(PassageOver):
        await store.authorizations.offer(passage, passage.grant or 0, "gb", BOOKS, NOW)


async def test_of_many_ends_at_once_one_counts(store: Store):
    """The others make no tenant."""
    passage = await offered(store)

    async def end(business: str) -> str | None:
        part = store.authorizations.end(passage, NOW)
        try:
            return (await store.consents.connect("shop", business, passage.grant or 0, NOW, None, part)).business
        except PassageOver:
            return None

    found = await asyncio.gather(*(end(f"b{number}") for number in range(5)))
    (ended,) = [one for one in found if one is not None]
    assert [tenant.business for tenant in await store.tenants.all()] == [ended]


async def test_an_end_whose_commit_was_lost_knows_itself(store: Store):
    """The transaction runs twice; its link is used once, and by nobody else."""
    token = (await store.links.issue("acme", "shop", None, NOW)).reveal()
    link = await store.links.find(token, NOW)
    assert link is not None
    passage = await offered(store, redirect_uri=None, link=link.digest)
    part = store.authorizations.end(passage, NOW)
    for _ in range(2):
        await store._database.write(part)
    assert await store.links.find(token, NOW) is None
    with pytest.raises(PassageOver):
        await store._database.write(store.authorizations.end(passage, NOW))


async def test_what_is_undone_uses_no_link_up(store: Store):
    """The tenant and the link are one transaction."""
    token = (await store.links.issue("acme", "shop", None, NOW)).reveal()
    link = await store.links.find(token, NOW)
    assert link is not None
    passage = await offered(store, redirect_uri=None, link=link.digest)
    part = store.authorizations.end(passage, NOW)

    async def broken(connection: AsyncConnection) -> None:
        await part(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.consents.connect("shop", "b1", passage.grant or 0, NOW, "acme", broken)
    assert await store.links.find(token, NOW) == link
    assert await store.tenants.all() == []
    await store.consents.connect("shop", "b1", passage.grant or 0, NOW, "acme", part)
    assert await store.links.find(token, NOW) is None


async def test_a_used_link_ends_no_other_way(store: Store):
    """Whose browser was slower."""
    token = (await store.links.issue("acme", "shop", None, NOW)).reveal()
    link = await store.links.find(token, NOW)
    assert link is not None
    passage = await offered(store, redirect_uri=None, link=link.digest)

    async def use(connection: AsyncConnection) -> bool:
        return await store.links.spend(connection, link.digest, NOW)

    assert [await store._database.write(use) for _ in range(2)] == [True, False]
    with pytest.raises(PassageOver):
        await store._database.write(store.authorizations.end(passage, NOW))
    assert await store.authorizations.choice("s", "b", NOW) == passage


async def test_old_ways_go_when_new_ones_are_begun(store: Store):
    """A hundred at a time at most; those that live stay."""

    async def fill(connection: AsyncConnection) -> None:
        old = [
            {"digest": number.to_bytes(4), "stage": "asked", "app": "shop", "browser": b"", "scope": "", "link": None}
            | {"verifier_ct": b"", "created_at": NOW - LIFE, "expires_at": NOW}
            for number in range(PRUNED + 20)
        ]
        await connection.execute(authorizations.insert(), old)

    await begin(store, "living", now=NOW - 1)
    await store._database.write(fill)
    await begin(store, "new")
    assert len(await rows(store)) == 22
    await begin(store, "newer")
    assert len(await rows(store)) == 3


async def test_a_link_is_found_by_its_token_alone(store: Store):
    """43 characters, of which a keyed hash is kept; it lasts a day."""
    token = await store.links.issue("acme", "shop", "b1", NOW)
    assert repr(token) == "***"
    assert len(token.reveal()) == 43
    found = await store.links.find(token.reveal(), NOW + 86_399)
    assert found is not None
    assert (found.name, found.app, found.business) == ("acme", "shop", "b1")
    assert await store.links.at(found.digest, NOW) == found
    assert await store.links.find(token.reveal(), NOW + 86_400) is None
    assert await store.links.find(token.reveal()[:-1], NOW) is None
    ((digest,),) = await store._database.read(select(links.c.digest))
    assert token.reveal().encode() not in digest


async def test_old_links_go_when_a_new_one_is_made(store: Store):
    """Used or not."""
    await store.links.issue("acme", "shop", None, NOW, life=60)
    await store.links.issue("acme", "shop", None, NOW + 30)
    await store.links.issue("acme", "shop", None, NOW + 60)
    assert len(await store._database.read(select(links))) == 2


async def test_what_is_signed_is_known_again(store: Store):
    """For its purpose, in its store, unchanged."""
    signed = store.authorizations.signed("state", "text")
    assert signed.startswith("text.")
    assert store.authorizations.genuine("state", signed) == "text"
    for wrong in ("", "text", "text.", signed[:-1], f"{signed}0", f"x{signed}", signed.upper(), "é.é", "\ud800.x"):
        assert store.authorizations.genuine("state", wrong) is None
    assert store.authorizations.genuine("browser", signed) is None


async def test_a_nameless_grant_becomes_its_users(store: Store):
    """Where the user has none: the same row, and safe to repeat."""
    nameless = Tokens(Secret("access"), 300.0, Secret("refresh"), None, None)
    grant = await store.consents.record("shop", nameless, NOW, NOW)
    for _ in range(2):
        assert await store.consents.identify("shop", grant, "user", NOW) == grant
    found = await store.grants.load(grant)
    assert (found.user, found.refresh, found.state) == ("user", Secret("refresh"), State.ACTIVE)


async def test_a_nameless_grant_joins_its_users(store: Store):
    """The tokens move; no refresh token is in two grants, and the tenants live by the one that has it."""
    home = await store.consents.record("shop", TOKENS, NOW, NOW)
    tenant = await store.consents.connect("shop", "b1", home, NOW)
    newer = Tokens(Secret("access 2"), 300.0, Secret("refresh 2"), None, None)
    nameless = await store.consents.record("shop", newer, NOW, NOW)
    for _ in range(2):
        assert await store.consents.identify("shop", nameless, "user", NOW) == home
    found, left = await store.grants.load(home), await store.grants.load(nameless)
    assert (found.access, found.refresh, found.generation) == (Secret("access 2"), Secret("refresh 2"), 2)
    assert (left.state, bool(left.refresh), left.access, left.previous) == (State.REVOKED, False, None, None)
    assert await store.tenants.all() == [tenant]
    kept = await store._database.read(select(grants.c.id).where(grants.c.refresh_ct.is_not(None)))
    assert [row.id for row in kept] == [home]


async def test_a_refresh_under_way_does_not_bring_a_moved_token_back(store: Store):
    """It loses the compare-and-swap, and its result is rescued."""
    from dataclasses import replace

    await store.consents.record("shop", TOKENS, NOW, NOW)
    nameless = await store.consents.record("shop", Tokens(None, 300.0, Secret("r2"), None, None), NOW, NOW)
    before = await store.grants.load(nameless)
    await store.consents.identify("shop", nameless, "user", NOW)
    late = replace(before, generation=before.generation + 1, refresh=Secret("r3"))
    assert not await store.grants.save_refreshed(late, "attempt", NOW)
    assert len(await store._database.read(text("SELECT 1 FROM token_rescue"))) == 1

"""POST /oauth2/revoke, the other addresses of the authorization server, and what it refuses where it is closed."""

from __future__ import annotations

import base64

import pytest
from sqlalchemy import update

from gateway.edges.authorization.limiter import WrongTokens
from gateway.grants.life import State, Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.messages import V2Request
from gateway.store.tables import grants
from tests.edges.tokens.token_house import FORM, GRACE, NOW, SECRET, Desk, FakeSage, error, good, service_of


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_revoking_takes_all_tokens_of_the_tenant_away(desk: Desk, kind: str) -> None:
    """200 and `{}`; it is ended at Sage too, since no other tenant of the grant has a token."""
    one, two, code = await desk.pair(), await desk.pair(), await desk.code()
    assert good(await desk.revoke(one[kind])) == {}
    assert [await desk.names(each["access_token"]) for each in (one, two)] == [None, None]
    for each in (one, two):
        assert error(await desk.refresh(each["refresh_token"])) == "invalid_grant"
    assert error(await desk.exchange(code)) == "invalid_grant"
    assert desk.sage.ended == [("shop", "seed shop")]
    assert (await desk.store.grants.load(desk.tenant.grant)).state is State.REVOKED


async def test_a_grant_that_serves_another_tenant_is_not_ended(desk: Desk) -> None:
    """Only the last tenant's revocation ends it."""
    other = await desk.store.tenants.add(
        name="second",
        app="shop",
        business="b2",
        access_token="second",
        refresh_token=None,
        access_token_lifetime=None,
        v31_refresh_token="seed shop",
        now=NOW,
    )
    assert other.grant == desk.tenant.grant
    good(await desk.revoke((await desk.pair())["refresh_token"]))
    assert desk.sage.ended == []
    assert await desk.names("second") == other
    good(await desk.revoke("second"))
    assert desk.sage.ended == [("shop", "seed shop")]


async def test_a_grant_that_is_refreshed_meanwhile_is_ended_with_its_new_token(desk: Desk) -> None:
    """What Sage gave last is ended, not only what was read first."""

    class Rotating(FakeSage):
        async def revoke(self, app: object, refresh: Secret) -> bool:
            if not self.ended:
                grant = await desk.store.grants.load(desk.tenant.grant)
                new = after_refresh(grant, Tokens(Secret("a"), 300.0, Secret("newer")), NOW)
                await desk.store.grants.save_refreshed(new, "attempt", NOW)
            return await super().revoke(app, refresh)  # type: ignore[arg-type]

    pair = await desk.pair()
    sage = Rotating()
    desk.service = service_of(desk.now, desk.store, sage, WrongTokens(5, clock=desk.now))
    good(await desk.revoke(pair["access_token"]))
    assert sage.ended == [("shop", "seed shop"), ("shop", "newer")]
    assert (await desk.store.grants.load(desk.tenant.grant)).state is State.REVOKED


async def test_a_grant_that_is_refreshed_again_and_again_is_left(desk: Desk) -> None:
    """Somebody uses it: the client is answered all the same, after a few tries."""

    class Racing(FakeSage):
        async def revoke(self, app: object, refresh: Secret) -> bool:
            grant = await desk.store.grants.load(desk.tenant.grant)
            name = str(len(self.ended))
            new = after_refresh(grant, Tokens(Secret("a" + name), 300.0, Secret("r" + name)), NOW)
            await desk.store.grants.save_refreshed(new, f"attempt {name}", NOW)
            return await super().revoke(app, refresh)  # type: ignore[arg-type]

    pair, sage = await desk.pair(), Racing()
    desk.service = service_of(desk.now, desk.store, sage, WrongTokens(5, clock=desk.now))
    good(await desk.revoke(pair["access_token"]))
    assert sage.ended == [("shop", "seed shop"), ("shop", "r0"), ("shop", "r1")]


async def test_a_grant_that_was_ended_is_not_ended_again_at_sage(desk: Desk) -> None:
    """It has no refresh token any more."""
    one = await desk.pair()
    good(await desk.revoke(one["access_token"]))
    await desk.set_state("active")
    two = await desk.pair()
    good(await desk.revoke(two["access_token"]))
    assert desk.sage.ended == [("shop", "seed shop")]


async def test_sage_need_not_confirm(desk: Desk) -> None:
    """The client is rid of its tokens all the same."""
    desk.sage.confirms = False
    pair = await desk.pair()
    good(await desk.revoke(pair["access_token"]))
    assert (await desk.store.grants.load(desk.tenant.grant)).state is State.REVOKED


async def test_what_nobody_holds_is_revoked_already(desk: Desk) -> None:
    """200 for unknown tokens, those traded long ago and those that have ended; nothing changes (RFC 7009 §2.2)."""
    first = await desk.pair()
    second = good(await desk.refresh(first["refresh_token"]))
    desk.seconds += 3601
    for token in ("x" * 40, first["refresh_token"], first["access_token"]):
        assert good(await desk.revoke(token)) == {}
    good(await desk.refresh(second["refresh_token"]))
    assert desk.sage.ended == []


async def test_a_token_can_be_given_back_without_consent(desk: Desk) -> None:
    """Also while the grant has lapsed."""
    pair = await desk.pair()
    await desk.set_state("reauth_required")
    good(await desk.revoke(pair["refresh_token"]))
    await desk.set_state("active")
    desk.seconds += GRACE
    assert error(await desk.refresh(pair["refresh_token"])) == "invalid_grant"


async def test_credentials_that_are_given_must_be_right(desk: Desk) -> None:
    """And the token must be that app's; v3's clients sent their client id alone (v2.md §1.5)."""
    pair = await desk.pair()
    wrong = base64.b64encode(b"shop-id:no").decode()
    for fields in ({"client_id": "shop-id", "client_secret": "no"}, {"client_secret": SECRET}):
        assert error(await desk.revoke(pair["access_token"], **fields)) == "invalid_client"
    headers = (*FORM.items(), ("Authorization", f"Basic {wrong}"))
    body = f"token={pair['access_token']}".encode()
    assert error(await desk.send(V2Request("POST", "/oauth2/revoke", headers, body))) == "invalid_client"
    good(await desk.revoke(pair["access_token"], client_id="rival-id", client_secret=SECRET))
    good(await desk.revoke(pair["access_token"], client_id="rival-id"))
    assert await desk.names(pair["access_token"]) == desk.tenant
    good(await desk.revoke(pair["access_token"], client_id="shop-id", client_secret=SECRET))
    assert await desk.names(pair["access_token"]) is None


@pytest.mark.parametrize(("method", "body"), [("POST", b""), ("POST", b"{"), ("GET", b"")])
async def test_a_revocation_without_a_token_is_refused(desk: Desk, method: str, body: bytes) -> None:
    """`invalid_request`."""
    assert error(await desk.send(V2Request(method, "/oauth2/revoke", tuple(FORM.items()), body))) == "invalid_request"


@pytest.mark.parametrize(
    "target",
    ["//oauth2/token", "/oauth2/token/", "/oauth/token/", "/oauth2//revoke", "/health_check", "/oauth2/auth?a=/b"],
)
async def test_the_addresses_are_served(desk: Desk, target: str) -> None:
    """Doubled and trailing slashes are real clients' (captures/README.md §3)."""
    assert desk.service.serves(target)


@pytest.mark.parametrize(
    "target",
    ["/accounts/v2/contacts?x=/oauth2/token", "/oauth2/tokens", "/oauth2", "/OAUTH2/token", "//accounts/v2/x", "/"],
)
async def test_other_addresses_are_not(desk: Desk, target: str) -> None:
    """They are calls with a token, or nothing."""
    assert not desk.service.serves(target)


async def test_health_and_pages_answer(desk: Desk) -> None:
    """The health check says no more than that (inferred); a page is the browser's."""
    assert good(await desk.send(V2Request("GET", "/health_check"))) == {"status": "ok"}
    assert (await desk.send(V2Request("GET", "/oauth2/auth?client_id=x"))).body == b"<p>page</p>"


async def test_the_copy_of_a_store_issues_and_ends_nothing(desk: Desk) -> None:
    """A revocation there would end the consent that the real one lives by (reliability.md §3.3 step 10)."""
    pair, code = await desk.pair(), await desk.code()
    desk.service = service_of(desk.now, desk.store, desk.sage, WrongTokens(5, clock=desk.now), closed=True)
    replies = [
        await desk.exchange(code),
        await desk.refresh(pair["refresh_token"]),
        await desk.revoke(pair["access_token"]),
    ]
    replies.append(await desk.send(V2Request("GET", "/oauth2/auth?client_id=x")))
    assert {reply.status for reply in replies} == {503}
    assert desk.sage.ended == []
    assert await desk.names(pair["access_token"]) == desk.tenant
    good(await desk.send(V2Request("GET", "/health_check")))


async def test_a_consent_given_meanwhile_is_not_ended(desk: Desk) -> None:
    """The owner has authorised the app again while the old consent was ended: the new one was given back by nobody."""

    class Reconsenting(FakeSage):
        async def revoke(self, app: object, refresh: Secret) -> bool:
            first = Tokens(Secret("a"), 300.0, Secret("fresh"), None, "user")
            await desk.store.consents.record("shop", first, NOW, NOW)
            second = Tokens(Secret("b"), 300.0, Secret("fresher"), None, "user")
            await desk.store.consents.record("shop", second, NOW, NOW)
            return await super().revoke(app, refresh)  # type: ignore[arg-type]

    await desk.put(update(grants).where(grants.c.id == desk.tenant.grant).values(sage_user="user"))
    pair, sage = await desk.pair(), Reconsenting()
    desk.service = service_of(desk.now, desk.store, sage, WrongTokens(5, clock=desk.now))
    good(await desk.revoke(pair["access_token"]))
    assert sage.ended == [("shop", "seed shop")]
    held = await desk.store.grants.load(desk.tenant.grant)
    assert (held.state, held.refresh) == (State.ACTIVE, Secret("fresher"))

"""The OAuth endpoints (v31.md §2)."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api, Clock, Reply

BACK = "http://127.0.0.1:9/callback"
DAY = 24 * 3600


async def authorize(api: Api, **query: str) -> dict[str, str]:
    given = {"client_id": api.sandbox.client_id, "redirect_uri": BACK, "response_type": "code", **query}
    response = await api.client.get("/oauth2/auth", params=given, allow_redirects=False)
    assert response.status == 302
    target = urlsplit(response.headers["Location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == BACK
    return {name: values[0] for name, values in parse_qs(target.query).items()}


async def redeem(api: Api, code: str, **more: str) -> Reply:
    form = {
        "grant_type": "authorization_code",
        "client_id": api.sandbox.client_id,
        "client_secret": api.sandbox.client_secret,
        "code": code,
        "redirect_uri": BACK,
        **more,
    }
    return await api.post_form("/token", **form)


async def test_consent_gives_a_code_that_works_once(anonymous: Api) -> None:
    """The code has a country prefix and a slash; state comes back."""
    found = await authorize(anonymous, state="s 1")
    assert found["code"].startswith("GB/")
    assert (found["state"], found["country"]) == ("s 1", "GB")
    reply = await redeem(anonymous, found["code"])
    assert reply.status == 200
    assert (await redeem(anonymous, found["code"])).body["error"] == "invalid_grant"


async def test_the_token_answer(anonymous: Api) -> None:
    """All members; an access token of JWT's looks, about 1,300 characters."""
    body = (await redeem(anonymous, (await authorize(anonymous))["code"])).body
    assert set(body) == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "refresh_token_expires_in",
        "scope",
        "requested_by_id",
    }
    assert (body["token_type"], body["expires_in"], body["refresh_token_expires_in"]) == ("bearer", 300, 2678400)
    assert body["access_token"].count(".") == 2
    assert 1200 <= len(body["access_token"]) <= 1400
    assert len(body["refresh_token"]) <= 2048
    assert body["requested_by_id"].count("-") == 4


async def test_a_code_lives_sixty_seconds(anonymous: Api, clock: Clock) -> None:
    """Then it is invalid_grant; so is another redirect_uri."""
    code = (await authorize(anonymous))["code"]
    clock.forward(60)
    assert (await redeem(anonymous, code)).body["error"] == "invalid_grant"
    code = (await authorize(anonymous))["code"]
    assert (await redeem(anonymous, code, redirect_uri=BACK + "2")).body["error"] == "invalid_grant"


@pytest.mark.parametrize("method", ["S256", "plain"])
async def test_pkce(anonymous: Api, method: str) -> None:
    """The verifier must match the challenge."""
    verifier = "v" * 50
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    challenge = {"code_challenge": digest if method == "S256" else verifier, "code_challenge_method": method}
    code = (await authorize(anonymous, **challenge))["code"]
    assert (await redeem(anonymous, code, code_verifier="w" * 50)).body["error"] == "invalid_grant"
    code = (await authorize(anonymous, **challenge))["code"]
    assert (await redeem(anonymous, code, code_verifier=verifier)).status == 200


async def test_consent_refused(anonymous: Api, sandbox: Sandbox) -> None:
    """By the switch, or because the request is wrong."""
    assert (await authorize(anonymous, response_type="token"))["error"] == "unsupported_response_type"
    assert (await authorize(anonymous, scope="everything"))["error"] == "invalid_scope"
    assert (await authorize(anonymous, code_challenge="short"))["error"] == "invalid_request"
    sandbox.switches.authorize_error = "access_denied"
    assert await authorize(anonymous, state="s") == {"error": "access_denied", "state": "s"}


async def test_an_unknown_client_is_not_redirected(anonymous: Api, sandbox: Sandbox) -> None:
    """Nor to a redirect_uri that is not registered."""
    query = {"client_id": "x", "redirect_uri": BACK, "response_type": "code"}
    assert (await anonymous.client.get("/oauth2/auth", params=query, allow_redirects=False)).status == 400
    sandbox.oauth.redirect_uris.add("https://else.example/")
    query["client_id"] = sandbox.client_id
    assert (await anonymous.client.get("/oauth2/auth", params=query, allow_redirects=False)).status == 400


async def test_errors_of_the_token_endpoint_are_400(anonymous: Api, sandbox: Sandbox) -> None:
    """A wrong secret too, not 401."""
    form = {"client_id": sandbox.client_id, "client_secret": "wrong", "grant_type": "refresh_token"}
    reply = await anonymous.post_form("/token", **form)
    assert (reply.status, reply.body) == (400, {"error": "invalid_client"})
    form["client_secret"] = sandbox.client_secret
    assert (await anonymous.post_form("/token", **form)).body == {"error": "invalid_grant"}
    form["grant_type"] = "password"
    assert (await anonymous.post_form("/token", **form)).body == {"error": "unsupported_grant_type"}
    del form["grant_type"]
    assert (await anonymous.post_form("/token", **form)).body["error"] == "invalid_request"


async def test_a_refresh_rotates(anonymous: Api) -> None:
    """A new pair; the old refresh token is spent."""
    first = anonymous.sandbox.issue_refresh_token()
    one = (await anonymous.refresh(first)).body
    two = (await anonymous.refresh(one["refresh_token"])).body
    assert len({first, one["refresh_token"], two["refresh_token"]}) == 3
    assert (await anonymous.refresh(one["refresh_token"])).body == {"error": "invalid_grant"}


async def test_reuse_kills_the_family(anonymous: Api, sandbox: Sandbox) -> None:
    """Switchable; another consent's tokens live on."""
    other = sandbox.issue_refresh_token()
    first = sandbox.issue_refresh_token()
    newest = (await anonymous.refresh(first)).body["refresh_token"]
    assert (await anonymous.refresh(first)).status == 400
    assert (await anonymous.refresh(newest)).status == 400
    assert (await anonymous.refresh(other)).status == 200
    sandbox.switches.behaviour = "R1"
    first = sandbox.issue_refresh_token()
    newest = (await anonymous.refresh(first)).body["refresh_token"]
    assert (await anonymous.refresh(first)).status == 400
    assert (await anonymous.refresh(newest)).status == 200


async def test_refresh_tokens_die_after_31_days(anonymous: Api, sandbox: Sandbox, clock: Clock) -> None:
    """Without use."""
    token = sandbox.issue_refresh_token()
    clock.forward(31 * DAY - 1)
    newer = (await anonymous.refresh(token)).body["refresh_token"]
    clock.forward(31 * DAY)
    assert (await anonymous.refresh(newer)).body == {"error": "invalid_grant"}


async def test_access_tokens_live_300_seconds(api: Api, clock: Clock) -> None:
    """Then 401, an array."""
    clock.forward(299)
    assert (await api.call("GET", "/user")).status == 200
    clock.forward(1)
    (item,) = await api.refused("GET", "/contacts", status=401)
    assert (item["$dataCode"], item["$source"]) == ("AccessTokenVerificationError", "Authorization")


async def test_revoking_ends_the_family_but_not_the_access_token(api: Api, sandbox: Sandbox) -> None:
    """200 {"success":"ok"}; access tokens live out their minutes."""
    form = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret, "token": api.refresh_token}
    assert (await api.post_form("/revoke", **form)).body == {"success": "ok"}
    assert (await api.refresh(api.refresh_token)).status == 400
    assert (await api.call("GET", "/user")).status == 200
    assert (await api.post_form("/revoke", **{**form, "client_secret": "x"})).status == 400


async def test_401_has_two_shapes(anonymous: Api) -> None:
    """No header: an object. A bad token: an array, before the path is looked at."""
    reply = await anonymous.call("GET", "/contacts")
    assert reply.status == 401
    assert reply.body["error"].startswith("Authorization missing.")
    reply = await anonymous.call("GET", "/nothing", Authorization="Bearer x.y.z")
    assert reply.status == 401
    assert reply.body[0]["$dataCode"] == "AccessTokenVerificationError"


async def test_a_readonly_scope_may_not_write(anonymous: Api, sandbox: Sandbox) -> None:
    """403 MultiUserAccessDenied."""
    body = (await redeem(anonymous, (await authorize(anonymous, scope="readonly"))["code"])).body
    anonymous.token = body["access_token"]
    assert (await anonymous.call("GET", "/contacts")).status == 200
    (item,) = await anonymous.refused("DELETE", "/contacts/x", status=403)
    assert item["$dataCode"] == "MultiUserAccessDenied"

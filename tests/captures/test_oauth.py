"""Every token call that legacy clients were recorded with works, byte for byte but for its code or refresh token."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.store import Store
from tests.captures.capture_house import KEY, RECORDED, RECORDED_ID, REDIRECT_URIS, House
from tests.captures.recorded import Capture, read_oauth
from tests.captures.wire import Message, Reply

CAPTURES = read_oauth()
TOKEN_CALLS = [each for each in CAPTURES if each.message.method == "POST"]
BROWSERS = [each for each in CAPTURES if each.message.method == "GET"]
FIELDS = ["access_token", "token_type", "expires_in", "refresh_token", "scope"]


def test_no_recorded_call_is_left_out() -> None:
    """64: 61 token calls and three browsers."""
    assert (len(TOKEN_CALLS), len(BROWSERS)) == (61, 3)


@pytest.mark.parametrize("capture", TOKEN_CALLS, ids=lambda each: each.name)
def test_a_recorded_token_call_works(house: House, capture: Capture) -> None:
    """Exactly 200, a JSON object of what its client reads, and a token with which a contact can be read; the same call
    again is refused, or a refresh answered alike."""
    refreshes = b"grant_type=refresh_token" in capture.message.body or "=refresh_token" in capture.message.target
    code = issue(house, capture)
    given = token(house.send(exchange_of(code, capture)))["refresh_token"] if refreshes else code
    message = fitted(capture.message, given)
    reply = house.send(message)
    body = token(reply)
    assert works(house, body["access_token"])
    again = house.send(message)
    if refreshes:
        assert token(again) == body
    else:
        assert (again.status, again.json["error"]) == (400, "invalid_grant")
    assert house.line(reply)["resource"] == "oauth"
    assert house.line(reply)["tenant"] == RECORDED
    assert not [secret for secret in (given, *map(str, body.values())) if secret.encode() in secrets_logged(house)]


@pytest.mark.parametrize("capture", TOKEN_CALLS, ids=lambda each: each.name)
def test_a_recorded_token_call_with_an_unknown_token_is_refused(house: House, capture: Capture) -> None:
    """As it was recorded: `invalid_grant`, 400, which its client understands."""
    reply = house.send(capture.message)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
    assert reply.json["error"] == "invalid_grant"


@pytest.mark.parametrize("capture", BROWSERS, ids=lambda each: each.name)
def test_a_recorded_browser_is_sent_to_sage(house: House, capture: Capture) -> None:
    """With our own client, not the app's."""
    reply = house.send(capture.message)
    assert reply.status in (302, 303)
    query = dict(parse_qsl(urlsplit(reply.headers["location"]).query))
    assert query["client_id"] == house.stand_in.client_id != RECORDED_ID
    assert query["code_challenge_method"] == "S256"


def token(reply: Reply) -> dict[str, Any]:
    """The body of a good token reply, as the clients read it."""
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/json"
    assert b"\n" not in reply.body
    body: dict[str, Any] = reply.json
    assert list(body) == FIELDS
    assert all(re.fullmatch("[0-9a-f]{40}", body[name]) for name in ("access_token", "refresh_token"))
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("bearer", 3600, "full_access")
    return body


def issue(house: House, capture: Capture) -> str:
    """A code of the recorded app, as a browser that came back from Sage would bring it."""
    said = redirect_uri_of(capture)
    (uri,) = (each for each in REDIRECT_URIS if each.partition("?")[0] == said)

    async def work() -> str:
        store = await Store.open(house.database, bytes.fromhex(KEY))
        try:
            (tenant,) = (each for each in await store.tenants.all() if each.name == RECORDED)
            return await store.codes.issue(tenant.id, uri, "full_access", time.time())
        finally:
            await store.close()

    return asyncio.run(work())


def redirect_uri_of(capture: Capture) -> str:
    """What a token call says, or where it says nothing the first."""
    text = capture.message.body.decode() or capture.message.target.partition("?")[2]
    found = re.search(r'redirect_uri"?[=:]"?([^&"]+)', text)
    return dict(parse_qsl(f"uri={found[1]}"))["uri"] if found else REDIRECT_URIS[0]


def fitted(message: Message, given: str) -> Message:
    """The call with a code or refresh token that is there."""
    pattern = "madeUp(?:Code|Refresh)[0-9]+"
    body = re.sub(pattern.encode(), given.encode(), message.body)
    message = replace(message, target=re.sub(pattern, given, message.target), body=body)
    return message.with_header("Content-Length", str(len(body))) if body else message


def exchange_of(code: str, capture: Capture) -> Message:
    """The exchange that gives the first refresh token."""
    form = dict(parse_qsl(capture.message.body.decode() or capture.message.target.partition("?")[2]))
    said = {name: form[name] for name in ("client_id", "client_secret")}
    fields = {**said, "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri_of(capture)}
    body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    headers = (("Host", "api.sageone.com"), ("Content-Length", str(len(body))))
    return Message("POST", "/oauth2/token", headers, body)


def works(house: House, access: str) -> bool:
    """Whether a contact can be read with a token."""
    headers = (("Host", "api.sageone.com"), ("Authorization", f"Bearer {access}"))
    reply = house.send(Message("GET", "/accounts/v2/contacts?$itemsPerPage=1", headers, b""))
    return reply.status == 200 and len(reply.json["$resources"]) == 1


def secrets_logged(house: House) -> bytes:
    return house.log.getvalue()

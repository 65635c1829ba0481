"""R1 to R10 of reliability.md §3.3 on the wire; what each is, `test_token_behaviours` says."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest

from gateway.sandbox import Sandbox, serve_sandbox
from gateway.sandbox.token_behaviours import ROTATIONS

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api, Clock


async def raw(api: Api, token: str) -> tuple[int, bytes]:
    """Status and body of a refresh, JSON or not."""
    form = {"grant_type": "refresh_token", "client_id": api.sandbox.client_id, "refresh_token": token}
    response = await api.client.post("/token", data={**form, "client_secret": api.sandbox.client_secret})
    return response.status, await response.read()


@pytest.mark.parametrize("rotation", ROTATIONS)
async def test_every_rotation_serves_a_client_that_keeps_to_the_newest(
    anonymous: Api, sandbox: Sandbox, clock: Clock, rotation: str
) -> None:
    """Hourly refreshes, each with the token last given, and every access token works."""
    sandbox.switches.behaviour = rotation
    token = sandbox.issue_refresh_token()
    for _ in range(5):
        body = (await anonymous.refresh(token)).body
        token, anonymous.token = body["refresh_token"], body["access_token"]
        assert (await anonymous.call("GET", "/user")).status == 200
        clock.forward(3600)


@pytest.mark.parametrize(
    ("rotation", "again", "newest"),
    [("R1", 400, 200), ("R2", 400, 400), ("R3", 200, 200), ("R4", 200, 200), ("R5", 200, 200)],
)
async def test_a_spent_token(anonymous: Api, sandbox: Sandbox, rotation: str, again: int, newest: int) -> None:
    """What a repeat gets, and the newest token after it."""
    sandbox.switches.behaviour = rotation
    first = sandbox.issue_refresh_token()
    given = (await anonymous.refresh(first)).body
    repeated = await anonymous.refresh(first)
    assert repeated.status == again
    same = {"R3": True, "R4": False, "R5": True}.get(rotation)
    if same is not None:
        assert (repeated.body["refresh_token"] == given["refresh_token"]) is same
    assert (repeated.body.get("access_token") == given["access_token"]) is (rotation == "R3")
    assert (await anonymous.refresh(given["refresh_token"])).status == newest


@pytest.mark.parametrize("rotation", ROTATIONS)
async def test_a_dropped_answer_was_committed(anonymous: Api, sandbox: Sandbox, rotation: str) -> None:
    """The connection ends without an answer (R6), once; the same token works again where the rotation allows it."""
    sandbox.switches.behaviour = rotation
    token = sandbox.issue_refresh_token()
    sandbox.oauth.tokens.strike("R6")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await raw(anonymous, token)
    assert sandbox.oauth.tokens.accepted == 1
    assert (await anonymous.refresh(token)).status == (400 if rotation in ("R1", "R2") else 200)


@pytest.mark.parametrize("behaviour", ["R7", "R7:invalid"])
async def test_a_broken_answer_is_whole_http(anonymous: Api, sandbox: Sandbox, behaviour: str) -> None:
    """200 whose body is no JSON (R7)."""
    sandbox.switches.behaviour = behaviour
    status, body = await raw(anonymous, sandbox.issue_refresh_token())
    assert status == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(body)


async def test_an_answer_without_a_refresh_token(anonymous: Api, sandbox: Sandbox) -> None:
    """200 with an access token that works (R8); the token sent works on."""
    sandbox.switches.behaviour = "R8"
    token = sandbox.issue_refresh_token()
    for _ in range(2):
        body = (await anonymous.refresh(token)).body
        assert "refresh_token" not in body
        anonymous.token = body["access_token"]
        assert (await anonymous.call("GET", "/user")).status == 200


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [("R9", 0), ("R9:negative", -300), ("R9:string", "300"), ("R9:word", "soon"), ("R9:huge", 10**15)],
)
async def test_a_senseless_life(anonymous: Api, sandbox: Sandbox, clock: Clock, behaviour: str, told: object) -> None:
    """Told in the answer (R9); the access token lives its 300 seconds."""
    sandbox.switches.behaviour = behaviour
    body = (await anonymous.refresh(sandbox.issue_refresh_token())).body
    assert body["expires_in"] == told
    anonymous.token = body["access_token"]
    clock.forward(299)
    assert (await anonymous.call("GET", "/user")).status == 200
    clock.forward(1)
    assert (await anonymous.call("GET", "/user")).status == 401


@pytest.mark.parametrize(("behaviour", "committed"), [("R10", 1), ("R10:late", 0)])
async def test_a_late_answer(sandbox: Sandbox, behaviour: str, committed: int) -> None:
    """Committed before the wait, or after it, though the client has hung up (R10)."""
    tokens = sandbox.oauth.tokens
    sandbox.switches.latency = 0.2
    sandbox.switches.behaviour = behaviour
    runner, base = await serve_sandbox(sandbox)
    try:
        form = {"grant_type": "refresh_token", "client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
        impatient = aiohttp.ClientTimeout(sock_read=0.05)
        async with aiohttp.ClientSession(timeout=impatient) as session:
            with pytest.raises(aiohttp.ServerTimeoutError):
                await session.post(f"{base}/token", data={**form, "refresh_token": sandbox.issue_refresh_token()})
            assert tokens.accepted == committed
        async with aiohttp.ClientSession() as session:
            await session.post(f"{base}/token", data={**form, "refresh_token": sandbox.issue_refresh_token()})
            assert tokens.accepted == 2
    finally:
        await runner.cleanup()


async def test_a_late_answer_arrives(anonymous: Api, sandbox: Sandbox) -> None:
    """After the latency, as usual."""
    sandbox.switches.latency = 0.001
    for behaviour in ("R10", "R10:late"):
        sandbox.switches.behaviour = behaviour
        assert (await raw(anonymous, sandbox.issue_refresh_token()))[0] == 200


async def test_a_late_answer_keeps_nobody_from_stopping(sandbox: Sandbox) -> None:
    """A stand-in ends within seconds, though it still owes an answer."""
    sandbox.switches.latency = 3600
    sandbox.switches.behaviour = "R10"
    runner, base = await serve_sandbox(sandbox)
    form = {"grant_type": "refresh_token", "client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    form["refresh_token"] = sandbox.issue_refresh_token()
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        waiting = asyncio.create_task(session.post(f"{base}/token", data=form))
        while not sandbox.oauth.tokens.accepted:
            await session.get(base)
        await runner.cleanup()
        with pytest.raises(aiohttp.ClientError):
            await waiting


async def test_flaws_spare_codes_and_refusals(anonymous: Api, sandbox: Sandbox) -> None:
    """A consent goes through under each behaviour, and a wrong token is told so."""
    sandbox.switches.behaviour = "R6"
    assert await raw(anonymous, "unknown") == (400, b'{"error":"invalid_grant"}')
    query = {"client_id": sandbox.client_id, "redirect_uri": "http://127.0.0.1:9/", "response_type": "code"}
    response = await anonymous.client.get("/oauth2/auth", params=query, allow_redirects=False)
    reply = await anonymous.post_form(
        "/token",
        grant_type="authorization_code",
        client_id=sandbox.client_id,
        client_secret=sandbox.client_secret,
        code=response.headers["Location"].partition("code=")[2].partition("&")[0].replace("%2F", "/"),
        redirect_uri="http://127.0.0.1:9/",
    )
    assert (reply.status, "refresh_token" in reply.body) == (200, True)


async def test_faults_and_behaviours_go_together(anonymous: Api, sandbox: Sandbox) -> None:
    """A fault that answers without executing leaves the behaviour's turn for the next request."""
    sandbox.oauth.tokens.strike("R8")
    sandbox.faults.add("POST", "/token", status=503, retry_after=1)
    sandbox.faults.add("POST", "/token", kind="delay", seconds=0.001)
    token = sandbox.issue_refresh_token()
    assert (await anonymous.refresh(token)).status == 503
    assert "refresh_token" not in (await anonymous.refresh(token)).body
    assert "refresh_token" in (await anonymous.refresh(token)).body

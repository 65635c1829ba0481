"""Faults on demand, and what is remembered of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from gateway.sandbox import Sandbox, serve_sandbox, server

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

CONTACT = {"contact": {"name": "A", "contact_type_ids": ["CUSTOMER"]}}


async def test_throttling_on_demand(api: Api, sandbox: Sandbox) -> None:
    """429 with Retry-After, as often as said, on the path said."""
    sandbox.faults.add("GET", "/contacts", status=429, retry_after=7, times=2)
    for _ in range(2):
        reply = await api.call("GET", "/contacts")
        assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
    assert (await api.call("GET", "/contacts")).status == 200
    sandbox.faults.add("POST", "/contacts", status=429)
    assert (await api.call("GET", "/contacts")).status == 200
    sandbox.faults.clear()
    assert (await api.call("POST", "/contacts", CONTACT)).status == 201


async def test_bodies_on_demand(api: Api, sandbox: Sandbox) -> None:
    """JSON, raw text, an HTML page, or v3.1's own 500."""
    sandbox.faults.add("*", "/v3.1/contacts", status=500)
    sandbox.faults.add("*", "/contacts", status=200, body={"a": 1})
    sandbox.faults.add("*", "/contacts", status=200, body="not json", headers={"Content-Type": "text/plain"})
    sandbox.faults.add("*", "/contacts", status=502, kind="html")
    get = api.client.get
    headers = {"Authorization": f"Bearer {api.token}"}
    response = await get("/v3.1/contacts", headers=headers)
    assert (await response.json())[0]["$dataCode"] == "UnexpectedError"
    assert await (await get("/v3.1/contacts", headers=headers)).json() == {"a": 1}
    assert await (await get("/v3.1/contacts", headers=headers)).text() == "not json"
    response = await get("/v3.1/contacts", headers=headers)
    assert (response.status, response.content_type) == (502, "text/html")


@pytest.mark.parametrize(("kind", "executed"), [("reset_before", 0), ("reset_after", 1), ("truncate", 1)])
async def test_broken_connections(api: Api, sandbox: Sandbox, kind: str, executed: int) -> None:
    """Whether the write happened is what the kinds differ in."""
    sandbox.faults.add("POST", "/contacts", kind=kind)  # type: ignore[arg-type]
    with pytest.raises(aiohttp.ClientError):
        await api.call("POST", "/contacts", CONTACT)
    assert (await api.get("/contacts"))["$total"] == 15 + executed


async def test_a_delay_answers_as_usual(api: Api, sandbox: Sandbox) -> None:
    """After the seconds said."""
    sandbox.faults.add("GET", "/contacts", kind="delay", seconds=0.001)
    assert (await api.get("/contacts"))["$total"] == 15


async def test_the_token_endpoint_can_fail_too(api: Api, sandbox: Sandbox) -> None:
    """A lost token answer: rotated, but the client never saw it."""
    token = sandbox.issue_refresh_token()
    sandbox.faults.add("POST", "/token", kind="reset_after")
    with pytest.raises(aiohttp.ClientError):
        await api.refresh(token)
    assert (await api.refresh(token)).status == 400


async def test_old_requests_are_forgotten(api: Api, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest stay, at most twice as many as are promised."""
    monkeypatch.setattr(server, "REMEMBERED", 3)
    sandbox.requests.clear()
    for page in range(1, 21):
        await api.get(f"/contacts?page={page}")
        assert len(sandbox.requests) in range(min(page, 3), 7)
        assert sandbox.requests[-1].query == (("page", str(page)),)


async def test_requests_are_remembered_without_secrets(api: Api, sandbox: Sandbox) -> None:
    """Method, path, query, body; the token only as a fingerprint, OAuth forms without secrets."""
    sandbox.requests.clear()
    await api.call("POST", "/contacts?x=1&x=2", CONTACT)
    await api.refresh(api.refresh_token)
    post, token = sandbox.requests
    assert (post.method, post.path, post.query, post.body) == (
        "POST",
        "/v3.1/contacts",
        (("x", "1"), ("x", "2")),
        CONTACT,
    )
    assert api.token not in repr(post)
    assert dict(post.headers)["authorization"].startswith("Bearer ")
    assert token.body == {"grant_type": "refresh_token"}
    assert api.refresh_token not in repr(token)


async def test_it_serves_on_a_socket(sandbox: Sandbox) -> None:
    """On a free port; the base URL comes back."""
    runner, base = await serve_sandbox(sandbox)
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{base}/v3.1/contacts") as response:
            assert response.status == 401
            assert len(response.headers["X-Request-Id"]) == 32
    finally:
        await runner.cleanup()


async def test_other_paths_are_404(api: Api) -> None:
    """Nothing else is served."""
    assert (await api.client.get("/")).status == 404

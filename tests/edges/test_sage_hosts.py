"""Calls to Sage's own hosts: the only ones that no local server can stand in for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import ClientResponse
from aiohttp.abc import AbstractStreamWriter
from aioresponses import CallbackResult, aioresponses

from gateway.edges.token_client import Credentials, TokenClient
from gateway.edges.upstream import Upstream
from gateway.grants.life import Tokens
from gateway.grants.secret import Secret
from gateway.grants.tenant import Tenant
from gateway.messages import V2Request, V3Request

API = "https://api.accounting.sage.com/v3.1"
TOKEN = "https://oauth.accounting.sage.com/token"


class Response(ClientResponse):
    """aiohttp 3.14 wants to know the stream writer, of which aioresponses does not know yet."""

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **{"stream_writer": AbstractStreamWriter, **named})


class OneToken:
    """A refresher that always has the same token."""

    async def token(self, tenant: Tenant) -> str:
        return "jwt"

    async def stale(self, tenant: Tenant, token: str) -> str:
        return "jwt"


@pytest.fixture
def sage() -> Iterator[aioresponses]:
    """Sage's hosts, answering what a test says; any other host is refused."""
    with aioresponses() as mocked:
        yield mocked


async def test_a_record_is_read_from_sages_api(sage: aioresponses):
    """A request goes to the configured host over TLS, with the tenant's business and token, and nothing else."""
    sage.get(
        f"{API}/contacts/c1?show_legacy_id=true",
        payload={"id": "c1"},
        headers={"X-Business": "b1", "Content-Type": "application/json"},
        response_class=Response,
    )
    upstream = Upstream(API, OneToken(), key=b"k" * 32)
    try:
        port = upstream.bind(Tenant(1, "t", "acme", "b1", 1), V2Request("GET", "/accounts/v2/contacts/1"), None)
        answer = await port.send(V3Request("GET", "/contacts/c1", (("show_legacy_id", "true"),)))
    finally:
        await upstream.close()
    ((_, calls),) = sage.requests.items()
    headers = calls[0].kwargs["headers"]
    assert (answer.status, answer.body) == (200, {"id": "c1"})
    assert (headers["Authorization"], headers["X-Business"]) == ("Bearer jwt", "b1")
    assert calls[0].kwargs["allow_redirects"] is False


async def test_a_token_is_refreshed_at_sages_token_host(sage: aioresponses):
    """The refresh is a form post that holds the client's credentials in its body, as Sage documents it."""
    forms: list[dict[str, list[str]]] = []

    def answer(url: Any, **call: Any) -> CallbackResult:
        forms.append(parse_qs(call["data"].decode()))
        return CallbackResult(
            payload={
                "access_token": "jwt",
                "refresh_token": "next",
                "expires_in": 300,
                "refresh_token_expires_in": 2678400,
                "token_type": "bearer",
            },
            response_class=Response,
        )

    sage.post(TOKEN, callback=answer)
    client = TokenClient(TOKEN)
    try:
        tokens = await client.refresh(Credentials("id", Secret("shh")), Secret("old"))
    finally:
        await client.close()
    assert isinstance(tokens, Tokens)
    assert forms == [
        {
            "grant_type": ["refresh_token"],
            "refresh_token": ["old"],
            "client_id": ["id"],
            "client_secret": ["shh"],
        }
    ]

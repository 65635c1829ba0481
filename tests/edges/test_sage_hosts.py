"""Calls to Sage's own hosts: the only ones that no local server can stand in for."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import ClientResponse
from aiohttp.abc import AbstractStreamWriter
from aiohttp.resolver import DefaultResolver
from aioresponses import CallbackResult, aioresponses

from gateway.edges.server import tls
from gateway.edges.token_client import Credentials, TokenClient
from gateway.edges.upstream import Upstream
from gateway.grants.life import Tokens
from gateway.grants.secret import Secret
from gateway.grants.tenant import Tenant
from gateway.messages import V2Request, V3Request
from tests.edges.edge_authority import authority

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


async def test_a_record_is_read_from_sages_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A request goes to the configured host over TLS, with the tenant's business and token, and nothing else."""
    cert, key = authority(tmp_path, "api.accounting.sage.com")
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b'HTTP/1.1 200 OK\r\nX-Business: b1\r\nContent-Length: 11\r\n\r\n{"id":"c1"}')
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls(cert, key))
    port = server.sockets[0].getsockname()[1]
    asked: list[tuple[str, int]] = []

    async def resolve(_: Any, host: str, number: int = 0, family: int = 0) -> list[dict[str, Any]]:
        asked.append((host, number))
        here = {"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET}
        return [{**here, "proto": 0, "flags": socket.AI_NUMERICHOST}]

    monkeypatch.setattr(DefaultResolver, "resolve", resolve)
    upstream = Upstream(API, OneToken(), key=b"k" * 32, tls=ssl.create_default_context(cafile=str(cert)))
    bound = upstream.bind(Tenant(1, "t", "acme", "b1", 1), V2Request("GET", "/accounts/v2/contacts/1"), None)
    answer = await bound.send(V3Request("GET", "/contacts/c1", (("show_legacy_id", "true"),)))
    await upstream.close()
    server.close()
    assert (answer.status, answer.body, asked) == (200, {"id": "c1"}, [("api.accounting.sage.com", 443)])
    first, *fields = heads[0].strip().split("\r\n")
    assert first == "GET /v3.1/contacts/c1?show_legacy_id=true HTTP/1.1"
    told = dict(field.split(": ") for field in fields)
    assert (told.pop("Host"), told.pop("Authorization")) == ("api.accounting.sage.com", "Bearer jwt")
    assert (told.pop("X-Business"), told.pop("Accept")) == ("b1", "application/json")
    assert told.keys() == {"Accept-Encoding", "User-Agent", "Via"}


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

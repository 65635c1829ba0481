"""What becomes of a refresh request: told apart on a real wire."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.edges.token_client import LARGEST_ANSWER, Credentials, TokenClient, classify
from gateway.grants.life import Failed, Failure, Tokens
from gateway.grants.secret import Secret

CREDENTIALS = Credentials("id&", Secret("secret="))
GOOD = (
    b'{"access_token":"a","token_type":"bearer","expires_in":300,"refresh_token":"r",'
    b'"refresh_token_expires_in":2678400,"scope":"full_access","requested_by_id":"u"}'
)


def answer(status: str, body: bytes, *headers: str) -> bytes:
    """An HTTP answer as bytes."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Wire:
    """A server that answers each request with given bytes and hangs up; it keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.says: bytes | None = answer("200 OK", GOOD)
        self.address = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            self.requests.append(head + await reader.readexactly(length))
            if self.says is None:
                await reader.read()
            else:
                writer.write(self.says)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
    yield wire
    server.close()
    await server.wait_closed()


async def ask(url: str, may_send: Callable[[], bool] = lambda: True, seconds: float = 5.0) -> Tokens | Failed:
    """One refresh."""
    client = TokenClient(url, total_seconds=seconds)
    try:
        return await client.refresh(CREDENTIALS, Secret("r/+ &"), may_send)
    finally:
        await client.close()


async def test_a_refresh_is_posted_as_a_form(wire):
    """Form-encoded, credentials in the body, JSON accepted (v31.md §2); no cookie, no Basic, no compression."""
    assert await ask(wire.address) == Tokens(Secret("a"), 300.0, Secret("r"), 2_678_400.0, "u")
    head, _, body = wire.requests[0].decode().partition("\r\n\r\n")
    assert parse_qs(body, strict_parsing=True) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["r/+ &"],
        "client_id": ["id&"],
        "client_secret": ["secret="],
    }
    lines = head.lower().split("\r\n")
    assert lines[0] == "post /token http/1.1"
    assert "content-type: application/x-www-form-urlencoded" in lines
    assert "accept: application/json" in lines
    assert "accept-encoding: identity" in lines
    assert not [line for line in lines if line.startswith(("cookie", "authorization"))]


async def test_cookies_are_not_kept(wire):
    """Sage's refresh was once reported to hang on them (reliability.md §3.3)."""
    wire.says = answer("200 OK", GOOD, "Set-Cookie: canary=1; Path=/")
    client = TokenClient(wire.address)
    for _ in range(2):
        await client.refresh(CREDENTIALS, Secret("r"))
    await client.close()
    assert not any(b"canary" in request for request in wire.requests)
    assert wire.connections == 2


async def test_redirects_are_not_followed(wire):
    """They would carry a refresh token elsewhere."""
    wire.says = answer("307 Temporary Redirect", b"", f"Location: {wire.address}")
    assert await ask(wire.address) == Failed(Failure.TRANSIENT)
    assert len(wire.requests) == 1


async def test_the_environments_proxy_is_not_used(wire, monkeypatch):
    """Nor a netrc."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert isinstance(await ask(wire.address), Tokens)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/token", "http://no.such.host.invalid/token", "https://{}/token", "nonsense"]
)
async def test_a_request_that_never_left_is_not_sent(wire, url):
    """Refused connection, unknown host, failed TLS, no address: the token is surely unspent."""
    assert await ask(url.format(wire.address[7:-6]), seconds=1.0) == Failed(Failure.NOT_SENT)
    assert wire.requests == []


async def test_permission_is_asked_when_the_connection_stands(wire):
    """A paused holder must not fire a stale token (reliability.md §3.3 step 4)."""
    asked = []

    def may_send() -> bool:
        asked.append(wire.connections)
        return False

    assert await ask(wire.address, may_send) == Failed(Failure.NOT_SENT)
    assert len(asked) == 1
    assert wire.requests == []


@pytest.mark.parametrize(
    "says",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + GOOD,
        b"nonsense\r\n\r\n",
        answer("200 OK", GOOD[:-20]),
        answer("200 OK", b"<html>"),
        answer("200 OK", b"[]"),
        answer("200 OK", b'{"expires_in":300}'),
        answer("200 OK", b'{"access_token":"a\\r\\nX: y","refresh_token":""}'),
        answer("200 OK", b"[" * 100_000),
        answer("200 OK", b" " * (LARGEST_ANSWER + 1)),
        answer("500 Internal Server Error", b"{}"),
        answer("502 Bad Gateway", b""),
        answer("504 Gateway Timeout", b""),
    ],
)
async def test_an_answer_that_tells_nothing_is_ambiguous(wire, says):
    """The token may have been spent."""
    wire.says = says
    assert await ask(wire.address) == Failed(Failure.AMBIGUOUS)
    assert len(wire.requests) == 1


async def test_silence_is_ambiguous(wire):
    """After the total timeout; nothing is sent a second time (finding 3)."""
    wire.says = None
    assert await ask(wire.address, seconds=0.3) == Failed(Failure.AMBIGUOUS)
    assert len(wire.requests) == 1


async def test_an_answer_that_came_while_the_process_was_paused_is_read():
    """Its time is over when it goes on, but the answer lies in its socket, and holds the only live token."""
    loop, paused, answered = asyncio.get_running_loop(), threading.Event(), threading.Event()

    def pause() -> None:
        paused.set()
        answered.wait(5)
        over = loop.time() + 0.6
        while loop.time() < over:
            pass

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(65536)
            loop.call_soon_threadsafe(pause)
            paused.wait(5)
            connection.sendall(answer("200 OK", GOOD))
            answered.set()
            while connection.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        sage = loop.run_in_executor(None, serve)
        found = await ask(f"http://127.0.0.1:{listener.getsockname()[1]}/token", seconds=0.5)
        await sage
    assert isinstance(found, Tokens)


@pytest.mark.parametrize(
    ("status", "retry_after", "body", "failed"),
    [
        (400, None, b'{"error":"invalid_grant"}', Failed(Failure.INVALID_GRANT)),
        (401, None, b'{"error":"invalid_grant","error_description":"x"}', Failed(Failure.INVALID_GRANT)),
        (200, None, b'{"error":"invalid_grant","access_token":"a"}', Failed(Failure.INVALID_GRANT)),
        (400, None, b'{"error":"invalid_client"}', Failed(Failure.INVALID_CLIENT)),
        (401, None, b'{"error":"unauthorized_client"}', Failed(Failure.INVALID_CLIENT)),
        # One tenant's misshapen token rests that tenant, and no other of its app.
        (400, None, b'{"error":"invalid_request"}', Failed(Failure.TRANSIENT, 300.0)),
        (400, None, b'{"error":"unsupported_grant_type"}', Failed(Failure.TRANSIENT, 300.0)),
        (400, None, b'{"error":["invalid_grant"]}', Failed(Failure.TRANSIENT)),
        (400, None, b"<html>", Failed(Failure.TRANSIENT)),
        (404, None, b"", Failed(Failure.TRANSIENT)),
        (429, "7", b"", Failed(Failure.TRANSIENT, 7.0)),
        (503, " 120 ", b'{"error":"invalid_grant"}', Failed(Failure.TRANSIENT, 120.0)),
        (503, "Wed, 21 Oct 2026 07:28:00 GMT", b"", Failed(Failure.TRANSIENT)),
        (503, "-1", b"", Failed(Failure.TRANSIENT)),
        (503, "9" * 400, b"", Failed(Failure.TRANSIENT)),
    ],
)
def test_refusals_are_told_apart(status, retry_after, body, failed):
    """By status and by RFC 6749's error codes (v31.md §2)."""
    assert classify(status, retry_after, body) == failed


@pytest.mark.parametrize(
    ("told", "life"),
    [
        (b"60", 60.0),
        (b'"60"', 60.0),
        (b"0", 300.0),
        (b"-1", 300.0),
        (b'"soon"', 300.0),
        (b"null", 300.0),
        (b"true", 300.0),
        (b"[]", 300.0),
        (b"1e9", 3600.0),
        (b"1e300", 300.0),
        (b"9" * 400, 300.0),
        (b'"nan"', 300.0),
    ],
)
def test_a_senseless_lifetime_does_not_lose_the_tokens(told, life):
    """R9: expires_in 0, negative, text, huge."""
    body = b'{"access_token":"a","refresh_token":"r","expires_in":' + told + b"}"
    assert classify(200, None, body) == Tokens(Secret("a"), life, Secret("r"))


def test_tokens_without_a_refresh_token_are_tokens():
    """R8: then the old one stays in use."""
    assert classify(200, None, b'{"access_token":"a","expires_in":300}') == Tokens(Secret("a"), 300.0)


@pytest.mark.parametrize(
    "access",
    [b"", b'"access_token":"",', b'"access_token":null,', b'"access_token":7,', b'"access_token":"a\\r\\nX: y",'],
)
def test_a_refresh_token_is_kept_though_the_access_token_is_none(access):
    """The old refresh token may be spent, so that the new one must not be lost (reliability.md §3.3)."""
    body = b"{" + access + b'"refresh_token":"r","refresh_token_expires_in":2678400,"requested_by_id":"u"}'
    assert classify(200, None, body) == Tokens(None, 300.0, Secret("r"), 2_678_400.0, "u")


@pytest.mark.parametrize("error", [b"null", b'""'])
def test_an_empty_error_is_none(error):
    """Tokens beside it are not lost."""
    body = b'{"error":' + error + b',"access_token":"a","refresh_token":"r","expires_in":60}'
    assert classify(200, None, body) == Tokens(Secret("a"), 60.0, Secret("r"))


@example(429, "0\x1f", b"")
@given(st.integers(200, 599), st.one_of(st.none(), st.text(max_size=20)), st.binary(max_size=80))
def test_any_answer_is_classified(status, retry_after, body):
    """And raises nothing."""
    assert isinstance(classify(status, retry_after, body), Tokens | Failed)

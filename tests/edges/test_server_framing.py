"""What is HTTP and what only looks like it, over real sockets."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.edges.edge_house import GOOD, SMALL, House, house, is_v2, parse


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /x HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
        b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
        b"GET /x HTTP/1.1\nHost: a\n\n",
        b"GET /x HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /x HTTP/1.2\r\nHost: a\r\n\r\n",
        b"GET /x HTTP/0.9\r\nHost: a\r\n\r\n",
        b"GET /x\r\n\r\n",
        b"get /x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET http://elsewhere.example/accounts/v2/contacts HTTP/1.1\r\nHost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_not_proper_http_is_400_in_v2s_shape(gateway: House, raw: bytes) -> None:
    """Requests another server might read differently are refused, the connection closed, nothing echoed or run."""
    raw = raw.replace(b"Host: a\r\n", b"Host: a\r\nAuthorization: Bearer " + GOOD.encode() + b"\r\n", 1)
    answer = await gateway.send(raw)
    status, _, body = parse(answer)
    assert (status, is_v2(body)) == (400, True)
    assert answer.count(b" 400 Bad Request\r\n") == 1
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"elsewhere" not in body
    assert gateway.talk.calls == []
    assert GOOD.encode() not in gateway.log.getvalue()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"canary" * 60), "request-target is over 300 bytes"),
        (b"GET /%b" % (b"canary" * 600), "request-target is over 300 bytes"),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (b"canary" * 60), "header is over 300 bytes"),
        (b"GET /x HTTP/1.1\r\nHost: a\r\n%b: x\r\n\r\n" % (b"canary" * 60), "header is over 300 bytes"),
        (b"GET /x HTTP/1.1\r\nHost: a\r\n" + b"canary: x\r\n" * 8 + b"\r\n", "more than 8 headers"),
        (b"GET /canary\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", "request-target must be a path of visible ASCII"),
        (b"GET canary HTTP/1.1\r\nHost: a\r\n\r\n", "request-target must be a path of visible ASCII"),
        (b"GET http://[canary/ HTTP/1.1\r\nHost: a\r\n\r\n", "request-target must be a path of visible ASCII"),
        (b"GET /a canary HTTP/1.1\r\nHost: a\r\n\r\n", "a space in the path is written %20"),
        (b"GET /canary HTTP/1.1\r\n\r\n", "must have a Host header"),
        (b"GET /canary HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "comes twice (Host"),
        (b"GET /canary HTTP/1.3\r\nHost: a\r\n\r\n", "Only HTTP/1.0 and HTTP/1.1"),
        (b"GET /canary HTTP/1.1\nHost: a\n\n", "must end in CR and LF"),
        (b"canary /x HTTP/1.1\r\nHost: a\r\n\r\n", "a method in capitals"),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: canary\r\n\r\n", "one number of digits"),
        (
            b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "both Content-Length and Transfer-Encoding",
        ),
        (
            b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
            "both Content-Length and Transfer-Encoding",
        ),
        (b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: canary\r\n\r\n", "may be chunked alone"),
        (b"GET /x HTTP/1.1\r\nHost: a\r\n canary: b\r\n\r\n", "may not go on in a second line"),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nX: canary\x00\r\n\r\n", "control character"),
        (b"GET /x HTTP/1.1\r\nHost: a\r\ncanary : b\r\n\r\n", "a name without spaces"),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\n", "a name without spaces"),
        (b"GET /x HTTP/1.1\r\nHost: a\r\ncanary: a\rb\r\n\r\n", "must end in CR and LF"),
        (b"\x16\x03\x01\x02canary\x00\x01\xfc\x03\x03", "TLS"),
    ],
)
async def test_what_cannot_be_read_is_told_what_is_wrong(raw: bytes, said: str) -> None:
    """And where, under a request id that the log has too, with nothing of the request in either."""
    async with house(limits=SMALL) as gateway:
        status, headers, body = parse(await gateway.send(raw))
        assert status == 400
        assert said in json.loads(body)["$diagnoses"][0]["$message"]
        assert headers["x-request-id"] == gateway.lines[0]["request"]
        assert b"canary" not in body + gateway.log.getvalue()


@pytest.mark.parametrize(
    "target",
    [
        "/accounts/v2/../core",
        "/accounts/v2/..",
        "/./accounts/v2/contacts",
        "/accounts/v2/%2e%2E/core",
        "/accounts/v2/.%2e;x/core",
        "/accounts%2fv2/contacts",
        "/accounts%2Fv2/contacts",
        "/accounts/v2/contacts\\1",
        "/accounts/v2/contacts%5c1",
        "/accounts/v2/contacts/%00",
        "/accounts/v2/%252e%252e/core",
        "/accounts/v2/contacts#x",
        "/accounts/v2/contacts?x#y",
    ],
)
async def test_path_games_are_refused(gateway: House, target: str) -> None:
    """Dot segments, backslashes, encoded slashes and fragments never reach the core."""
    status, _, body = await gateway.get(target)
    assert (status, is_v2(body)) == (400, True)
    assert gateway.talk.calls == []


@pytest.mark.parametrize("target", ["/a?x=../..%2f%5c\\", "//a//b/", "/a/..b/c..d/...", "/https://x/a", "/a/1.5"])
async def test_what_only_looks_like_a_game_passes(gateway: House, target: str) -> None:
    """A query may hold anything; doubled and trailing slashes and dots inside words are nobody's game."""
    await gateway.get(target)
    assert gateway.talk.calls[0].target == target


@pytest.mark.parametrize("raw", [b"TRACE /accounts/v2/contacts", b"CONNECT api.example:443", b"CONNECT elsewhere"])
async def test_trace_and_connect_are_denied(gateway: House, raw: bytes) -> None:
    """TRACE and CONNECT are 401 in v2's shape; TRACE echoes nothing."""
    token = b"\r\nAuthorization: Bearer " + GOOD.encode()
    answer = await gateway.send(raw + b" HTTP/1.1\r\nHost: a" + token + b"\r\n\r\n")
    status, _, body = parse(answer)
    assert (status, is_v2(body)) == (401, True)
    assert GOOD.encode() not in answer
    assert gateway.talk.calls == []


async def test_http_1_0_is_spoken(gateway: House) -> None:
    """An HTTP/1.0 call without Host is served and its connection closed (PHP 5 clients)."""
    raw = f"GET /accounts/v2/contacts HTTP/1.0\r\nAuthorization: Bearer {GOOD}\r\n\r\n"
    answer = await gateway.send(raw.encode())
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"\r\nConnection:" not in answer
    assert answer.endswith(b'\r\n\r\n{"id":1,"$key":1}')


async def test_http_1_0_may_ask_for_more(gateway: House) -> None:
    """An HTTP/1.0 client that asks for it keeps its connection, and is told so."""
    raw = f"GET /a HTTP/1.0\r\nConnection: keep-alive\r\nAuthorization: Bearer {GOOD}\r\n\r\n".encode()
    async with gateway.connect() as (reader, writer):
        for _ in range(2):
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"\r\nConnection: keep-alive\r\n" in head
            assert await reader.readexactly(17) == b'{"id":1,"$key":1}'


async def test_a_connection_stays_open_unless_the_client_says_otherwise(gateway: House) -> None:
    """HTTP/1.1 keeps the connection without a word; `Connection: close` is answered in kind. Every reply is dated."""
    raw = f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n".encode()
    async with gateway.connect() as (reader, writer):
        writer.write(raw + b"\r\n")
        kept = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(17)
        writer.write(raw + b"Connection: close\r\n\r\n")
        closed = await reader.read()
    assert b"Connection" not in kept
    assert b"\r\nConnection: close\r\n" in closed
    for head in (kept, closed):
        (date,) = re.findall(rb"\r\nDate: (.* GMT)\r\n", head)
        assert abs(parsedate_to_datetime(date.decode()) - datetime.now(UTC)) < timedelta(minutes=1)


async def test_an_upgrade_is_declined(gateway: House) -> None:
    """A client that asks for another protocol gets its reply in HTTP, and may go on in HTTP."""
    raw = f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n".encode()
    ask = raw + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    answer = await gateway.send(ask + raw + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == answer.count(b'\r\n\r\n{"id":1,"$key":1}') == 2


async def test_head_has_no_body(gateway: House) -> None:
    """What answers HEAD is a head: the next reply on the connection begins where it ends."""
    token = f" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n".encode()
    answer = await gateway.send(b"HEAD /a" + token + b"\r\nGET /a" + token + b"Connection: close\r\n\r\n")
    first, second, third = answer.split(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")
    assert third == b'{"id":1,"$key":1}'


async def test_expect_continue_is_answered_before_the_body(gateway: House) -> None:
    """A client that waits for 100 Continue gets it, then sends its body and gets the reply (.NET, captures §3)."""
    async with gateway.connect() as (reader, writer):
        writer.write(
            b"POST /accounts/v2/contacts HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
            b"Authorization: Bearer " + GOOD.encode() + b"\r\n\r\n"
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"a=1")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
    assert gateway.talk.calls[0].body == b"a=1"


async def test_expect_continue_is_not_answered_for_an_unknown_token() -> None:
    """A refused call is told so at once: the body is not asked for, and the connection ends."""
    raw = b"POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    async with house(limits=SMALL) as gateway:
        answer = await gateway.send(raw)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close" in answer


async def test_underscore_headers_matter_to_nobody(gateway: House) -> None:
    """The official PHP sample's `Content_Type` changes nothing (v2.md §2.6)."""
    raw = (
        f"GET /x HTTP/1.1\r\nHost: a\r\nContent_Type: x/y\r\nAuthorization: Bearer {GOOD}\r\nConnection: close\r\n\r\n"
    )
    assert parse(await gateway.send(raw.encode()))[0] == 200


async def test_chunked_bodies_are_put_together(gateway: House) -> None:
    """A chunked body reaches the core as its bytes."""
    raw = (
        f"POST /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n4\r\n&b=2\r\n0\r\n\r\n"
    )
    assert parse(await gateway.send(raw.encode()))[0] == 200
    assert gateway.talk.calls[0].body == b"a=1&b=2"


@pytest.mark.parametrize("rest", ["3\r\na=1\r\n", "zz\r\na=1\r\n0\r\n\r\n"])
async def test_a_broken_chunked_body_is_400_and_never_run(rest: str) -> None:
    """A chunked body that ends early or has a bad size is refused, and nothing of it reaches the core."""
    raw = f"POST /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\nTransfer-Encoding: chunked\r\n\r\n{rest}"
    async with house(limits=replace(SMALL, body_seconds=0.05)) as gateway:
        assert parse(await gateway.send(raw.encode()))[0] == 400
        assert gateway.talk.calls == []


async def test_compressed_bodies_are_refused(gateway: House) -> None:
    """A body under a content coding is 400: v2 took none, and an inflated bomb costs memory."""
    headers = {"Authorization": f"Bearer {GOOD}", "Content-Encoding": "gzip"}
    status, _, body = await gateway.ask("POST", "/x", headers, b"\x1f\x8b")
    assert (status, is_v2(body)) == (400, True)
    assert gateway.talk.calls == []


async def test_a_kept_connection_serves_call_after_call(gateway: House) -> None:
    """Calls may follow, or be pipelined, on one connection, and are answered in order."""
    one = f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n"
    last = f"GET /b HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\nConnection: close\r\n\r\n"
    answer = await gateway.send((one + one + last).encode())
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert [call.target for call in gateway.talk.calls] == ["/a", "/a", "/b"]

"""The public listener over real sockets: framing, the order of checks, and what v2 clients get back."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientSession

from gateway.edges.callers import Callers, Known, Terms
from gateway.edges.connection import Listener
from gateway.edges.handler import Reception
from gateway.edges.limits import Limits
from gateway.edges.metrics import Metrics
from gateway.edges.server import Serving, bind, serve
from gateway.edges.telemetry import Line, Telemetry
from gateway.edges.trial import SECRET, TOKEN, Trial
from gateway.errors import UpstreamLate
from gateway.grants.tenant import Tenant
from gateway.messages import Caller, Exchange, Note, V2Request, V2Response
from gateway.translate.faults import render

GOOD = "a" * 40
OTHER = "b" * 40
ACME = Tenant(1, "acme", "shop", "biz1", 1)
SECOND = Tenant(2, "second", "strict", "biz2", 2)
SIGNING = "s3cret"
URL = "https://gateway.example"
OK = V2Response(200, {"id": 1, "$key": 1}, (("Content-Type", "application/json;vnd.sage=sdata"),))


@dataclass
class Talk:
    """Conversations that answer every call in one way, and remember it."""

    answer: Callable[[V2Request], V2Response] = lambda _: OK
    notes: tuple[Note, ...] = ()
    calls: list[V2Request] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    go_on: asyncio.Event | None = None

    async def hold(self, call: V2Request, known: Known, line: Line) -> Exchange:
        self.calls.append(call)
        self.known.append(known)
        if self.go_on is not None:
            await self.go_on.wait()
        return Exchange(call, (), self.answer(call), self.notes, "contacts")


@dataclass
class House:
    """A gateway at work, and all one may want to look at."""

    serving: Serving
    talk: Talk
    log: io.BytesIO
    metrics: Metrics
    asked: list[str]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.serving.port}"

    async def send(self, raw: bytes) -> bytes:
        """Everything that comes back for these bytes until the gateway closes the connection."""
        async with self.connect() as (reader, writer):
            writer.write(raw)
            return await reader.read()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A raw connection, for at most 20 seconds."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.serving.port)
        try:
            async with asyncio.timeout(20):
                yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def get(self, target: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        fields = {"Authorization": f"Bearer {GOOD}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return await self.ask("GET", target, fields)

    async def ask(
        self, method: str, target: str, headers: dict[str, str], body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """One call on a connection of its own: status, headers (lower-case names), body."""
        head = [f"{method} {target} HTTP/1.1", "Host: gateway", "Connection: close"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            head.append(f"Content-Length: {len(body)}")
        return parse(await self.send("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body))


def parse(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    return int(first.split(" ")[1]), headers, body


@asynccontextmanager
async def house(
    talk: Talk | None = None, *, limits: Limits | None = None, sandboxed: bool = False
) -> AsyncIterator[House]:
    talk, limits, log = talk or Talk(), limits or Limits(), io.BytesIO()
    metrics = Metrics({"contacts"}, {"contacts"})
    telemetry = Telemetry(log, metrics, strict=True)
    asked: list[str] = []

    async def find(token: str) -> Tenant | None:
        asked.append(token)
        return {GOOD: ACME, OTHER: SECOND, TOKEN: ACME if sandboxed else None}.get(token)

    terms = {"shop": Terms("report", SIGNING), "strict": Terms("enforce", SIGNING)}
    extra = (("X-Sage-Gateway", "sandbox"),) if sandboxed else ()
    known = Known(ACME, terms["shop"], Caller(business="biz1"), TOKEN)
    reception = Reception(
        Callers(find, terms, clock=lambda: 0.0),
        talk,
        telemetry,
        limits=limits,
        public_urls=(URL,),
        trial=Trial(known, (URL,), {"contact"}) if sandboxed else None,
        extra=extra,
    )
    listener = Listener(reception, limits=limits, unreadable=telemetry.unreadable, extra=extra)
    serving = await serve(listener, bind("127.0.0.1", 0), limits=limits)
    try:
        yield House(serving, talk, log, metrics, asked)
    finally:
        await serving.stop()


@pytest.fixture
async def gateway() -> AsyncIterator[House]:
    async with house() as built:
        yield built


@pytest.fixture
async def sandbox() -> AsyncIterator[House]:
    async with house(sandboxed=True) as built:
        yield built


def sign(method: str, url: str, parameters: str, secret: str, token: str, nonce: str = "0" * 32) -> dict[str, str]:
    """The headers of a signed call; `parameters` is the sorted, encoded parameter string (v2.md §2.1)."""
    text = "&".join([method, *(quote(part, safe="-._~") for part in (url, parameters, nonce))])
    digest = hmac.new(f"{secret}&{token}".encode(), text.encode(), hashlib.sha1).digest()
    return {
        "Authorization": f"Bearer {token}",
        "X-Nonce": nonce,
        "X-Signature": base64.b64encode(digest).decode(),
    }


async def test_a_call_gets_one_line_of_json_with_v2s_headers(gateway: House) -> None:
    """A served call is compact JSON on one line, with v2's content type, no caching, a request id and no version."""
    status, headers, body = await gateway.get("/accounts/v2/contacts/1")
    assert (status, body) == (200, b'{"id":1,"$key":1}')
    assert headers["content-type"] == "application/json;vnd.sage=sdata"
    assert headers["cache-control"] == "no-store"
    assert headers["server"] == "sage-gateway"
    assert headers["x-request-id"] == gateway.lines[0]["request"]
    assert "x-sage-gateway" not in headers


async def test_the_target_and_headers_reach_the_core_as_sent(gateway: House) -> None:
    """Nothing decodes, folds or reorders the target or the headers before the core sees them."""
    target = '//accounts/v2/contacts//7/?search=a%20b+c&%24x=[1]&u=%e9|{}^"<>\\'
    await gateway.get(target, X_NoNce="n1")
    call = gateway.talk.calls[0]
    assert (call.method, call.target) == ("GET", target)
    assert ("X-NoNce", "n1") in call.headers


async def test_bytes_are_sent_as_they_are_and_decimals_as_numbers() -> None:
    """A PDF goes out untouched under its own content type; a Decimal keeps its digits; nothing becomes `{}`."""
    replies = iter(
        [
            V2Response(200, b"%PDF-1.4\x00\xff", (("Content-Type", "application/pdf"),)),
            V2Response(200, {"n": Decimal("12.10")}),
            V2Response(200, None),
        ]
    )
    async with house(Talk(lambda _: next(replies))) as gateway:
        status, headers, body = await gateway.get("/a")
        assert (status, headers["content-type"], body) == (200, "application/pdf", b"%PDF-1.4\x00\xff")
        assert (await gateway.get("/a"))[2] == b'{"n":12.10}'
        assert (await gateway.get("/a"))[2] == b"{}"


async def test_token_comes_before_everything_but_framing(gateway: House) -> None:
    """A missing, unknown or overlong token is 400 invalid_token, for an unknown path and verb as well."""
    for headers in ({}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic abc"}):
        for method, target in (("GET", "/accounts/v2/contacts"), ("PATCH", "/nowhere")):
            status, fields, body = await gateway.ask(method, target, headers)
            assert (status, json.loads(body)["error"]) == (400, "invalid_token")
            assert fields["content-type"] == "application/json"
    status, _, body = await gateway.get("/accounts/v2/contacts", Authorization="Bearer " + "x" * 257)
    assert (status, json.loads(body)["error"]) == (400, "invalid_token")
    assert "x" * 257 not in gateway.asked
    assert gateway.talk.calls == []


async def test_a_busy_client_costs_one_look_at_the_store(gateway: House) -> None:
    """A good token is looked up once while it is remembered; an unknown one every time."""
    for _ in range(3):
        await gateway.get("/accounts/v2/contacts")
        await gateway.get("/accounts/v2/contacts", Authorization="Bearer nobody")
    assert gateway.asked == [GOOD, "nobody", "nobody", "nobody"]


async def test_a_callers_business_and_terms_come_from_its_token(gateway: House) -> None:
    """The tenant, its business and its app's terms follow from the token alone, whatever X-Business says."""
    await gateway.get("/accounts/v2/contacts", X_Business="biz2")
    known = gateway.talk.known[0]
    assert (known.tenant, known.caller.business) == (ACME, "biz1")


async def test_an_enforced_signature_decides(gateway: House) -> None:
    """In `enforce`, a good signature passes and a bad or missing one is 401 AuthorizationFailure."""
    target = "/accounts/v2/contacts"
    good = sign("GET", URL + target, "", SIGNING, OTHER)
    assert (await gateway.ask("GET", target, good))[0] == 200
    for headers in (good | {"X-Signature": "AAAA"}, {"Authorization": f"Bearer {OTHER}"}):
        status, fields, body = await gateway.ask("GET", target, headers)
        diagnosis = json.loads(body)["$diagnoses"][0]
        assert (status, diagnosis["$dataCode"], diagnosis["$message"]) == (401, "AuthorizationFailure", "Access Denied")
        assert fields["content-type"] == "application/json"
    assert [line["signature"] for line in gateway.lines] == ["published", "bad", "unsigned"]
    assert len(gateway.talk.calls) == 1


async def test_a_reported_signature_is_counted_and_lets_pass(gateway: House) -> None:
    """In `report`, a bad signature is logged and counted, and the call is served."""
    assert (await gateway.get("/accounts/v2/contacts", X_Nonce="n" * 32, X_Signature="AAAA"))[0] == 200
    assert gateway.lines[0]["signature"] == "bad"
    assert 'sage_gateway_signatures_total{verdict="bad"} 1.0' in gateway.metrics.text().decode()


async def test_a_failure_of_ours_has_v2s_shape_and_tells_nothing() -> None:
    """An unforeseen exception is 500 in v2's shape with the request id; its message is neither sent nor logged."""

    def fail(call: V2Request) -> V2Response:
        raise ValueError("canary")

    async with house(Talk(fail)) as gateway:
        status, headers, body = await gateway.get("/accounts/v2/contacts")
        assert status == 500
        assert headers["x-request-id"] in json.loads(body)["$diagnoses"][0]["$message"]
        assert b"canary" not in body + gateway.log.getvalue()
        crash, exchange = gateway.lines
        assert (crash["error"], exchange["outcome"], exchange["level"]) == ("ValueError", "gateway", "error")


async def test_a_reply_that_cannot_be_written_is_a_failure_too() -> None:
    """Half a surrogate pair in a reply is v2's 500, not a broken connection."""
    async with house(Talk(lambda _: V2Response(200, {"name": "\ud800"}))) as gateway:
        status, _, body = await gateway.get("/accounts/v2/contacts")
        assert (status, "$diagnoses" in json.loads(body)) == (500, True)


async def test_sages_failures_are_logged_as_sages() -> None:
    """An exchange that ended in v3.1's lateness is 504, logged as a warning with outcome sage."""
    async with house(Talk(lambda _: render(UpstreamLate("late")))) as gateway:
        assert (await gateway.get("/accounts/v2/contacts"))[0] == 504
        assert (gateway.lines[0]["outcome"], gateway.lines[0]["level"]) == ("sage", "warning")


@pytest.mark.parametrize(
    "target",
    ["//oauth2/token", "/oauth2/token/", "/oauth/token", "/oauth2/auth?response_type=code", "/oauth2/auth/central"],
)
async def test_authorization_addresses_say_what_to_do(gateway: House, target: str) -> None:
    """The token and authorisation addresses answer without a token, in OAuth's shape."""
    status, headers, body = await gateway.ask("POST", target, {}, b"grant_type=refresh_token")
    assert (status, headers["content-type"]) == (400, "application/json")
    assert json.loads(body).keys() == {"error", "error_description"}


async def test_nothing_of_the_operators_listener_is_public(gateway: House) -> None:
    """Health checks and metrics do not exist on the public address."""
    for path in ("/healthz", "/readyz", "/metrics"):
        status, _, body = await gateway.ask("GET", path, {})
        assert (status, json.loads(body)["error"]) == (400, "invalid_token")


# Framing


def is_v2(body: bytes) -> bool:
    """Whether a body is v2's error object, on one line."""
    return b"\n" not in body and "$diagnoses" in json.loads(body)


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
    assert b"elsewhere" not in body
    assert gateway.talk.calls == []
    assert GOOD.encode() not in gateway.log.getvalue()


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
    assert answer.endswith(b'\r\n\r\n{"id":1,"$key":1}')


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


# Limits, each at its value and one beyond


SMALL = Limits(target=300, headers=8, header_line=300, body=1024, calls_per_connection=2, lingering_seconds=0.2)


async def test_the_target_has_a_limit() -> None:
    """A target of the limit's length passes; one byte more is 400."""
    async with house(limits=SMALL) as gateway:
        assert (await gateway.get("/" + "a" * 299))[0] == 200
        status, _, body = await gateway.get("/" + "a" * 300)
        assert (status, is_v2(body)) == (400, True)


async def test_headers_have_limits() -> None:
    """So many fields, and fields so long, pass; one more, or one byte more, is 400."""
    async with house(limits=SMALL) as gateway:
        fields = {"Authorization": f"Bearer {GOOD}"} | {f"X-{n}": "v" for n in range(5)}
        assert (await gateway.ask("GET", "/a", fields))[0] == 200
        status, _, body = await gateway.ask("GET", "/a", fields | {"X-5": "v"})
        assert (status, is_v2(body)) == (400, True)
        assert (await gateway.get("/a", X_L="v" * 300))[0] == 200
        status, _, body = await gateway.get("/a", X_L="v" * 301)
        assert (status, is_v2(body)) == (400, True)


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_body_has_a_limit(chunked: bool) -> None:
    """A body of the limit's length passes; one byte more is 413 in v2's shape and closes, chunked or not."""
    async with house(limits=SMALL) as gateway:
        for size, expected in ((1024, 200), (1025, 413)):
            framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
            head = f"POST /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n{framing}\r\n"
            body = b"x" * size
            sent = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body) if chunked else body
            status, _, answer = parse(await gateway.send(f"{head}Connection: close\r\n\r\n".encode() + sent))
            assert status == expected
            assert expected == 200 or is_v2(answer)
        assert [len(call.body) for call in gateway.talk.calls] == [1024]


async def test_a_connection_carries_so_many_calls() -> None:
    """After its last call a connection is closed, with word of it."""
    async with house(limits=SMALL) as gateway:
        one = f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n"
        async with gateway.connect() as (reader, writer):
            writer.write(one.encode())
            assert b"Connection: close" not in await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(17)
            writer.write(one.encode())
            assert b"Connection: close" in await reader.read()


async def test_headers_have_a_deadline() -> None:
    """A client that drips its headers is told 408 in v2's shape and cut off."""
    async with house(limits=replace(SMALL, header_seconds=0.05)) as gateway:
        status, _, body = parse(await gateway.send(b"GET /a HTTP/1.1\r\nHost: a\r\nX: "))
        assert (status, is_v2(body)) == (408, True)
        assert gateway.lines[0]["reason"] == "late"


async def test_silence_on_a_new_connection_has_the_same_deadline() -> None:
    """A client that connects and says nothing is cut off when the header deadline has passed."""
    async with house(limits=replace(SMALL, header_seconds=0.05)) as gateway:
        assert (await gateway.send(b"")).startswith(b"HTTP/1.1 408 ")


async def test_the_header_deadline_holds_for_later_calls_too() -> None:
    """On a kept connection the deadline begins with the next call's first byte; idling is allowed until then."""
    async with house(limits=replace(SMALL, header_seconds=0.05)) as gateway:
        async with gateway.connect() as (reader, writer):
            writer.write(f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n".encode())
            await reader.readuntil(b'{"id":1,"$key":1}')
            writer.write(b"GET /b HT")
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_an_idle_connection_is_closed() -> None:
    """A connection with nothing on it ends when the idle time has passed, without a word."""
    async with house(limits=replace(SMALL, idle_seconds=0.05)) as gateway:
        raw = f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n".encode()
        assert (await gateway.send(raw)).endswith(b'{"id":1,"$key":1}')


async def test_bodies_have_a_deadline() -> None:
    """A body that does not come in time is 400 in v2's shape, and the call is never run."""
    async with house(limits=replace(SMALL, body_seconds=0.05)) as gateway:
        raw = f"POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\nContent-Length: 9\r\n\r\na=1"
        status, _, body = parse(await gateway.send(raw.encode()))
        assert (status, is_v2(body)) == (400, True)
        assert gateway.talk.calls == []


async def test_a_tenants_calls_beyond_its_share_are_throttled() -> None:
    """Past the queue's patience a call is 503 with Retry-After; another tenant is served meanwhile."""
    talk = Talk(go_on=asyncio.Event())
    limits = replace(SMALL, tenant_in_flight=1, queue_seconds=0.05)
    async with house(talk, limits=limits) as gateway, ClientSession() as client:
        fields = {"Authorization": f"Bearer {GOOD}"}
        first = asyncio.create_task(client.get(f"{gateway.url}/a", headers=fields))
        while not talk.calls:
            await asyncio.sleep(0)
        status, headers, body = await gateway.get("/b")
        assert (status, is_v2(body), headers["retry-after"]) == (503, True, "1")
        signed = sign("GET", f"{URL}/c", "", SIGNING, OTHER)
        other = asyncio.create_task(gateway.ask("GET", "/c", signed))
        while len(talk.calls) < 2:
            await asyncio.sleep(0)
        assert talk.go_on is not None
        talk.go_on.set()
        async with await first as answer:
            assert answer.status == 200
        assert (await other)[0] == 200


async def test_stopping_lets_running_calls_finish() -> None:
    """A stopping listener accepts nothing more, answers what runs, and then closes."""
    talk = Talk(go_on=asyncio.Event())
    async with house(talk) as gateway:
        running = asyncio.create_task(gateway.get("/a"))
        while not talk.calls:
            await asyncio.sleep(0)
        stopping = asyncio.create_task(gateway.serving.stop())
        with pytest.raises(OSError, match=r"."):
            while True:
                async with gateway.connect():
                    pass
        assert not running.done()
        assert not stopping.done()
        assert talk.go_on is not None
        talk.go_on.set()
        assert (await running)[0] == 200
        await stopping


async def test_a_client_that_hangs_up_does_not_stop_its_call() -> None:
    """A call whose client is gone runs to its end: half an exchange helps nobody."""
    talk = Talk(go_on=asyncio.Event())
    finished = asyncio.Event()

    def answer(call: V2Request) -> V2Response:
        finished.set()
        return OK

    talk.answer = answer
    async with house(talk) as gateway:
        async with gateway.connect() as (_, writer):
            writer.write(f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n".encode())
            while not talk.calls:
                await asyncio.sleep(0)
        assert talk.go_on is not None
        talk.go_on.set()
        async with asyncio.timeout(20):
            await finished.wait()

"""The public listener on a real socket, before conversations that answer as a test wants."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from gateway.edges.authorization.limiter import WrongTokens
from gateway.edges.callers import Callers, Known, Terms
from gateway.edges.connection import Listener
from gateway.edges.framing import JSON
from gateway.edges.handler import Reception
from gateway.edges.limits import Limits
from gateway.edges.metrics import Metrics
from gateway.edges.server import Serving, bind, serve
from gateway.edges.telemetry import Line, Telemetry
from gateway.edges.trial import TOKEN, Trial
from gateway.grants.tenant import Held, Tenant
from gateway.messages import Caller, Exchange, Note, V2Request, V2Response

GOOD = "a" * 40
OTHER = "b" * 40
READER = "c" * 40
LAPSED, NARROW, SHORT = "d" * 40, "e" * 40, "f" * 40
"""Tokens of ACME: one that has ended, one of scope readonly, one with five seconds to live."""
ACME = Tenant(1, "acme", "shop", "biz1", 1)
SECOND = Tenant(2, "second", "strict", "biz2", 2)
THIRD = Tenant(3, "third", "reader", "biz3", 3)
SIGNING = "s3cret"
URL = "https://gateway.example"
SMALL = Limits(target=300, headers=8, header_line=300, body=1024, calls_per_connection=2, lingering_seconds=0.2)
OK = V2Response(200, {"id": 1, "$key": 1}, (("Content-Type", "application/json;vnd.sage=sdata"),))


@dataclass
class Clock:
    """Seconds that a test moves on."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


class Desk:
    """An authorization server that says what it was asked."""

    def serves(self, target: str) -> bool:
        return target.startswith("/oauth2/")

    async def answer(self, call: V2Request, peer: str, line: Line) -> V2Response:
        if b"known" in call.body:
            line.tenant, line.app = ACME.name, ACME.app
        return V2Response(200, {"peer": peer, "body": call.body.decode("latin-1")}, (("Content-Type", JSON),))


@dataclass
class Talk:
    """Conversations that answer every call in one way, and remember it."""

    answer: Callable[[V2Request], V2Response] = lambda _: OK
    notes: tuple[Note, ...] = ()
    calls: list[V2Request] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    go_on: asyncio.Event | None = None
    """Set it to let calls be answered; without it they are answered at once."""
    telemetry: Any = None
    """The house's own, once it stands."""
    arrived: asyncio.Queue[V2Request] = field(default_factory=asyncio.Queue)

    async def hold(self, call: V2Request, known: Known, line: Line) -> Exchange:
        self.calls.append(call)
        self.known.append(known)
        self.arrived.put_nowait(call)
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
    cut_off: asyncio.Event
    """Set when a connection was given up."""
    clock: Clock

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


async def until(holds: Callable[[], object]) -> None:
    """Wait, for at most 20 seconds, until something holds that nobody tells of."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0)


def parse(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    return int(first.split(" ")[1]), headers, body


@asynccontextmanager
async def house(
    talk: Talk | None = None, *, limits: Limits | None = None, sandboxed: bool = False, wrong_per_minute: int = 60
) -> AsyncIterator[House]:
    talk, limits, log = talk or Talk(), limits or Limits(), io.BytesIO()
    metrics = Metrics({"contacts"}, {"contacts"})
    telemetry = talk.telemetry = Telemetry(log, metrics, strict=True)
    asked: list[str] = []
    held = {GOOD: Held(ACME), OTHER: Held(SECOND), READER: Held(THIRD), LAPSED: Held(ACME, None, 0.0)}
    held |= {NARROW: Held(ACME, "readonly"), SHORT: Held(ACME, None, 5.0)}
    held |= {TOKEN: Held(ACME)} if sandboxed else {}
    clock = Clock()

    async def find(token: str) -> Held | None:
        asked.append(token)
        return held.get(token)

    terms = {
        "shop": Terms("report", SIGNING),
        "strict": Terms("enforce", SIGNING),
        "reader": Terms("enforce", SIGNING, readonly=True),
    }
    extra = (("X-Sage-Gateway", "sandbox"),) if sandboxed else ()
    known = Known(ACME, terms["shop"], Caller(business="biz1"), TOKEN)
    reception = Reception(
        Callers(find, terms, clock=clock),
        talk,
        telemetry,
        Desk(),
        WrongTokens(wrong_per_minute, clock=clock, address_header="X-Real-IP"),
        limits=limits,
        public_urls=(URL,),
        trial=Trial(known, (URL,), {"contact"}) if sandboxed else None,
        extra=extra,
    )
    cut_off = asyncio.Event()

    def unreadable(reason: str, request: str) -> None:
        telemetry.unreadable(reason, request)
        cut_off.set()

    listener = Listener(reception, limits=limits, unreadable=unreadable, extra=extra)
    serving = await serve(listener, bind("127.0.0.1", 0), limits=limits)
    try:
        yield House(serving, talk, log, metrics, asked, cut_off, clock)
    finally:
        await serving.stop()


def is_v2(body: bytes) -> bool:
    """Whether a body is v2's error object, on one line."""
    return b"\n" not in body and "$diagnoses" in json.loads(body)


def sign(method: str, url: str, parameters: str, secret: str, token: str, nonce: str = "0" * 32) -> dict[str, str]:
    """The headers of a signed call; `parameters` is the sorted, encoded parameter string (v2.md §2.1)."""
    text = "&".join([method, *(quote(part, safe="-._~") for part in (url, parameters, nonce))])
    digest = hmac.new(f"{secret}&{token}".encode(), text.encode(), hashlib.sha1).digest()
    return {
        "Authorization": f"Bearer {token}",
        "X-Nonce": nonce,
        "X-Signature": base64.b64encode(digest).decode(),
    }

"""A stand-in for v3.1 on the wire, told byte for byte what to do, and honest small ports."""

import asyncio
import json
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gateway.edges.sending import UpstreamLimits
from gateway.edges.upstream import BoundUpstream, Upstream
from gateway.grants.tenant import Tenant
from gateway.messages import V2Request

TENANT = Tenant(1, "acme_london", "acme", "b1", 1)
RESET, HANG, CLOSE = object(), object(), object()


@dataclass
class Seen:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def id(self) -> str:
        """Its idempotency id."""
        ((_, record),) = json.loads(self.body).items()
        return str(record["idempotency_id"])


@dataclass
class Wire:
    """A TCP server that does the next of its acts for each request: bytes to write, then perhaps a break."""

    acts: deque[tuple[object, ...]] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    running: int = 0
    most_running: int = 0
    port: int = 0
    default: tuple[object, ...] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def then(self, *act: object) -> None:
        """Add an act."""
        self.acts.append(act)

    def answer(self, status: int = 200, body: Any = None, **headers: str) -> None:
        """Add an answer with a JSON body."""
        self.then(reply(status, body, None, **headers))

    async def received(self, number: int) -> None:
        """Wait until so many requests have come."""
        while len(self.seen) < number:
            self._news.clear()
            await self._news.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        number = self.connections
        try:
            while await self._one(reader, writer, number):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head[1:] if line}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.seen.append(Seen(method, target, headers, body, number))
        act = self.acts.popleft() if self.acts else self.default
        assert act is not None, f"nobody said what {method} {target} is answered"
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self._news.set()
        for part in act:
            if isinstance(part, bytes):
                writer.write(part)
                await writer.drain()
            elif isinstance(part, asyncio.Event):
                await part.wait()
            elif part is RESET:
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                break
            elif callable(part):
                part()
            elif part is HANG:
                await reader.read()
            elif part is CLOSE:
                break
        self.running -= 1
        return RESET not in act and CLOSE not in act


def reply(status: int = 200, body: Any = None, raw: bytes | None = None, **headers: str) -> bytes:
    """An answer as bytes; a JSON body is written unless `raw` says otherwise."""
    text = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(text)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + text


class Tokens:
    """Access tokens `token-1`, `token-2`…: a new one each time one is refused."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    async def token(self, tenant: Tenant) -> str:
        return f"token-{len(self.refused) + 1}"

    async def stale(self, tenant: Tenant, token: str) -> str:
        self.refused.append(token)
        return await self.token(tenant)


@dataclass
class World:
    """The wire, an upstream that speaks to it, and what happened beside."""

    wire: Wire
    tokens: Tokens
    alarms: list[tuple[str, str]]
    waits: list[float]
    upstreams: list[Upstream] = field(default_factory=list)
    now: float = 1000.0
    tenant: Tenant = TENANT

    def upstream(self, api: str = "", **options: Any) -> Upstream:
        """An upstream; `options` as its own."""

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        nonces = iter(f"random-{n}" for n in range(1000))
        options = {"limits": UpstreamLimits(connect=1, total=5, queue=1)} | options
        made = Upstream(
            api or f"http://127.0.0.1:{self.wire.port}/v3.1",
            self.tokens,
            key=b"k" * 32,
            clock=lambda: self.now,
            sleep=sleep,
            random_nonce=lambda: next(nonces),
            on_alarm=lambda code, tenant: self.alarms.append((code, tenant.name)),
            **options,
        )
        self.upstreams.append(made)
        return made

    def bind(self, upstream: Upstream, app: str = "acme") -> BoundUpstream:
        """That upstream bound to a call of an app."""
        return upstream.bind(replace(TENANT, app=app), V2Request("GET", "/x"), None)

    def bound(self, nonce: str | None = None, call: V2Request | None = None, **options: Any) -> BoundUpstream:
        """An upstream bound to one call."""
        return self.upstream(**options).bind(TENANT, call or V2Request("GET", "/x"), nonce)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world whose connections are all closed at the end."""
    wire = Wire()
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    made = World(wire, Tokens(), [], [])
    yield made
    for upstream in made.upstreams:
        await upstream.close()
    server.close()
    await server.wait_closed()


@pytest.fixture
def acts() -> dict[str, object]:
    """How a connection may break."""
    return {"reset": RESET, "hang": HANG, "close": CLOSE}


@pytest.fixture
def replied() -> Callable[..., bytes]:
    """Writes an answer."""
    return reply

"""Many calls of many tenants at once before a bad server: each gets its own answer or an error."""

import asyncio
import json
import random
import socket
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from gateway.edges.sending import UpstreamLimits
from gateway.edges.upstream import Upstream
from gateway.errors import UpstreamFailed
from gateway.grants.tenant import Tenant
from gateway.messages import V2Request, V3Request

TENANTS = 200
CALLS = 6


class Token:
    """A token that names its tenant."""

    async def token(self, tenant: Tenant) -> str:
        return f"token-{tenant.business}"

    async def stale(self, tenant: Tenant, token: str) -> str:
        return token


class Storm:
    """Answers with what was asked and by whom, in one of many bad ways, and never twice in the same."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.ways: Counter[str] = Counter()
        self.written: Counter[str] = Counter()

    def answer(self, asked: str, business: str, *, keeps: bool = False) -> bytes:
        """A whole answer, sometimes in chunks."""
        text = json.dumps({"id": asked, "business": business, "filling": "x" * self.chance.randrange(0, 200_000, 997)})
        head = f"HTTP/1.1 200 OK\r\nX-Business: {business}\r\n"
        if keeps or self.chance.random() < 0.5:
            return f"{head}Content-Length: {len(text)}\r\n\r\n{text}".encode()
        half = len(text) // 2
        parts = "".join(f"{len(part):x}\r\n{part}\r\n" for part in (text[:half], text[half:]) if part)
        return f"{head}Transfer-Encoding: chunked\r\n\r\n{parts}0\r\n\r\n".encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while await self.one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether another may follow."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines)
        await reader.readexactly(int(fields.get("Content-Length", "0")))
        method, target, _ = first.split(" ")
        asked, business = target.rpartition("/")[2], fields["X-Business"]
        assert fields["Authorization"] == f"Bearer token-{business}"
        assert asked.startswith(business)
        self.written[f"{method} {asked}"] += 1
        way = self.chance.choice(
            ["well"] * 8 + ["slow", "parts", "reset", "half", "closes", "behind", "later", "hangs"]
        )
        self.ways[way] += 1
        answer, stray = self.answer(asked, business), self.answer("stray", "stray")
        half = len(answer) // 2
        if way == "slow":
            await asyncio.sleep(self.chance.random() / 20)
        elif way == "parts":
            writer.write(answer[:half])
            await asyncio.sleep(self.chance.random() / 50)
            answer = answer[half:]
        elif way == "half":
            answer = answer[:half]
        elif way == "closes":
            answer = answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        elif way == "behind":
            answer += stray[: self.chance.choice([1, 9, 40, len(stray)])]
        elif way == "reset":
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.write(answer[: self.chance.choice([0, half])])
            writer.transport.abort()
            return False
        elif way == "hangs":
            await reader.read()
            return False
        writer.write(answer)
        await writer.drain()
        if way == "later":
            await asyncio.sleep(self.chance.random() / 100)
            writer.write(stray)
        return way not in ("half", "closes")


async def weather(seed: int) -> None:
    """Let it storm."""
    chance = random.Random(seed)  # noqa: S311 - a test's
    storm = Storm(chance)
    server = await asyncio.start_server(storm.serve, "127.0.0.1", 0)
    alarms: list[tuple[str, str]] = []
    limits = UpstreamLimits(connect=5, total=0.5, queue=30)

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    upstream = Upstream(
        f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v3.1", Token(), key=b"k" * 32, limits=limits,
        sleep=at_once, on_alarm=lambda code, tenant: alarms.append((code, tenant.name)),
    )  # fmt: skip
    outcomes: Counter[str] = Counter()

    async def tenant(number: int) -> None:
        business = f"b{number:03}"
        for nth in range(CALLS):
            asked = f"{business}-{nth}"
            method = chance.choice(["GET", "DELETE"])
            bound = upstream.bind(
                Tenant(number, business, f"app{number % 4}", business, 1), V2Request("GET", "/x"), None
            )
            call = asyncio.create_task(bound.send(V3Request(method, f"/contacts/{asked}")))
            if chance.random() < 0.2:
                await asyncio.sleep(chance.random() / 20)
                call.cancel()
            try:
                answer = await call
            except asyncio.CancelledError:
                outcomes["cancelled"] += 1
            except UpstreamFailed:
                outcomes["failed"] += 1
            else:
                outcomes["answered"] += 1
                assert isinstance(answer.body, dict)
                assert (answer.body["id"], answer.body["business"]) == (asked, business)

    await asyncio.gather(*(tenant(number) for number in range(TENANTS)))
    connections = upstream.sending._open()._connections
    assert not connections._connector._acquired - {connection.protocol for connection, _ in connections._idle}
    await upstream.close()
    server.close()
    assert min(outcomes["cancelled"], outcomes["failed"]) > 20
    assert outcomes["answered"] > TENANTS * CALLS / 2
    assert len(storm.ways) == 9
    assert all(times == 1 for what, times in storm.written.items() if what.startswith("DELETE"))


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_each_caller_gets_its_own_answer(new_loop: Callable[[], Any]) -> None:
    """Two hundred tenants at once, with answers late, cut off, doubled or followed by others, and with calls given up:
    no answer reaches another caller, no DELETE is sent twice, and no connection is left over."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(weather(1))

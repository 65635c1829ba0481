"""The load generator, a process of its own: keep-alive connections to loopback, each with one call at a time.

Reads a `Load` as JSON from standard input, and prints a `Done`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import cast

import uvloop


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: the whole request, for so many seconds and at most so often."""

    port: int
    request: str
    connections: int
    seconds: float
    most: int


@dataclass(slots=True)
class Done:
    """What came back. `size` is the last reply's length in bytes, head and body."""

    requests: int = 0
    failed: int = 0
    """Replies other than 200, and connections lost before their reply."""
    seconds: float = 0.0
    size: int = 0
    example: str = ""
    """The status line of the first reply that failed."""
    waits: list[float] = field(default_factory=list)


class Client(asyncio.Protocol):
    """One connection, one call at a time; `done` counts for all of them, and `closed` is told of its end."""

    def __init__(self, load: Load, done: Done, end: float, closed: asyncio.Future[None]) -> None:
        self._request = load.request.encode("latin-1")
        self._load, self._done, self._end, self._closed = load, done, end, closed
        self._read = bytearray()
        self._total = 0
        self._waiting = False
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has another parent
        self._send()

    def data_received(self, data: bytes) -> None:
        self._read += data
        if not self._total:
            end = self._read.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._read[:end]).lower()
            self._closing = b"connection: close" in head
            self._total = end + 4 + int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self._read) >= self._total:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._done.failed += 1
            self._done.example = self._done.example or "the connection was lost"
        if not self._closed.done():
            self._closed.set_result(None)

    def _send(self) -> None:
        now = time.perf_counter()
        if now >= self._end or self._done.requests >= self._load.most:
            self._transport.close()
            return
        self._waiting, self._sent = True, now
        self._transport.write(self._request)

    def _finish(self) -> None:
        done = self._done
        done.requests += 1
        done.waits.append(time.perf_counter() - self._sent)
        done.size = self._total
        if not self._read.startswith(b"HTTP/1.1 200 "):
            done.failed += 1
            done.example = done.example or bytes(self._read[: self._read.find(b"\r\n")]).decode("latin-1")
        self._read.clear()
        self._total, self._waiting = 0, False
        if self._closing:
            self._transport.close()
        else:
            self._send()


async def run(load: Load) -> Done:
    """Send the load. A connection that the server ends is opened anew."""
    loop, done = asyncio.get_running_loop(), Done()
    began = time.perf_counter()
    end = began + load.seconds

    async def one() -> None:
        while time.perf_counter() < end and done.requests < load.most and done.failed < 10:
            closed: asyncio.Future[None] = loop.create_future()
            await loop.create_connection(partial(Client, load, done, end, closed), "127.0.0.1", load.port)
            await closed

    await asyncio.wait_for(asyncio.gather(*(one() for _ in range(load.connections))), load.seconds + 30)
    done.seconds = time.perf_counter() - began
    return done


def main() -> None:
    """Read the load, send it, and say what came back."""
    done = uvloop.run(run(Load(**json.load(sys.stdin))))
    waits = sorted(done.waits)
    done.waits = [waits[len(waits) * part // 100] for part in (50, 99)] if waits else []
    json.dump(asdict(done), sys.stdout)


if __name__ == "__main__":
    main()

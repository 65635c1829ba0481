"""A sandboxed gateway at work in a thread of this process, so that a test can look behind its replies."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop

from gateway.commands.assemble import Addresses, assemble
from gateway.commands.stand_in import reach
from gateway.edges.server import bind
from gateway.sandbox import Sandbox, serve_sandbox
from gateway.settings import Settings, load
from gateway.settings_sources import variable

LIMITS = {"header_seconds": "0.5", "body_seconds": "0.5", "idle_seconds": "0.1"}
"""Short, so that a call that never ends does not hold up those that follow."""
OURS = frozenset({200, 201, 400, 401, 403, 404, 408, 409, 413, 422})
"""Every status that the gateway has while v3.1 answers (issue 2)."""
SAGES = frozenset({502, 503, 504})
"""Those that it has, besides, when v3.1 does not."""

OUT_OF_RANGE = re.compile(r"must be (greater|less) than or equal to")
"""A number of the right type is v3.1's to judge: its refusal names the field and the limit."""

GUARDED = b"Too many ids that no record has"
"""Our own limit on scans for made-up ids (reliability.md §3.5), which a long run reaches."""

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class House:
    """The gateway's public port, the stand-in behind it, and the log that it has written."""

    port: int
    sandbox: Sandbox
    log: io.BytesIO
    _read: int = field(default=0)

    def answers(self, raw: bytes) -> list[Reply]:
        """Every reply to these bytes, until the gateway ends the connection; each must be well-formed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            received = b""
            try:
                connection.sendall(raw)
                while more := connection.recv(65536):
                    received += more
            except ConnectionError:
                pass  # what came before the reset counts
        return list(replies(received))

    def check(self, raw: bytes, also: frozenset[int] = frozenset()) -> list[Reply]:
        """The replies to these bytes: of v2's shape, with statuses of the closed set (and `also` those).

        And what lies behind them: v3.1 was sent nothing that its spec does not know, and nothing failed in here.
        """
        found = self.answers(raw)
        for reply in found:
            check_shape(reply, OURS | also)
        violations = [each for each in self.sandbox.violations if not OUT_OF_RANGE.search(each)]
        self.sandbox.violations.clear()
        assert violations == [], found
        troubles = [line for line in self.news() if line["event"] != "exchange" and line["level"] == "error"]
        assert troubles == [], found
        return found

    def one(self, raw: bytes, also: frozenset[int] = frozenset()) -> Reply:
        """The only reply to these bytes, checked likewise."""
        [reply] = self.check(raw, also)
        return reply

    def news(self) -> list[dict[str, Any]]:
        """The log lines since the last time."""
        written = self.log.getvalue()
        new, self._read = written[self._read :], len(written)
        return [json.loads(line) for line in new.splitlines()]

    def works(self) -> bool:
        """Whether a normal call gets its answer."""
        raw = b"GET /accounts/v2/contacts?$itemsPerPage=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TestToken\r\n"
        status, _, body = self.one(raw + b"Connection: close\r\n\r\n")
        return status == 200 and len(json.loads(body)["$resources"]) == 1


def replies(received: bytes) -> Iterator[Reply]:
    """The messages in these bytes, without interim ones (100 Continue); nothing may be left over."""
    while received:
        head, ended, received = received.partition(b"\r\n\r\n")
        assert ended, f"a head without an end: {head!r}"
        first, *fields = head.decode("latin-1").split("\r\n")
        version, status, *_ = first.split(" ")
        assert version == "HTTP/1.1" or (version == "HTTP/1.0" and int(status) >= 200)
        if int(status) < 200:
            continue
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in fields)}
        assert len(headers) == len(fields), f"a header twice: {fields}"
        length = int(headers["content-length"])
        assert len(received) >= length or not received, "the body is cut short"
        yield int(status), headers, received[:length]
        received = received[length:]


def check_shape(reply: Reply, statuses: frozenset[int]) -> None:
    """v2's shape: one line of JSON, errors as `$diagnoses` with sentences or as `error`."""
    status, headers, body = reply
    assert status in statuses or (status == 503 and GUARDED in body), reply
    if headers["content-type"] == "application/pdf":
        assert status == 200
        return
    if not body:
        return  # the reply to a HEAD
    assert b"\n" not in body
    told = json.loads(body)
    if status >= 400:
        assert isinstance(told, dict)
        assert "error" in told or all(
            isinstance(found["$source"], str) and found["$message"] for found in told["$diagnoses"]
        )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    started: list[House] = []
    ready, loops = threading.Event(), []
    stop = asyncio.Event()

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        async with AsyncExitStack() as running:
            started.append(await _start(running, tmp_path_factory.mktemp("fuzz")))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: uvloop.run(run()), daemon=True)
    thread.start()
    try:
        assert ready.wait(30), "the gateway did not start"
        yield started[0]
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(30)
        root.handlers[:] = handlers
        root.setLevel(level)


async def _start(running: AsyncExitStack, folder: Path) -> House:
    sandbox, log = Sandbox(), io.BytesIO()
    runner, base_url = await serve_sandbox(sandbox)
    running.push_async_callback(runner.cleanup)
    public = bind("127.0.0.1", 0)
    port = public.getsockname()[1]
    here = f"http://127.0.0.1:{port}"
    addresses = Addresses(public, None, (here,), here)
    await assemble(_settings(sandbox, base_url, folder), addresses, running, sandboxed=True, log=log)
    return House(port, sandbox, log)


def _settings(sandbox: Sandbox, base_url: str, folder: Path) -> Settings:
    said = {
        **reach(sandbox, base_url),
        "store.db": f"sqlite:///{folder}/store.db",
        "store.key": secrets.token_hex(32),
        **{f"limits.{name}": value for name, value in LIMITS.items()},
    }
    return load(None, {variable(key): value for key, value in said.items()})

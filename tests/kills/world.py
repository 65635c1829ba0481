"""Processes to be killed, and what is left of them: the files, and what Sage has accepted."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from gateway.edges.refresh_sender import Chances
from gateway.edges.refresher import Refresher
from gateway.edges.token_client import TokenClient
from gateway.errors import NeedsConsent
from gateway.grants.tenant import Tenant
from gateway.sandbox.authorization_server import AuthorizationServer
from gateway.sandbox.token_behaviours import Policy
from gateway.store import Store
from gateway.store.spool import MARK
from tests.kills.driver import APPS, KEY

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
WATCHED = "write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync,ftruncate,connect,recvfrom,recvmsg,read"
LINE = re.compile(r"(\d+) +(\w+)\((\d+)<([^>]*)>")
LATER = 400.0
"""Seconds after which the access token is over, and every lease."""


@dataclass(frozen=True, slots=True)
class Point:
    """The so-manieth call of a thread of one system call, from `go` on; `what` is done with which file."""

    thread: str
    call: str
    number: int
    what: str

    def __str__(self) -> str:
        return f"{self.call} {self.number} of {self.thread} on {self.what}"


class Sage:
    """The token endpoint; its tokens can be copied, and go on in many ways from there."""

    def __init__(self, behaviour: str) -> None:
        self.tokens = AuthorizationServer(Policy(behaviour, refresh_grace=10 * LATER))
        self.seed = self.tokens.issue(self.tokens.consent("owner"), time.time())
        self.before_answer: list[Callable[[], None]] = []
        """What is done, once, between a commit and its answer."""

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        form = await request.post()
        outcome = self.tokens.refresh(str(form["refresh_token"]), time.time())
        while self.before_answer:
            self.before_answer.pop()()
        return web.json_response(outcome.body, status=outcome.status)


class Victim:
    """A child of the driver that has made one refresh and waits for `go`."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._reader, self._writer = reader, writer
        self.threads: dict[str, int] = {}
        self.token = ""
        """The access token that its first refresh gave."""

    async def ready(self) -> None:
        """It has made its first refresh."""
        told = json.loads(await self._line())
        self.threads, self.token = told["threads"], told["token"]

    async def go(self) -> None:
        self._writer.write(b"go\n")
        await self._writer.drain()

    async def says(self) -> str:
        """Its next word: `unsaved`, `published …`, or "" where it is dead."""
        return await self._line()

    async def end(self) -> None:
        """Lets it end by itself, and waits until it has; also for one that was killed."""
        with suppress(ConnectionError):
            self._writer.write(b"end\n")
            await self._writer.drain()
        while await self._line():
            pass
        self._writer.close()

    async def _line(self) -> str:
        async with asyncio.timeout(PATIENCE):
            try:
                return (await self._reader.readline()).decode().strip()
            except ConnectionError:
                return ""


class Scene:
    """A driver, and folders with stores as its children leave them."""

    def __init__(self, folder: Path, driver: asyncio.subprocess.Process) -> None:
        self._folder = folder
        self._driver = driver
        self._numbers = itertools.count()
        self._came: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self.socket = folder / "driver.socket"

    async def came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A child has connected."""
        self._came.put_nowait((reader, writer))

    @asynccontextmanager
    async def victim(self, behaviour: str = "R2", lease: float = 60.0) -> AsyncIterator[tuple[Victim, Left]]:
        """A child with a store and a Sage of its own; what is left of it may be looked at when it is dead."""
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        sage = Sage(behaviour)
        store = await Store.open(f"sqlite:///{folder}/store.db", KEY)
        tenant = await _tenant(store, sage.seed)
        await store.close()
        async with serving(sage) as url:
            order: dict[str, Any] = {
                "socket": str(self.socket),
                "folder": str(folder),
                "url": url,
                "tenant": asdict(tenant),
            }
            order["lease"] = lease
            assert self._driver.stdin is not None
            assert self._driver.stdout is not None
            self._driver.stdin.write(json.dumps(order).encode() + b"\n")
            async with asyncio.timeout(PATIENCE):
                pid = int(await self._driver.stdout.readline())
                victim = Victim(pid, *await self._came.get())
            await victim.ready()
            try:
                yield victim, Left(folder, sage, tenant, url)
            finally:
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
                await victim.end()
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class Left:
    """What a process left: its files, and what Sage knows."""

    folder: Path
    sage: Sage
    tenant: Tenant
    url: str

    @property
    def accepted(self) -> int:
        """How many refreshes Sage has taken."""
        return self.sage.tokens.accepted

    def generation(self) -> int:
        """The grant's generation in the store, its spool aside."""
        with closing(sqlite3.connect(self.folder / "store.db")) as connection:
            (found,) = connection.execute("SELECT generation FROM grants").fetchone()
        return int(found)

    def spooled(self) -> bool:
        """Whether the spool holds a record."""
        return MARK in (self.folder / "store.db.spool").read_bytes()

    async def recovers(self, behaviour: str) -> bool:
        """Whether a process that starts on a copy of the files, when lease and access token are over, gets a token
        that works, from a Sage that goes on like this."""
        folder = self.folder.with_name(f"{self.folder.name}-{behaviour}")
        shutil.copytree(self.folder, folder)
        sage = copy.copy(self.sage)
        sage.tokens = copy.deepcopy(self.sage.tokens)
        sage.tokens.policy.behaviour = behaviour
        with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as connection:
            connection.execute("UPDATE grants SET lease_until = lease_until - ?", (LATER,))
        try:
            async with serving(sage) as url, a_process(folder, url, LATER) as refresher:
                token = await refresher.token(self.tenant)
                return token in sage.tokens.accesses
        except NeedsConsent:
            return False
        finally:
            shutil.rmtree(folder)


@asynccontextmanager
async def a_process(folder: Path, url: str, later: float = 0.0, lease: float = 60.0) -> AsyncIterator[Refresher]:
    """Another process on the same files, so many seconds later."""
    async with AsyncExitStack() as running:
        store = await Store.open(f"sqlite:///{folder}/store.db", KEY)
        running.push_async_callback(store.close)
        spool = await store.take_spools(folder / "store.db.spool", time.time())
        running.callback(spool.close)
        client = TokenClient(url, total_seconds=5)
        chances = Chances(lambda: time.time() + later)
        running.push_async_callback(client.close)
        refresher = Refresher(store.grants, client, APPS, chances=chances, lease_seconds=lease)
        running.push_async_callback(refresher.close)
        yield refresher


@asynccontextmanager
async def serving(sage: Sage) -> AsyncIterator[str]:
    """The URL of a token endpoint."""
    runner = web.ServerRunner(web.Server(sage.serve), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site.port}/token"
    finally:
        await runner.cleanup()


async def _tenant(store: Store, seed: str) -> Tenant:
    return await store.tenants.add(
        name="t",
        app="app",
        business="b",
        access_token=None,
        refresh_token=None,
        access_token_lifetime=None,
        v31_refresh_token=seed,
        now=time.time(),
    )


@asynccontextmanager
async def a_scene(folder: Path) -> AsyncIterator[Scene]:
    """The driver at work."""
    driver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.kills.driver"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    scene = Scene(folder, driver)
    server = await asyncio.start_unix_server(scene.came, scene.socket)
    try:
        yield scene
    finally:
        server.close()
        assert driver.stdin is not None
        driver.stdin.close()
        await driver.wait()


@asynccontextmanager
async def strace(thread: int, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """strace on one thread (with `-f` on all); it lets go at the end."""
    process = await asyncio.create_subprocess_exec(
        *("strace", "-p", str(thread), "-o", os.devnull, *words), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE):
            told = (await process.stderr.readline()).decode()
            assert "attached" in told, told
        yield process
    finally:
        with suppress(ProcessLookupError):
            # Not by `process`, which would take the exit code from the event loop where strace is gone already.
            os.kill(process.pid, signal.SIGTERM)
        await process.communicate()


async def points(scene: Scene, folder: Path) -> list[Point]:
    """Every watched system call of a refresh, in order, from `go` to the token's publication."""
    trace = folder / "trace"
    async with scene.victim() as (victim, _):
        async with strace(victim.pid, "-f", "-y", "-o", str(trace), "-e", f"trace={WATCHED}"):
            await victim.go()
            told = await victim.says()
            assert told.startswith("published"), told
        names = {number: name for name, number in victim.threads.items()}
    found: list[Point] = []
    seen: Counter[tuple[str, str]] = Counter()
    for line in trace.read_text("utf-8", "replace").splitlines():
        if (match := LINE.match(line)) is None:
            continue
        thread, call = names.get(int(match[1])), match[2]
        if thread is None:  # one that looks up names for the loop: it writes nothing but to wake it
            assert "anon_inode" in line, line
            continue
        seen[thread, call] += 1
        found.append(Point(thread, call, seen[thread, call], re.sub(r".*/|:\[\d+\]", "", match[4])))
        if "published" in line:
            return found
    raise AssertionError("the publication is not in the trace")

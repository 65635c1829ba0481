"""A whole gateway whose clock is the test's: months pass in seconds."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp
import msgspec

from gateway.commands.assemble import Addresses, assemble
from gateway.commands.stand_in import reach, register
from gateway.commands.times import Times
from gateway.edges.refresh_sender import Chances
from gateway.edges.server import bind
from gateway.sandbox import Sandbox, serve_sandbox
from gateway.settings import load
from gateway.settings_sources import variable
from gateway.store import Store

HOUR, DAY = 3600.0, 86_400.0


class PassingTime:
    """A clock that the test moves on; who sleeps is woken when his time has come."""

    def __init__(self) -> None:
        self.now = 1_780_000_000.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self.asleep = asyncio.Event()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.now + seconds, woken))
        self.asleep.set()
        await woken

    def times(self) -> Times:
        return Times(self, self, Chances(self, self, self.sleep, lambda: 0.5))

    async def passes(self, seconds: float) -> None:
        """Moves on at once, wakes whoever is due, and waits until all sleep again and the refreshes are done."""
        timers = self._timers()
        self.now += seconds
        for at, woken in timers:
            if at <= self.now:
                woken.set_result(None)
        while len(self._timers()) < len(timers):
            self.asleep.clear()
            await self.asleep.wait()
        while refreshes := [task for task in asyncio.all_tasks() if task.get_name().startswith("refresh of grant")]:
            await asyncio.wait(refreshes)

    def _timers(self) -> list[tuple[float, asyncio.Future[None]]]:
        self.sleepers = [(at, woken) for at, woken in self.sleepers if not woken.done()]
        return self.sleepers


class LongLife:
    """The stand-in, and a gateway on one store that is started and stopped."""

    def __init__(self, folder: Path, time: PassingTime) -> None:
        self.time = time
        self.sandbox = Sandbox(clock=time)
        self.log = io.BytesIO()
        self.url = ""
        self._key = secrets.token_hex(32)
        self._db = f"sqlite:///{folder}/store.db"
        self._base = ""
        self._reach: Mapping[str, str] = {}
        self._running: AsyncExitStack | None = None
        self._port = 0

    async def open(self, running: AsyncExitStack) -> None:
        """Starts the stand-in."""
        runner, self._base = await serve_sandbox(self.sandbox)
        running.push_async_callback(runner.cleanup)

    async def start(self) -> None:
        """Starts the gateway, always at the same address."""
        self._running = AsyncExitStack()
        public = bind("127.0.0.1", self._port)
        self._port = public.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        register(self.sandbox, (self.url,))
        self._reach = self._reach or reach(self.sandbox, self._base)  # its seed is given once
        said = {
            **self._reach,
            "store.db": self._db,
            "store.key": self._key,
            "server.public_urls": self.url,
        }
        settings = load(None, {variable(key): value for key, value in said.items()})
        addresses = Addresses(public, None, (self.url,), self.url)
        await assemble(settings, addresses, self._running, sandboxed=True, log=self.log, times=self.time.times())

    async def stop(self) -> None:
        """Stops the gateway."""
        if self._running is not None:
            await self._running.aclose()
            self._running = None

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """The store, as a command opens it."""
        opened = await Store.open(self._db, bytes.fromhex(self._key))
        try:
            yield opened
        finally:
            await opened.close()

    @property
    def told(self) -> list[str]:
        """What was told of grants, in order."""
        lines = [msgspec.json.decode(line) for line in self.log.getvalue().splitlines()]
        return [line["reason"] for line in lines if line["event"] == "a grant's news"]


@asynccontextmanager
async def long_life(folder: Path) -> AsyncIterator[LongLife]:
    """A gateway that has been started."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    async with AsyncExitStack() as running:
        life = LongLife(folder, PassingTime())
        await life.open(running)
        running.push_async_callback(life.stop)
        await life.start()
        yield life
    root.handlers[:] = handlers
    root.setLevel(level)


class Browser:
    """The owner's browser: cookies, redirects, forms without scripts. It stops at an app's address."""

    def __init__(self, session: aiohttp.ClientSession, app: str) -> None:
        self._session = session
        self._app = app

    async def follow(self, url: str, choose: str | None = None) -> dict[str, str] | str:
        """Goes where it is sent, answers forms, choosing a business by its name; gives what the app is told, or the
        last page's text."""
        method, data = "GET", None
        for _ in range(12):
            async with self._session.request(method, url, data=data, allow_redirects=False) as page:
                text = await page.text()
                if page.status in (302, 303):
                    url, method, data = urljoin(url, page.headers["Location"]), "GET", None
                    if url.startswith(self._app):
                        return dict(parse_qsl(urlsplit(url).query))
                    continue
            form = re.search(r'<form method="post"(?: action="([^"]*)")?', text)
            if form is None:
                return text
            method, url = "POST", urljoin(url, form[1] or url)
            data = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', text))
            for value, name in re.findall(r'name="business" value="([^"]*)"[^>]*>(?:<bdi>)?([^<]*)', text):
                if name.strip() == choose:
                    data["business"] = value
        raise AssertionError("the browser is sent in circles")


class OldClient:
    """A v2 app that never learns: it keeps two tokens, and trades the second when the first is refused."""

    redirect_uri = "http://127.0.0.1:59793/callback.aspx"

    def __init__(self, session: aiohttp.ClientSession, life: LongLife) -> None:
        self._session = session
        self._life = life
        self.access = self.refresh = ""

    @property
    def authorize_url(self) -> str:
        """Where it sends its owner."""
        return (
            f"{self._life.url}/oauth2/auth?response_type=code&client_id=TestClient"
            f"&redirect_uri={self.redirect_uri}&state=mine&scope=full_access"
        )

    async def token(self, **form: str) -> tuple[int, dict[str, Any]]:
        """One token call; what it gives is kept."""
        form = {"client_id": "TestClient", "client_secret": "TestClientSecret", **form}
        async with self._session.post(f"{self._life.url}/oauth2/token", data=form) as reply:
            body = await reply.json()
            if reply.status == 200:
                self.access, self.refresh = body["access_token"], body["refresh_token"]
            return reply.status, body

    async def trade(self) -> tuple[int, dict[str, Any]]:
        """Trades the refresh token."""
        return await self.token(grant_type="refresh_token", refresh_token=self.refresh)

    async def raw(self, method: str, path: str, data: dict[str, str] | None = None) -> tuple[int, Any]:
        """One call with the access token that it has."""
        headers = {"Authorization": f"Bearer {self.access}"}
        url = f"{self._life.url}/accounts/v2/{path}"
        async with self._session.request(method, url, data=data, headers=headers) as reply:
            return reply.status, await reply.json(content_type=None)

    async def call(self, method: str, path: str, data: dict[str, str] | None = None) -> tuple[int, Any]:
        """A call as it makes it: on 400 `invalid_token` it trades once and calls again (v2.md §1.4)."""
        status, body = await self.raw(method, path, data)
        if status == 400 and body.get("error") == "invalid_token" and (await self.trade())[0] == 200:
            return await self.raw(method, path, data)
        return status, body

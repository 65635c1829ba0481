"""The pages on a real socket, before the stand-in's authorization server; browsers with cookies of their own."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from gateway.edges.authorization.apps import RegisteredApp, RegisteredApps
from gateway.edges.authorization.browser import CALLBACK, Browser
from gateway.edges.authorization.limiter import WrongTokens
from gateway.edges.authorization.sage import Sage
from gateway.edges.framing import read_body, read_head, read_target, write_reply
from gateway.edges.limits import Limits
from gateway.edges.server import bind, plain_server, serve
from gateway.edges.token_client import TokenClient
from gateway.grants.secret import Secret
from gateway.messages import V2Request
from gateway.sandbox import Sandbox, serve_sandbox
from gateway.store import Store

APP = "https://app.example/callback"
WITH_QUERY = "https://app.example/callback?scope=full_access"
KEY = bytes(range(32))


class Clock:
    """Seconds since 1970, moved by tests."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Seen:
    """What a browser got: for a redirect, where to."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def location(self) -> str:
        return self.headers["Location"]

    @property
    def told(self) -> dict[str, str]:
        """The parameters of the redirect."""
        return dict(parse_qsl(urlsplit(self.location).query, keep_blank_values=True))

    @property
    def form(self) -> Form:
        found = Form()
        found.feed(self.text)
        found.close()
        return found


class Form(HTMLParser):
    """A page's words, labels, hidden fields and form, as a browser without scripts finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.labels: list[str] = []
        self.words = ""
        self._in_label = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "label":
            self.labels.append("")
            self._in_label = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._in_label = False

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._in_label:
            self.labels[-1] += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        """The attributes of all tags of this kind that have these."""
        return [attrs for name, attrs in self.tags if name == tag and wanted.items() <= attrs.items()]

    @property
    def hidden(self) -> dict[str, str]:
        return {str(one["name"]): str(one["value"]) for one in self.all("input", type="hidden")}

    @property
    def choices(self) -> list[str]:
        return [str(one["value"]) for one in self.all("input", type="radio")]


@dataclass
class House:
    """Replicas behind one address, the stand-in, and what was noticed."""

    url: str
    sandbox: Sandbox
    sage_url: str
    clock: Clock
    notices: list[tuple[str, int]]
    store: Store
    """The first replica's."""
    replicas: list[Browser] = field(default_factory=list)
    heard: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    """The notices' words, to be waited for."""
    turn: int = 0
    """Which replica answers."""
    running: AsyncExitStack = field(default_factory=AsyncExitStack)

    def notice(self, event: str, grant: int) -> None:
        self.notices.append((event, grant))
        self.heard.put_nowait(event)

    async def visitor(self, **headers: str) -> Visitor:
        """A browser that was never here."""
        jar = aiohttp.CookieJar(unsafe=True)
        session = aiohttp.ClientSession(cookie_jar=jar, headers=headers, timeout=aiohttp.ClientTimeout(total=20))
        return Visitor(self, await self.running.enter_async_context(session))

    def business(self, name: str) -> str:
        return self.sandbox.business(name).id

    def let_owner_reach(self, *names: str) -> None:
        """Which businesses the consenting user reaches."""
        self.sandbox.users["owner"].businesses[:] = [self.business(name) for name in names]


@dataclass
class Visitor:
    """One browser, which follows no redirect by itself."""

    house: House
    session: aiohttp.ClientSession

    async def get(self, url: str, method: str = "GET", data: Any = None, **headers: str) -> Seen:
        where = self.house.url + url if url.startswith("/") else url
        async with self.session.request(
            method,
            URL(where, encoded=True),
            data=data,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            allow_redirects=False,
        ) as answer:
            return Seen(answer.status, dict(answer.headers), await answer.text())

    async def post(self, url: str, fields: dict[str, str], **headers: str) -> Seen:
        return await self.get(url, "POST", fields, **headers)

    async def begin(self, path: str = "/oauth2/auth", **changed: str | None) -> Seen:
        """Sent by the app to the authorization endpoint."""
        return await self.get(f"{path}?{urlencode(asked(**changed))}")

    async def consent(self, begun: Seen) -> str:
        """Says yes at Sage: where Sage then sends the browser."""
        assert begun.status in (302, 303), begun
        seen = await self.get(begun.location)
        assert seen.status == 302, seen
        return seen.location

    async def authorise(self, **changed: str | None) -> Seen:
        """All the way from the app to what the callback answers."""
        begun = await self.get(f"/oauth2/auth?{urlencode(asked(**changed))}")
        return await self.get(await self.consent(begun))

    async def choose(self, page: Seen, **fields: str) -> Seen:
        """Presses the choice's button."""
        assert page.form.all("form", method="post", action="/oauth2/choose")
        return await self.post("/oauth2/choose", {**page.form.hidden, **fields})


def asked(**changed: str | None) -> dict[str, str]:
    """What an app sends along."""
    usual: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "shop-client",
        "redirect_uri": APP,
        "state": "mine",
    }
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def registered(sandbox: Sandbox) -> RegisteredApps:
    """The apps of the house."""
    sage: dict[str, Any] = {"v31_client_id": sandbox.client_id, "v31_client_secret": Secret(sandbox.client_secret)}
    return RegisteredApps(
        {
            "shop": RegisteredApp("shop", "shop-client", (APP, WITH_QUERY, "shop://signed-in"), country="ie", **sage),
            "reader": RegisteredApp("reader", "reader-client", (APP,), scope="readonly", **sage),
            "trial": RegisteredApp("trial", "trial-client", **sage),
            "rotating": RegisteredApp(
                "rotating",
                "rotating-client",
                (APP,),
                v31_client_id=sandbox.client_id,
                v31_client_secret=Secret("not taken yet"),
                v31_client_secret_previous=Secret(sandbox.client_secret),
            ),
            "unable": RegisteredApp("unable", "unable-client", (APP,)),
        }
    )


@asynccontextmanager
async def house(
    tmp_path: Path, prefix: str = "", other: tuple[str, ...] = (), scheme: str = "http"
) -> AsyncIterator[House]:
    """`prefix`: the path of the public URL, which a proxy takes off; `other`: further public URLs."""
    async with AsyncExitStack() as running:
        sandbox, clock, notices = Sandbox(seed=False), Clock(), list[tuple[str, int]]()
        runner, sage_url = await serve_sandbox(sandbox)
        running.push_async_callback(runner.cleanup)
        listening = bind("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        public = (f"{scheme}{url.removeprefix('http')}{prefix}", *other)
        sandbox.oauth.redirect_uris.add(public[0] + CALLBACK)
        stores = []
        for _ in range(2):
            stores.append(await Store.open(f"sqlite:///{tmp_path}/store.db", KEY))
            running.push_async_callback(stores[-1].close)
        built = House(url, sandbox, sage_url, clock, notices, stores[0], running=running)
        for store in stores:
            built.replicas.append(_replica(built, store, public, running))
        server = plain_server(_answer(built, prefix), Limits())
        running.push_async_callback((await serve(server, listening, limits=Limits())).stop)
        yield built


def _replica(house: House, store: Store, public: tuple[str, ...], running: AsyncExitStack) -> Browser:
    token_client = TokenClient(f"{house.sage_url}/token")
    running.push_async_callback(token_client.close)
    sage = Sage(
        token_client,
        authorize=f"{house.sage_url}/oauth2/auth/central?filter=apiv3.1",
        revoke=f"{house.sage_url}/revoke",
        api=f"{house.sage_url}/v3.1",
        callback=public[0] + CALLBACK,
    )
    running.push_async_callback(sage.close)
    browser = Browser(
        registered(house.sandbox),
        store.consents,
        store.authorizations,
        store.links,
        store.codes,
        sage,
        public_urls=public,
        now=house.clock,
        notice=house.notice,
        begun=WrongTokens(1000, clock=house.clock),
        loopback_apps={"trial"},
    )
    running.push_async_callback(browser.close)
    return browser


def _answer(house: House, prefix: str) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        target = read_target(request).removeprefix(prefix)
        assert Browser.serves(target)
        body = await read_body(request, Limits(), 10_000)
        reply = await house.replicas[house.turn].answer(
            V2Request(request.method, target, read_head(request), body), str(request.remote)
        )
        return write_reply(reply).response()

    return answer


def code_of(seen: Seen) -> str:
    """The code that the app got, in its form (v2.md §1.2)."""
    assert seen.status in (302, 303), seen
    assert re.fullmatch("[0-9a-f]{40}", seen.told["code"])
    return seen.told["code"]


def state_of(url: str) -> str:
    """The state in a URL."""
    return parse_qs(urlsplit(url).query)["state"][0]


def unknown() -> str:
    """A state or token that nobody made."""
    return secrets.token_urlsafe(32)

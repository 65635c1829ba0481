"""Two apps with two businesses each, before one stand-in; every statement of the database is counted."""

from __future__ import annotations

import asyncio
import io
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Engine, event
from yarl import URL

from gateway.commands.assemble import Addresses, assemble
from gateway.commands.stand_in import reach, register
from gateway.commands.times import Times
from gateway.edges.refresh_sender import Chances
from gateway.edges.server import bind
from gateway.grants.secret import Secret
from gateway.sandbox import Sandbox, serve_sandbox
from gateway.settings import load
from gateway.settings_sources import variable
from gateway.store import Named, Store
from gateway.store.imports import Entry

APPS = ("sandbox", "rival")
BOOKS = {"lead": "", "second": "Second Business Ltd"}
URI = "https://app.example/callback"
KEY = secrets.token_hex(32)


@dataclass(frozen=True)
class Held:
    """What one tenant's client holds; none of it may reach another tenant."""

    app: str
    books: str
    business: str
    access: str = field(default_factory=lambda: secrets.token_hex(20))
    refresh: str = field(default_factory=lambda: secrets.token_hex(20))

    @property
    def name(self) -> str:
        return f"{self.app}-{self.books}"


@dataclass(frozen=True)
class Reply:
    """A reply without its number and date, and the database statements that it took."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    statements: int


@dataclass
class House:
    """The gateway, the store beside it, and its four tenants."""

    url: str
    sandbox: Sandbox
    store: Store
    session: aiohttp.ClientSession
    tenants: dict[tuple[str, str], Held]
    statements: list[str] = field(default_factory=list)

    async def ask(self, method: str, path: str, browser: Any = None, **more: Any) -> Reply:
        """One request."""
        before = len(self.statements)
        url = URL(path if path.startswith("http") else self.url + path, encoded=True)
        async with (browser or self.session).request(method, url, allow_redirects=False, **more) as answer:
            body = await answer.read()
            head = tuple(pair for pair in answer.headers.items() if pair[0].lower() not in ("x-request-id", "date"))
            return Reply(answer.status, head, body, len(self.statements) - before)

    async def call(self, token: str) -> Reply:
        """Whose books a legacy access token opens."""
        return await self.ask("GET", "/core/v2/business", headers={"Authorization": f"Bearer {token}"})

    async def token(self, app: str, **fields: str) -> Reply:
        """A token call with an app's own credentials."""
        said = {"client_id": f"{app}-id", "client_secret": f"secret of {app}", **fields}
        return await self.ask("POST", "/oauth2/token", data=said)

    async def code(self, held: Held, now: float | None = None) -> str:
        """A new code of a tenant."""
        found = {tenant.name: tenant.id for tenant in await self.store.tenants.all()}
        when = time.time() if now is None else now
        return await self.store.codes.issue(found[held.name], URI, "full_access", when)

    async def same(self, send: Callable[[str], Awaitable[Reply]], wrong: dict[str, str]) -> Reply:
        """The one reply to everything wrong, whatever is wrong with it: bytes and work are alike."""
        replies = {name: await send(value) for name, value in wrong.items()}
        first = next(iter(replies.values()))
        assert {name: reply for name, reply in replies.items() if reply != first} == {}
        return first


async def _for_ever(seconds: float) -> None:
    """No timer of the gateway's own runs, so that statements are those of calls."""
    await asyncio.Event().wait()


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    public, sandbox = bind("127.0.0.1", 0), Sandbox()
    url = f"http://127.0.0.1:{public.getsockname()[1]}"
    db = f"sqlite:///{folder}/store.db"
    async with AsyncExitStack() as running:
        running.callback(root.setLevel, level)
        running.callback(root.handlers.__setitem__, slice(None), handlers)
        runner, base = await serve_sandbox(sandbox)
        running.push_async_callback(runner.cleanup)
        register(sandbox, (url,))
        known = reach(sandbox, base)
        said = {name: value for name, value in known.items() if name.startswith("upstream.")}
        said |= {"store.db": db, "store.key": KEY, "server.public_urls": url, "tokens.wrong_per_minute": "100000"}
        for app in APPS:
            said |= {
                f"apps.{app}.client_id": f"{app}-id",
                f"apps.{app}.client_secret": f"secret of {app}",
                f"apps.{app}.redirect_uris": URI,
                f"apps.{app}.v31_client_id": sandbox.client_id,
                f"apps.{app}.v31_client_secret": sandbox.client_secret,
            }
        ids = {books: sandbox.business(name).id if name else sandbox.lead_business for books, name in BOOKS.items()}
        tenants = {(app, books): Held(app, books, ids[books]) for app in APPS for books in BOOKS}
        settings = load(None, {variable(name): value for name, value in said.items()})
        times = Times(chances=Chances(time.time, time.monotonic, _for_ever, lambda: 0.5))
        await assemble(settings, Addresses(public, None, (url,), url), running, log=io.BytesIO(), times=times)
        store = await Store.open(db, bytes.fromhex(KEY))
        running.push_async_callback(store.close)
        entries = [
            Entry(line, Named(held.name, held.app, held.business, Secret(sandbox.issue_refresh_token()),
                              Secret(held.access), Secret(held.refresh)))
            for line, held in enumerate(tenants.values())
        ]  # fmt: skip
        assert (await store.imports.take(entries, time.time())).wrong == {}
        built = House(url, sandbox, store, await running.enter_async_context(aiohttp.ClientSession()), tenants)

        def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            built.statements.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        running.callback(event.remove, Engine, "before_cursor_execute", note)
        yield built

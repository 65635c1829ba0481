"""A whole gateway every secret of which is known to the test, and all that leaves it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import aiohttp
import asyncpg
from typer.testing import CliRunner
from yarl import URL

from gateway.cli import app
from gateway.commands.assemble import Addresses, assemble
from gateway.commands.stand_in import CLIENT_ID, NAME, reach, register
from gateway.commands.times import Times
from gateway.edges.refresh_sender import Chances
from gateway.edges.server import bind
from gateway.sandbox import Sandbox, serve_sandbox
from gateway.settings import load
from gateway.settings_sources import variable
from tests.whole.canaries import Canaries
from tests.whole.canary_ears import hear, webhook

APP = "https://app.example/callback"
SHORT_SLEEP = 0.02
_ALL = 'SELECT t.*, t::text AS "all of it" FROM "{}" t'


class Log(io.BytesIO):
    """The log stream, which says when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.more = asyncio.Event()

    def write(self, data: Any) -> int:
        self.more.set()
        return super().write(data)

    async def says(self, word: str, times: int = 1) -> None:
        """Waits until a word was written so often."""
        async with asyncio.timeout(20):
            while self.getvalue().count(word.encode()) < times:
                self.more.clear()
                await self.more.wait()


@dataclass
class Clock:
    """The time, which tests move on; whoever sleeps is woken soon."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def times(self) -> Times:
        async def sleep(seconds: float) -> None:
            await asyncio.sleep(min(seconds, SHORT_SLEEP))

        return Times(self, time.monotonic, Chances(self, time.monotonic, sleep, lambda: 0.5))


@dataclass
class Left:
    """Something that left the gateway; `but` are secrets that belong there."""

    where: str
    data: bytes
    but: tuple[str, ...] = ()


@dataclass
class Watched:
    """The gateway, its stand-in, and all that left it so far."""

    url: str
    admin: str
    db: str
    sandbox: Sandbox
    known: Canaries
    clock: Clock
    log: Log
    session: aiohttp.ClientSession
    said: Mapping[str, str]
    left: list[Left] = field(default_factory=list)
    alarms: list[bytes] = field(default_factory=list)

    @property
    def spool(self) -> Path:
        """Where tokens go that the store does not take."""
        return Path(self.said["store.spool"])

    @property
    def on_postgres(self) -> bool:
        """Which database it is."""
        return self.db.startswith("postgresql")

    @property
    def refusal(self) -> tuple[str, ...]:
        """What makes the database take no new tokens; the trigger `refuse` is to be dropped again."""
        if self.on_postgres:
            return (
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$",
                "CREATE TRIGGER refuse BEFORE UPDATE OF refresh_ct ON grants FOR EACH ROW EXECUTE FUNCTION refuse()",
            )
        return (
            "CREATE TRIGGER refuse BEFORE UPDATE OF refresh_ct ON grants BEGIN SELECT RAISE(ABORT, 'refused'); END",
        )

    async def ask(self, method: str, path: str, *but: str, browser: Any = None, **more: Any) -> tuple[Any, str]:
        """One request; its answer and text are noted as something that left."""
        url = URL(urljoin(self.url, path), encoded=True)
        session = browser or self.session
        async with session.request(method, url, allow_redirects=False, **more) as answer:
            text = await answer.text()
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        self.left.append(Left(f"{method} {url.path} {answer.status}", f"{head}\n{text}".encode(), but))
        return answer, text

    async def command(
        self, *words: str, stdin: str | None = None, but: Callable[[str], list[str]] | None = None
    ) -> str:
        """A command of the operator, and what it printed."""
        environ = {variable(key): value for key, value in self.said.items()} | {"COLUMNS": "200"}
        told = await asyncio.to_thread(lambda: CliRunner().invoke(app, words, input=stdin, env=environ))
        both = told.stdout + told.stderr
        self.left.append(Left(" ".join(words[:2]), both.encode(), tuple(but(told.stdout)) if but else ()))
        assert "Traceback" not in both, both
        assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
        return told.stdout

    def _change_file(self, sql: str) -> None:
        connection = sqlite3.connect(self.db.partition("///")[2], isolation_level=None, timeout=30)
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {sql}; COMMIT")
        finally:
            connection.close()

    async def change(self, sql: str) -> None:
        """Does something to the database behind the gateway's back."""
        if not self.on_postgres:
            # In a thread: the gateway may be in a transaction, and must be able to end it.
            await asyncio.to_thread(self._change_file, sql)
        else:
            connection = await asyncpg.connect(self.db)
            await connection.execute(sql)
            await connection.close()

    async def dump(self) -> bytes:
        """Every row of every table, as text and as bytes; of SQLite all that its files hold."""
        if not self.on_postgres:
            file = Path(self.db.partition("///")[2])
            return b"\0".join(each.read_bytes() for each in sorted(file.parent.glob(f"{file.name}*")))
        connection = await asyncpg.connect(self.db)
        found = []
        for table in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            for row in await connection.fetch(_ALL.format(table["tablename"])):
                found += [value if isinstance(value, bytes) else str(value).encode() for value in row.values()]
        await connection.close()
        return b"\0".join(found)

    async def consent(self, browser: aiohttp.ClientSession, business: str, **more: str) -> str:
        """From the app to Sage and back; the code that the app gets, or the error."""
        state = self.known.make("the app's state")
        query = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": APP, "state": state, **more}
        return await self.walk(browser, "GET", f"{self.url}/oauth2/auth?{urlencode(query)}", state, business)

    async def walk(self, browser: aiohttp.ClientSession, method: str, url: str, state: str, business: str) -> str:
        """Follows redirects and fills the choice, as a browser does; the code or error that the app gets at the end,
        or the last page."""
        form: dict[str, str] | None = None
        theirs = [state]
        for _ in range(8):
            if url.startswith(self.url):
                answer, text = await self.ask(method, url, *theirs, browser=browser, data=form)
                theirs += self._marks(answer)
                self.left[-1].but = tuple(theirs)
            else:
                async with browser.request(method, URL(url, encoded=True), allow_redirects=False) as answer:
                    text = await answer.text()
            url = urljoin(url, answer.headers.get("Location", ""))
            told = parse_qs(urlsplit(url).query)
            if url.startswith(APP):
                return (told.get("code") or told["error"])[0]
            if not answer.headers.get("Location"):
                if "/oauth2/choose" not in text or form is not None:
                    return text
                sent = text.partition('name="state" value="')[2].partition('"')[0]
                method, url, form = "POST", f"{self.url}/oauth2/choose", {"state": sent, "business": business}
            else:
                method, form = "GET", None
                if "code" in told:
                    theirs.append(self.known.know("Sage's code", told["code"][0]))
        raise AssertionError("the browser is sent in circles")

    def _marks(self, answer: aiohttp.ClientResponse) -> list[str]:
        """The state, the cookie and the code that an answer gives its browser."""
        told = parse_qs(urlsplit(answer.headers.get("Location", "")).query)
        found = [self.known.know("our state", text) for text in told.get("state", []) if "." in text]
        found += [self.known.know("a code", text) for text in told.get("code", [])]
        found += [self.known.know("our cookie", each.value) for each in answer.cookies.values()]
        # The random text alone would do as well.
        return found + [self.known.know("a mark", text.partition(".")[0]) for text in found if "." in text]

    async def token(self, **fields: str) -> tuple[int, dict[str, Any]]:
        """A token call; the pair is its owner's."""
        answer, text = await self.ask("POST", "/oauth2/token", data=fields)
        body = json.loads(text)
        if answer.status == 200:
            names = ("access_token", "refresh_token")
            self.left[-1].but = tuple(self.known.know(f"an issued {name}", body[name]) for name in names)
        return answer.status, body


@asynccontextmanager
async def watched(folder: Path, db: str) -> AsyncIterator[Watched]:
    """A gateway of which everything secret is a canary."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    known, clock, log, alarms = Canaries(), Clock(), Log(), list[bytes]()
    key = known.know("store.key", secrets.token_hex(32))
    known.know("store.key", bytes.fromhex(key))
    public, admin = bind("127.0.0.1", 0), bind("127.0.0.1", 0)
    url, admin_url = (f"http://127.0.0.1:{each.getsockname()[1]}" for each in (public, admin))
    async with AsyncExitStack() as running:
        running.callback(public.close)
        running.callback(admin.close)
        running.callback(root.setLevel, level)
        running.callback(root.handlers.__setitem__, slice(None), handlers)
        sandbox = Sandbox(clock=clock)
        sandbox.oauth.client_secret = known.make("the v3.1 client secret")
        runner, base = await serve_sandbox(sandbox)
        running.push_async_callback(runner.cleanup)
        register(sandbox, (url,))
        running.callback(hear(sandbox, known))
        said = {
            **reach(sandbox, base),
            "store.db": db,
            "store.key": key,
            "store.spool": str(folder / "a.spool"),
            "store.marker": str(folder / "a.marker"),
            "server.public_urls": url,
            "tokens.lease_seconds": "3",
            "alarms.webhook": await running.enter_async_context(webhook(alarms, known)),
            f"apps.{NAME}.client_secret": known.make("a client secret"),
            f"apps.{NAME}.signing_secret": known.make("a signing secret"),
            f"apps.{NAME}.v31_client_secret": sandbox.oauth.client_secret,
            f"apps.{NAME}.v31_client_secret_previous": known.make("the former v3.1 client secret"),
            f"apps.{NAME}.redirect_uris": APP,
            f"tenants.{NAME}.access_token": known.token("a legacy access token"),
            f"tenants.{NAME}.refresh_token": known.token("a legacy refresh token"),
        }
        known.know("a seed", said[f"tenants.{NAME}.v31_refresh_token"])
        if db.startswith("postgresql"):
            told = await asyncio.to_thread(lambda: CliRunner().invoke(app, ["store", "migrate", "--db", db]))
            assert told.exit_code == 0
        settings = load(None, {variable(name): value for name, value in said.items()})
        await assemble(settings, Addresses(public, admin, (url,), url), running, log=log, times=clock.times())
        session = await running.enter_async_context(aiohttp.ClientSession())
        house = Watched(url, admin_url, db, sandbox, known, clock, log, session, said, alarms=alarms)
        yield house

"""Whoever reads a list, then its records, then what they refer to, never finds a gap."""

from __future__ import annotations

import io
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from gateway.commands.assemble import Addresses, assemble
from gateway.commands.stand_in import reach
from gateway.edges.server import bind
from gateway.resources.registry import TABLES
from gateway.sandbox import Sandbox, serve_sandbox
from gateway.settings import Settings
from gateway.translate.resource import Table
from gateway.translate.rules import Nested, Reference, Rule

OWNERS = {"Harbour Ltd": "owner", "Second Business Ltd": "owner", "Elsewhere Ltd": "stranger"}
WINDOW = 7
"""Rows a window: more than one of each longer list."""
PERIOD = "from_date=2010-01-01&to_date=2029-12-31"
"""Holds all that the stand-in has."""


@dataclass
class Gateway:
    """A gateway with a tenant for each business; a business's name is its token."""

    url: str
    sandbox: Sandbox
    session: aiohttp.ClientSession

    async def get(self, token: str, path: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token.replace(' ', '')}"}
        async with self.session.get(self.url + path, headers=headers) as reply:
            return reply.status, msgspec.json.decode(await reply.read())


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    sandbox, public = Sandbox(), bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{public.getsockname()[1]}"
    async with AsyncExitStack() as running:
        runner, base_url = await serve_sandbox(sandbox)
        running.push_async_callback(runner.cleanup)
        settings = settings_of(sandbox, base_url, tmp_path)
        await assemble(settings, Addresses(public, None, (url,), url), running, log=io.BytesIO())
        session = await running.enter_async_context(aiohttp.ClientSession())
        yield Gateway(url, sandbox, session)
        assert sandbox.violations == []
    root.handlers[:] = handlers
    root.setLevel(level)


def settings_of(sandbox: Sandbox, base_url: str, folder: Path) -> Settings:
    upstream = reach(sandbox, base_url)
    app = {"client_id": "walker", "signature": "off", "v31_client_id": sandbox.client_id}
    tenants = {
        name.replace(" ", "_").lower(): {
            "app": "walker",
            "business": sandbox.business(name).id,
            "access_token": name.replace(" ", ""),
            "v31_refresh_token": sandbox.issue_refresh_token(user),
        }
        for name, user in OWNERS.items()
    }
    return Settings.model_validate(
        {
            "store": {"db": f"sqlite:///{folder}/store.db", "key": secrets.token_hex(32)},
            "upstream": {"api": upstream["upstream.api"], "token": upstream["upstream.token"]},
            "apps": {"walker": {**app, "v31_client_secret": sandbox.client_secret}},
            "tenants": tenants,
        }
    )


def serving() -> dict[str, Table]:
    """Kind -> the table that serves its records by their number alone: the one of the kind's own name, else any."""
    found: dict[str, Table] = {}
    for table in TABLES:
        alone = "one" in table.verbs and not table.singleton and "*" not in table.path
        if alone and (table.path == table.kind or table.kind not in found):
            found[table.kind] = table
    return found


SERVING = serving()


def referring(rules: tuple[Rule, ...]) -> Iterator[tuple[str, str]]:
    """Each name under which a reference is shown, or its bare number, with the kind that it points at."""
    for rule in rules:
        if isinstance(rule, Reference):
            yield from ((name, rule.kind) for name in rule.shown)
        if isinstance(rule, Nested):
            yield rule.v2, rule.holds
            yield from referring(rule.of)


@dataclass
class Walk:
    """One walk through the books of a business, by one version's paths. `wrong` is what a client would stumble over;
    `seen` is what was read."""

    gateway: Gateway
    token: str
    version: str
    wrong: list[str] = field(default_factory=list)
    seen: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, list[Any]] = field(default_factory=dict)

    async def read(self, table: Table, path: str) -> Any:
        """The body of a GET, read once; None where it fails, which is wrong."""
        place = f"/{table.family}/{self.version}/{path}"
        if place not in self.seen:
            status, body = await self.gateway.get(self.token, place)
            self.seen[place] = body if status == 200 else None
            if status != 200:
                self.wrong.append(f"{place}: {status} {body}")
            else:
                self.wrong += [f"{place}: {what}" for what in bad_ids(body)]
        return self.seen[place]

    async def all(self) -> None:
        for table in TABLES:
            if table.singleton:
                if "*" not in table.path:
                    await self.follow(table, await self.read(table, table.path))
                continue
            for path in await self.paths(table):
                for row in await self.rows(table, path):
                    await self.follow(table, row)
                    if "one" in table.verbs:
                        await self.follow(table, await self.read(table, f"{path}/{row['$key']}"))

    async def paths(self, table: Table) -> list[str]:
        """The table's path for each record that it lies below."""
        above, star, below = table.path.partition("/*")
        if not star:
            return [table.path]
        parent = next(each for each in TABLES if each.path == above)
        return [f"{above}/{row['$key']}{below}" for row in await self.rows(parent, above)]

    async def rows(self, table: Table, path: str) -> list[Any]:
        """Every row of a list, window by window."""
        if "list" not in table.verbs:
            return []
        if path not in self.lists:
            self.lists[path] = [row async for row in self.windows(table, path)]
        return self.lists[path]

    async def windows(self, table: Table, path: str) -> AsyncIterator[Any]:
        start = 0
        while True:
            body = await self.read(table, f"{path}?{asked(table, start)}")
            rows = rows_of(body)
            for row in rows:
                yield row
            start += len(rows)
            if not rows or not isinstance(body, dict) or start >= body.get("$totalResults", 0):
                return

    async def follow(self, table: Table, shown: Any) -> None:
        """Read every record that a record refers to, where a table serves its kind."""
        kinds = dict(referring(table.rules.rules))
        for name, number in numbers(shown):
            served = SERVING.get(kinds.get(name, "")) or SERVING.get(f"{name.removesuffix('_id')}s")
            if served:
                await self.read(served, f"{served.path}/{number}")


def asked(table: Table, start: int) -> str:
    """The query of one window. What is narrowed by dates and nothing else is the sum of a period, which it needs."""
    if {each.v2 for each in table.filters} == {"from_date", "to_date"}:
        return PERIOD
    return f"$startIndex={start}&$itemsPerPage={WINDOW}" if table.paged and table.bare is not True else ""


def rows_of(body: Any) -> list[Any]:
    """The rows of a list, in its envelope or bare; one record that is all there is."""
    if isinstance(body, dict):
        rows: list[Any] = body.get("$resources", [body])
        return rows
    return body or []


def numbers(value: Any) -> Iterator[tuple[str, int]]:
    """Each reference below a value with its name, and each bare number of one: `contact` or `contact_id`."""
    if isinstance(value, list):
        for row in value:
            yield from numbers(row)
    elif isinstance(value, dict):
        for name, held in value.items():
            if name.endswith("_id") and held is not None:
                yield name, held
            for each in held if isinstance(held, list) else [held]:
                if isinstance(each, dict) and each.get("$key") is not None:
                    yield name, each["$key"]
            yield from numbers(held)


def bad_ids(value: Any, at: str = "") -> Iterator[str]:
    """Each id that is none: no whole number, negative, or null where a record is shown."""
    if isinstance(value, list):
        for number, row in enumerate(value):
            yield from bad_ids(row, f"{at}.{number}")
    elif isinstance(value, dict):
        for name, held in value.items():
            if (name in ("id", "$key") or name.endswith("_id")) and not good(name, held, value):
                yield f"{at}.{name} is {held!r}"
            yield from bad_ids(held, f"{at}.{name}")


def good(name: str, number: Any, record: dict[str, Any]) -> bool:
    """Empty references have a null `$key` and no id; a flat number is null where there is none."""
    if number is None:
        return name.endswith("_id") or (name == "$key" and "id" not in record)
    return type(number) is int and number >= 0


@pytest.mark.parametrize("version", ["v2", "v1"])
@pytest.mark.parametrize("business", OWNERS)
async def test_every_record_and_every_reference_in_it_can_be_read(
    gateway: Gateway, business: str, version: str
) -> None:
    """Every list in all its windows, every record of it, every reference in that: no 404, no error, no id that v3.1
    alone knows. A new table is walked without a word here, and the stand-in has records for it."""
    walk = Walk(gateway, business, version)
    await walk.all()
    assert walk.wrong == []
    assert {table.path for table in TABLES if "list" in table.verbs and "*" not in table.path} <= walk.lists.keys()
    assert [path for path, rows in walk.lists.items() if not rows and "/" not in path] == []

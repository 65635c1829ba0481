"""A copied database is read and never uses its refresh tokens up (reliability.md §3.3 step 10)."""

from __future__ import annotations

import io
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from sqlalchemy import text

from gateway.commands.assemble import Addresses, assemble
from gateway.commands.stand_in import reach
from gateway.commands.stores import open_store
from gateway.edges.server import bind
from gateway.errors import StoreFailed
from gateway.sandbox import Sandbox, serve_sandbox
from gateway.settings import Settings, load
from gateway.settings_sources import variable

KEY = "9f1c0e5b7a2d48f3b6e1904c8d3a7f25c0b89e6d14f7a35280de4b9617c3fa58"
OLDER = "41d7b2a98c03f6e5170bd9c4823e6fa59b0c1d7e34a8f25660e9cb13d8457fa2"
CONTACT = {"contact": {"company": "Copied Ltd", "contact_type_id": 1}}


@dataclass
class House:
    """A stand-in for Sage, and settings before it."""

    sandbox: Sandbox
    said: dict[str, str]

    def settings(self, file: Path, **more: str) -> Settings:
        said = {**self.said, "store.db": f"sqlite:///{file}", **more}
        return load(None, {variable(key): value for key, value in said.items()})

    @property
    def refreshes(self) -> int:
        """How many access tokens Sage has given."""
        return len(self.sandbox.oauth.tokens.accesses)


@dataclass
class Gateway:
    """A gateway at work: its URLs and its log."""

    url: str
    admin: str
    log: io.BytesIO
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """A call with TestToken: its status and JSON."""
        known = {"Authorization": "Bearer TestToken", "Content-Type": "application/json", **headers}
        data = None if body is None else msgspec.json.encode(body)
        async with self.session.request(method, self.url + path, data=data, headers=known) as reply:
            return reply.status, msgspec.json.decode(await reply.read())

    async def told(self, path: str) -> tuple[int, str]:
        """What the operator's listener says."""
        async with self.session.get(self.admin + path) as reply:
            return reply.status, await reply.text()


@pytest.fixture
async def sage() -> AsyncIterator[House]:
    sandbox = Sandbox()
    runner, base_url = await serve_sandbox(sandbox)
    yield House(sandbox, {**reach(sandbox, base_url), "store.key": KEY})
    await runner.cleanup()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway of these settings, stopped at the end."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    public, admin, log = bind("127.0.0.1", 0), bind("127.0.0.1", 0), io.BytesIO()
    url, admin_url = (f"http://127.0.0.1:{each.getsockname()[1]}" for each in (public, admin))
    try:
        async with AsyncExitStack() as running:
            await assemble(settings, Addresses(public, admin, (url,), url), running, log=log)
            session = await running.enter_async_context(aiohttp.ClientSession())
            yield Gateway(url, admin_url, log, session)
    finally:
        public.close()
        admin.close()
        root.handlers[:] = handlers
        root.setLevel(level)


async def lapse(settings: Settings) -> None:
    """The stored access tokens are over."""
    store = await open_store(settings)
    over = text("UPDATE grants SET access_expires_at = 1")
    await store._database.write(lambda connection: connection.execute(over))
    await store.close()


async def test_a_copy_reads_while_its_tokens_last_and_refreshes_nothing(sage: House, tmp_path: Path) -> None:
    """Every write and every token call gets 503 with a sentence; the log and the metrics say why; the original goes
    on. Once its access tokens are over the copy reads no more. Adopted, it is a gateway like any other."""
    original = sage.settings(tmp_path / "store.db")
    async with serving(original) as gateway:
        assert (await gateway.call("GET", "/accounts/v2/contacts"))[0] == 200
        assert (await gateway.call("POST", "/accounts/v2/contacts", CONTACT))[0] == 201
        assert "sage_gateway_frozen 0.0" in (await gateway.told("/metrics"))[1]
    shutil.copy(tmp_path / "store.db", tmp_path / "staging.db")
    copy, before = sage.settings(tmp_path / "staging.db"), sage.refreshes
    async with serving(copy) as gateway:
        status, contacts = await gateway.call("GET", "/accounts/v2/contacts")
        assert (status, contacts["$totalResults"] > 0) == (200, True)
        for method in ("POST", "PUT", "DELETE"):
            path = "/accounts/v2/contacts" + ("" if method == "POST" else f"/{contacts['$resources'][0]['id']}")
            status, body = await gateway.call(method, path, CONTACT)
            assert status == 503
            assert "copy of another's store" in str(body)
        for path in ("/oauth2/token", "/oauth2/revoke", "/oauth2/auth"):
            assert (await gateway.call("POST", path, {}))[0] == 503
        assert (await gateway.told("/readyz"))[0] == 200
        assert "sage_gateway_frozen 1.0" in (await gateway.told("/metrics"))[1]
    assert f"{tmp_path}/staging.db.marker is missing" in gateway.log.getvalue().decode()
    assert "sage-gateway store adopt" in gateway.log.getvalue().decode()
    await lapse(copy)
    async with serving(copy) as gateway:
        for _ in range(2):
            status, body = await gateway.call("GET", "/accounts/v2/contacts")
            assert (status, "copy of another's store" in str(body)) == (503, True)
    assert sage.refreshes == before
    await lapse(original)
    async with serving(original) as gateway:
        assert (await gateway.call("GET", "/accounts/v2/contacts"))[0] == 200
    assert sage.refreshes == before + 1
    shutil.copy(tmp_path / "store.db", tmp_path / "moved.db")
    moved = sage.settings(tmp_path / "moved.db")
    store = await open_store(moved)
    await store.identity.adopt(moved.store.marker_path, 0.0)
    await store.close()
    await lapse(moved)
    async with serving(moved) as gateway:
        assert (await gateway.call("POST", "/accounts/v2/contacts", CONTACT))[0] == 201
    assert sage.refreshes == before + 2


async def test_one_gateway_serves_a_file(sage: House, tmp_path: Path) -> None:
    """A second one on the same file does not start; after the first has stopped it does. Commands work beside."""
    settings = sage.settings(tmp_path / "store.db")
    async with serving(settings) as gateway:
        with pytest.raises(StoreFailed, match="Another `sage-gateway serve` uses the store's file"):
            async with serving(settings):
                raise AssertionError
        store = await open_store(settings)
        assert (await store.keys.rotate(0.0)).left == 0
        await store.close()
        assert (await gateway.call("GET", "/accounts/v2/contacts"))[0] == 200
    async with serving(settings) as gateway:
        assert (await gateway.call("GET", "/accounts/v2/contacts"))[0] == 200


async def test_a_rotation_does_not_change_what_a_write_is_known_by(sage: House, tmp_path: Path) -> None:
    """Repeated after a rotation of both keys, and a new start, a write with the same nonce books nothing twice."""
    invoice = {
        "sales_invoice": {
            "contact_id": 53117843,
            "date": "2025-08-01",
            "line_items_attributes": [{"description": "A", "quantity": "1", "unit_price": "50", "tax_rate_id": 1}],
        }
    }
    made = []
    for keys in ({}, {"store.key": OLDER, "store.old_key": KEY}):
        settings = sage.settings(tmp_path / "store.db", **keys)
        if keys:
            store = await open_store(settings)
            assert (await store.keys.rotate(0.0)).retired == [1]
            await store.close()
        async with serving(settings) as gateway:
            made.append(await gateway.call("POST", "/accounts/v2/sales_invoices", invoice, **{"X-Nonce": "n" * 32}))
    assert [status for status, _ in made] == [201, 201]
    assert made[0][1]["id"] == made[1][1]["id"]

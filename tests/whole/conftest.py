"""A whole gateway before its stand-in, in the test's own event loop."""

from __future__ import annotations

import io
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from gateway.commands.assemble import Addresses, assemble
from gateway.commands.stand_in import reach
from gateway.edges.server import bind
from gateway.sandbox import Sandbox, serve_sandbox
from gateway.settings import load
from gateway.settings_sources import variable


@dataclass
class Whole:
    """The gateway's URL, the stand-in behind it, and the log that it has written."""

    url: str
    sandbox: Sandbox
    log: io.BytesIO
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: Any = None, nonce: str | None = None) -> tuple[int, Any]:
        """A v2 call with TestToken: its status and JSON. A body is sent as JSON."""
        headers = {"Authorization": "Bearer TestToken"}
        if nonce is not None:
            headers["X-Nonce"] = nonce
        data = None
        if body is not None:
            data, headers["Content-Type"] = msgspec.json.encode(body), "application/json"
        url = f"{self.url}/accounts/v2/{path}"
        async with self.session.request(method, url, data=data, headers=headers) as reply:
            return reply.status, msgspec.json.decode(await reply.read())

    async def invoice(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A new invoice as v2 shows it; without lines it has one, `A` at 50.00."""
        rows = lines or (row("A", "50.00"),)
        sent = {"contact_id": 53117843, "date": "2025-08-01", "line_items_attributes": list(rows), **more}
        status, made = await self.call("POST", "sales_invoices", {"sales_invoice": sent})
        assert status == 201, made
        return dict(made)


def row(description: str, unit_price: str, **more: Any) -> dict[str, Any]:
    """A line as clients send it."""
    return {"description": description, "quantity": "1", "unit_price": unit_price, "tax_rate_id": 1, **more}


@pytest.fixture
async def whole(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Whole]:
    """`request.param`, where a test gives one, are further settings."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    sandbox, log, public = Sandbox(), io.BytesIO(), bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{public.getsockname()[1]}"
    async with AsyncExitStack() as running:
        runner, base_url = await serve_sandbox(sandbox)
        running.push_async_callback(runner.cleanup)
        said = {
            **reach(sandbox, base_url),
            "store.db": f"sqlite:///{tmp_path}/store.db",
            "store.key": secrets.token_hex(32),
            **getattr(request, "param", {}),
        }
        settings = load(None, {variable(key): value for key, value in said.items()})
        await assemble(settings, Addresses(public, None, (url,), url), running, sandboxed=True, log=log)
        session = await running.enter_async_context(aiohttp.ClientSession())
        yield Whole(url, sandbox, log, session)
        assert sandbox.violations == []
    root.handlers[:] = handlers
    root.setLevel(level)

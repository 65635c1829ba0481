"""Whom a gateway tells of a grant's news, and in which words."""

from __future__ import annotations

import io
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.commands.keeping_alive import ring_for
from gateway.commands.stores import open_store
from gateway.commands.times import Times
from gateway.edges.metrics import Metrics
from gateway.edges.telemetry import Telemetry
from gateway.grants.life import Tokens
from gateway.grants.secret import Secret
from gateway.settings import load
from gateway.store import Store

NOW = 1_700_000_000.0
HOME = "https://gateway.example"


async def told(folder: Path, *events: str, public_urls: str = HOME, disconnected: tuple[str, ...] = ()) -> Any:
    """What the webhook gets, and the log, of events of a grant with the tenants `leeds` and `london`; and the store."""
    got: list[Any] = []

    async def handle(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response(status=204)

    receiver = web.Application()
    receiver.router.add_post("/hook", handle)
    async with TestServer(receiver) as server:
        known = {"STORE__DB": f"sqlite:///{folder}/store.db", "STORE__KEY": "ab" * 32, "APPS__SHOP__CLIENT_ID": "x"}
        known |= {"ALARMS__WEBHOOK": str(server.make_url("/hook")), "SERVER__PUBLIC_URLS": public_urls}
        settings = load(None, {f"SAGE_GATEWAY_{name}": value for name, value in known.items()})
        store = await open_store(settings)
        grant = await store.consents.record("shop", Tokens(Secret("a"), 300.0, Secret("r"), user="u"), NOW, NOW)
        for name in ("leeds", "london"):
            await store.consents.connect("shop", name, grant, NOW, name)
        for name in disconnected:
            await store.rows.disconnect(name, NOW)
        log = io.BytesIO()
        async with AsyncExitStack() as running:
            telemetry = Telemetry(log, Metrics(set(), set()), strict=True)
            notice = ring_for(settings, store, telemetry, running, Times(wall=lambda: NOW))
            for event in events:
                notice(event, grant)
    return got, log.getvalue().decode(), store


async def linked(store: Store, link: str) -> tuple[str, str, str | None]:
    """What a link is for; closes the store."""
    found = await store.links.find(link.removeprefix(f"{HOME}/connect/"), NOW)
    await store.close()
    assert found is not None
    return found.name, found.app, found.business


async def test_the_alarm_of_a_lapsed_grant_brings_its_owner_s_link(tmp_path: Path) -> None:
    """The tenants, a command for each, and a link for one that is served; the log has no link."""
    [alarm], log, store = await told(tmp_path, "refreshed", "needs_consent", disconnected=("leeds",))
    assert alarm["tenants"] == ["leeds", "london"]
    assert alarm["mend"] == ["sage-gateway tenants reconnect leeds", "sage-gateway tenants reconnect london"]
    assert "needs_consent" in log
    assert "connect/" not in log
    assert await linked(store, alarm["link"]) == ("london", "shop", "london")


async def test_what_no_consent_mends_brings_no_link(tmp_path: Path) -> None:
    """A new consent would be asked in vain where Sage refuses the gateway's own client."""
    [alarm], _, store = await told(tmp_path, "invalid_client")
    await store.close()
    assert (alarm["tenants"], "mend" in alarm, "link" in alarm) == (["leeds", "london"], False, False)


@pytest.mark.parametrize(
    "more", [{"public_urls": ""}, {"disconnected": ("leeds", "london")}], ids=["no address", "nobody served"]
)
async def test_a_link_that_would_lead_nowhere_is_not_made(tmp_path: Path, more: dict[str, Any]) -> None:
    """The alarm is told without one."""
    [alarm], _, store = await told(tmp_path, "grant_dying", **more)
    await store.close()
    assert alarm["link"] is None

"""The operator's listener."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from gateway.edges.admin import Admin
from gateway.edges.limits import Limits
from gateway.edges.metrics import Metrics
from gateway.edges.server import bind, plain_server, serve


class Store:
    def __init__(self) -> None:
        self.there = True

    async def __call__(self) -> bool:
        return self.there


@pytest.fixture
async def admin() -> AsyncIterator[tuple[str, Store]]:
    store = Store()
    opened = bind("127.0.0.1", 0)
    serving = await serve(plain_server(Admin(Metrics((), ()), store), Limits()), opened, limits=Limits())
    yield f"http://127.0.0.1:{serving.port}", store
    await serving.stop()


async def test_health_readiness_and_metrics(admin: tuple[str, Store]) -> None:
    """`/healthz` says alive, `/readyz` whether the store answers, `/metrics` counts; the rest is 404."""
    url, store = admin
    async with ClientSession() as client:
        async with client.get(f"{url}/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")
        async with client.get(f"{url}/readyz") as answer:
            assert answer.status == 200
        store.there = False
        async with client.get(f"{url}/readyz") as answer:
            assert answer.status == 503
        async with client.get(f"{url}/metrics") as answer:
            assert answer.status == 200
            assert "sage_gateway_calls_in_flight 0.0" in await answer.text()
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert answer.headers["Server"] == "sage-gateway"
        async with client.get(f"{url}/elsewhere") as answer:
            assert answer.status == 404
        async with client.post(f"{url}/metrics") as answer:
            assert answer.status == 405

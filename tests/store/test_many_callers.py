"""Many callers that meet one expired token, in one process and over four replicas on one store."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.edges.refresh_sender import Chances
from gateway.edges.refresher import Refresher
from gateway.edges.token_client import TokenClient
from gateway.store import Store
from tests.edges.refresh_house import APPS, Endpoint
from tests.store.planting import planted

CALLERS = 1000


@pytest.mark.parametrize("replicas", [1, 4])
async def test_a_thousand_callers_cause_one_token_call(url, key, replicas):
    """They meet one expired token at the same time, over so many replicas with stores of their own; all get the new
    token, and Sage is asked once."""
    endpoint, began, late = Endpoint(), time.time(), 0.0
    app = web.Application()
    app.router.add_post("/token", endpoint.handle)
    async with AsyncExitStack() as running:
        server = TestServer(app)
        await server.start_server()
        running.push_async_callback(server.close)
        stores = [await Store.open(url, key, migrate=True) for _ in range(replicas)]
        for store in stores:
            running.push_async_callback(store.close)
        await planted(stores[0])
        (tenant,) = await stores[0].tenants.all()
        refreshers = []
        for store in stores:
            client = TokenClient(str(server.make_url("/token")))
            running.push_async_callback(client.close)
            chances = Chances(lambda: began + late)
            refreshers.append(Refresher(store.grants, client, APPS, chances=chances, patience=60))
            running.push_async_callback(refreshers[-1].close)
        old = {await refresher.token(tenant) for refresher in refreshers}
        late = endpoint.life + 1
        asked = len(endpoint.asked)
        tokens = await asyncio.gather(*(refreshers[n % replicas].token(tenant) for n in range(CALLERS)))
    assert (asked, len(old)) == (1, 1)
    assert len(endpoint.asked) == 2
    assert len(set(tokens) - old) == len(set(tokens)) == 1

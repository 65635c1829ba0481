"""A world for the refresher: a real token endpoint that rotates and kills families, a real store, a clock."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.edges.refresh_sender import Chances
from gateway.edges.refresher import Refresher
from gateway.edges.token_client import TokenClient
from gateway.errors import StoreFailed
from gateway.grants.tenant import Tenant
from gateway.store import Store
from gateway.store.grants import Grants

APPS = {"app": ("id", "secret"), "app2": ("id", "secret")}


@dataclass
class Endpoint:
    """Sage's token endpoint at its strictest: each refresh token works once, and its reuse kills the family (R2).

    `moods` are played one a request: `ok`, `drop` (rotates, then hangs up without an answer),
    `deaf` (hangs up without having done anything), `half` (rotates, but gives no access token), or a status with a
    JSON body.
    """

    live: set[str] = field(default_factory=lambda: {"seed"})
    spent: set[str] = field(default_factory=set)
    moods: list[object] = field(default_factory=list)
    life: int = 300
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        token = str(form["refresh_token"])
        self.asked.append(token)
        self.entered.set()
        mood = self.moods.pop(0) if self.moods else "ok"
        if isinstance(mood, tuple):
            return web.json_response(mood[1], status=mood[0], headers=dict(mood[2:3][0] if mood[2:] else {}))
        if mood == "deaf":
            return self.hang_up(request)
        if token not in self.live:
            if token in self.spent:
                self.live.clear()
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.live.remove(token)
        self.spent.add(token)
        fresh = f"r{len(self.asked)}-{secrets.token_hex(4)}"
        self.live.add(fresh)
        if self.gate is not None:
            await self.gate.wait()
        if mood == "drop":
            return self.hang_up(request)
        return web.json_response(
            {
                "access_token": "" if mood == "half" else f"a-{fresh}",
                "token_type": "bearer",
                "expires_in": self.life,
                "refresh_token": fresh,
                "refresh_token_expires_in": 2_678_400,
                "requested_by_id": "user",
            }
        )

    def hang_up(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()


class Clock:
    """Time that passes only when told, or when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


class LameGrants(Grants):
    """The real grants of a store that fails for a while."""

    failing: set[str]
    """Names of the methods that fail now."""

    async def load(self, grant_id):
        self.fail("load")
        return await super().load(grant_id)

    async def take_lease(self, grant, owner, seconds, attempt):
        self.fail("take_lease")
        return await super().take_lease(grant, owner, seconds, attempt)

    async def save_refreshed(self, new, attempt, now):
        self.fail("save_refreshed")
        return await super().save_refreshed(new, attempt, now)

    def fail(self, name: str) -> None:
        if name in self.failing:
            raise StoreFailed("disk full")


@dataclass
class World:
    """A store with one tenant, an endpoint, and refreshers as of several processes."""

    store: Store
    endpoint: Endpoint
    url: str
    clock: Clock
    tenant: Tenant
    told: list[str] = field(default_factory=list)
    made: list[tuple[Refresher, TokenClient]] = field(default_factory=list)

    def refresher(self, grants: Grants | None = None, url: str | None = None, **options) -> Refresher:
        client = TokenClient(url or self.url, total_seconds=5)
        made = Refresher(
            grants or self.store.grants,
            client,
            options.pop("apps", APPS),
            chances=Chances(self.clock, self.clock, self.clock.sleep, lambda: 0.5),
            notice=lambda word, grant: self.told.append(word),
            **{"patience": 5.0} | options,
        )
        self.made.append((made, client))
        return made

    async def row(self):
        return await self.store.grants.load(self.tenant.grant)

    def lame(self, *failing: str) -> LameGrants:
        grants = LameGrants(self.store._database, self.store.grants._seal)
        grants.failing = set(failing)
        return grants


@asynccontextmanager
async def a_world(folder: Path) -> AsyncIterator[World]:
    """The world, on a store in a folder."""
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_post("/token", endpoint.handle)
    server = TestServer(app)
    await server.start_server()
    store = await Store.open(f"sqlite:///{folder}/store.db", bytes(32))
    clock = Clock()
    tenant = await add(store, clock, "seed")
    world = World(store, endpoint, str(server.make_url("/token")), clock, tenant)
    yield world
    for refresher, client in world.made:
        await refresher.close()
        await client.close()
    await store.close()
    await server.close()


async def add(store, clock, seed, name="t", app="app"):
    return await store.tenants.add(
        name=name,
        app=app,
        business=name,
        user=None,
        access_token=None,
        refresh_token=None,
        access_token_lifetime=None,
        v31_refresh_token=seed,
        now=clock.now,
    )


async def settled(refresher: Refresher) -> None:
    """Waits for the refresh that was started in the background."""
    for held in refresher._held.values():
        if held.task is not None:
            await held.task

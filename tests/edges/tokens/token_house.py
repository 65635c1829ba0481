"""The authorization server's endpoints on a real store, with a clock that tests move on."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import update

from gateway.edges.authorization.apps import RegisteredApp, RegisteredApps
from gateway.edges.authorization.limiter import WrongTokens
from gateway.edges.authorization.revocation import Revocation
from gateway.edges.authorization.service import Authorization
from gateway.edges.authorization.token_endpoint import TokenEndpoint
from gateway.edges.telemetry import Line
from gateway.errors import StoreFailed
from gateway.grants.secret import Secret
from gateway.grants.tenant import Tenant
from gateway.messages import V2Request, V2Response
from gateway.store import Named, Store
from gateway.store.tables import grants, tenants

NOW = 1_700_000_000.0
GRACE = 120.0
URI = "https://shop.example/callback?scope=full_access"
SECRET = "7b5MadeUpClientSecret0001"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PER_MINUTE = 5


def app(name: str, **more: Any) -> RegisteredApp:
    """A registered app, whose client id is its name with `-id` behind."""
    return RegisteredApp(
        name, f"{name}-id", (URI,), client_secret_hash=hashlib.sha256(SECRET.encode()).digest(), **more
    )


APPS = {
    each.name: each
    for each in (
        app("shop"),
        app("rival"),
        app("reader", scope="readonly"),
        app("lasting", access_token_lifetime=None),
        RegisteredApp("open", "open-id", (URI,)),
    )
}


@dataclass
class FakeSage:
    """Sage's revocation: what was ended there, and whether it says so."""

    ended: list[tuple[str, str]] = field(default_factory=list)
    confirms: bool = True

    async def revoke(self, app: RegisteredApp, refresh: Secret) -> bool:
        self.ended.append((app.name, refresh.reveal()))
        return self.confirms


class NoPages:
    """Pages of one address."""

    def serves(self, target: str) -> bool:
        return target.startswith("/oauth2/auth")

    async def answer(self, call: V2Request, peer: str) -> V2Response:
        status = 400 if "wrong" in call.target else 200
        return V2Response(status, b"<p>page</p>", (("Content-Type", "text/html"),))


class BrokenStore:
    """A store that fails in all it is asked."""

    def __getattr__(self, name: str) -> Any:
        async def fail(*args: Any, **kwargs: Any) -> Any:
            raise StoreFailed("The gateway's store failed.")

        return fail


@dataclass
class Desk:
    """The endpoints, and all that stands behind them."""

    store: Store
    service: Authorization
    sage: FakeSage
    tenant: Tenant
    seconds: float = NOW
    line: Line = field(default_factory=lambda: Line("0", "POST", 0.0))

    def now(self) -> float:
        return self.seconds

    async def code(self, tenant: Tenant | None = None, scope: str = "full_access") -> str:
        return await self.store.codes.issue((tenant or self.tenant).id, URI, scope, self.seconds)

    async def send(self, call: V2Request, peer: str = "192.0.2.1") -> V2Response:
        return await self.service.answer(call, peer, self.line)

    async def token(self, peer: str = "192.0.2.1", **fields: str) -> V2Response:
        """A token call in the usual form; the app's credentials unless others are given."""
        said = {"client_id": "shop-id", "client_secret": SECRET, **fields}
        body = urlencode({name: value for name, value in said.items() if value}).encode()
        return await self.send(V2Request("POST", "/oauth2/token", tuple(FORM.items()), body), peer)

    async def exchange(self, code: str, **fields: str) -> V2Response:
        return await self.token(grant_type="authorization_code", code=code, **{"redirect_uri": URI, **fields})

    async def refresh(self, token: str, **fields: str) -> V2Response:
        return await self.token(grant_type="refresh_token", refresh_token=token, **fields)

    async def pair(self, **fields: str) -> Mapping[str, Any]:
        """What a fresh code gives."""
        return good(await self.exchange(await self.code(), **fields))

    async def revoke(self, token: str, peer: str = "192.0.2.1", **fields: str) -> V2Response:
        body = urlencode({"token": token, **fields}).encode()
        return await self.send(V2Request("POST", "/oauth2/revoke", tuple(FORM.items()), body), peer)

    async def names(self, token: str) -> Tenant | None:
        return await self.store.tenants.by_token(token, self.seconds)

    async def set_state(self, state: str) -> None:
        await self.put(update(grants).values(state=state))

    async def set_disconnected(self, since: float | None) -> None:
        await self.put(update(tenants).values(disconnected_at=since))

    async def put(self, statement: Any) -> None:
        async def work(connection: Any) -> None:
            await connection.execute(statement)

        await self.store._database.write(work)


def good(reply: V2Response) -> Mapping[str, Any]:
    """The body of a success."""
    assert reply.status == 200, reply
    body: Mapping[str, Any] = reply.body
    return body


def error(reply: V2Response) -> str:
    """The error of a 400."""
    assert reply.status == 400, reply
    assert reply.body.keys() == {"error", "error_description"}
    assert dict(reply.headers)["Content-Type"] == "application/json"
    return str(reply.body["error"])


def service_of(desk_now: Any, store: Any, sage: FakeSage, wrong: WrongTokens, *, closed: bool = False) -> Authorization:
    apps = RegisteredApps(APPS)
    tokens = TokenEndpoint(apps, store.codes, store.tokens, wrong, grace=GRACE, now=desk_now)
    revocation = Revocation(apps, store.tokens, store.grants, sage, wrong, now=desk_now)
    return Authorization(tokens, revocation, NoPages(), wrong, closed=closed)


@asynccontextmanager
async def a_desk(folder: Path) -> AsyncIterator[Desk]:
    store = await Store.open(f"sqlite:///{folder}/store.db", bytes(range(32)))
    try:
        named = [Named(name, name, "b1", Secret(f"seed {name}")) for name in APPS]
        made = await store.tenants.settle(named, NOW)
        sage = FakeSage()
        desk = Desk(store, None, sage, made["shop"])  # type: ignore[arg-type]
        wrong = WrongTokens(PER_MINUTE, clock=desk.now)
        desk.service = service_of(desk.now, store, sage, wrong)
        yield desk
    finally:
        await store.close()

"""A sandbox behind aiohttp's test server, and one who calls it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.sandbox import Sandbox, Spec

NOW = 1_750_000_000.0


@dataclass
class Clock:
    """A clock that a test moves."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Reply:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Api:
    """Calls the API as `owner`, or as whoever the token stands for."""

    client: TestClient[Any, Any]
    sandbox: Sandbox
    clock: Clock
    token: str = ""
    business: str | None = None
    refresh_token: str = ""
    sent: dict[str, str] = field(default_factory=dict)

    async def post_form(self, path: str, **form: str) -> Reply:
        response = await self.client.post(path, data=form)
        return Reply(response.status, await response.json(), dict(response.headers))

    async def refresh(self, refresh_token: str) -> Reply:
        return await self.post_form(
            "/token",
            grant_type="refresh_token",
            client_id=self.sandbox.client_id,
            client_secret=self.sandbox.client_secret,
            refresh_token=refresh_token,
        )

    async def sign_in(self, user: str = "owner") -> None:
        reply = await self.refresh(self.sandbox.issue_refresh_token(user))
        self.token, self.refresh_token = reply.body["access_token"], reply.body["refresh_token"]

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if self.business:
            headers.setdefault("X-Business", self.business)
        given = {"json": body} if body is not None else {}
        response = await self.client.request(method, f"/v3.1{path}", headers=headers, **given)
        raw = await response.read()
        is_json = response.content_type == "application/json"
        return Reply(response.status, await response.json() if raw and is_json else raw, dict(response.headers))

    async def get(self, path: str, **headers: str) -> Any:
        """The body of a GET that must succeed."""
        reply = await self.call("GET", path, **headers)
        assert reply.status == 200, reply.body
        return reply.body

    async def post(self, path: str, body: Any = None) -> Any:
        reply = await self.call("POST", path, body)
        assert reply.status == 201, reply.body
        return reply.body

    async def put(self, path: str, body: Any) -> Any:
        reply = await self.call("PUT", path, body)
        assert reply.status == 200, reply.body
        return reply.body

    async def refused(self, method: str, path: str, body: Any = None, status: int = 422) -> list[dict[str, str]]:
        """The error array of a request that must be refused."""
        reply = await self.call(method, path, body)
        assert reply.status == status, (reply.status, reply.body)
        items: list[dict[str, str]] = reply.body
        for item in items:
            assert list(item) == ["$severity", "$dataCode", "$message", "$source"]
        return items


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    return Sandbox(clock=clock)


@pytest.fixture
def spec() -> Spec:
    return Spec.load()


@pytest.fixture
async def anonymous(
    sandbox: Sandbox, clock: Clock, aiohttp_client: Callable[..., Awaitable[TestClient[Any, Any]]]
) -> Api:
    return Api(await aiohttp_client(sandbox.app), sandbox, clock)


@pytest.fixture
async def api(anonymous: Api) -> Api:
    await anonymous.sign_in()
    return anonymous


@pytest.fixture
def no_violations(sandbox: Sandbox) -> Iterator[None]:
    """The test sends nothing that the spec lacks."""
    yield
    assert sandbox.violations == []

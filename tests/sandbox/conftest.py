"""A sandbox behind aiohttp's test server, and one who calls it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.sandbox import Sandbox, Spec, Type

NOW = 1_750_000_000.0


@dataclass
class Clock:
    """A clock that a test moves."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


FITS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "decimal": lambda value: isinstance(value, str) and bool(re.fullmatch(r"-?\d+\.(\d|\d*[1-9])", value)),
    "date": lambda value: isinstance(value, str) and bool(re.fullmatch(r"(\d{4}-\d\d-\d\d)?", value)),
    "date-time": lambda value: isinstance(value, str) and value.endswith("Z"),
}


def unknown(spec: Spec, schema: str, body: Any, at: str = "") -> list[str]:
    """Where an answer has what its schema does not know, or another type."""
    known = spec.readable(schema)
    return [
        found
        for name, value in body.items()
        for found in (wrong(spec, known[name], value, f"{at}.{name}") if name in known else [f"{at}.{name} is unknown"])
    ]


def wrong(spec: Spec, expected: Type, value: Any, at: str) -> list[str]:
    if value is None:
        return []
    if expected.word == "array":
        assert expected.items is not None
        return [found for item in value for found in wrong(spec, expected.items, item, at)]
    if expected.word == "record":
        return unknown(spec, expected.schema, value, at) if isinstance(value, dict) else [f"{at} is no object"]
    if expected.word in ("any", "object"):
        return []
    return [] if FITS[expected.word](value) else [f"{at} is no {expected.word}: {value!r}"]


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
        sent = None
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            sent = io.BytesIO(json.dumps(body).encode())
        response = await self.client.request(method, f"/v3.1{path}", headers=headers, data=sent)
        raw = await response.read()
        is_json = response.content_type == "application/json"
        if is_json and raw and response.status < 300:
            self.check_shape(method, path, await response.json())
        return Reply(response.status, await response.json() if raw and is_json else raw, dict(response.headers))

    def check_shape(self, method: str, path: str, body: Any) -> None:
        """Every answer has only attributes that the spec knows, of its types."""
        matched = self.sandbox.spec.match(path.partition("?")[0])
        assert matched is not None
        operation = self.sandbox.spec.operation(method, matched[0])
        assert operation is not None
        assert unknown(self.sandbox.spec, operation.answer, body) == []

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

"""What would make two requests of one, or another one, is refused before there is a connection."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from yarl import URL

from gateway.edges.wire import Wire
from gateway.errors import BadCall, Malformed, TableWrong
from gateway.messages import V3Request

CONTROL = [chr(number) for number in (*range(32), 127)]


@pytest.fixture
async def wire(world: Any) -> AsyncIterator[Wire]:
    """Asks the world's wire, without all that is above."""
    made = Wire(URL(f"http://127.0.0.1:{world.wire.port}"), total=5, connect=1, idle=15, most=1000, tls=True)
    yield made
    await made.close()


@pytest.mark.parametrize("place", ["method", "target", "name", "value"])
@pytest.mark.parametrize("character", CONTROL, ids=repr)
async def test_a_control_character_is_never_written(world: Any, wire: Wire, place: str, character: str) -> None:
    """Any control character, wherever in a head, refuses the request; there is not even a connection."""
    at = {"method": "GET", "target": "/v3.1/x", "name": "X-Business", "value": "b1"}
    at[place] = f"{at[place][:2]}{character}{at[place][2:]}"
    with pytest.raises(ValueError, match="a request's"):
        await wire.ask(at["method"], at["target"], {at["name"]: at["value"]}, None, lambda _: None)
    assert (world.wire.connections, world.wire.seen) == (0, [])


@pytest.mark.parametrize("value", ["a\r\nX-Business: b2", "a\r\n\r\nGET /v3.1/user HTTP/1.1\r\nHost: b", "a\r\n b"])
async def test_a_header_does_not_begin_another(world: Any, wire: Wire, value: str) -> None:
    """A whole line break in a header is refused too, a folded one as well."""
    with pytest.raises(ValueError, match="control byte"):
        await wire.ask("GET", "/v3.1/x", {"X-Business": value}, None, lambda _: None)
    assert world.wire.connections == 0


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET /other HTTP/1.1", "/v3.1/x"),
        ("HEAD", "/v3.1/x"),
        ("CONNECT", "api.accounting.sage.com:443"),
        ("get", "/v3.1/x"),
        ("", "/v3.1/x"),
        ("GET", "/v3.1/x HTTP/1.1"),
        ("GET", "/v3.1/ä"),
        ("GET", "http://elsewhere/x"),
        ("GET", ""),
    ],
)
async def test_what_is_no_request_line(world: Any, wire: Wire, method: str, target: str) -> None:
    """Only four methods are spoken, and a target is a path without a blank."""
    with pytest.raises(ValueError, match="method or target"):
        await wire.ask(method, target, {}, None, lambda _: None)
    assert world.wire.connections == 0


async def test_half_a_character_is_never_written(world: Any, wire: Wire) -> None:
    """A lone surrogate cannot be written, and is noticed in time."""
    with pytest.raises(UnicodeEncodeError):
        await wire.ask("GET", "/v3.1/x", {"X-Business": "\ud800"}, None, lambda _: None)
    assert world.wire.connections == 0


@pytest.mark.parametrize("character", ["\r\n", "\n", "\r", "\0"], ids=repr)
async def test_what_comes_from_a_client_or_a_store_is_refused_above(world: Any, character: str) -> None:
    """Paths, tokens and media types with a line break get no further either."""
    upstream = world.bound()
    with pytest.raises(TableWrong):
        await upstream.send(V3Request("GET", f"/contacts/a{character}b"))
    with pytest.raises(Malformed):
        await upstream.send(V3Request("GET", "/contacts/a", accept=f"application/pdf{character}X: y"))
    with pytest.raises(BadCall):
        await upstream.send(V3Request("GET", "/contacts", (("search", "\ud800"),)))
    assert world.wire.connections == 0


async def test_a_querys_line_breaks_are_encoded(world: Any) -> None:
    """A search may be for anything: it goes as %-escapes."""
    world.wire.answer(200, {"$items": []})
    await world.bound().send(V3Request("GET", "/contacts", (("sea rch", "a\r\nX: y\0 \t"),)))
    assert world.wire.seen[0].target == "/v3.1/contacts?sea%20rch=a%0D%0AX:%20y%00%20%09"


async def test_a_refused_request_takes_no_connection(world: Any, wire: Wire) -> None:
    """After a refusal the connection that was there is whole, and is used by the next request."""
    world.wire.default = (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",)
    for _ in range(2):
        await wire.ask("GET", "/a", {}, None, lambda _: None)
        with pytest.raises(ValueError, match="control byte"):
            await wire.ask("GET", "/a", {"A": "\n"}, None, lambda _: None)
    await asyncio.sleep(0)
    assert (world.wire.connections, len(world.wire.seen)) == (1, 2)

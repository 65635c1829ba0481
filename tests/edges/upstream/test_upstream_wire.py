"""Connections to v3.1 are used again only where nothing on them can be taken for another request's answer."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.edges.sending import UpstreamLimits
from gateway.errors import UpstreamFailed, UpstreamLate
from gateway.messages import V3Request
from tests.edges.edge_house import until

READ = V3Request("GET", "/contacts/f909")
OTHER = V3Request("GET", "/contacts/a111")


async def test_a_connection_is_used_again(world: Any) -> None:
    """Two requests, one after the other, share a connection."""
    world.wire.answer(200, {"id": "f909"})
    world.wire.answer(200, {"id": "a111"})
    upstream = world.bound()
    assert (await upstream.send(READ)).body == {"id": "f909"}
    assert (await upstream.send(OTHER)).body == {"id": "a111"}
    assert world.wire.connections == 1


async def test_a_second_answer_is_nobodys(world: Any, replied: Callable[..., bytes]) -> None:
    """Where two answers come to one request, the next request does not get the second one."""
    world.wire.then(replied(200, {"id": "f909"}) + replied(200, {"id": "stray"}))
    world.wire.answer(200, {"id": "a111"})
    upstream = world.bound()
    assert (await upstream.send(READ)).body == {"id": "f909"}
    assert (await upstream.send(OTHER)).body == {"id": "a111"}
    assert world.wire.connections == 2


async def test_an_answer_that_comes_later_is_nobodys(world: Any, replied: Callable[..., bytes]) -> None:
    """What comes on an unused connection makes it useless: the next request, of whatever kind, goes over another."""
    idle = asyncio.Event()
    world.wire.then(replied(200, {"id": "f909"}), idle, replied(200, {"id": "stray"}))
    world.wire.default = (replied(200, {"id": "a111"}),)
    upstream = world.bound()
    assert (await upstream.send(READ)).body == {"id": "f909"}
    ((pooled, _),) = upstream._upstream.sending._wire._connections._idle
    idle.set()
    await until(lambda: pooled.protocol.should_close)
    answer = await upstream.send(V3Request("PUT", "/businesses/b1", body={"business": {"name": "A"}}))
    assert answer.body == {"id": "a111"}
    assert [seen.connection for seen in world.wire.seen] == [1, 2]
    assert world.waits == []


async def test_a_given_up_request_takes_its_connection_along(world: Any, replied: Callable[..., bytes]) -> None:
    """The answer to a request that nobody waits for any more is not given to another."""
    late = asyncio.Event()
    world.wire.then(late, replied(200, {"id": "f909"}))
    world.wire.answer(200, {"id": "a111"})
    upstream = world.bound()
    given_up = asyncio.create_task(upstream.send(READ))
    await world.wire.received(1)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    late.set()
    assert (await upstream.send(OTHER)).body == {"id": "a111"}
    assert world.wire.connections == 2


async def test_another_business_ends_the_connection(world: Any, replied: Callable[..., bytes]) -> None:
    """After an answer for another business, its connection is not used again."""
    world.wire.answer(200, {"id": "f909"}, X_Business="b2")
    world.wire.answer(200, {"id": "a111"})
    upstream = world.bound()
    with pytest.raises(UpstreamFailed):
        await upstream.send(READ)
    assert (await upstream.send(OTHER)).body == {"id": "a111"}
    assert world.wire.connections == 2


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{",
        b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"id":"f909"}',
    ],
    ids=["nothing", "a part", "a body without an end"],
)
async def test_an_answer_that_does_not_end_is_late(world: Any, acts: dict[str, object], begun: bytes) -> None:
    """An answer that has not ended in time is late, however much of it is there, and its connection is given up."""
    world.wire.default = (begun, acts["hang"])
    with pytest.raises(UpstreamLate):
        await world.bound(limits=UpstreamLimits(total=0.05)).send(V3Request("DELETE", "/contacts/f909"))
    assert len(world.wire.seen) == 1


async def test_an_interim_answer_is_passed_over(world: Any, replied: Callable[..., bytes]) -> None:
    """103 Early Hints is not the answer: what follows is."""
    world.wire.then(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", replied(200, {"id": "f909"}))
    assert (await world.bound().send(READ)).body == {"id": "f909"}


@pytest.mark.parametrize("size", [0, 2**15, 2**16 + 1, 2**20 + 1, 2**24])
async def test_a_body_of_any_size_arrives(world: Any, size: int) -> None:
    """A body arrives whole, with its length; so does the one after it."""
    world.wire.default = (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",)
    upstream = world.bound()
    for name in ("A" * size, "B"):
        await upstream.send(V3Request("PUT", "/businesses/b1", body={"business": {"name": name}}))
        seen = world.wire.seen[-1]
        assert seen.body == b'{"business":{"name":"%s"}}' % name.encode()
        assert seen.headers["content-length"] == str(len(seen.body))
        assert seen.headers["content-type"] == "application/json"
    assert world.wire.connections == 1


async def test_a_write_without_a_body_says_so(world: Any) -> None:
    """DELETE has a length of nothing, GET has none, and both say which codings can be read."""
    world.wire.default = (b"HTTP/1.1 204 No Content\r\n\r\n",)
    upstream = world.bound()
    await upstream.send(V3Request("DELETE", "/contacts/f909"))
    await upstream.send(READ)
    deleted, read = (seen.headers for seen in world.wire.seen)
    assert deleted["content-length"] == "0"
    assert "content-length" not in read
    assert "gzip" in read["accept-encoding"]
    assert read["host"] == f"127.0.0.1:{world.wire.port}"

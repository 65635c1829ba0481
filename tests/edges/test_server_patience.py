"""Limits of size, number and time, each at its value and one beyond, over real sockets."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from aiohttp import ClientSession

from gateway.messages import V2Request, V2Response
from tests.edges.edge_house import GOOD, OK, OTHER, SIGNING, SMALL, URL, Talk, house, is_v2, parse, sign


async def test_the_target_has_a_limit() -> None:
    """A target of the limit's length passes; one byte more is 400."""
    async with house(limits=SMALL) as gateway:
        assert (await gateway.get("/" + "a" * 299))[0] == 200
        status, _, body = await gateway.get("/" + "a" * 300)
        assert (status, is_v2(body)) == (400, True)


async def test_headers_have_limits() -> None:
    """So many fields, and fields so long, pass; one more, or one byte more, is 400."""
    async with house(limits=SMALL) as gateway:
        fields = {"Authorization": f"Bearer {GOOD}"} | {f"X-{n}": "v" for n in range(5)}
        assert (await gateway.ask("GET", "/a", fields))[0] == 200
        status, _, body = await gateway.ask("GET", "/a", fields | {"X-5": "v"})
        assert (status, is_v2(body)) == (400, True)
        assert (await gateway.get("/a", X_L="v" * 300))[0] == 200
        status, _, body = await gateway.get("/a", X_L="v" * 301)
        assert (status, is_v2(body)) == (400, True)


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_body_has_a_limit(chunked: bool) -> None:
    """A body of the limit's length passes; one byte more is 413 in v2's shape and closes, chunked or not."""
    async with house(limits=SMALL) as gateway:
        for size, expected in ((1024, 200), (1025, 413)):
            framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
            head = f"POST /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n{framing}\r\n"
            body = b"x" * size
            sent = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body) if chunked else body
            status, _, answer = parse(await gateway.send(f"{head}Connection: close\r\n\r\n".encode() + sent))
            assert status == expected
            assert expected == 200 or is_v2(answer)
        assert [len(call.body) for call in gateway.talk.calls] == [1024]


async def test_a_connection_carries_so_many_calls() -> None:
    """After its last call a connection is closed, with word of it."""
    async with house(limits=SMALL) as gateway:
        one = f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n"
        async with gateway.connect() as (reader, writer):
            writer.write(one.encode())
            assert b"Connection: close" not in await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(17)
            writer.write(one.encode())
            assert b"Connection: close" in await reader.read()


async def test_headers_have_a_deadline() -> None:
    """A client that drips its headers is told 408 in v2's shape and cut off."""
    async with house(limits=replace(SMALL, header_seconds=0.05)) as gateway:
        status, headers, body = parse(await gateway.send(b"GET /a HTTP/1.1\r\nHost: a\r\nX: "))
        assert (status, is_v2(body)) == (408, True)
        assert gateway.lines[0]["reason"] == "late"
        assert headers["x-request-id"] == gateway.lines[0]["request"]


async def test_silence_on_a_new_connection_has_the_same_deadline() -> None:
    """A client that connects and says nothing is cut off when the header deadline has passed."""
    async with house(limits=replace(SMALL, header_seconds=0.05)) as gateway:
        assert (await gateway.send(b"")).startswith(b"HTTP/1.1 408 ")


async def test_the_header_deadline_holds_for_later_calls_too() -> None:
    """On a kept connection the deadline begins with the next call's first byte; idling is allowed until then."""
    async with house(limits=replace(SMALL, header_seconds=0.05)) as gateway, gateway.connect() as (reader, writer):
        writer.write(f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n".encode())
        await reader.readuntil(b'{"id":1,"$key":1}')
        writer.write(b"GET /b HT")
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_an_idle_connection_is_closed() -> None:
    """A connection with nothing on it ends when the idle time has passed, without a word."""
    async with house(limits=replace(SMALL, idle_seconds=0.05)) as gateway:
        raw = f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n".encode()
        assert (await gateway.send(raw)).endswith(b'{"id":1,"$key":1}')


async def test_bodies_have_a_deadline() -> None:
    """A body that does not come in time is 400 in v2's shape, and the call is never run."""
    async with house(limits=replace(SMALL, body_seconds=0.05)) as gateway:
        raw = f"POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\nContent-Length: 9\r\n\r\na=1"
        status, _, body = parse(await gateway.send(raw.encode()))
        assert (status, is_v2(body)) == (400, True)
        assert gateway.talk.calls == []


async def test_a_tenants_calls_beyond_its_share_are_throttled() -> None:
    """Past the queue's patience a call is 503 with Retry-After; another tenant is served meanwhile."""
    talk = Talk(go_on=asyncio.Event())
    limits = replace(SMALL, tenant_in_flight=1, queue_seconds=0.05)
    async with house(talk, limits=limits) as gateway, ClientSession() as client:
        fields = {"Authorization": f"Bearer {GOOD}"}
        first = asyncio.create_task(client.get(f"{gateway.url}/a", headers=fields))
        await talk.arrived.get()
        status, headers, body = await gateway.get("/b")
        assert (status, is_v2(body), headers["retry-after"]) == (503, True, "1")
        signed = sign("GET", f"{URL}/c", "", SIGNING, OTHER)
        other = asyncio.create_task(gateway.ask("GET", "/c", signed))
        await talk.arrived.get()
        assert talk.go_on is not None
        talk.go_on.set()
        async with await first as answer:
            assert answer.status == 200
        assert (await other)[0] == 200


async def test_stopping_lets_running_calls_finish() -> None:
    """A stopping listener accepts nothing more, answers what runs, and then closes."""
    talk = Talk(go_on=asyncio.Event())
    async with house(talk) as gateway:
        running = asyncio.create_task(gateway.get("/a"))
        await talk.arrived.get()
        stopping = asyncio.create_task(gateway.serving.stop())
        await asyncio.wait([stopping], timeout=0.05)
        with pytest.raises(ConnectionRefusedError):
            await gateway.send(b"")
        assert not running.done()
        assert not stopping.done()
        assert talk.go_on is not None
        talk.go_on.set()
        assert (await running)[0] == 200
        await stopping


async def test_a_client_that_hangs_up_does_not_stop_its_call() -> None:
    """A call whose client is gone runs to its end: half an exchange helps nobody."""
    talk = Talk(go_on=asyncio.Event())
    finished = asyncio.Event()

    def answer(call: V2Request) -> V2Response:
        finished.set()
        return OK

    talk.answer = answer
    async with house(talk) as gateway:
        async with gateway.connect() as (_, writer):
            writer.write(f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n".encode())
            await talk.arrived.get()
        assert talk.go_on is not None
        talk.go_on.set()
        async with asyncio.timeout(20):
            await finished.wait()


async def test_replies_have_a_deadline() -> None:
    """A client that does not read its reply is cut off, and its memory given back."""
    large = V2Response(200, b"x" * 64 * 1024 * 1024)
    async with house(Talk(lambda _: large), limits=replace(SMALL, reply_seconds=0.05)) as gateway:
        async with gateway.connect() as (reader, writer):
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n".encode())
            await asyncio.wait_for(gateway.cut_off.wait(), 20)
        assert gateway.lines[-1]["reason"] == "unread"


async def test_a_call_that_the_end_cuts_short_is_logged() -> None:
    """A call that outlasts the grace of a stopping gateway is logged by its request id."""
    talk = Talk(go_on=asyncio.Event())
    async with house(talk, limits=replace(SMALL, grace_seconds=0.05)) as gateway:
        running = asyncio.create_task(gateway.get("/a"))
        await talk.arrived.get()
        await gateway.serving.stop()
        with suppress(IndexError, ConnectionError):
            await running
        [line] = gateway.lines
        assert (line["error"], len(line["request"])) == ("CancelledError", 16)

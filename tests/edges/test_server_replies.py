"""Replies on the wire: whole, in order, and never more of them in memory than a client reads."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from aiohttp.http import HttpVersion10, HttpVersion11

from gateway.edges.connection import Connection
from gateway.edges.limits import Limits
from gateway.edges.reply import Reply
from gateway.edges.server import bind, serve, tls
from gateway.messages import V2Request, V2Response
from tests.edges.edge_authority import authority
from tests.edges.edge_house import GOOD, OK, House, Talk, house, is_v2, parse, until

ONE = f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n".encode()
LAST = ONE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("character", [chr(number) for number in (*range(32), 127)], ids=repr)
def test_a_reply_cannot_be_split(character: str) -> None:
    """A control character in a header of a reply, its name or its value, is a mistake of ours, and never goes out."""
    for name, value in (("X-A", f"a{character}b"), (f"X{character}A", "a"), ("X-A", f"a{character}\nSet-Cookie: b")):
        with pytest.raises(ValueError, match="line break"):
            Reply(200, {"Content-Type": "text/plain", name: value}, b"")


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Date"])
def test_a_reply_is_framed_once(name: str) -> None:
    """What frames a reply is written by the one who sends it, once."""
    with pytest.raises(ValueError, match="how it is sent"):
        Reply(200, {name: "1"}, b"")


def test_half_a_character_is_noticed_in_time() -> None:
    """What cannot be written is a mistake before anything is."""
    with pytest.raises(UnicodeEncodeError):
        Reply(200, {"X-A": "\ud800"}, b"")


@pytest.mark.parametrize(
    ("version", "keep_alive", "said"),
    [(HttpVersion11, True, None), (HttpVersion11, False, b"close"), (HttpVersion10, True, b"keep-alive"),
     (HttpVersion10, False, None)],
)  # fmt: skip
def test_the_bytes_of_a_reply(version: object, keep_alive: bool, said: bytes | None) -> None:
    """A status line, each header once, a blank line, and the body; `Connection` only where it is not understood."""
    reply = Reply(299, {"X-A": "ä"}, b"body")
    reply.keep_alive = keep_alive
    head, _, body = reply.written(version, 0).partition(b"\r\n\r\n")  # type: ignore[arg-type]
    first, *fields = head.split(b"\r\n")
    assert first == (b"HTTP/1.1 299 " if version == HttpVersion11 else b"HTTP/1.0 299 ")
    expected = [b"X-A: \xc3\xa4", b"Content-Length: 4", b"Date: Thu, 01 Jan 1970 00:00:00 GMT"]
    assert fields == expected + ([b"Connection: " + said] if said else [])
    assert body == b"body"


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_a_body(status: int) -> None:
    """204 and 304 have no body on the wire, so the next reply begins where they end."""
    replies = iter([V2Response(status, None), OK])
    async with house(Talk(lambda _: next(replies))) as gateway:
        answer = await gateway.send(ONE + LAST)
    first, second, third = answer.split(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d " % status)
    assert (second.startswith(b"HTTP/1.1 200 OK\r\n"), third) == (True, b'{"id":1,"$key":1}')


async def test_head_and_http_1_0_with_a_large_reply() -> None:
    """HEAD tells the length of what is not sent; HTTP/1.0 gets all of it and the connection's end."""
    large = V2Response(200, b"x" * 2**20)
    async with house(Talk(lambda _: large)) as gateway:
        head = await gateway.send(LAST.replace(b"GET", b"HEAD"))
        old = await gateway.send(ONE.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert parse(head)[1]["content-length"] == str(2**20)
    assert head.endswith(b"\r\n\r\n")
    assert parse(old)[2] == b"x" * 2**20


async def test_pipelined_replies_come_in_order() -> None:
    """Replies of many sizes to calls sent at once come in the order of the calls, whole."""

    def sized(call: V2Request) -> V2Response:
        return V2Response(200, call.target[-1:].encode() * (int(call.target[2:-1]) * 997))

    async with house(Talk(sized)) as gateway:
        calls = [(n * 37 % 200, "abcdefgh"[n % 8]) for n in range(60)]
        raw = b"".join(ONE.replace(b"/a", f"/x{size}{letter}".encode()) for size, letter in calls)
        answer = await gateway.send(raw + LAST.replace(b"/a", b"/x1z"))
    for size, letter in [*calls, (1, "z")]:
        head, _, rest = answer.partition(b"\r\n\r\n")
        length = int(parse(head + b"\r\n\r\n")[1]["content-length"])
        assert (length, rest[:length]) == (size * 997, letter.encode() * size * 997)
        answer = rest[length:]
    assert answer == b""


async def test_large_replies_over_tls(tmp_path: Path) -> None:
    """A large reply comes whole over TLS, to a client that reads it slowly."""
    cert, key = authority(tmp_path, "localhost")
    body = bytes(range(256)) * 2**15
    async with house(Talk(lambda _: V2Response(200, body))) as gateway:
        server = gateway.serving._runner.server
        assert server is not None
        serving = await serve(server, bind("127.0.0.1", 0), limits=Limits(), context=tls(cert, key))
        reader, writer = await asyncio.open_connection(
            "localhost", serving.port, ssl=ssl.create_default_context(cafile=str(cert)), limit=4096
        )
        writer.write(LAST)
        await reader.readuntil(b"\r\n\r\n")
        got = bytearray()
        while part := await reader.read(100_000):
            got += part
            await asyncio.sleep(0)
        assert bytes(got) == body
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        await serving.stop()


def connection(gateway: House) -> Connection:
    """The only connection of a house."""
    (only,) = gateway.serving._runner.server.connections  # type: ignore[union-attr]
    assert isinstance(only, Connection)
    return only


async def settled(talk: Talk) -> int:
    """How many calls have come when no more come."""
    seen, still = -1, 0
    while still < 20:
        await asyncio.sleep(0.005)
        still = still + 1 if len(talk.calls) == seen else 0
        seen = len(talk.calls)
    return seen


async def test_a_client_that_does_not_read_is_not_served_on() -> None:
    """Calls go on being sent, and no reply read: what waits in memory is one reply beyond the mark, and calls wait."""
    size = 100_000
    talk = Talk(lambda _: V2Response(200, b"x" * size))
    async with (
        house(talk, limits=Limits(calls_per_connection=10_000)) as gateway,
        gateway.connect() as (reader, writer),
    ):
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(ONE * 1000)
        served = await settled(talk)
        transport = connection(gateway).transport
        assert transport is not None
        assert 0 < served < 200
        assert transport.get_write_buffer_size() < 2 * size + 2**16
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(1000):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(parse(head)[1]["content-length"]))
        assert len(talk.calls) == 1000


async def test_a_reply_that_is_read_in_time_keeps_its_connection() -> None:
    """The deadline of a reply ends with it: a later pause has its own."""
    talk = Talk(lambda _: V2Response(200, b"x" * 8 * 2**20))
    async with house(talk, limits=Limits(reply_seconds=30)) as gateway, gateway.connect() as (reader, writer):
        for _ in range(2):
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(ONE)
            await until(lambda: gateway.talk.calls and connection(gateway).writing_paused)
            assert connection(gateway)._reply_deadline is not None
            reader._transport.resume_reading()  # type: ignore[attr-defined]
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(8 * 2**20)
            await until(lambda: connection(gateway)._reply_deadline is None)


async def test_stopping_waits_for_a_reply_that_is_being_read() -> None:
    """A gateway that stops while a reply is on its way sends it to its end."""
    body = b"y" * 16 * 2**20
    async with house(Talk(lambda _: V2Response(200, body))) as gateway, gateway.connect() as (reader, writer):
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(ONE)
        await until(lambda: gateway.talk.calls and connection(gateway).writing_paused)
        stopping = asyncio.create_task(gateway.serving.stop())
        await asyncio.wait([stopping], timeout=0.05)
        assert not stopping.done()
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        assert parse(await reader.read())[2] == body
        await stopping


async def test_stopping_does_not_wait_for_ever() -> None:
    """A client that does not read its reply holds a stopping gateway up no longer than its grace."""
    talk = Talk(lambda _: V2Response(200, b"y" * 64 * 2**20))
    async with (
        house(talk, limits=replace(Limits(), grace_seconds=0.05)) as gateway,
        gateway.connect() as (reader, writer),
    ):
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(ONE)
        await until(lambda: gateway.talk.calls and connection(gateway).writing_paused)
        async with asyncio.timeout(10):
            await gateway.serving.stop()


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_a_client_that_is_gone_before_its_reply(how: str) -> None:
    """A reply to nobody is dropped without a word, and the next client is served."""
    talk = Talk(lambda _: V2Response(200, b"x" * 2**20), go_on=asyncio.Event())
    async with house(talk) as gateway:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.serving.port)
        writer.write(ONE)
        await talk.arrived.get()
        gone = connection(gateway)
        writer.transport.abort() if how == "abort" else writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        assert talk.go_on is not None
        talk.go_on.set()
        await until(lambda: gone.transport is None)
        assert parse(await gateway.send(LAST))[0] == 200


async def test_nothing_is_written_to_a_closing_connection() -> None:
    """A connection that is being closed gets no bytes: uvloop would raise, and asyncio only warn."""
    async with house(Talk(go_on=asyncio.Event())) as gateway:
        server = gateway.serving._runner.server
        assert server is not None
        asked = server()
        transport = MagicMock(asyncio.Transport)
        transport.get_extra_info.return_value = None
        transport.is_closing.return_value = False
        asked.connection_made(transport)
        asked.data_received(ONE)
        await gateway.talk.arrived.get()
        transport.is_closing.return_value = True
        assert gateway.talk.go_on is not None
        gateway.talk.go_on.set()
        await until(lambda: transport.close.called)
        transport.write.assert_not_called()
        asked.connection_lost(None)


async def test_a_mistake_behind_a_good_call_is_told() -> None:
    """What cannot be parsed gets v2's error after the reply before it, and ends the connection."""
    async with house() as gateway, gateway.connect() as (reader, writer):
        writer.write(ONE)
        assert (await reader.readuntil(b'{"id":1,"$key":1}')).startswith(b"HTTP/1.1 200 OK")
        writer.write(b"\0nonsense\r\n\r\n" + ONE)
        status, headers, body = parse(await reader.read())
        assert (status, is_v2(body)) == (400, True)
        assert headers["x-request-id"] == gateway.lines[-1]["request"]
        assert len(gateway.talk.calls) == 1

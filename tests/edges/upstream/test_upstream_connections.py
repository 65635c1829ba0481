"""A connection to v3.1 is used again only where nothing is, or was, on it but one answer to one request."""

import asyncio
import gzip
import socket
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop
from yarl import URL

from gateway.edges.sending import UpstreamLimits
from gateway.edges.wire import Wire
from gateway.errors import UpstreamFailed
from gateway.messages import V3Request
from tests.edges.edge_authority import authority
from tests.edges.edge_house import until

READ = V3Request("GET", "/contacts/f909")
OTHER = V3Request("GET", "/contacts/a111")
DELETE = V3Request("DELETE", "/contacts/f909")
STRAY = b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"id":"stray"}'
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Threaded:
    """A server in a thread of its own: what a test does to a connection is there before the test's loop looks."""

    listener: socket.socket
    peers: list[socket.socket] = field(default_factory=list)
    methods: list[list[str]] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/v3.1"

    def run(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.peers.append(peer)
            self.methods.append([])
            self.threads.append(threading.Thread(target=self.answer, args=(peer, self.methods[-1]), daemon=True))
            self.threads[-1].start()

    def answer(self, peer: socket.socket, methods: list[str]) -> None:
        read = b""
        try:
            while got := peer.recv(65536):
                read += got
                while b"\r\n\r\n" in read:
                    head, _, read = read.partition(b"\r\n\r\n")
                    methods.append(head.split(b" ")[0].decode())
                    peer.sendall(EMPTY)
        except OSError:
            return


@pytest.fixture
def threaded() -> Iterator[Threaded]:
    """A threaded server."""
    made = Threaded(socket.create_server(("127.0.0.1", 0)))
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    yield made
    made.listener.shutdown(socket.SHUT_RDWR)
    made.listener.close()
    thread.join(10)
    for peer in made.peers:
        peer.close()


@pytest.mark.parametrize("how", ["closed", "reset", "stray", "half a line"])
async def test_what_happened_unseen_is_seen(world: Any, threaded: Threaded, how: str) -> None:
    """An unused connection that the server has just closed, or written to, is not used: even a request that must not be
    sent twice goes over another one at once, and nothing is in doubt."""
    upstream = world.bound(api=threaded.api)
    await upstream.send(READ)
    (peer,) = threaded.peers
    if how == "closed":
        peer.shutdown(socket.SHUT_RDWR)
    elif how == "reset":
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.shutdown(socket.SHUT_RD)
        threaded.threads[0].join(10)
        peer.close()
    else:
        peer.sendall(STRAY if how == "stray" else b"HTTP/1.1 2")
    assert (await upstream.send(DELETE)).body == {}
    assert threaded.methods == [["GET"], ["DELETE"]]
    assert world.waits == []


@pytest.mark.parametrize("stray", [b"H", b"HTTP/1.1 200 OK\r\nX-A: ", STRAY[:-3], STRAY, b"\0" * 200_000])
async def test_whatever_comes_between_ends_the_connection(world: Any, stray: bytes) -> None:
    """One byte that comes on an unused connection is enough, and any number of them is held in little memory."""
    idle, come = asyncio.Event(), asyncio.Event()
    world.wire.then(EMPTY, idle, stray, come.set)
    world.wire.default = (EMPTY,)
    upstream = world.bound()
    await upstream.send(READ)
    ((pooled, _),) = upstream._upstream.sending._wire._connections._idle
    idle.set()
    await until(lambda: pooled.protocol.should_close)
    assert len(pooled.protocol._tail) <= 2**18
    await upstream.send(DELETE)
    assert [seen.connection for seen in world.wire.seen] == [1, 2]
    assert world.waits == []


@pytest.mark.parametrize("behind", [b"H", b"HTTP/1.1 200 OK\r\nX-A: ", STRAY[:-3], STRAY, STRAY + STRAY])
async def test_what_begins_behind_an_answer_is_nobodys(world: Any, behind: bytes) -> None:
    """Where more than the answer came, be it a single letter, the connection is not used again."""
    world.wire.then(EMPTY + behind)
    world.wire.answer(200, {"id": "a111"})
    upstream = world.bound()
    assert (await upstream.send(READ)).body == {}
    assert (await upstream.send(OTHER)).body == {"id": "a111"}
    assert world.wire.connections == 2


async def test_blank_lines_behind_an_answer_are_nothing(world: Any) -> None:
    """Line breaks between answers are HTTP's old custom (RFC 9112 §2.2)."""
    world.wire.default = (EMPTY + b"\r\n",)
    upstream = world.bound()
    for _ in range(2):
        assert (await upstream.send(READ)).body == {}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["close", "1.0"],
)
async def test_a_last_answer(world: Any, answer: bytes) -> None:
    """A connection that the server says it will close is not used again, though it is still open."""
    world.wire.then(answer)
    world.wire.default = (EMPTY,)
    upstream = world.bound()
    assert (await upstream.send(READ)).body == {}
    assert not upstream._upstream.sending._wire._connections._idle
    assert (await upstream.send(READ)).body == {}
    assert world.wire.connections == 2


async def test_http_1_0_without_a_length(world: Any, acts: dict[str, object]) -> None:
    """An answer that ends with its connection is an answer."""
    world.wire.then(b'HTTP/1.0 200 OK\r\n\r\n{"id":', b'"f909"}', acts["close"])
    world.wire.default = (EMPTY,)
    upstream = world.bound()
    assert (await upstream.send(READ)).body == {"id": "f909"}
    assert (await upstream.send(OTHER)).body == {}
    assert world.wire.connections == 2


@pytest.mark.parametrize("head", [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\n\r\n"])
async def test_an_answer_without_a_body_is_over(world: Any, head: bytes) -> None:
    """204 and 304 end with their head, and their connection is used again."""
    world.wire.then(head)
    world.wire.answer(200, {"id": "a111"})
    upstream = world.bound()
    try:
        assert (await upstream.send(READ)).body is None
    except UpstreamFailed as failed:
        assert "304" in str(failed)  # noqa: PT017 - one of the two
    assert (await upstream.send(OTHER)).body == {"id": "a111"}
    assert world.wire.connections == 1


async def test_a_body_where_there_is_none(world: Any) -> None:
    """A 204 with a body does not give its body to the next request."""
    world.wire.then(b"HTTP/1.1 204 No Content\r\nContent-Length: 44\r\n\r\n" + STRAY)
    world.wire.answer(200, {"id": "a111"})
    upstream = world.bound()
    assert (await upstream.send(READ)).body is None
    assert (await upstream.send(OTHER)).body == {"id": "a111"}
    assert world.wire.connections == 2


async def test_an_answer_before_the_request_was_read(world: Any) -> None:
    """A server that answers before it has read the request gets no other request on that connection, and the rest of
    this one is not kept for it."""
    served: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if not served:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
        served.append((reader, writer))
        writer.write(EMPTY)

    server = await asyncio.start_server(hasty, "127.0.0.1", 0)
    upstream = world.bound(api=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v3.1")
    large = V3Request("PUT", "/businesses/b1", body={"business": {"name": "A" * 2**24}})
    assert (await upstream.send(large)).body == {}
    assert (await upstream.send(DELETE)).body == {}
    (reader, writer), other = served
    writer.transport.resume_reading()  # type: ignore[attr-defined]
    come = 0
    with suppress(ConnectionResetError):
        while part := await reader.read(2**20):
            come += len(part)
    assert come < 2**24
    for each in (writer, other[1]):
        each.close()
    server.close()


async def test_a_server_that_speaks_first(world: Any) -> None:
    """A new connection with something on it is not used: no byte was sent, whatever was to be asked."""
    heard: list[bytes] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STRAY)
        heard.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    upstream = world.bound(api=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v3.1")
    connections = upstream._upstream.sending._open()._connections
    connect = connections._connector.connect

    async def slowly(*words: Any) -> Any:
        connection = await connect(*words)
        await until(lambda: connection.protocol.should_close)
        return connection

    connections._connector.connect = slowly
    with pytest.raises(UpstreamFailed, match="cannot be reached") as failed:
        await upstream.send(DELETE)
    assert "not known" not in str(failed.value)
    assert len(world.waits) == 3
    server.close()
    await until(lambda: len(heard) == 4)
    assert set(heard) == {b""}


async def test_unused_connections_are_closed_in_time(world: Any, acts: dict[str, object]) -> None:
    """A connection that nobody has used for the idle time is closed, unasked; the one used since is not."""
    world.wire.default = (EMPTY,)
    upstream = world.bound(limits=UpstreamLimits(idle=0.2))
    connections = upstream._upstream.sending._open()._connections
    await asyncio.gather(upstream.send(READ), upstream.send(READ))
    (old, since), (young, _) = connections._idle
    connections._idle[0] = old, since - 0.2
    connections._sweep()
    assert [connection for connection, _ in connections._idle] == [young]
    assert (old.closed, young.closed) == (True, False)
    await until(lambda: not connections._idle)
    assert young.closed
    assert connections._sweeper is None


async def test_a_connection_past_its_time_is_not_used(world: Any) -> None:
    """A connection that was idle too long is closed where it is met, and another one made."""
    world.wire.default = (EMPTY,)
    upstream = world.bound()
    connections = upstream._upstream.sending._open()._connections
    await upstream.send(READ)
    ((old, since),) = connections._idle
    connections._idle[0] = old, since - 15
    await upstream.send(READ)
    assert old.closed
    assert world.wire.connections == 2


async def test_the_end_closes_all(world: Any, acts: dict[str, object]) -> None:
    """Closing ends the unused connections, and those in use with a failure; none is made any more."""
    world.wire.then(EMPTY)
    world.wire.default = (acts["hang"],)
    made = world.upstream()
    upstream = made.bind(world.tenant, V3Request("GET", "/x"), None)
    await upstream.send(READ)
    running = asyncio.create_task(upstream.send(DELETE))
    await world.wire.received(2)
    connections = made.sending._open()._connections
    await made.close()
    with pytest.raises(UpstreamFailed, match="not known"):
        await running
    assert not connections._idle
    with pytest.raises(UpstreamFailed, match="cannot be reached"):
        await upstream.send(DELETE)


@pytest.mark.parametrize(
    "begun", [b"", EMPTY[:-1], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"]
)
async def test_a_cancelled_call_leaves_no_connection(world: Any, acts: dict[str, object], begun: bytes) -> None:
    """Wherever in an answer a call is cancelled, nobody gets the rest of it."""
    world.wire.then(begun, acts["hang"])
    world.wire.default = (EMPTY,)
    upstream = world.bound()
    given_up = asyncio.create_task(upstream.send(READ))
    await world.wire.received(1)
    for _ in range(5):
        await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    connections = upstream._upstream.sending._wire._connections
    assert not connections._idle
    assert not connections._connector._acquired
    assert (await upstream.send(OTHER)).body == {}


async def test_a_bomb_costs_no_more_than_the_limit(world: Any, replied: Callable[..., bytes]) -> None:
    """What inflates to hundreds of megabytes is given up at the limit, not afterwards."""
    squeezed = zlib.compressobj(wbits=31)
    bomb = b"".join([*(squeezed.compress(b" " * 2**20) for _ in range(300)), squeezed.flush()])
    world.wire.default = (replied(200, raw=bomb, Content_Encoding="gzip"),)
    upstream = world.bound(limits=UpstreamLimits(body=2**20))
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamFailed, match="too large"):
            await upstream.send(READ)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()
    assert not upstream._upstream.sending._wire._connections._idle


async def test_an_inflated_answer_comes_in_parts(world: Any, replied: Callable[..., bytes]) -> None:
    """A packed answer far larger than one reading is put together whole, and its connection used again."""
    text = b'"' + bytes(range(65, 91)) * 100_000 + b'"'
    world.wire.default = (replied(200, raw=gzip.compress(text), Content_Encoding="gzip"),)
    upstream = world.bound()
    for _ in range(2):
        assert (await upstream.send(READ)).body.encode() == text[1:-1]
    assert world.wire.connections == 1


async def over_tls(cert: Path, key: Path) -> tuple[list[str], int, list[bool]]:
    """What a server gets over TLS, on how many connections, when the third request follows the server's end of the
    first connection; and whether the connection was open before that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    got: list[str] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while head := (await reader.readline()).decode():
            length = 0
            while (line := await reader.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            await reader.readexactly(length)
            got.append(f"{head.split(' ')[0]} {length}")
            writer.write(EMPTY)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    wire = Wire(
        URL(f"https://localhost:{server.sockets[0].getsockname()[1]}"),
        total=10, connect=5, idle=15, most=1000, tls=ssl.create_default_context(cafile=str(cert)),
    )  # fmt: skip
    for method, body in (("GET", None), ("PUT", b"A" * 2**21), ("DELETE", None)):
        assert (await wire.ask(method, "/x", {}, body, lambda _: None))[2] == b"{}"
    ((pooled, _),) = wire._connections._idle
    states = [pooled.closed]
    writers[0].close()
    await until(lambda: pooled.closed)
    assert (await wire.ask("DELETE", "/x", {}, None, lambda _: None))[2] == b"{}"
    await wire.close()
    server.close()
    return got, len(writers), states


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_tls_connections_are_used_again(tmp_path: Path, new_loop: Callable[[], Any]) -> None:
    """What TLS itself sends (session tickets) is nothing that was not asked for; its end is the connection's."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        got, connections, closed = runner.run(over_tls(*authority(tmp_path, "localhost")))
    assert got == ["GET 0", f"PUT {2**21}", "DELETE 0", "DELETE 0"]
    assert (connections, closed) == (2, [False])

"""What we use of aiohttp without its promise, one test a part: where aiohttp changes it, the part's name fails here."""

from __future__ import annotations

import asyncio
import inspect
import re
import tomllib
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import aiohttp
import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection as Made
from aiohttp.http import HttpProcessingError, HttpVersion11
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler
from packaging.requirements import Requirement
from yarl import URL

from tests.edges.edge_house import GOOD, house, until

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def handler(answer: bytes = b"", **options: Any) -> ResponseHandler:
    """A client protocol with a parser, which has got these bytes."""
    made = ResponseHandler(asyncio.get_running_loop())
    made.set_response_params(read_until_eof=True, auto_decompress=False, **options)
    if answer:
        made.data_received(answer)
    return made


def words(function: Any) -> list[str]:
    """The names of a function's parameters."""
    return list(inspect.signature(function).parameters)


def test_the_version_is_bounded() -> None:
    """aiohttp is taken in the one minor version whose inner parts these tests have seen."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    (wanted,) = [Requirement(text) for text in project["dependencies"] if text.startswith("aiohttp")]
    assert aiohttp.__version__ in wanted.specifier
    major, minor, *_ = aiohttp.__version__.split(".")
    assert f"{major}.{int(minor) + 1}.0" not in wanted.specifier


async def test_connector_connect() -> None:
    """`TCPConnector.connect(request, traces, timeout)` gives a `Connection` for a ClientRequest that has no session."""
    assert words(aiohttp.TCPConnector.connect) == ["self", "req", "traces", "timeout"]
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    request = aiohttp.ClientRequest("GET", url, loop=asyncio.get_running_loop())
    assert request.headers["Host"] == f"127.0.0.1:{url.port}"
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    connection = await connector.connect(request, [], aiohttp.ClientTimeout(connect=5))
    assert isinstance(connection, Made)
    assert isinstance(connection.protocol, ResponseHandler)
    assert connection.transport is connection.protocol.transport
    transport = connection.transport
    assert transport is not None
    assert transport.get_extra_info("socket").fileno() > 0
    assert transport.get_write_buffer_size() == 0
    connection.close()
    assert connection.closed
    assert transport.is_closing()
    await connector.close()
    server.close()


async def test_response_handler_read() -> None:
    """`set_response_params` makes a parser; `read` gives a message with `code`, `headers` and `chunked`, and a body."""
    assert {"read_until_eof", "auto_decompress"} <= inspect.signature(
        ResponseHandler.set_response_params
    ).parameters.keys()
    message, content = await handler(ANSWER).read()
    assert (message.code, dict(message.headers), message.chunked) == (200, {"Content-Length": "2"}, False)
    assert isinstance(content, StreamReader)
    assert (content.is_eof(), content.total_bytes, content.read_nowait(-1)) == (True, 2, b"{}")


async def test_response_handler_inflates_nothing() -> None:
    """`auto_decompress=False` leaves a body as it came, and its `Content-Encoding` in place."""
    message, content = await handler(ANSWER.replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1)).read()
    assert (message.headers["Content-Encoding"], content.read_nowait(-1)) == ("gzip", b"{}")


async def test_response_handler_refuses_what_is_no_http() -> None:
    """`read` raises HttpProcessingError for what cannot be parsed, which is no ClientError."""
    with pytest.raises(HttpProcessingError):
        await handler(b"nonsense\r\n\r\n").read()
    assert not issubclass(HttpProcessingError, aiohttp.ClientError | OSError)


async def test_response_handler_exception() -> None:
    """`exception` is an OSError after a reset, and none after a clean end."""
    for lost, expected in ((ConnectionResetError(104, "reset"), True), (None, False)):
        protocol = handler(b"HTTP/1.1 200 OK\r\n\r\n{}")
        protocol.connection_lost(lost)
        assert isinstance(protocol.exception(), OSError) is expected
    assert not issubclass(aiohttp.ServerDisconnectedError, OSError)


async def test_response_handler_should_close() -> None:
    """`should_close` knows of a body that has not ended, a second answer, and the server's own word."""
    closing = ANSWER.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    for answer, expected in ((ANSWER, False), (ANSWER[:-1], True), (ANSWER + ANSWER, True), (closing, True)):
        protocol = handler(answer)
        await protocol.read()
        assert protocol.should_close is expected, answer


async def test_response_handler_without_a_parser() -> None:
    """With `_parser` None, whatever comes is put aside, and `should_close` says so of the first byte."""
    protocol = handler(ANSWER)
    await protocol.read()
    protocol._parser = None
    assert protocol.should_close is False
    protocol.data_received(b"H")
    assert protocol.should_close is True


@pytest.mark.parametrize(("behind", "expected"), [(b"", False), (b"\r\n", False), (b"H", True), (ANSWER[:-9], True)])
async def test_parser_feed_eof(behind: bytes, expected: bool) -> None:
    """`_parser.feed_eof()` gives None where nothing has begun since the last answer, else something."""
    protocol = handler(ANSWER + behind)
    await protocol.read()
    assert protocol._parser is not None
    assert (protocol._parser.feed_eof() is not None) is expected


def test_request_handler_finish_response() -> None:
    """`finish_response(request, resp, start_time)` writes a reply; of what it returns, `start` takes `keep_alive` and
    nothing else."""
    assert words(RequestHandler.finish_response) == ["self", "request", "resp", "start_time"]
    for function in (RequestHandler.start, RequestHandler._handle_request):
        assert set(re.findall(r"\bresp\.(\w+)", inspect.getsource(function))) <= {"keep_alive"}
    assert inspect.getsource(RequestHandler.start).count("resp.keep_alive") == 1


def test_request_finish() -> None:
    """`BaseRequest._finish`, which our own way of writing passes over, cleans up after `post()` and nothing else."""
    source = inspect.getsource(web.BaseRequest._finish)
    assert "if self._post is None" in source
    assert source.index("self._post is None") < source.index("return")


async def test_request_handler_parts() -> None:
    """A connection has `_upgraded`, `_waiter`, `_request_count`, `_loop`, `writing_paused`, and a request has `_cache`
    with its version, `writer.drain()` and `keep_alive`."""
    seen: list[web.BaseRequest] = []

    async def look(request: web.BaseRequest) -> web.Response:
        seen.append(request)
        protocol = request.protocol
        assert (protocol._upgraded, protocol._waiter, protocol._request_count) == (False, None, 1)
        assert protocol._loop is asyncio.get_running_loop()
        assert protocol.writing_paused is False
        await request.writer.drain()
        assert request.keep_alive is True
        assert isinstance(request._cache, dict)
        request._cache["version"] = "told"
        assert str(request.version) == "told"
        request._cache["version"] = HttpVersion11
        return web.Response()

    server = web.Server(look)
    protocol = server()
    sent: list[bytes] = []
    transport = MagicMock(asyncio.Transport)
    transport.write, transport.writelines = sent.append, sent.extend
    transport.is_closing.return_value = False
    protocol.connection_made(transport)
    protocol.data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(lambda: sent)
    assert len(seen) == 1
    assert sent[0].startswith(b"HTTP/1.1 200 OK")
    protocol.connection_lost(None)
    await server.shutdown()


def test_base_protocol_flow() -> None:
    """`pause_writing` sets `writing_paused`, `resume_writing` ends it."""
    loop = asyncio.new_event_loop()
    protocol = BaseProtocol(loop)
    seen = [protocol.writing_paused]
    for change in (protocol.pause_writing, protocol.resume_writing):
        change()
        seen.append(protocol.writing_paused)
    assert seen == [False, True, False]
    loop.close()


async def test_declined_upgrades_need_aiohttps_way() -> None:
    """`_upgraded` is set for a request that asks for another protocol; aiohttp's own way then reads on in HTTP."""
    async with house() as gateway:
        raw = f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n".encode()
        answer = await gateway.send(
            raw + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n" + raw + b"Connection: close\r\n\r\n"
        )
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2

"""One request to v3.1 and its answer, over connections that are used again.

aiohttp's session makes a request and a response object, a stream writer and two timers for each request, which took
half of the time of a call. Connecting, TLS and parsing are aiohttp's here too; inflating is not, since aiohttp takes
half a gzip for a whole one.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Callable, Mapping
from typing import TypeAlias

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDictProxy
from yarl import URL

from gateway.edges.connections import Connections, end

Answered: TypeAlias = tuple[int, CIMultiDictProxy[str], bytes]
"""A status, the headers, and the body, inflated."""

Heed: TypeAlias = Callable[[CIMultiDictProxy[str]], None]
"""Looks at an answer's headers before its body is read; what it raises ends the connection."""

_CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""Content codings that we read, with zlib's word for each."""
_METHODS = frozenset(("GET", "POST", "PUT", "DELETE"))
_CONTROL = bytes(range(32)) + b"\x7f"


class TooLarge(Exception):  # noqa: N818 - named by what is wrong
    """An answer's body is larger than may be."""


class Deadline:
    """Breaks a connection off when so many seconds have passed: one timer, where asyncio's own timeout takes a task's
    cancellation into account at every step."""

    __slots__ = ("_timer", "_transport", "passed")

    def __init__(self, connection: Connection, seconds: float) -> None:
        self.passed = False
        self._transport = connection.transport
        self._timer = asyncio.get_running_loop().call_later(seconds, self._break_off)

    def _break_off(self) -> None:
        self.passed = True
        if self._transport is not None:
            self._transport.abort()

    def cancel(self) -> None:
        """It is over in time."""
        self._timer.cancel()


class Wire:
    """Asks one origin (`https://api.accounting.sage.com`). Made inside a running event loop.

    `total`, `connect` and `idle` are seconds: for a request once there is a connection, for DNS, connect and TLS, and
    how long an unused connection is kept. `most` is the bytes of an answer's body, inflated.
    """

    def __init__(
        self, origin: URL, *, total: float, connect: float, idle: float, most: int, tls: ssl.SSLContext | bool
    ) -> None:
        self._connections = Connections(origin, connect=connect, idle=idle, tls=tls)
        self._fields = f"Host: {self._connections.host}\r\nAccept-Encoding: gzip, deflate\r\n"
        self._total = total
        self._most = most

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, heed: Heed
    ) -> Answered:
        """The answer to a GET, POST, PUT or DELETE. `target` is its path and query, encoded.

        Raises ValueError, before there is a connection, for what would not be one request of these headers; Unsent
        where no byte left; TimeoutError where no whole answer came in time, and any other ClientError or OSError
        where none came at all; TooLarge, and what `heed` does.
        """
        head = self._head(method, target, headers, body)
        connection = await self._connections.take()
        deadline = Deadline(connection, self._total)
        try:
            transport = connection.transport
            assert transport is not None  # noqa: S101 -- it has just been looked at
            transport.writelines((head, body) if body else (head,))
            answered = await self._answer(connection, heed)
            if deadline.passed:
                raise TimeoutError  # what ended the body was no end of the server's
        except BaseException as error:
            # An answer may still come: whoever used this connection next would take it for theirs.
            end(connection)
            if deadline.passed and isinstance(error, aiohttp.ClientError):
                raise TimeoutError from error
            raise
        finally:
            deadline.cancel()
        self._connections.give_back(connection)
        return answered

    def _head(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        """The request up to its body. Raises ValueError where a control byte or a blank would make another of it."""
        if method not in _METHODS or not target.startswith("/") or " " in target or not target.isascii():
            raise ValueError("a request's method or target is none")
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        sized = body is not None or method != "GET"
        length = f"Content-Length: {len(body or b'')}\r\n" if sized else ""
        head = f"{method} {target} HTTP/1.1\r\n{self._fields}{fields}{length}\r\n".encode()
        lines = 2 + self._fields.count("\n") + len(headers) + sized
        if len(head) - len(head.translate(None, _CONTROL)) != 2 * lines:
            raise ValueError("a request's head holds a control byte")
        return head

    async def _answer(self, connection: Connection, heed: Heed) -> Answered:
        protocol = connection.protocol
        assert protocol is not None  # noqa: S101 -- it is until the connection is given back
        protocol.set_response_params(read_until_eof=True, auto_decompress=False)
        try:
            message, content = await protocol.read()
            while message.code < 200 and message.code != 101:  # an interim answer
                message, content = await protocol.read()
        except (HttpProcessingError, aiohttp.EofStream) as error:
            raise aiohttp.ClientPayloadError("An answer that is not HTTP") from error
        if message.code == 101:
            raise aiohttp.ClientPayloadError("An answer in a protocol that nobody asked for")
        heed(message.headers)
        raw = await self._read(content)
        broken = protocol.exception()
        if isinstance(broken, OSError) and not message.chunked and "Content-Length" not in message.headers:
            raise broken  # the body's end is the connection's; aiohttp takes a reset for one
        coding = message.headers.get("Content-Encoding")
        return message.code, message.headers, raw if coding is None else _inflated(raw, coding, self._most)

    async def _read(self, content: aiohttp.StreamReader) -> bytes:
        if content.is_eof() and content.total_bytes <= self._most:
            return content.read_nowait(-1)  # most answers come with their headers
        parts, size = [], 0
        while part := await content.readany():
            size += len(part)
            if size > self._most:
                raise TooLarge
            parts.append(part)
        return b"".join(parts)


def _inflated(raw: bytes, coding: str, most: int) -> bytes:
    """A body without its coding. Raises TooLarge, and ClientPayloadError where it is not whole or cannot be read."""
    coding = coding.strip().lower()
    if coding in ("", "identity") or not raw:
        return raw
    if coding not in _CODINGS:
        raise aiohttp.ClientPayloadError("An answer in a coding that nobody asked for")
    inflating = zlib.decompressobj(_CODINGS[coding])
    try:
        body = inflating.decompress(raw, most + 1)
    except zlib.error as error:
        raise aiohttp.ClientPayloadError("An answer that cannot be inflated") from error
    if len(body) > most:
        raise TooLarge
    if not inflating.eof or inflating.unused_data:
        raise aiohttp.ClientPayloadError("An answer that is not one whole body")
    return body

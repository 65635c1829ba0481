"""One request over a pooled connection to v3.1, and its answer: aiohttp's connections without its session.

The session makes a request and a response object, a stream writer and two timers for each request, which took half of
the time of a call. Connecting, TLS, pooling, parsing and inflating are aiohttp's here too; a body that is not written
at once takes the session's way.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import Callable, Mapping
from typing import TypeAlias

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDictProxy
from yarl import URL

SMALL = 2**16
"""Bytes of a request's body that are written at once, with its head."""
LARGE = 2**20
"""Bytes of a request from which on aiohttp wants a stream."""

Answered: TypeAlias = tuple[int, CIMultiDictProxy[str], bytes]
"""A status, the headers, and the body, inflated."""

Heed: TypeAlias = Callable[[CIMultiDictProxy[str]], None]
"""Looks at an answer's headers before its body is read; what it raises ends the connection."""


class TooLarge(Exception):  # noqa: N818 - named by what is wrong
    """An answer's body is larger than may be."""


class Unasked(aiohttp.ClientError):
    """Something came on a connection before anything was asked; so nothing was."""


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
    """The connections to one origin (`https://api.accounting.sage.com`). Made inside a running event loop.

    `total`, `connect` and `idle` are seconds: for a request once there is a connection, for DNS, connect and TLS, and
    how long an unused connection is kept. `most` is the bytes of an answer's body, inflated.
    """

    def __init__(
        self, origin: URL, *, total: float, connect: float, idle: float, most: int, tls: ssl.SSLContext | bool
    ) -> None:
        self._origin = origin
        self._total = total
        self._most = most
        self._connect = aiohttp.ClientTimeout(connect=connect)
        self._connector = aiohttp.TCPConnector(limit=0, ssl=tls, keepalive_timeout=idle)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            timeout=aiohttp.ClientTimeout(total=total, connect=connect),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        # aiohttp re-sends PUT and DELETE after a reset, with no public switch for it (reliability.md 3).
        self._session._retry_connection = False
        # What a connection is for is all that the connector asks of a request, so one stands for all.
        self._any = aiohttp.ClientRequest("GET", origin, loop=asyncio.get_running_loop(), session=self._session)
        self._ours = "".join(f"{name}: {self._any.headers[name]}\r\n" for name in ("Host", "Accept-Encoding"))

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, heed: Heed
    ) -> Answered:
        """The answer to a request. `target` is its path and query, encoded; nothing in it or in `headers` may hold a
        line break.

        Raises what `heed` does, TooLarge and TimeoutError; ClientConnectorError, ConnectionTimeoutError or Unasked
        where no byte was sent; any other ClientError or OSError where no answer came.
        """
        if body is not None and len(body) > SMALL:
            return await self._ask_at_length(method, target, headers, body, heed)
        connection = await self._connected()
        deadline = Deadline(connection, self._total)
        try:
            self._write(connection, method, target, headers, body)
            answered = await self._answer(connection, heed)
            if deadline.passed:
                raise TimeoutError  # what ended the body was no end of the server's
        except BaseException as error:
            # An answer may still come: whoever used this connection next would take it for theirs.
            connection.close()
            if deadline.passed and isinstance(error, aiohttp.ClientError):
                raise TimeoutError from error
            raise
        finally:
            deadline.cancel()
        connection.release()
        return answered

    async def _connected(self) -> Connection:
        """A connection on which nothing has come that nobody asked for: it would be taken for our answer."""
        try:
            connection = await self._connector.connect(self._any, [], self._connect)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(f"Connection timeout to host {self._origin}") from error
        if connection.protocol is None or connection.protocol.should_close:
            connection.close()
            raise Unasked
        return connection

    def _write(
        self,
        connection: Connection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> None:
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        length = f"Content-Length: {len(body or b'')}\r\n" if body is not None or method != "GET" else ""
        head = f"{method} {target} HTTP/1.1\r\n{self._ours}{fields}{length}\r\n".encode()
        transport = connection.transport
        assert transport is not None  # noqa: S101 -- the connector has just looked
        transport.write(head + body if body else head)

    async def _answer(self, connection: Connection, heed: Heed) -> Answered:
        protocol = connection.protocol
        assert protocol is not None  # noqa: S101 -- it is until the connection is released
        protocol.set_response_params(read_until_eof=True)
        try:
            message, content = await protocol.read()
            while message.code < 200 and message.code != 101:  # an interim answer
                message, content = await protocol.read()
        except HttpProcessingError as error:
            raise aiohttp.ClientPayloadError("An answer that is not HTTP") from error
        heed(message.headers)
        return message.code, message.headers, await self._read(content)

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

    async def _ask_at_length(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, heed: Heed
    ) -> Answered:
        """A request that is written while its answer may come already; a large one piece by piece, as a stream."""
        data = io.BytesIO(body) if len(body) > LARGE else body
        url = URL(f"{self._origin}{target}", encoded=True)
        response = await self._session.request(method, url, data=data, headers=headers, allow_redirects=False)
        try:
            heed(response.headers)
            return response.status, response.headers, await self._read(response.content)
        except BaseException:
            response.close()
            raise
        finally:
            response.release()

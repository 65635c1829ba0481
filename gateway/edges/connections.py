"""Connections to one origin, made by aiohttp's connector and kept for the next request."""

from __future__ import annotations

import asyncio
import select
import ssl
from collections import deque
from contextlib import suppress

import aiohttp
from aiohttp.connector import Connection
from yarl import URL


class Unsent(Exception):  # noqa: N818 - named by what is wrong
    """There is no connection to send a request over, so no byte of it left. The message is one word that says why."""


class Connections:
    """The connections to one origin (`https://api.accounting.sage.com`). Made inside a running event loop.

    `connect` is the seconds for DNS, connect and TLS together; `idle` how long an unused connection is kept.
    """

    def __init__(self, origin: URL, *, connect: float, idle: float, tls: ssl.SSLContext | bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._keep = idle
        self._patience = aiohttp.ClientTimeout(connect=connect)
        self._connector = aiohttp.TCPConnector(limit=0, ssl=tls, force_close=True)
        # Where a connection goes is all that the connector asks of a request, so one stands for all.
        self._any = aiohttp.ClientRequest("GET", origin, loop=self._loop)
        self._idle: deque[tuple[Connection, float]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def host(self) -> str:
        """What a request to this origin says as `Host`."""
        return self._any.headers["Host"]

    async def close(self) -> None:
        """Close all connections, used ones too."""
        closing = self._connector.close()
        while self._idle:
            self._idle.popleft()[0].close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await closing

    async def take(self) -> Connection:
        """A connection on which nothing waits to be read: it would be taken for the answer. Raises Unsent."""
        latest = self._loop.time() - self._keep
        while self._idle:
            connection, since = self._idle.pop()
            if since > latest and _silent(connection):
                return connection
            connection.close()
        try:
            connection = await self._connector.connect(self._any, [], self._patience)
        except (aiohttp.ClientError, OSError) as error:
            raise Unsent(type(error).__name__) from error
        if connection.protocol is None or connection.protocol.should_close:
            end(connection)
            raise Unsent("Greeted")
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose answer has been read whole; what may not be used again is broken off."""
        if not _reusable(connection):
            end(connection)
            return
        now = self._loop.time()
        self._idle.append((connection, now))
        if self._sweeper is None:
            self._sweeper = self._loop.call_at(now + self._keep, self._sweep)

    def _sweep(self) -> None:
        latest = self._loop.time() - self._keep
        while self._idle and self._idle[0][1] <= latest:
            self._idle.popleft()[0].close()
        self._sweeper = self._loop.call_at(self._idle[0][1] + self._keep, self._sweep) if self._idle else None


def end(connection: Connection) -> None:
    """Break a connection off: what was not sent over it is not, and what still comes is nobody's."""
    if connection.transport is not None:
        connection.transport.abort()
    connection.close()


def _reusable(connection: Connection) -> bool:
    """Whether an answer was the only and the last thing on its connection; from here on, whatever comes ends it."""
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or transport.is_closing() or protocol.should_close:
        return False
    if transport.get_write_buffer_size():
        return False  # it was answered before it was read
    begun: object = True
    with suppress(Exception):  # bytes that begin no answer, behind the one there was
        begun = protocol._parser is None or protocol._parser.feed_eof()
    # Without a parser, aiohttp puts aside what comes, and `should_close` says so of the first byte.
    protocol._parser = None
    return begun is None


def _silent(connection: Connection) -> bool:
    """Whether an unused connection is open and nothing has come on it, read by aiohttp or still with the system."""
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or transport.is_closing() or protocol.should_close:
        return False
    waiting = select.poll()
    waiting.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return not waiting.poll(0)

"""One client connection: aiohttp's, with a deadline for headers and v2's own error pages."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web
from aiohttp.http import HttpVersion10, HttpVersion11
from aiohttp.web_protocol import RequestHandler

from gateway.edges.framing import write_reply
from gateway.edges.limits import Limits
from gateway.edges.reply import Reply
from gateway.edges.unreadable import why
from gateway.errors import Malformed, TableWrong
from gateway.messages import Pairs
from gateway.translate.faults import render

_LATE = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json;vnd.sage=sdata\r\n"
    b"Cache-Control: no-store\r\nX-Request-Id: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
)
_LATE_BODY = (
    b'{"$diagnoses":[{"$severity":"error","$dataCode":"BadRequest",'
    b'"$message":"The headers took too long","$source":""}]}'
)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_names = random.Random()  # noqa: S311 - they keep no secret


def request_name() -> str:
    """What a request is called in its reply and in the log: no secret, so it need not cost the system call of one."""
    return f"{_names.getrandbits(64):016x}"


class Connection(RequestHandler):
    """Speaks HTTP with one client.

    From a call's first byte (on a new connection: from the start) its headers have `limits.header_seconds`.
    """

    __slots__ = ("_deadline", "_extra", "_limits", "_reply_deadline", "_unreadable")

    def __init__(
        self,
        server: Listener,
        *,
        limits: Limits,
        unreadable: Callable[[str, str], None],
        extra: Pairs,
        **options: Any,
    ) -> None:
        super().__init__(server, **options)
        self._limits = limits
        self._unreadable = unreadable
        self._extra = extra
        self._deadline: asyncio.TimerHandle | None = None
        self._reply_deadline: asyncio.TimerHandle | None = None

    @property
    def worn_out(self) -> bool:
        """Whether this connection has carried as many calls as one may."""
        return self._request_count >= self._limits.calls_per_connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, with the header deadline running."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: BaseException | None) -> None:
        """End; a running exchange goes on without its client."""
        self._disarm()
        self._read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes: the deadline stops when the headers are complete."""
        seen = self._request_count
        super().data_received(data)
        if self._request_count > seen:
            self._disarm()
        elif self._deadline is None and self._waiter is not None:
            self._arm()

    def _arm(self) -> None:
        self._deadline = self._loop.call_later(self._limits.header_seconds, self._late)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        if self.transport is not None:
            name = request_name()
            self._unreadable("late", name)
            self.transport.write(_LATE % (name.encode(), len(_LATE_BODY), _LATE_BODY))
        self.force_close()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse | Reply, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the reply; a client that does not read it in time is cut off."""
        if request.version not in (HttpVersion10, HttpVersion11):
            # aiohttp puts the request's version into its status line, though nobody may answer as HTTP/0.9 or 2.0.
            request._cache["version"] = HttpVersion11
        try:
            if not isinstance(resp, Reply):
                return await super().finish_response(request, resp, start_time)
            if self._upgraded or not resp.plain(request.method):
                return await super().finish_response(request, resp.response(), start_time)
            return cast("web.StreamResponse", resp), not await self._write_at_once(request, resp)
        finally:
            self._read()

    async def _write_at_once(self, request: web.BaseRequest, reply: Reply) -> bool:
        """Write a reply; whether the client was there to get it. Of what is returned, aiohttp reads `keep_alive`."""
        if reply.keep_alive is None:
            reply.keep_alive = request.keep_alive
        if self.transport is None or self.transport.is_closing():
            return False
        self.transport.write(reply.written(request.version, int(time.time())))
        if self.writing_paused:
            try:
                await request.writer.drain()
            except ConnectionError:
                return False
        return True

    def pause_writing(self) -> None:
        """The client does not read as fast as is written: from now on its reply has a deadline."""
        super().pause_writing()
        if self._reply_deadline is None:
            self._reply_deadline = self._loop.call_later(self._limits.reply_seconds, self._unread)

    def _read(self) -> None:
        if self._reply_deadline is not None:
            self._reply_deadline.cancel()
            self._reply_deadline = None

    def _unread(self) -> None:
        self._reply_deadline = None
        self._unreadable("unread", "")
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What the parser could not read, as v2 says it: without the raw bytes, here or in the log."""
        name = request_name()
        self._unreadable(type(exc).__name__ if exc is not None else "Timeout", name)
        error = Malformed(why(exc, self._limits)) if status < 500 else TableWrong("The gateway failed")
        reply = write_reply(render(error), (("X-Request-Id", name), ("Connection", "close"), *self._extra))
        reply.force_close()
        return reply.response()


class Listener(web.Server):
    """Makes a `Connection` of every socket, with the limits of the public side.

    `unreadable` is told the kind of every request that could not be parsed, and its reply's `X-Request-Id`; `extra`
    are headers of every reply.
    """

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[Reply]],
        *,
        limits: Limits,
        unreadable: Callable[[str, str], None],
        extra: Pairs = (),
    ) -> None:
        super().__init__(
            cast("Handler", handler),
            keepalive_timeout=limits.idle_seconds,
            max_line_size=limits.target,
            max_field_size=limits.header_line,
            max_headers=limits.headers,
            lingering_time=limits.lingering_seconds,
            auto_decompress=False,
            access_log=None,
        )
        self._limits = limits
        self._unreadable = unreadable
        self._extra = extra

    def __call__(self) -> RequestHandler:
        """A new connection."""
        return Connection(
            self,
            limits=self._limits,
            unreadable=self._unreadable,
            extra=self._extra,
            loop=self._loop,
            **self._kwargs,
        )

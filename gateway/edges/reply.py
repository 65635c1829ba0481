"""A finished reply, as bytes: status line, headers and body are written at once.

aiohttp's own response makes its headers, and its writer, in a dozen steps that may each wait, for bodies that are still
in the making. Ours never are.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web
from aiohttp.http import HttpVersion, HttpVersion10

_CONTROL = bytes(range(32)) + b"\x7f"
_OURS = frozenset(("content-length", "date", "transfer-encoding"))
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Reply:
    """What a handler of `Listener` may return in place of aiohttp's response, and `Connection` writes.

    `keep_alive`: whether the connection stays open, None where that is the client's to say.
    """

    __slots__ = ("_fields", "_headers", "body", "keep_alive", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Raises ValueError for a header that holds a control character, or is not its sender's to say."""
        self.status = status
        self.body = body
        self.keep_alive: bool | None = None
        self._headers = headers
        self._fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode()
        if len(self._fields) - len(self._fields.translate(None, _CONTROL)) != 2 * len(headers):
            raise ValueError("a header of a reply holds a line break")
        if not _OURS.isdisjoint(map(str.lower, headers)):
            raise ValueError("a header of a reply says how it is sent")

    def force_close(self) -> None:
        """End the connection after this reply."""
        self.keep_alive = False

    def plain(self, method: str) -> bool:
        """Whether the reply is its head and its body, and no more is to be known of HTTP."""
        return method != "HEAD" and self.status >= 200 and self.status not in (204, 304)

    def written(self, version: HttpVersion, seconds: int) -> bytes:
        """The bytes of a plain reply whose `keep_alive` is decided; `seconds` is the time (Unix)."""
        connection = ""
        if self.keep_alive == (version == HttpVersion10) and "Connection" not in self._headers:
            connection = "Connection: keep-alive\r\n" if self.keep_alive else "Connection: close\r\n"
        first = f"HTTP/{version.major}.{version.minor} {_STATUS.get(self.status, f'{self.status} ')}\r\n"
        last = f"Content-Length: {len(self.body)}\r\nDate: {_date(seconds)}\r\n{connection}\r\n"
        return b"".join((first.encode(), self._fields, last.encode(), self.body))

    def response(self) -> web.Response:
        """The same as aiohttp has it."""
        response = web.Response(status=self.status, headers=self._headers, body=self.body)
        if self.keep_alive is False:
            response.force_close()
        return response


@lru_cache(2)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)

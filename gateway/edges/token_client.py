"""The v3.1 token endpoint (v31.md §2): one refresh request, and what became of it."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
from authlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
    UnsupportedGrantTypeError,
)
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from gateway.grants.life import LONGEST_RETRY_AFTER, Failed, Failure, Tokens, sensible_life
from gateway.grants.secret import Secret

TOTAL_SECONDS = 20.0
"""Less than half a lease, so that no request outlives its permission (reliability.md §3.3 step 4)."""
AFTER_A_PAUSE = 0.5
"""For so much of its time again a late answer is still read: one may lie in the socket of a process that was paused or
starved. Both together are half a lease."""
LARGEST_ANSWER = 64 * 1024
ACCESS_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
"""What may go into a header; v3.1's tokens take up to 2,048 characters (v31.md §2)."""
HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
}

OURS = {InvalidClientError.error, UnauthorizedClientError.error}
"""Errors that say the app's own client is wrong: no user's consent mends them."""
MISSHAPEN = {InvalidRequestError.error, InvalidScopeError.error, UnsupportedGrantTypeError.error}
"""Errors that say the request is wrong. What differs in it from one grant to another is the refresh token: one that
was imported with a mistake in it must not stop the whole app."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Our own v3.1 client of one app."""

    client_id: str
    client_secret: Secret


class PermissionSpent(Exception):  # noqa: N818 - it is no error: it stops a request that may no longer be sent
    """Connecting took so long that the lease may not cover the answer."""


Answered = tuple[int, Any, bytes]
"""Status, headers and body."""


@dataclass(slots=True)
class Wire:
    """One request's way: `left` once the connection stands and the request may have been written."""

    may_send: Callable[[], bool]
    left: bool = False


class TokenClient:
    """Posts to the token endpoint: no cookies, redirects or proxies, a fresh connection for each request.

    `tls` is given to aiohttp as `ssl`.
    """

    def __init__(self, url: str, *, tls: ssl.SSLContext | bool = True, total_seconds: float = TOTAL_SECONDS) -> None:
        self._url = url
        self._tls = tls
        self._total = total_seconds
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def refresh(
        self, credentials: Credentials, refresh: Secret, may_send: Callable[[], bool] = lambda: True
    ) -> Tokens | Failed:
        """Trades a refresh token for the next pair.

        `may_send` is asked when the connection stands, before a byte of the request leaves.
        Never raises but for cancellation: each outcome is a value (reliability.md §3.3 steps 4, 7, 8).
        """
        body = prepare_token_request(
            "refresh_token",
            refresh_token=refresh.reveal(),
            client_id=credentials.client_id,
            client_secret=credentials.client_secret.reveal(),
        )
        return await self.trade(body, may_send)

    async def trade(self, body: str, may_send: Callable[[], bool] = lambda: True) -> Tokens | Failed:
        """Posts a token request, form-encoded with the app's credentials; `may_send` and outcomes as for `refresh`."""
        wire = Wire(may_send)
        try:
            status, headers, text = await self._in_time(self._post(body, wire))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, PermissionSpent):
            return Failed(Failure.AMBIGUOUS if wire.left else Failure.NOT_SENT)
        return classify(status, headers.get("Retry-After"), text)

    async def _in_time(self, request: Coroutine[Any, Any, Answered]) -> Answered:
        """The answer, or TimeoutError. After a pause (SIGSTOP, a suspended machine) the time is over at once, but what
        Sage sent meanwhile lies in the socket, and may be the only live token: it is read before giving up."""
        task = asyncio.create_task(request)
        try:
            for patience in (self._total, self._total * AFTER_A_PAUSE):
                await asyncio.wait({task}, timeout=patience)
                if task.done():
                    return task.result()
            raise TimeoutError
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _post(self, body: str, wire: Wire) -> Answered:
        if self._session is None:
            self._session = self._open()
        async with self._session.post(
            self._url, data=body.encode(), headers=HEADERS, allow_redirects=False, trace_request_ctx=wire
        ) as response:
            return response.status, response.headers, await read_answer(response, LARGEST_ANSWER)

    def _open(self) -> aiohttp.ClientSession:
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(_connected)
        return careful_session(self._tls, aiohttp.ClientTimeout(total=None), trace)


def careful_session(
    tls: ssl.SSLContext | bool, total: aiohttp.ClientTimeout, *traces: aiohttp.TraceConfig
) -> aiohttp.ClientSession:
    """A session without cookies and proxies, with a fresh connection for each request, which is sent once."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True, ssl=tls, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=total,
        trust_env=False,
        trace_configs=list(traces),
    )
    session._retry_connection = False  # a refresh token is sent once; only we decide to send it again
    return session


async def read_answer(response: aiohttp.ClientResponse, most: int) -> bytes:
    """An answer's body. Raises ValueError where it is over so many bytes."""
    text = b""
    async for chunk in response.content.iter_any():
        text += chunk
        if len(text) > most:
            raise ValueError("Sage's answer is too long.")
    return text


async def _connected(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:
    wire: Wire = context.trace_request_ctx
    if not wire.may_send():
        raise PermissionSpent
    wire.left = True


def classify(status: int, retry_after: str | None, text: bytes) -> Tokens | Failed:
    """What an answer of the token endpoint means."""
    body = _object(text)
    if 200 <= status < 300 and not body.get("error"):
        return _tokens(body) or Failed(Failure.AMBIGUOUS)
    if status < 300 or status in (400, 401, 403):
        error = _text(body.get("error"))
        if error == InvalidGrantError.error:
            return Failed(Failure.INVALID_GRANT)
        if error in OURS:
            return Failed(Failure.INVALID_CLIENT)
        if error in MISSHAPEN:
            return Failed(Failure.TRANSIENT, LONGEST_RETRY_AFTER)
    if status >= 500 and status != 503:
        return Failed(Failure.AMBIGUOUS)
    return Failed(Failure.TRANSIENT, _seconds(retry_after))


def _object(text: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _tokens(body: dict[str, Any]) -> Tokens | None:
    access, refresh = _text(body.get("access_token")), _text(body.get("refresh_token"))
    if access is not None and not ACCESS_TOKEN.fullmatch(access):
        access = None
    if access is None and refresh is None:
        return None
    return Tokens(
        access=Secret(access) if access else None,
        life=sensible_life(_number(body.get("expires_in"))),
        refresh=Secret(refresh) if refresh else None,
        refresh_life=_number(body.get("refresh_token_expires_in")) or None,
        user=_text(body.get("requested_by_id")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    """Seconds, whether sent as a number or as text; None for nonsense."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < 1e10 else None


def _seconds(retry_after: str | None) -> float | None:
    """`Retry-After` in seconds; its date form is not used, for clocks differ."""
    text = (retry_after or "").strip()
    return float(text) if re.fullmatch(r"[0-9]{1,9}", text) else None

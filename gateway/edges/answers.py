"""What v3.1 sent, read: an answer, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Never

import msgspec

from gateway.edges.retry import Failure
from gateway.errors import GatewayError, Throttled, UpstreamFailed, UpstreamLate
from gateway.messages import Pairs, V3Response, header
from gateway.translate.headers import OCTETS
from gateway.translate.pages import page_of

MOST_DIGITS = 40
"""Digits of a number, and its largest and smallest exponent (reliability.md §3.2 G12)."""
RETRY_AFTER = 5
LONGEST_RETRY_AFTER = 300
"""Seconds: what a throttled client is told where v3.1 says nothing, and the most it is ever told."""

_UNKNOWN = " It is not known whether the change was made."


class Trouble(Exception):  # noqa: N818 -- what happened to one attempt; never leaves the edge
    """An attempt that gave no usable answer: how it failed, and the error that the caller gets at the end."""

    def __init__(self, failure: Failure, message: str, error: Callable[[str], GatewayError] = UpstreamFailed) -> None:
        super().__init__(message)
        self.failure = failure
        self._error = error

    def error(self, *, doubtful: bool) -> GatewayError:
        """The error for the caller; `doubtful` where an earlier attempt at a write may have succeeded."""
        return self._error(str(self) + (_UNKNOWN if doubtful else ""))


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("a number is out of range") from None
    if len(number.as_tuple().digits) > MOST_DIGITS or abs(number.adjusted()) > MOST_DIGITS:
        raise ValueError("a number is out of range")
    return number


_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_DECODER = msgspec.json.Decoder(float_hook=_number)


@lru_cache(1024)
def _decoder(rows: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(page_of(rows), float_hook=_number)


def read_answer(
    status: int, headers: Pairs, raw: bytes, *, accept: str, empty: bool, rows: type[msgspec.Struct] | None = None
) -> V3Response:
    """The answer, decoded as far as its status means one.

    `empty`: whether a success may come without a body (DELETE). `rows` is the type of a list's rows: where all are of
    it, they are decoded into that.
    Raises Trouble for what is no answer: redirects, throttling, 5xx, and bodies that cannot be read.
    """
    if status == 429 or (status == 503 and header(headers, "Retry-After") is not None):
        wait = retry_after(headers)
        raise Trouble(Failure.FINAL, "Sage is limiting requests; try again later.", lambda m: Throttled(m, wait))
    if status >= 500:
        _server_error(status)
    if not (200 <= status < 300 or 400 <= status < 500):
        raise Trouble(Failure.FINAL, f"Sage gave an answer that is none (status {status}).")
    if accept != "application/json" and status < 300:
        return V3Response(status, _document(raw, headers, accept), headers)
    if not raw.strip():
        if status in (200, 201) and not empty:
            raise Trouble(Failure.LOST, "Sage's answer is empty.")
        return V3Response(status, None, headers)
    page = None if rows is None or status >= 300 else _page(raw, rows)
    return V3Response(status, _decoded(raw, status) if page is None else page, headers)


def retry_after(headers: Pairs) -> int:
    """The seconds a client should wait, from Retry-After in either form; absurd values are cut to reason."""
    text = (header(headers, "Retry-After") or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        seconds = int(text)
    else:
        try:
            until = parsedate_to_datetime(text)
            seconds = int((until - parsedate_to_datetime(header(headers, "Date") or "")).total_seconds())
        except (ValueError, TypeError):
            seconds = RETRY_AFTER
    return min(max(seconds, 1), LONGEST_RETRY_AFTER)


def speaks_of_token(answer: V3Response) -> bool:
    """Whether a 401 is about the access token, and not about a lapsed subscription (v31.md §10)."""
    return answer.status == 401 and "no active subscription" not in str(answer.body).lower()


def _server_error(status: int) -> Never:
    if status == 500:
        raise Trouble(Failure.FAILING, "Sage reports an error of its own (status 500).")
    if status == 503:
        raise Trouble(Failure.DOWN, "Sage is not available (status 503).", lambda m: Throttled(m, RETRY_AFTER))
    if status == 504:
        raise Trouble(Failure.DOWN, "Sage did not answer in time (status 504).", UpstreamLate)
    raise Trouble(Failure.DOWN, f"Sage is not available (status {status}).")


def _page(raw: bytes, rows: type[msgspec.Struct]) -> Any:
    """A page of a list, None where not all of its rows are of the type. What no type names is not looked at."""
    try:
        return _decoder(rows).decode(raw)
    except _UNREADABLE:
        return None


def _decoded(raw: bytes, status: int) -> Any:
    try:
        return _DECODER.decode(raw)
    except _UNREADABLE:
        # A refusal stays one even if its words are lost: it is not sent again.
        failure = Failure.LOST if status < 300 else Failure.FINAL
        raise Trouble(failure, "Sage's answer is not JSON that can be read.") from None


def _document(raw: bytes, headers: Pairs, accept: str) -> bytes:
    """A document's bytes. Who asks for octets takes a file of any type; words are none (v31_resources.md,
    attachments)."""
    content = (header(headers, "Content-Type") or "").partition(";")[0].strip().lower()
    words = content in ("", "application/json", "text/html")
    if not raw or (words if accept == OCTETS else content != accept):
        raise Trouble(Failure.LOST, "Sage's answer is not the document that was asked for.")
    return raw

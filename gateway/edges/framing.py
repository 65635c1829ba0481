"""From the wire to a call, and from a reply to the wire: what HTTP allows and v2 clients need.

The request-target is taken as it was sent and never decoded: signatures are computed over it,
and only the core decides what it names.
"""

from __future__ import annotations

import asyncio
import re

import msgspec
from aiohttp import hdrs, web
from aiohttp.http import HttpVersion10, HttpVersion11
from aiohttp.web_protocol import RequestPayloadError

from gateway.edges.limits import Limits
from gateway.edges.reply import Reply
from gateway.errors import AccessDenied, Malformed, TooLarge
from gateway.messages import Pairs, V2Response
from gateway.translate.headers import SDATA_TYPE, refuse_imitations

JSON = "application/json"
"""The content type of replies to tokens and refusals (v2.md §4.3)."""

# A v2 path never had these: they mean one path here and another one further on (reliability.md finding 6).
_PLAIN = re.compile(r"[A-Za-z0-9_/-]*")
_GAMES = re.compile(r"\\|%5c|%2f|%00|%25(?:2e|2f|5c)", re.IGNORECASE)
_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|;|$)", re.IGNORECASE)

_encode = msgspec.json.Encoder(decimal_format="number").encode


def read_target(request: web.BaseRequest) -> str:
    """The request-target in origin form, byte for byte, as latin-1 text.

    Raises Malformed for the absolute form, a fragment, dot segments and encoded slashes.
    Doubled and trailing slashes are what real clients send (captures/README.md §3) and pass.
    """
    target = request.raw_path
    if not target.isascii():
        target = target.encode("utf-8", "surrogateescape").decode("latin-1")
    if not target.startswith("/"):
        raise Malformed("The request-target must be a path that begins with a slash")
    if "#" in target:
        raise Malformed("The request-target must not have a fragment")
    path = target.partition("?")[0]
    if not _PLAIN.fullmatch(path) and (_GAMES.search(path) or _DOTS.search(path)):
        raise Malformed("The path must not have backslashes, encoded slashes or dot segments")
    return target


def read_head(request: web.BaseRequest) -> Pairs:
    """The header fields, as sent, of a call whose version, method and framing are in order.

    Raises Malformed (HTTP/0.9, a coded body, names that imitate framing) or AccessDenied (TRACE, CONNECT).
    """
    if request.version not in (HttpVersion11, HttpVersion10):
        raise Malformed("Only HTTP/1.0 and HTTP/1.1 are spoken here")
    if request.method in (hdrs.METH_TRACE, hdrs.METH_CONNECT):
        raise AccessDenied
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
    refuse_imitations(headers)
    if request.version == HttpVersion10 and hdrs.TRANSFER_ENCODING in request.headers:
        raise Malformed("HTTP/1.0 has no Transfer-Encoding")
    coding = request.headers.get(hdrs.CONTENT_ENCODING)
    if coding is not None and coding.strip().lower() not in ("", "identity"):
        raise Malformed("v2 took no compressed bodies: send the body without Content-Encoding")
    return headers


async def read_body(request: web.BaseRequest, limits: Limits, most: int) -> bytes:
    """The whole body; a client that waits for it is told to continue.

    Raises TooLarge over `most` bytes, and Malformed when it is late, cut off or badly chunked.
    """
    content = request.content
    if content.is_eof():
        return _capped(content.read_nowait(-1) if content.total_bytes else b"", most)
    if (request.content_length or 0) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(limits.body_seconds):
            await _invite(request)
            return await _collect(request, most)
    except TimeoutError:
        raise Malformed(f"The body took longer than {limits.body_seconds:g} seconds") from None
    except (RequestPayloadError, ConnectionError):
        raise Malformed("The body is cut off or badly chunked") from None


async def _invite(request: web.BaseRequest) -> None:
    expected = request.headers.get(hdrs.EXPECT, "")
    if expected.lower() == "100-continue" and request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # The interim reply is no part of the response that aiohttp still has to begin.
        request.writer.output_size = 0


async def _collect(request: web.BaseRequest, most: int) -> bytes:
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _capped(body: bytes, most: int) -> bytes:
    if len(body) > most:
        raise _too_large(most)
    return body


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body is over {most:,} bytes")


def write_reply(reply: V2Response, extra: Pairs = ()) -> Reply:
    """The reply as it goes over the wire: compact JSON on one line, or bytes as they are.

    v2 clients cannot read an empty body (captures/README.md §2), so nothing becomes `{}`.
    """
    headers: dict[str, str] = {"Content-Type": SDATA_TYPE, "Cache-Control": "no-store", "Server": "sage-gateway"}
    headers.update(reply.headers)
    headers.update(extra)
    body = reply.body
    if not isinstance(body, bytes):
        body = _encode({} if body is None else body)
    return Reply(reply.status, headers, body)

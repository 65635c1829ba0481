"""What of a v2 call enters its signature, in the ways that clients have read it (captures/README.md §4).

Every reading takes in the whole form body of a POST or PUT, and reads it as `gateway.translate.forms` will:
what was signed is what is acted on. Pairs are bytes: a percent byte that is no UTF-8 must survive.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from authlib.oauth1.rfc5849.util import escape

from gateway.messages import V2Request, header

Pair: TypeAlias = tuple[bytes, bytes]
Encoded: TypeAlias = tuple[str, str]
"""A key and a value, percent-encoded by RFC 3986."""

MAX_PAIRS = 4096
"""Pairs of query and body together; a call with more is not verified at all (forms refuses it anyway)."""


def encoded(pairs: list[Pair]) -> list[Encoded]:
    """The pairs percent-encoded by authlib's `escape`, which is v2's encoder (v2.md §2.1), bytes kept."""
    parts = [part for pair in pairs for part in pair]
    # All at once costs half as much; a zero byte among them, which no client sends, would part them wrongly.
    texts = escape(b"\0".join(parts)).split("%00")
    if len(texts) != len(parts):
        texts = [escape(part) for part in parts]
    return list(zip(texts[::2], texts[1::2], strict=True))


def octets(text: str) -> bytes:
    """Wire text (latin-1) as its bytes; text that never came over a wire as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


class Wire:
    """The parts of one call that enter a signature, each read on demand and once."""

    def __init__(self, call: V2Request) -> None:
        self.path, _, self.query = octets(call.target).partition(b"?")
        self.method = call.method.upper()
        self._media = (header(call.headers, "Content-Type") or "").partition(";")[0].strip().lower()
        self.body = b"" if self._is_json(call.body) else call.body
        self._encoded: dict[str, list[Encoded] | None] = {}

    def _is_json(self, body: bytes) -> bool:
        """JSON bodies are not covered by any client's signature (v2.md §2.4).

        What does not both say and look so is signed as a form.
        """
        return self._media.endswith("json") and body.lstrip()[:1] in {b"{", b"["}

    def unsignable(self) -> bool:
        """No client signs such a call: more pairs than forms takes, or a multipart body."""
        separators = sum(map(self.query.count, (b"&", b";"))) + self.body.count(b"&")
        return separators >= MAX_PAIRS or (bool(self.body) and self._media.startswith("multipart/"))

    def query_pairs(self, reading: str) -> list[Encoded]:
        """The query's pairs: `decoded`, or `raw` (variant 2). Split at `;` too, as Rack reads it."""
        pairs = _split(self.query, rb"[&;]")
        return encoded(pairs if reading == "raw" else _decoded(pairs))

    def body_pairs(self, reading: str) -> list[Encoded] | None:
        """The form body's pairs by one of BODY_READINGS; None where the reading does not fit this body."""
        if reading not in self._encoded:
            pairs = BODY_READINGS[reading](self.method, self.body)
            self._encoded[reading] = None if pairs is None else encoded(pairs)
        return self._encoded[reading]


def _split(text: bytes, separator: bytes) -> list[Pair]:
    return [_pair(chunk) for chunk in re.split(separator, text) if chunk]


def _pair(chunk: bytes) -> Pair:
    key, _, value = chunk.partition(b"=")
    return key, value


def _plain(text: bytes) -> bytes:
    text = text.replace(b"+", b" ")
    return unquote_to_bytes(text) if b"%" in text else text


def _decoded(pairs: list[Pair]) -> list[Pair]:
    return [(_plain(key), _plain(value)) for key, value in pairs]


def _at_root(body: bytes) -> list[Pair] | None:
    """The body split only before its root key, values as written; None if its first key has no brackets.

    As forms does it: what follows a chunk that has no `=` stands for itself.
    """
    root = re.match(rb"[^\[&=%]+(?=\[|%5[Bb])", body)
    if root is None:
        return None
    chunks: list[bytes] = []
    for chunk in body.split(b"&"):
        begins = chunk.startswith(root[0]) and chunk[root.end() :].startswith((b"[", b"%5B", b"%5b"))
        if begins or b"=" not in chunks[-1]:
            chunks.append(chunk)
        else:
            chunks[-1] += b"&" + chunk
    return [(unquote_to_bytes(key), value) for key, value in map(_pair, chunks)]


def _utf8(text: bytes) -> bytes:
    """Text that is no UTF-8, read as CP1252. Raises UnicodeDecodeError if it is not that either."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("cp1252").encode()
    return text


def _form(method: str, body: bytes) -> list[Pair] | None:
    """Form-decoded; not where forms will take the values as written and that makes a difference."""
    pairs, raw = _decoded(_split(body, b"&")), _unencoded(method, body)
    return pairs if raw is None or raw == pairs else None


def _unencoded(method: str, body: bytes) -> list[Pair] | None:
    """Written without any encoding (variant 4): a byte that no encoder leaves shows it."""
    if method in {"POST", "PUT"} and re.search(rb"[ \x80-\xff]", body):
        return _at_root(body)
    return None


def _latin1(method: str, body: bytes) -> list[Pair] | None:
    """Percent bytes of ISO-8859-1, signed as UTF-8 (variant 9)."""
    pairs = _form(method, body)
    if pairs is None:
        return None
    try:
        found = [(_utf8(key), _utf8(value)) for key, value in pairs]
    except UnicodeDecodeError:
        return None
    return found if found != pairs else None


def _as_written(_: str, body: bytes) -> list[Pair] | None:
    """Flat pairs whose escapes were signed as they stand (variant 5).

    Not under a root key: forms decodes those values, so other text would be signed than is acted on.
    """
    return None if _at_root(body) else _split(body, b"&")


def _whole(method: str, body: bytes) -> list[Pair] | None:
    """Decoded as one text, then split (variant 13).

    Only where splitting that text before the root key finds the true pairs, and the split loses nothing:
    otherwise a field could be moved into another, or grow, without a change of the signature. What is not
    under the root key still could be moved into the value before it: this client signs too little for more.
    """
    text = _plain(body)
    root, pairs = _at_root(text), _split(text, b"&")
    lossless = b"&".join(key + b"=" + value for key, value in pairs) == text
    return pairs if lossless and root is not None and root == _form(method, body) else None


BODY_READINGS: dict[str, Callable[[str, bytes], list[Pair] | None]] = {
    "form": _form,
    "unencoded": _unencoded,
    "latin1": _latin1,
    "as_written": _as_written,
    "whole": _whole,
}

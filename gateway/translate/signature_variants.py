"""The parameter strings a v2 signature may cover: the published one, then those of real clients.

The published rule is v2.md §2.1; the deviations are numbered as in captures/README.md §4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from authlib.oauth1.rfc5849.util import escape

from gateway.translate.signature_wire import Encoded, Wire

MAX_TEXTS = 64
"""Different parameter strings tried for one call, the published one included."""
MAX_TEXT_CHARS = 2 * 1024 * 1024
"""Characters of all the parameter strings after the published one, at which trying ends."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """How a client's language percent-encodes: RFC 3986, then swaps of single characters."""

    swaps: tuple[tuple[str, str], ...] = ()

    def __call__(self, text: str | bytes) -> str:
        """Percent-encode bytes, or text as UTF-8."""
        return self.swapped(escape(text))

    def swapped(self, text: str) -> str:
        """RFC 3986 text as this encoder would have written it."""
        for swap in self.swaps:
            text = text.replace(*swap)
        return text


RFC3986 = Encoder()
JAVA = Encoder((("%2A", "*"), ("~", "%7E")))
TILDE = Encoder((("~", "%7E"),))
OLD_NET = Encoder((("%21", "!"), ("%27", "'"), ("%28", "("), ("%29", ")"), ("%2A", "*")))


def _joined(pairs: list[Encoded]) -> str:
    return "&".join(f"{key}={value}" for key, value in pairs)


def byte_order(pairs: list[Encoded]) -> str:
    """Sorted by encoded key, then encoded value (v2.md §2.1), as authlib's `normalize_parameters` does."""
    return _joined(sorted(pairs))


def _ranks(letters: str) -> dict[int, str]:
    return {ord(letter): chr(rank) for rank, letter in enumerate(letters)}


_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_NET_RANKS = {ord("-"): "", ord("'"): ""} | _ranks("!%()*._~" + _LETTERS)
_ICU_RANKS = _ranks("_-.%~" + _LETTERS)


def _by_weight(pairs: list[Encoded], ranks: dict[int, str]) -> str:
    """Letters count first, then case (small before capital), then what has no rank (`coop` before `co-op`)."""
    light = {letter: rank for letter, rank in ranks.items() if not rank}

    def weight(text: str) -> tuple[str, str, int]:
        return text.lower().translate(ranks), text.swapcase().translate(light), len(text)

    if len({key for key, _ in pairs}) < len(pairs):
        pairs = sorted(pairs, key=lambda pair: weight(pair[1]))
    return _joined(sorted(pairs, key=lambda pair: weight(pair[0])))


def net_order(pairs: list[Encoded]) -> str:
    """.NET's culture-sensitive word sort, in which hyphen and apostrophe count least (variant 8)."""
    return _by_weight(pairs, _NET_RANKS)


def icu_order(pairs: list[Encoded]) -> str:
    """JavaScript's `localeCompare` (variant 8)."""
    return _by_weight(pairs, _ICU_RANKS)


def array_order(pairs: list[Encoded]) -> str:
    """Ruby's `to_query`: what is inside one `[]` stays as sent, the rest is sorted as `k=v` (variant 12)."""
    blocks: dict[str, list[Encoded]] = {}
    for number, pair in enumerate(pairs):
        array, bracket, _ = pair[0].partition("%5B%5D")
        blocks.setdefault(array if bracket else f"={number}", []).append(pair)
    return "&".join(sorted(map(_joined, blocks.values())))


@dataclass(frozen=True, slots=True)
class Style:
    """One way to read, encode and order the pairs. `name` is a part of the verdict's label."""

    name: str
    query: str = "decoded"
    body: str = "form"
    encoder: Encoder = RFC3986
    order: Callable[[list[Encoded]], str] = byte_order
    lower_url: bool = False


USUAL = (
    Style(""),
    Style("raw_query", query="raw"),
    Style("latin1", body="latin1"),
    Style("java", encoder=JAVA),
    Style("latin1+java", body="latin1", encoder=JAVA),
    Style("raw_query+java", query="raw", encoder=JAVA),
)
"""The published rule and, for ordinary data, variants 2, 9 and 10 (1 and 6 are sources, below)."""

AS_SENT = Style("as_sent")
RARE = (
    AS_SENT,
    Style("unencoded", body="unencoded"),
    Style("as_written", body="as_written"),
    Style("lower_url", lower_url=True),
    Style("net_order", order=net_order),
    Style("icu_order", order=icu_order),
    Style("tilde", encoder=TILDE),
    Style("array_order", order=array_order),
    Style("whole", body="whole"),
    Style("old_net", encoder=OLD_NET),
    Style("net", query="raw", order=net_order, lower_url=True),
    Style("net+unencoded", query="raw", body="unencoded", order=net_order, lower_url=True),
    Style("net+old_net", query="raw", encoder=OLD_NET, order=net_order, lower_url=True),
    Style("net+unencoded+old_net", "raw", "unencoded", OLD_NET, net_order, lower_url=True),
)
"""Variants 3, 4, 5, 7, 8 and 11 to 14, for unusual values, and what one .NET client does all at once."""

SOURCES = ("", "pair_once", "body_wins", "form_body", "form_body+pair_once", "form_body+body_wins")
"""Which pairs of query and body count, as the name of a verdict begins."""

VARIANTS = frozenset("+".join(filter(None, (source, style.name))) for source in SOURCES for style in USUAL + RARE)
"""Every name of a verdict's variant ("" for the published rule): a closed set, fit for a metric's label."""


def _sources(wire: Wire) -> tuple[str, ...]:
    """All pairs first, then pair-once, then body-wins; a DELETE first without its body (v2.md §2.5).

    The body of any other verb always counts, so a GET's does (variant 6).
    """
    if not wire.body:
        return SOURCES[:1]
    if wire.method == "DELETE":
        return SOURCES[:1] + SOURCES[3:]
    return SOURCES[3:] if wire.method in {"GET", "HEAD"} else SOURCES[:3]


def _merged(query: list[Encoded], body: list[Encoded], source: str) -> list[Encoded] | None:
    """Query and body as one list; None where the source leaves nothing out."""
    if source.endswith("pair_once"):
        inside = set(body)
        kept = [pair for pair in query if pair not in inside]
    elif source.endswith("body_wins"):
        keys = {key for key, _ in body}
        # Only a plain field of the body hides the query's: in a list both would count, one of them unsigned.
        kept = [pair for pair in query if pair[0] not in keys or re.search(r"%5B\d*%5D", pair[0])]
    else:
        return query + body
    return kept + body if len(kept) < len(query) else None


def _text(wire: Wire, style: Style, source: str) -> str | None:
    """The parameter string, encoded once more for the base string; None where style and source do not fit."""
    unread = wire.method == "DELETE" and not source
    if style is AS_SENT:
        parts = (wire.query,) if unread else (wire.query, wire.body)
        return style.encoder(b"&".join(filter(None, parts))) if source in {"", "form_body"} else None
    body = [] if unread else wire.body_pairs(style.body)
    pairs = None if body is None else _merged(wire.query_pairs(style.query), body, source)
    if pairs is None:
        return None
    theirs = style.encoder.swapped
    text = style.order([(theirs(key), theirs(value)) for key, value in pairs])
    # Only these three are left to encode; a pass over every character would cost ten times as much.
    return text.replace("%", "%25").replace("=", "%3D").replace("&", "%26")


def parameter_strings(wire: Wire, around: bytes, *, rare: bool) -> Iterator[tuple[str, Style, str]]:
    """Each (variant or "", style, encoded parameter string) worth an HMAC, lazily, the published one first.

    `around` is all else that is signed or keyed: where an encoder changes nothing, it is not tried.
    At most MAX_TEXTS, and none after MAX_TEXT_CHARS, whatever the call is.
    """

    def candidate(style: Style, text: str) -> tuple[str, str, bool]:
        return text, style.encoder(around), style.lower_url and wire.path != wire.path.lower()

    published: tuple[Style, str] | None = None
    known: set[tuple[str, str, bool]] = set()
    spent = 0
    for style in USUAL + (RARE if rare else ()):
        for source in _sources(wire):
            text = _text(wire, style, source)
            if text is None:
                continue
            if published is None:
                # Mostly the right one: what others are compared with is made only where it is not.
                published = style, text
            else:
                known = known or {candidate(*published)}
                this = candidate(style, text)
                if this in known:
                    continue
                spent += len(text)
                if len(known) >= MAX_TEXTS or spent > MAX_TEXT_CHARS:
                    return
                known.add(this)
            yield "+".join(filter(None, (source, style.name))), style, text

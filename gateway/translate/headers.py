"""Header fields: what of a client's is read, and what v3.1 is sent, which is never a client's."""

from __future__ import annotations

import re

from gateway.errors import Malformed
from gateway.messages import Pairs, V3Request

USER_AGENT = "sage-gateway"

SDATA_TYPE = "application/json;vnd.sage=sdata"
"""The content type of v2's successful replies and of most errors (v2.md §4.3)."""

OCTETS = "application/octet-stream"
"""The content type of what is only bytes."""

REPLY_HEADERS: Pairs = (("Content-Type", SDATA_TYPE), ("Cache-Control", "no-store"))
"""What every JSON reply to a v2 client carries; none may be kept by a cache (reliability.md §6)."""

_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""Fields of one connection alone (RFC 9110 §7.6.1)."""

_DROPPED = _HOP_BY_HOP | {"x-business"}

_FRAMING = frozenset(("contentlength", "transferencoding"))
_QUALITY = re.compile(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE)


def read_headers(raw: Pairs) -> Pairs:
    """The client's fields that mean something to the gateway, in their order.

    Fields of the connection and those named in `Connection` are dropped, and so is `X-Business`: a client
    does not choose the business. Names with underscores are ignored (v2.md §2.6: Sage's PHP sample sends
    `Content_Type`). Raises Malformed as `refuse_imitations` does.
    """
    dropped = _DROPPED
    for name, value in raw:
        if name.lower() == "connection":
            dropped = dropped.union(option.strip().lower() for option in value.split(","))
    return tuple([field for field in raw if field[0].lower().strip() not in dropped and not _imitates(field[0])])


def refuse_imitations(raw: Pairs) -> None:
    """Raises Malformed where a name with an underscore imitates Content-Length or Transfer-Encoding: another server on
    the way may have framed the message by it."""
    for name, _ in raw:
        if "_" in name:
            _imitates(name)


def _imitates(name: str) -> bool:
    """Whether a name has an underscore where a real one has a hyphen. Raises Malformed for framing."""
    if "_" not in name:
        return False
    if re.sub(r"[-_\s]", "", name).lower() in _FRAMING:
        raise Malformed("A header that imitates Content-Length or Transfer-Encoding is not accepted")
    return True


def outbound(request: V3Request, *, token: str, business: str | None, via: str) -> dict[str, str]:
    """All fields of a request to v3.1, made from scratch: nothing a client sent is among them.

    `token` is the v3.1 access token; `business` the v3.1 business id, or None where the route takes none
    (`/user`, `/businesses*`); `via` the value of `Via` (`1.1 sage-gateway`).
    Raises Malformed for a value with CR, LF or NUL, and names the field, never the value.
    """
    fields = {
        "Authorization": f"Bearer {token}",
        "Accept": request.accept,
        "User-Agent": USER_AGENT,
        "Via": via,
    }
    if request.body is not None:
        fields["Content-Type"] = "application/json"
    if business is not None:
        fields["X-Business"] = business
    for name, value in fields.items():
        if "\n" in value or "\r" in value or "\0" in value:
            raise Malformed(f"The header {name} would hold a line break")
    return fields


def bearer(raw: Pairs) -> str | None:
    """The legacy token of `Authorization: Bearer …`, in any case of the scheme, trimmed; else None.

    Also None where two such fields disagree: nobody can say whose data that call may see.
    """
    tokens = set()
    for name, value in raw:
        if name.lower() == "authorization":
            scheme, *rest = value.split(None, 1) or [""]
            tokens.add("".join(rest).strip() if scheme.lower() == "bearer" else "")
    return tokens.pop() or None if len(tokens) == 1 else None


def wants_pdf(raw: Pairs) -> bool:
    """Whether `Accept` asks for application/pdf."""
    return wants(raw, "application/pdf")


def wants(raw: Pairs, media: str) -> bool:
    """Whether `Accept` asks for a media type by name, at least as much as for JSON where both are named.

    Any other text means JSON, nonsense too (`*.*`, v2.md §2.6): no `Accept` is ever refused.
    """
    wanted: dict[str, float] = {}
    media = media.lower()
    said = ",".join([value for name, value in raw if name.lower() == "accept"]).lower()
    if media not in said:
        return False
    for item in said.split(","):
        named = item.partition(";")[0].strip()
        quality = _QUALITY.search(item)
        wanted[named] = max(wanted.get(named, 0.0), float(quality[1]) if quality else 1.0)
    asked = wanted.get(media, 0.0)
    return asked > 0 and asked >= wanted.get("application/json", 0.0)

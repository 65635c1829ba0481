"""The parameters of a token call, in every encoding that real clients send (v2.md §1.3, captures/README.md §3).

Form text whatever its content type, multipart, JSON, and a query without a body; of a parameter in both query and body
the body's counts. Signatures are not looked at here.
"""

from __future__ import annotations

from gateway.errors import Malformed, TooLarge
from gateway.messages import V2Request, header
from gateway.translate.forms import read_fields

LARGEST_BODY = 64 * 1024
"""Bytes of a token call's body. Real ones have a few hundred."""

_NAMES = frozenset(
    {
        "grant_type",
        "client_id",
        "client_secret",
        "code",
        "refresh_token",
        "redirect_uri",
        "token",
    }
)


def read_parameters(call: V2Request) -> dict[str, str]:
    """What a call says, by name: known names with a value alone, without white space around it.

    Raises Malformed for text that cannot be read, TooLarge over `LARGEST_BODY`.
    """
    if len(call.body) > LARGEST_BODY:
        raise TooLarge(f"The body is over {LARGEST_BODY:,} bytes")
    query = call.target.partition("?")[2]
    try:
        fields = read_fields(call.headers, query, call.body)
    except Malformed:
        if _is_coded(call):
            raise
        # A `%` in text that was never percent-encoded stands for itself.
        fields = _literal(query) | _literal(call.body.decode("latin-1"))
    read = {name: value.strip() for name, value in fields.items() if name in _NAMES}
    return {name: value for name, value in read.items() if value}


def _is_coded(call: V2Request) -> bool:
    """Whether the body has a form of its own: JSON or multipart."""
    media = (header(call.headers, "content-type") or "").partition(";")[0].strip().lower()
    return media == "multipart/form-data" or media.endswith("json") or call.body.lstrip().startswith(b"{")


def _literal(text: str) -> dict[str, str]:
    pairs = (chunk.partition("=") for chunk in text.split("&"))
    return {name: value for name, _, value in pairs}

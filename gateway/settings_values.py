"""The values that settings may take: URLs, listeners, names, legacy ids."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _web(value: str, *, query: bool = False) -> SplitResult:
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("must be a URL that begins with http:// or https:// and names a host")
    if url.username is not None or url.fragment or (url.query and not query):
        raise ValueError("may hold no user name" + ("" if query else ", query") + " or fragment")
    return url


def _public(value: str) -> str:
    _web(value)
    return value.rstrip("/")


def _upstream(value: str) -> str:
    """An upstream URL: tokens and books go there, so plain HTTP is for this very machine alone."""
    url = _web(value, query=True)
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        raise ValueError("must be https, since tokens and books are sent there (http is for this machine alone)")
    return value.rstrip("/")


def _bare(value: str) -> str:
    _web(value)
    return value


def _several(value: object) -> object:
    """Text of the environment as a list: values parted by commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")
_NEVER = frozenset({"javascript", "data", "vbscript", "file", "blob", "about"})


def _redirect(value: str) -> str:
    """A redirect URI: apps on telephones and desktops have schemes of their own."""
    if not _SCHEME.fullmatch(value) or "#" in value or value.partition(":")[0].lower() in _NEVER:
        raise ValueError("must be a whole URI without a fragment, such as https://app.example.com/callback")
    return value


def _listener(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if value == "off" or (colon and host and port.isascii() and port.isdigit() and int(port) <= 65535):
        return value
    raise ValueError("must be HOST:PORT or off")


def _number(value: object) -> object:
    return str(value) if type(value) is int else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def shaped(pattern: str, words: str, longest: int = 64) -> AfterValidator:
    """Takes text of a pattern, up to so many characters; any other is told in `words` what it must be."""
    whole = re.compile(pattern)

    def look(value: str) -> str:
        if len(value) > longest or not whole.fullmatch(value):
            raise ValueError(f"must be {words}")
        return value

    return AfterValidator(look)


Several = BeforeValidator(_several)
PublicUrl = Annotated[str, AfterValidator(_public)]
UpstreamUrl = Annotated[str, AfterValidator(_upstream)]
ApiUrl = Annotated[str, AfterValidator(_bare), AfterValidator(_upstream)]
Listener = Annotated[str, AfterValidator(_listener)]
RedirectUri = Annotated[str, AfterValidator(_redirect)]
HeaderName = Annotated[str, shaped("[A-Za-z][A-Za-z0-9-]*", "a header's name, such as X-Real-IP")]
Country = Annotated[str, BeforeValidator(_lower), shaped("[a-z]{2}", "a country's two letters, such as gb")]
LegacyId = Annotated[str, BeforeValidator(_number), shaped("[1-9][0-9]{0,9}", "a legacy id: digits alone")]
_NAME_WORDS = 'a name of lower-case words joined by "_", up to 64 characters, such as acme_london'
Name = Annotated[str, shaped("[a-z][a-z0-9]*(_[a-z0-9]+)*", _NAME_WORDS)]
"""An app's or a tenant's name: an environment variable must be able to spell it."""
_TENANT_WORDS = "a name of letters, digits and . _ @ -, up to 64, the first a letter or digit"
TenantName = Annotated[str, shaped("[0-9A-Za-z][0-9A-Za-z._@-]*", _TENANT_WORDS)]
"""The name of a tenant that the store knows and the settings do not: a customer's number in the app, perhaps."""
Business = Annotated[str, shaped("[0-9A-Za-z_-]+", "the id of a v3.1 business: letters, digits, _ and -, up to 64")]
"""The id of a v3.1 business."""

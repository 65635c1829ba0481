"""The v2 request signature (v2.md §2), built on authlib's parts of RFC 5849 (OAuth 1.0).

v2 is that scheme with other bounds: the nonce is a fourth part of the base string instead of a parameter, no
parameter is left out for its name (`oauth_…`, `realm`), the path stays as it is on the request line, and the
access token keys the HMAC beside the signing secret.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from authlib.oauth1.rfc5849.signature import (
    hmac_sha1_signature,
    normalize_base_string_uri,
    normalize_parameters,
)
from authlib.oauth1.rfc5849.util import escape

from gateway.messages import Pairs, V2Request, header
from gateway.translate.signature_variants import byte_order, parameter_strings
from gateway.translate.signature_wire import Wire, octets

OLD_URL = "https://api.sageone.com"
"""Where v2 lived: clients behind a hosts override still sign for it (v2.md §1.7)."""

NONCE = re.compile(r"[!-~]{1,128}")
"""Any printable nonce: real ones have 22 to 64 characters, raw base64 among them (captures/README.md §3)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call's signature holds.

    `variant` is None where the published rule (or none) held, else a name of `signature_variants.VARIANTS`;
    `reason` is `verified`, `missing` or `mismatch`. Both are closed sets, fit for a metric's label.
    """

    ok: bool
    variant: str | None
    reason: str


MISSING = Verdict(ok=False, variant=None, reason="missing")
MISMATCH = Verdict(ok=False, variant=None, reason="mismatch")


def verify(call: V2Request, secret: str, token: str, public_urls: Sequence[str], *, rare: bool = False) -> Verdict:
    """Judge a call's `X-Signature` and `X-Nonce` by the published rule, then by real clients' variants.

    `public_urls` are the bases, with a path prefix or not, at which clients may have called; OLD_URL is one
    too. `rare` also admits the variants that need unusual values. A JSON body is not covered: no client signs
    it (v2.md §2.4). With an empty secret anyone who has the token can sign: an app without one has no use for
    a verdict. At most MAX_TEXTS HMACs for each public URL. Never raises for anything a client sent.
    """
    nonce = (header(call.headers, "X-Nonce") or "").strip()
    given = (header(call.headers, "X-Signature") or "").strip()
    if not nonce or not given:
        return MISSING
    digest, wire = _digest(given), Wire(call)
    if digest is None or NONCE.fullmatch(nonce) is None or wire.unsignable():
        return MISMATCH
    bases = _bases(wire.path, tuple(public_urls))
    around = b"".join((_utf8(secret), _utf8(token), octets(nonce), *bases))
    for variant, style, text in parameter_strings(wire, around, rare=rare):
        encode = style.encoder
        key = f"{encode(_utf8(secret))}&{encode(_utf8(token))}".encode()
        for base in bases:
            url = encode(base.lower() if style.lower_url else base)
            signed = f"{wire.method}&{url}&{text}&{encode(octets(nonce))}"
            if hmac.compare_digest(hmac.digest(key, signed.encode(), "sha1"), digest):
                return Verdict(ok=True, variant=variant or None, reason="verified")
    return MISMATCH


def signature_of(method: str, url: str, pairs: Pairs, nonce: str, secret: str, token: str) -> str:
    """The `X-Signature` of a request by the published rule (v2.md §2.1).

    `url` is where the request goes (a query in it is cut off); `pairs` are the decoded pairs of query and
    form body together. Raises ValueError where `url` has no scheme or host.
    """
    scheme, _, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    base = _base(f"{scheme}://{host}", octets(slash + path))
    return str(hmac_sha1_signature(_base_string(method, base, normalize_parameters(pairs), nonce), secret, token))


def explain_mismatch(call: V2Request, secret: str, token: str, public_urls: Sequence[str]) -> dict[str, str]:
    """v2's nine diagnostic keys for a bad signature, as the gateway computes it (v2.md §1.6).

    They hold the secret and the token: only ever for the sandbox's fixed pair. `base_url` is at the first of
    `public_urls`, else at OLD_URL.
    """
    wire = Wire(call)
    nonce = (header(call.headers, "X-Nonce") or "").strip()
    base = _bases(wire.path, tuple(public_urls))[0]
    pairs = wire.query_pairs("decoded") + ([] if wire.method == "DELETE" else wire.body_pairs("form") or [])
    parameters = byte_order(pairs)
    return {
        "error": "invalid_signature",
        "error_description": "The signature does not match the request.",
        "nonce": nonce,
        "request_method": wire.method,
        "token": token,
        "base_url": base.decode("latin-1"),
        "parameter_string": parameters,
        "signature_base_string": _base_string(wire.method, base, parameters, nonce),
        "signing_secret": secret,
    }


def _base_string(method: str, base: bytes, parameters: str, nonce: str) -> str:
    return "&".join((method.upper(), escape(base), escape(parameters), escape(octets(nonce))))


def _digest(given: str) -> bytes | None:
    """The signature's 20 bytes; None where it is no base64 of so many."""
    try:
        digest = base64.b64decode(given, validate=True)
    except ValueError:
        return None
    return digest if len(digest) == 20 else None


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _bases(path: bytes, public_urls: tuple[str, ...]) -> list[bytes]:
    """The URLs, without query, at which the client may have called this path: each once, in order."""
    return list(dict.fromkeys(_base(public, path) for public in (*public_urls, OLD_URL)))


def _base(public: str, path: bytes) -> bytes:
    """The path below a public URL. A prefix that a proxy took off is put back, one still there not doubled.

    The path is joined as bytes, not given to authlib's URL parser: it is signed exactly as it was sent.
    """
    origin, prefix = _origin(public)
    return origin + path if path.startswith(prefix + b"/") else origin + prefix + path


@lru_cache(maxsize=64)
def _origin(public: str) -> tuple[bytes, bytes]:
    """Scheme, host and any but the default port, by RFC 5849 §3.4.1.2; and the path prefix, mostly empty."""
    parts = urlsplit(normalize_base_string_uri(public))
    return f"{parts.scheme}://{parts.netloc}".encode(), parts.path.rstrip("/").encode()

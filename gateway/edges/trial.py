"""v2's sandbox as clients knew it: the token `TestToken`, and the `/test` prefix that checks a signature.

The fixed pair and the prefix are in the documentation of v2 (v2.md §1.6), so anybody may use them:
they exist only in a gateway that was started with `--sandbox`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec.structs import replace

from gateway.edges.callers import Known
from gateway.edges.framing import JSON
from gateway.errors import InvalidToken
from gateway.messages import V2Request, V2Response
from gateway.translate.signature import Verdict, explain_mismatch, verify

TOKEN = "TestToken"  # noqa: S105 - published by Sage
SECRET = "TestSigningSecret"  # noqa: S105 - published by Sage

_PREFIX = re.compile(r"/+test(?=/+(?:accounts|core)/+v[12](?:[/?]|$))")
_VERSION = re.compile(r"(?<=/)v1(?=[/?]|$)")


class Trial:
    """The `/test` prefix. `known` is who calls there; `roots` are the root keys of v2's bodies."""

    def __init__(self, known: Known, public_urls: tuple[str, ...], roots: Collection[str]) -> None:
        self._known = known
        self._public_urls = public_urls
        self._roots = frozenset(roots)

    def covers(self, target: str) -> bool:
        """Whether the target has the prefix before a v1 or v2 path."""
        return _PREFIX.match(target) is not None

    def recognise(self, token: str | None) -> Known:
        """Who calls: there is one token here. Raises InvalidToken for any other."""
        if token != TOKEN:
            raise InvalidToken("Only the token of the sandbox is known here")
        return self._known

    def judge(self, call: V2Request) -> Verdict:
        """Whether the signature holds for the fixed pair."""
        return verify(call, SECRET, TOKEN, self._public_urls, rare=True)

    def refusal(self, call: V2Request) -> V2Response:
        """What a bad signature is told: v2's nine keys, as the server reckoned them."""
        told = explain_mismatch(call, SECRET, TOKEN, self._public_urls)
        return V2Response(400, dict(told), (("Content-Type", JSON),))

    def inner(self, call: V2Request) -> V2Request | None:
        """The call without prefix, v1 paths as v2; None for a write whose body has no known root key."""
        path, mark, query = _PREFIX.sub("", call.target, count=1).partition("?")
        if call.method in ("POST", "PUT") and path.lstrip("/").startswith("accounts"):
            if not self._roots.intersection(_names(call.body)):
                return None
            path = _VERSION.sub("v2", path, count=1)
        return replace(call, target=_VERSION.sub("v2", path, count=1) + mark + query)


def _names(body: bytes) -> set[str]:
    """The first parts of a body's names: `contact` of `contact[name]=x` or of `{"contact": …}`."""
    if body.lstrip().startswith(b"{"):
        try:
            return set(msgspec.json.decode(body, type=dict[str, msgspec.Raw]))
        except msgspec.DecodeError:
            return set()
    chunks = (unquote_to_bytes(chunk.partition(b"=")[0]) for chunk in body.split(b"&"))
    return {chunk.partition(b"[")[0].strip().decode("latin-1") for chunk in chunks}

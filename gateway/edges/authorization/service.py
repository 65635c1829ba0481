"""The legacy authorization server's addresses, and who answers each."""

from __future__ import annotations

from typing import Protocol

from gateway.edges.authorization.limiter import WrongTokens
from gateway.edges.authorization.revocation import Revocation
from gateway.edges.authorization.token_endpoint import TokenEndpoint
from gateway.edges.authorization.validation import JSON
from gateway.edges.authorization.visits import parts
from gateway.edges.telemetry import Line
from gateway.errors import StoreFailed
from gateway.messages import V2Request, V2Response

TOKEN = frozenset({"/oauth2/token", "/oauth/token"})
REVOKE = "/oauth2/revoke"
HEALTH = "/health_check"
RETRY_SECONDS = 5
NOBODYS = frozenset({400, 404, 410})
"""Statuses of pages that say that what the browser brought is nobody's, or no more."""

_BEGINNINGS = ("/oauth", "/connect", "/health", "//")


class Pages(Protocol):
    """What browsers see."""

    def serves(self, target: str) -> bool:
        """Whether a request-target is one of them."""

    async def answer(self, call: V2Request, peer: str) -> V2Response:
        """The page, or the way on."""


class Authorization:
    """Answers what needs no legacy token: token calls, revocations, browsers, the health check.

    `wrong` counts what browsers bring that cannot be gone on with: states, links, redirect URIs of nobody. `closed`:
    all but the last are told to try again later, as in a gateway that serves the copy of another's store.
    """

    def __init__(
        self, tokens: TokenEndpoint, revocation: Revocation, pages: Pages, wrong: WrongTokens, *, closed: bool = False
    ) -> None:
        self._wrong = wrong
        self._closed = closed
        self._tokens = tokens
        self._revocation = revocation
        self._pages = pages

    def serves(self, target: str) -> bool:
        """Whether a request-target is one of its addresses, doubled and trailing slashes aside."""
        if not target.startswith(_BEGINNINGS):
            return False
        path = _folded(target)
        return path in TOKEN or path in (REVOKE, HEALTH) or self._pages.serves(target)

    async def answer(self, call: V2Request, peer: str, line: Line) -> V2Response:
        """The reply to a call that it serves; `line` is told whose it was. Raises WrongTooOften."""
        path = _folded(call.target)
        if path == HEALTH:
            return V2Response(200, {"status": "ok"}, JSON)  # (inferred: v2.md §1.7 knows the address alone)
        if self._closed:
            return _later()
        if path not in TOKEN and path != REVOKE:
            reply = await self._pages.answer(call, peer)
            if reply.status in NOBODYS:
                self._wrong.count(peer)
            return reply
        endpoint = self._tokens if path in TOKEN else self._revocation
        try:
            return await endpoint.answer(call, peer, line)
        except StoreFailed:
            return _later()


def _folded(target: str) -> str:
    return "/" + "/".join(parts(target))


def _later() -> V2Response:
    body = {"error": "temporarily_unavailable", "error_description": "Try again in a moment"}
    return V2Response(503, body, (*JSON, ("Retry-After", str(RETRY_SECONDS))))

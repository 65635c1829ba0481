"""POST /oauth2/token: codes and refresh tokens are traded for legacy tokens (v2.md §1.3, §1.4).

Every call is one read of the store and one validation, whatever was sent; the trade itself is one transaction, which
decides again. A `scope` that is sent is not looked at: a token has the scope that the owner gave.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from gateway.edges.authorization.apps import RegisteredApps
from gateway.edges.authorization.limiter import WrongTokens
from gateway.edges.authorization.parameters import read_parameters
from gateway.edges.authorization.validation import (
    INVALID_CLIENT,
    INVALID_GRANT,
    INVALID_REQUEST,
    JSON,
    REFRESH,
    Asked,
    Validation,
    refusal,
)
from gateway.edges.telemetry import Line
from gateway.errors import BadCall, Malformed, StoreFailed
from gateway.grants.legacy import FOR_EVER, Pair, Permission, narrower
from gateway.messages import V2Request, V2Response
from gateway.store.codes import Codes
from gateway.store.issued_tokens import IssuedTokens

TIDY_SECONDS = 3600.0
TIDY_MOST = 500
"""How often a process forgets old tokens, and how many at a time."""


def parameters_of(call: V2Request, needed: str) -> dict[str, str]:
    """The parameters of a POST. Raises BadCall where they cannot be read or the needed one is missing."""
    if call.method != "POST":
        raise Malformed("The method must be POST")
    fields = read_parameters(call)
    if needed not in fields:
        raise Malformed(f"The parameter {needed} is missing")
    return fields


class TokenEndpoint:
    """Answers token calls. `grace`: seconds in which a refresh may be repeated; `now` gives seconds since 1970."""

    def __init__(
        self,
        apps: RegisteredApps,
        codes: Codes,
        tokens: IssuedTokens,
        wrong: WrongTokens,
        *,
        grace: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._validation = Validation(apps)
        self._codes = codes
        self._tokens = tokens
        self._wrong = wrong
        self._grace = grace
        self._now = now
        self._tidied = now()

    async def answer(self, call: V2Request, peer: str, line: Line) -> V2Response:
        """The pair, or one of v2's errors. Raises WrongTooOften, and StoreFailed."""
        try:
            fields = parameters_of(call, "grant_type")
        except BadCall as unreadable:
            return refusal(INVALID_REQUEST, str(unreadable))
        refresh = fields["grant_type"] == REFRESH
        presented = fields.get("refresh_token" if refresh else "code", "")
        found = await (self._tokens.find(presented) if refresh else self._codes.find(presented))
        asked = Asked(call, fields, found, self._now(), self._grace)
        error = self._validation.why_not(asked)
        if error is None:
            return await self._trade(asked, presented, line)
        if error == INVALID_CLIENT:
            self._wrong.count(peer, presented)
        elif error == INVALID_GRANT:
            self._wrong.count(peer if asked.permission is Permission.UNKNOWN else None, presented)
        return refusal(error)

    async def _trade(self, asked: Asked, presented: str, line: Line) -> V2Response:
        app, now = asked.client.app, asked.now
        life: int | None = app.access_token_lifetime
        until = None if life is None else now + life
        pair: Pair | None
        if asked.payload.grant_type == REFRESH:
            pair = await self._tokens.rotate(presented, app.name, until, now, self._grace)
        else:
            pair = await self._codes.redeem(presented, app.name, until, now)
        if pair is None or asked.found is None:  # another call came between
            return refusal(INVALID_GRANT)
        line.tenant, line.app = asked.found.tenant.name, app.name
        await self._tidy(now)
        body = {
            "access_token": pair.access.reveal(),
            "token_type": "bearer",
            "expires_in": FOR_EVER if life is None else life,
            "refresh_token": pair.refresh.reveal(),
            "scope": narrower(asked.found.scope, app.scope),
        }
        return V2Response(200, body, JSON)

    async def _tidy(self, now: float) -> None:
        """Now and then forgets what ended long ago, a little at a time; a pair that was issued is told all the same."""
        if now - self._tidied < TIDY_SECONDS:
            return
        self._tidied = now
        with suppress(StoreFailed):
            await self._codes.prune(now, TIDY_MOST)
            if await self._tokens.prune(now, TIDY_MOST) == TIDY_MOST:
                self._tidied -= TIDY_SECONDS

"""POST /oauth2/revoke: an app gives its access to a business back (v2.md §1.5: v3 had this, v2 gets it as a courtesy).

Any live token of a tenant takes all of that tenant's tokens away. Where nobody else can use the grant, the consent is
ended at Sage, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from gateway.edges.authorization.apps import RegisteredApp, RegisteredApps
from gateway.edges.authorization.limiter import WrongTokens
from gateway.edges.authorization.token_endpoint import parameters_of
from gateway.edges.authorization.validation import INVALID_CLIENT, INVALID_REQUEST, JSON, Asked, Validation, refusal
from gateway.edges.telemetry import Line
from gateway.errors import BadCall
from gateway.grants.legacy import Permission, Presented, refresh_permits
from gateway.grants.secret import Secret
from gateway.messages import V2Request, V2Response, header
from gateway.store.grants import Grants
from gateway.store.issued_tokens import IssuedTokens

TRIES = 3
"""How often a grant is ended anew that was refreshed meanwhile."""


class Revoker(Protocol):
    """Sage, as far as it ends consents."""

    async def revoke(self, app: RegisteredApp, refresh: Secret) -> bool:
        """Ends a consent by its refresh token; False where Sage did not confirm it."""


class Revocation:
    """Answers revocations. `now` gives seconds since 1970."""

    def __init__(
        self,
        apps: RegisteredApps,
        tokens: IssuedTokens,
        grants: Grants,
        sage: Revoker,
        wrong: WrongTokens,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._apps = apps
        self._validation = Validation(apps)
        self._tokens = tokens
        self._grants = grants
        self._sage = sage
        self._wrong = wrong
        self._now = now

    async def answer(self, call: V2Request, peer: str, line: Line) -> V2Response:
        """200 and `{}`, also for a token that nobody knows (RFC 7009 §2.2); `invalid_client` for credentials that are
        given and wrong. Raises WrongTooOften and StoreFailed."""
        try:
            fields = parameters_of(call, "token")
        except BadCall as unreadable:
            return refusal(INVALID_REQUEST, str(unreadable))
        token, now = fields["token"], self._now()
        refresh, access = await self._tokens.find(token), await self._tokens.find(token, "access")
        asked = Asked(call, fields)
        basic = (header(call.headers, "authorization") or "").lower().startswith("basic ")
        if (basic or "client_secret" in fields) and not self._validation.is_client(asked):
            self._wrong.count(peer, token)
            return refusal(INVALID_CLIENT)
        found = refresh or access
        app = None if found is None else self._apps.named(found.tenant.app)
        says = asked.client.app.client_id if asked.client is not None else fields.get("client_id")
        if found is None or app is None or says not in (None, app.client_id):
            self._wrong.count(peer, token)
        elif _is_live(found, now, is_refresh=refresh is not None):
            line.tenant, line.app = found.tenant.name, app.name
            withdrawn = await self._tokens.withdraw(found, now)
            if withdrawn.idle_grant is not None:
                await self._end(withdrawn.idle_grant, app, now)
        return V2Response(200, {}, JSON)

    async def _end(self, grant_id: int, app: RegisteredApp, now: float) -> None:
        """Ends a grant at Sage, then here: the other way round, a crash would leave it alive there for 31 days.

        One that is refreshed meanwhile is ended with its new token; one that its owner gives anew is left alone.
        """
        grant = await self._grants.load(grant_id)
        for _ in range(TRIES):
            if grant.refresh:
                await self._sage.revoke(app, grant.refresh)
            if await self._tokens.end_grant(grant_id, grant.generation, now):
                return
            ended, grant = grant, await self._grants.load(grant_id)
            if ended.refresh not in (grant.previous, grant.refresh) or not await self._tokens.is_idle(grant_id, now):
                return


def _is_live(found: Presented, now: float, *, is_refresh: bool) -> bool:
    """Whether a token may speak for its tenant still; one that was traded long ago may be anybody's."""
    if is_refresh:
        return refresh_permits(found, found.tenant.app, now, 0.0) in (Permission.ISSUE, Permission.WAIT)
    return found.until is None or now < found.until

"""Who calls: a legacy token's tenant, and the terms of its app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cachetools import TTLCache
from msgspec.structs import replace

from gateway.errors import InvalidToken, TableWrong
from gateway.grants.tenant import Tenant
from gateway.messages import Caller

_LONGEST_TOKEN = 256

FindTenant = Callable[[str], Awaitable[Tenant | None]]
"""The store's answer to a legacy token: whose it is, or None for an unknown or expired one."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How an app is dealt with.

    `caller` has everything but the business; `rare` allows the rarer signature variants; a `readonly` app may
    only GET.
    """

    signature: Literal["off", "report", "enforce"] = "report"
    signing_secret: str = ""
    rare: bool = False
    caller: Caller = field(default_factory=Caller)
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A caller who has been recognised."""

    tenant: Tenant
    terms: Terms
    caller: Caller
    token: str


class Callers:
    """Recognises legacy tokens; remembers for `ttl` seconds, so that a busy client costs no SQL.

    Only good tokens are remembered: a new one works at once. A token that is taken away works up to
    `ttl` seconds longer. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        find: FindTenant,
        terms: Mapping[str, Terms],
        *,
        clock: Callable[[], float],
        ttl: float = 15.0,
        size: int = 10_000,
    ) -> None:
        self._find = find
        self._terms = terms
        self._remembered: TTLCache[str, Known] = TTLCache(size, ttl, timer=clock)

    async def recognise(self, token: str | None) -> Known:
        """Who holds the token. Raises InvalidToken, and StoreFailed as the store does."""
        if not token or len(token) > _LONGEST_TOKEN:
            raise InvalidToken("The access token is missing or unknown")
        try:
            return self._remembered[token]
        except KeyError:
            tenant = await self._find(token)
        if tenant is None:
            raise InvalidToken("The access token is unknown or expired")
        known = self._remembered[token] = self._introduce(tenant, token)
        return known

    def _introduce(self, tenant: Tenant, token: str) -> Known:
        terms = self._terms.get(tenant.app)
        if terms is None:
            raise TableWrong("The settings do not name this caller's app any more")
        return Known(tenant, terms, replace(terms.caller, business=tenant.business), token)

"""Who calls: a legacy token's tenant, and the terms of its app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as but
from typing import Literal

from cachetools import TLRUCache
from msgspec.structs import replace

from gateway.errors import InvalidToken, TableWrong
from gateway.grants.legacy import READONLY
from gateway.grants.tenant import Held, Tenant
from gateway.messages import Caller

_LONGEST_TOKEN = 256
_SAID = "The access token is unknown or expired"

FindToken = Callable[[str], Awaitable[Held | None]]
"""The store's answer to a legacy token, live or not; None for an unknown one."""


class UnknownToken(InvalidToken):
    """A token that nobody holds or held: whoever sends many of them guesses."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How an app is dealt with.

    `caller` has everything but the business; `rare` allows the rarer signature variants; a `readonly` app may
    only GET.
    """

    signature: Literal["off", "report", "enforce"] = "report"
    signing_secret: str = field(default="", repr=False)
    rare: bool = False
    caller: Caller = field(default_factory=Caller)
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A caller who has been recognised."""

    tenant: Tenant
    terms: Terms
    caller: Caller
    token: str = field(repr=False)
    left: float | None = None
    """Seconds that the token still lived when it was recognised; None for ever."""


class Callers:
    """Recognises legacy tokens; remembers for `ttl` seconds, so that a busy client costs no SQL.

    Only good tokens are remembered, to their end at most: a new one works at once. A token that is taken away works up
    to `ttl` seconds longer. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        find: FindToken,
        terms: Mapping[str, Terms],
        *,
        clock: Callable[[], float],
        ttl: float = 15.0,
        size: int = 10_000,
    ) -> None:
        self._find = find
        self._terms = terms

        def until(_token: str, known: Known, now: float) -> float:
            return now + (ttl if known.left is None else min(ttl, known.left))

        self._remembered: TLRUCache[str, Known] = TLRUCache(size, until, timer=clock)

    async def recognise(self, token: str | None) -> Known:
        """Who holds the token. Raises InvalidToken, UnknownToken, and StoreFailed as the store does."""
        if not token:
            raise InvalidToken("The access token is missing")
        if len(token) > _LONGEST_TOKEN:
            raise UnknownToken(_SAID)
        try:
            return self._remembered[token]
        except KeyError:
            held = await self._find(token)
        if held is None:
            raise UnknownToken(_SAID)
        if not held.live:
            raise InvalidToken(_SAID)
        known = self._remembered[token] = self._introduce(held, token)
        return known

    def _introduce(self, held: Held, token: str) -> Known:
        tenant, terms = held.tenant, self._terms.get(held.tenant.app)
        if terms is None:
            raise TableWrong("The settings do not name this caller's app any more")
        if held.scope == READONLY:
            terms = but(terms, readonly=True)
        return Known(tenant, terms, replace(terms.caller, business=tenant.business), token, held.left)

"""Replies that cost many calls and may be a few seconds old: those of tables that say how long theirs last."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cachetools import LRUCache, TLRUCache

from gateway.grants.tenant import Tenant
from gateway.messages import Exchange, V2Request

MOST = 1_000
"""Replies that are remembered in all, a few hundred bytes each."""

Place: TypeAlias = tuple[int, int, str]
Kept: TypeAlias = tuple[Exchange, float]


class Recent:
    """The last replies of one process, tenant by tenant: a write of the tenant's ends them.

    `clock` gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._kept: TLRUCache[Place, Kept] = TLRUCache(MOST, lambda _, kept, now: now + kept[1], timer=clock)
        self._writes: LRUCache[int, int] = LRUCache(10 * MOST)

    def place(self, tenant: Tenant, call: V2Request) -> Place:
        """Where a call's reply belongs, as of the writes so far: one that was overtaken by a write is not found."""
        return tenant.id, self._writes.get(tenant.id, 0), call.target

    def find(self, place: Place) -> Exchange | None:
        """The reply that is there, if it is young enough."""
        kept = self._kept.get(place)
        return kept[0] if kept else None

    def keep(self, place: Place, made: Exchange, seconds: float) -> None:
        """Remember a good reply for so long."""
        if made.reply.status == 200:
            self._kept[place] = made, seconds

    def forget(self, tenant: Tenant) -> None:
        """The tenant has written something."""
        self._writes[tenant.id] = self._writes.get(tenant.id, 0) + 1

"""What v3.1 has no place for, for one business: read and kept beside its records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from gateway.translate.draft import Hole


class KeptFields(Protocol):
    """The store's part (`gateway.store.kept_fields`)."""

    async def read(self, business: str, kind: str, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """By modern id, the values that are kept, by v2 name."""

    async def retain(self, business: str, kind: str, modern: str, values: Mapping[str, Any]) -> None:
        """Keep values, in place of those of the same names; None forgets one."""

    async def forget(self, business: str, kind: str, modern: str) -> None:
        """Keep nothing beside a record any more."""


class Keeping:
    """What is kept for one business; without `fields`, nothing is."""

    def __init__(self, fields: KeptFields | None, business: str) -> None:
        self._fields = fields
        self._business = business

    async def facts(self, holes: Sequence[Hole]) -> dict[Hole, dict[str, Any]]:
        """What is kept beside records: one question to the store a kind, and never from memory, since another process
        may have kept something a moment ago. Raises StoreFailed."""
        if self._fields is None:
            return {hole: {} for hole in holes}
        by_kind: dict[str, set[str]] = defaultdict(set)
        for hole in holes:
            by_kind[hole.kind].add(hole.known)
        kept = {kind: await self._fields.read(self._business, kind, ids) for kind, ids in by_kind.items()}
        return {hole: kept[hole.kind].get(hole.known, {}) for hole in holes}

    async def retain(self, kind: str, modern: str, values: Mapping[str, Any] | None) -> None:
        """Keep values beside a record, by v2 name; None forgets one, or all. Raises StoreFailed."""
        if self._fields is None:
            return
        if values is None:
            await self._fields.forget(self._business, kind, modern)
        else:
            await self._fields.retain(self._business, kind, modern, values)

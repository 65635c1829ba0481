"""What lookups remember in process, business by business: nothing in one can be reached from another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from cachetools import LRUCache, TTLCache

from gateway.edges.limits import Turns
from gateway.errors import Throttled
from gateway.messages import Record
from gateway.translate.draft import Hole

Pair: TypeAlias = tuple[str, str, int]
"""A kind, a modern id, a legacy id."""

UNKNOWN_SECONDS = 60.0
"""How long a number that no record has is not looked for again."""
REFERENCE_SECONDS = 60.0
"""How long reference records, and lists of them, are remembered."""
MOST_SCANS = 60
"""Scans a minute and business (reliability.md §3.5)."""


class BusinessMemory:
    """What is remembered of one business.

    Pairs never change their meaning (reliability.md G6), so they are kept until room is needed;
    everything else is kept for a minute.
    """

    def __init__(self, pairs: int, clock: Callable[[], float]) -> None:
        self.modern: LRUCache[tuple[str, str], str] = LRUCache(pairs)
        """(kind, legacy id as text) -> modern id."""
        self.shown: LRUCache[tuple[str, str], int] = LRUCache(pairs)
        """(kind, modern id) -> the legacy id that clients are shown."""
        self.settled: set[Pair] = set()
        """(kind, modern id, the legacy id that v3.1 shows): those that the store is known to have learnt."""
        self.corrected: dict[Pair, int] = {}
        """Settled pairs whose record shows clients another number -> that number."""
        self.unknown: TTLCache[tuple[str, str, str], bool] = TTLCache(pairs, UNKNOWN_SECONDS, timer=clock)
        """(kind, by, known) of which there was no record."""
        self.records: TTLCache[tuple[str, str], Record] = TTLCache(200, REFERENCE_SECONDS, timer=clock)
        self.firsts: TTLCache[tuple[str, str], str] = TTLCache(100, REFERENCE_SECONDS, timer=clock)
        """(kind, filter) -> the modern id of the first record listed."""
        self.turns = Turns()
        self._scanned: dict[str, int] = {}
        self._recent: deque[float] = deque()
        self._clock = clock
        self._pairs = pairs

    def make_room(self, pairs: int) -> None:
        """Forget settled pairs where that many more would be too many."""
        if len(self.settled) + pairs > self._pairs:
            self.settled.clear()
            self.corrected.clear()

    def learn(self, pair: Pair, shown: int) -> None:
        """Remember what v3.1 shows for a record, and what clients are shown."""
        kind, modern, number = pair
        self.settled.add(pair)
        if shown != number:
            self.corrected[pair] = shown
        self.show(kind, modern, shown)

    def show(self, kind: str, modern: str, shown: int) -> None:
        """Remember a record's shown number, which also leads back to it."""
        self.shown[kind, modern] = shown
        self.modern[kind, str(shown)] = modern

    def fact(self, hole: Hole) -> str | int | None:
        """What is remembered of an id, either way; None where a fact is of another sort or must be looked up."""
        if hole.want == "id" and hole.by == "legacy_id":
            return self.modern.get((hole.kind, hole.known))
        if hole.want == "legacy_id" and hole.by == "id":
            return self.shown.get((hole.kind, hole.known))
        return None

    def scans(self, kind: str) -> int:
        """How many scans of a kind have ended well."""
        return self._scanned.get(kind, 0)

    def scanned(self, kind: str) -> None:
        """Count a scan that has ended well."""
        self._scanned[kind] = self.scans(kind) + 1

    def begin_scan(self) -> None:
        """Count a scan that begins. Raises Throttled where there were too many in the last minute."""
        now = self._clock()
        while self._recent and self._recent[0] <= now - 60:
            self._recent.popleft()
        if len(self._recent) >= MOST_SCANS:
            wait = max(1, round(self._recent[0] + 60 - now))
            raise Throttled("Too many ids that no record has; try again later.", wait)
        self._recent.append(now)


class Memory:
    """The memories of the businesses that were asked about last."""

    def __init__(self, businesses: int, pairs: int, clock: Callable[[], float]) -> None:
        self._businesses: LRUCache[str, BusinessMemory] = LRUCache(businesses)
        self._pairs = pairs
        self._clock = clock

    def of(self, business: str) -> BusinessMemory:
        """The memory of one business; an empty one where there is none."""
        try:
            return self._businesses[business]
        except KeyError:
            found = self._businesses[business] = BusinessMemory(self._pairs, self._clock)
        return found

"""Fills holes: from memory, else from the store, else by reading v3.1, else by minting a number."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from gateway.edges.keeping import Keeping, KeptFields
from gateway.edges.limits import Turns
from gateway.edges.lookup_memory import BusinessMemory, Memory, Pair
from gateway.edges.reading import MODERN_ID, KindPath, Port, Reading, canonical, number_of, pairs_of, value_at, value_on
from gateway.messages import Record
from gateway.translate.draft import Hole

FIRST_MINTED = 1_500_000_000
"""From here on a number is one that the gateway has minted (reliability.md G6): no list of v3.1 has it."""
AT_ONCE = 8
"""Reads of one call that are under way at the same time."""

T = TypeVar("T")


class IdPairs(Protocol):
    """Legacy ids and modern ids, for ever (`gateway.store.id_pairs`)."""

    async def modern(self, business: str, kind: str, numbers: Collection[int]) -> dict[int, str]:
        """The modern ids of the numbers that are known."""

    async def shown(self, business: str, kind: str, ids: Collection[str]) -> dict[str, int]:
        """The number that each known record shows."""

    async def remember(self, business: str, pairs: Collection[Pair]) -> dict[tuple[str, str], int]:
        """Keep pairs; by (kind, modern id), the shown number of each record that does not show the one given."""

    async def mint(self, business: str, kind: str, ids: Collection[str]) -> dict[str, int]:
        """The number that each record shows, minted where there was none."""


class Lookup:
    """The looker-up of facts, for any business; one of these a process.

    `reference` are the kinds whose records are remembered for a minute (tax rates); all others are read anew in each
    call. `kept` holds what v3.1 has no place for, if anything does. `clock` gives monotonic seconds; `on_miss` is told
    the kind of every id that the store did not know.
    """

    def __init__(
        self,
        pairs: IdPairs,
        kinds: Mapping[str, KindPath],
        *,
        kept: KeptFields | None = None,
        reference: Collection[str] = (),
        businesses: int = 64,
        remembered: int = 4000,
        clock: Callable[[], float] = time.monotonic,
        on_miss: Callable[[str], None] = lambda _kind: None,
    ) -> None:
        self.pairs = pairs
        self.kept = kept
        self.kinds = kinds
        self.reference = frozenset(reference)
        self.memory = Memory(businesses, remembered, clock)
        self.on_miss = on_miss

    def bind(self, business: str, upstream: Port) -> BoundLookup:
        """The lookup for one call of one business."""
        return BoundLookup(self, business, upstream)


class BoundLookup:
    """The lookup for one call of one business: the port that `gateway.exchange` needs."""

    def __init__(self, lookup: Lookup, business: str, upstream: Port) -> None:
        self._lookup = lookup
        self._pairs = lookup.pairs
        self._business = business
        self._memory: BusinessMemory = lookup.memory.of(business)
        self._keeping = Keeping(lookup.kept, business)
        self.retain = self._keeping.retain
        self._reading = Reading(upstream, lookup.kinds)
        self._records: dict[tuple[str, str], Record | None] = {}
        self._reads = asyncio.Semaphore(AT_ONCE)
        self._turns = Turns()

    async def facts(self, holes: Collection[Hole]) -> dict[Hole, Any]:
        """The facts for these holes; those of records that do not exist are left out.

        Raises Refused, UpstreamFailed, Throttled, NeedsConsent or StoreFailed.
        """
        found: dict[Hole, Any] = {hole: fact for hole in holes if (fact := self._memory.fact(hole)) is not None}
        if len(found) < len(holes):
            await self._look_up([hole for hole in holes if hole not in found], found)
        return found

    async def _look_up(self, holes: Sequence[Hole], found: dict[Hole, Any]) -> None:
        kept = [hole for hole in holes if hole.want == "kept"]
        if kept:
            found.update(await self._keeping.facts(kept))
            holes = [hole for hole in holes if hole.want != "kept"]
        ids = await self._ids(holes)
        found.update((hole, modern) for hole, modern in ids.items() if hole.want == "id")
        numbers: dict[str, dict[str, list[Hole]]] = defaultdict(lambda: defaultdict(list))
        values: dict[tuple[str, str], list[Hole]] = defaultdict(list)
        for hole, modern in ids.items():
            if hole.want == "legacy_id":
                numbers[hole.kind][modern].append(hole)
            elif hole.want != "id":
                values[hole.kind, modern].append(hole)
        work: list[Awaitable[None]] = [self._number(kind, wanted, found) for kind, wanted in numbers.items()]
        work += [self._value(*record, wanted, found) for record, wanted in values.items()]
        await _together(work)

    async def keep(self, pairs: Sequence[Pair]) -> dict[tuple[str, str], int]:
        """Remember (kind, modern id, legacy id) from answers.

        Returns, by (kind, modern id), the shown number of each record whose legacy id clients are not shown.
        Raises StoreFailed.
        """
        memory = self._memory
        if not memory.corrected and memory.settled.issuperset(pairs):
            return {}
        return await self._learn(pairs)

    async def _ids(self, holes: Iterable[Hole]) -> dict[Hole, str]:
        """The modern id of the record that each hole is about, as far as there is one."""
        found: dict[Hole, str] = {}
        numbers: dict[str, list[Hole]] = defaultdict(list)
        others: dict[tuple[str, str], list[Hole]] = defaultdict(list)
        for hole in holes:
            if hole.by == "id":
                if hole.want != "id" or MODERN_ID.fullmatch(hole.known):
                    found[hole] = hole.known
            elif hole.by == "legacy_id":
                numbers[hole.kind].append(hole)
            else:
                others[hole.kind, hole.by].append(hole)
        work: list[Awaitable[None]] = [self._modern(kind, wanted, found) for kind, wanted in numbers.items()]
        for (kind, by), wanted in others.items():
            one = (
                self._chosen(kind, by, wanted, found)
                if by in ("first", "any")
                else self._having(kind, by, wanted, found)
            )
            work.append(one)
        await _together(work)
        return found

    async def _modern(self, kind: str, holes: list[Hole], found: dict[Hole, str]) -> None:
        """Up: legacy ids to modern ones."""
        wanted = {hole: number for hole in holes if (number := canonical(hole.known)) is not None}
        missing = {number for number in wanted.values() if (kind, number) not in self._memory.modern}
        known = {number: self._memory.modern[kind, number] for number in set(wanted.values()) - missing}
        if missing:
            known |= await self._stored(kind, missing)
            missing -= known.keys()
            for _ in missing:
                self._lookup.on_miss(kind)
            unseen = {number for number in missing if self._may_be_listed(kind, number)}
            if unseen:
                known |= await self._scan(kind, unseen)
        found.update((hole, known[number]) for hole, number in wanted.items() if number in known)

    def _may_be_listed(self, kind: str, number: str) -> bool:
        return int(number) < FIRST_MINTED and (kind, "legacy_id", number) not in self._memory.unknown

    async def _stored(self, kind: str, numbers: Collection[str]) -> dict[str, str]:
        stored = await self._pairs.modern(self._business, kind, [int(number) for number in sorted(numbers)])
        known = {str(number): modern for number, modern in stored.items()}
        for number, modern in known.items():
            self._memory.modern[kind, number] = modern
        return known

    async def _scan(self, kind: str, wanted: set[str]) -> dict[str, str]:
        """Read the whole list of a kind once, remember its ids, and find the wanted ones among them."""
        if self._reading.path(kind) is None:
            return {}
        memory, before = self._memory, self._memory.scans(kind)
        async with memory.turns.of(kind):
            if memory.scans(kind) == before:  # else one has ended while this one waited
                memory.begin_scan()
                async for items in self._reading.pages(kind):
                    await self._learn(pairs_of(kind, items))
                memory.scanned(kind)
        known = await self._stored(kind, wanted)
        for number in wanted - known.keys():
            memory.unknown[kind, "legacy_id", number] = True
        return known

    async def _chosen(self, kind: str, by: str, holes: list[Hole], found: dict[Hole, str]) -> None:
        """The first record that a filter lists, or that goes by one of some words."""
        for hole in holes:
            modern = self._memory.firsts.get((kind, hole.known))
            if modern is None:
                record = await (self._reading.first if by == "first" else self._reading.named)(kind, hole.known)
                if record is None:
                    continue
                await self._learn(pairs_of(kind, [record]))
                modern = self._memory.firsts[kind, hole.known] = record["id"]
            found[hole] = modern

    async def _having(self, kind: str, by: str, holes: list[Hole], found: dict[Hole, str]) -> None:
        """The record of a list that has a certain value: the bank account of a ledger account, or the account of a
        nominal code. What no record has is looked for each time: an account that was refused for its code may be made
        for it at once."""
        ids: dict[str, str] = {}
        async for items in self._reading.pages(kind, (("attributes", by.partition(".")[0]),)):
            await self._learn(pairs_of(kind, items))
            for item in items:
                value = value_at(item, by)
                if isinstance(value, str | int):
                    ids.setdefault(str(value), item["id"])
        found.update((hole, ids[hole.known]) for hole in holes if hole.known in ids)

    async def _number(self, kind: str, wanted: Mapping[str, list[Hole]], found: dict[Hole, Any]) -> None:
        """Down: modern ids to the numbers that clients are shown."""
        memory = self._memory
        missing = {modern for modern in wanted if (kind, modern) not in memory.shown}
        known = {modern: memory.shown[kind, modern] for modern in wanted.keys() - missing}
        if missing:
            known |= await self._pairs.shown(self._business, kind, missing)
            missing -= known.keys()
            for _ in missing:
                self._lookup.on_miss(kind)
            # Only a record that was asked for its number and shows none gets one of ours: a failed read says nothing.
            unread = [modern for modern in sorted(missing) if not all(hole.shown for hole in wanted[modern])]
            known |= await self._read_numbers(kind, unread)
            missing -= known.keys()
            if missing:
                known |= await self._pairs.mint(self._business, kind, sorted(missing))
            for modern, number in known.items():
                memory.show(kind, modern, number)
        for modern, holes in wanted.items():
            found.update((hole, known[modern]) for hole in holes)

    async def _read_numbers(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        """The shown numbers of records that say which they are when they are read; one read each."""
        records = await _together([self._record(kind, modern, forbidden_is_none=True) for modern in ids])
        pairs = [
            (kind, modern, number)
            for modern, record in zip(ids, records, strict=True)
            if record is not None and (number := number_of(record)) is not None
        ]
        differing = await self._learn(pairs)
        return {modern: differing.get((kind, modern), number) for kind, modern, number in pairs}

    async def _value(self, kind: str, modern: str, holes: list[Hole], found: dict[Hole, Any]) -> None:
        """What a record holds; None is a fact too."""
        record = await self._record(kind, modern)
        if record is not None:
            found.update((hole, value_on(record, hole.want, hole.on)) for hole in holes)

    async def _record(self, kind: str, modern: str, *, forbidden_is_none: bool = False) -> Record | None:
        """A record, read at most once a call; of reference kinds once a minute."""
        key = (kind, modern)
        async with self._turns.of(f"{kind}/{modern}"), self._reads:
            if key in self._records:
                return self._records[key]
            record = self._memory.records.get(key)
            if record is None:
                record = await self._reading.record(kind, modern, forbidden_is_none=forbidden_is_none)
            self._records[key] = record
        if record is not None and kind in self._lookup.reference:
            self._memory.records[key] = record
        return record

    async def _learn(self, pairs: Sequence[Pair]) -> dict[tuple[str, str], int]:
        """Remember pairs in the store, then in memory; the shown numbers of those that show another one."""
        memory = self._memory
        differing = {pair[:2]: memory.corrected[pair] for pair in pairs if pair in memory.corrected}
        news = [pair for pair in pairs if pair not in memory.settled]
        if news:
            learnt = await self._pairs.remember(self._business, news)
            memory.make_room(len(news))
            for pair in news:
                memory.learn(pair, learnt.get(pair[:2], pair[2]))
            differing |= learnt
        return differing


async def _together(work: Sequence[Awaitable[T]]) -> list[T]:
    """The results of all, at the same time; the first failure ends the others."""
    if len(work) <= 1:
        return [await one for one in work]
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise

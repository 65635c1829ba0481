"""Legacy ids and modern ids, both ways, for ever (reliability.md §3.2 G6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import StoreFailed
from gateway.store.database import Database
from gateway.store.tables import id_counters, id_pairs

FIRST_MINTED = 1_500_000_000
LAST_MINTED = 2**31 - 1
"""Old clients keep ids in signed 32 bits (reliability.md §3.2 G6)."""
LARGEST = 2**63 - 1
BATCH = 4000
"""Values in one statement; both databases take some 32,000 parameters."""

Pair: TypeAlias = tuple[str, str, int]
"""A kind, a modern id, Sage's number."""


class IdPairs:
    """What legacy ids mean, per business and kind.

    `conflicts` counts numbers that Sage reported for a second record of a kind: the first meaning is kept.
    `late` counts numbers that Sage reported for a record that already shows another one: kept as an alias.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = sqlite.insert if database.embedded else postgresql.insert
        self.conflicts = 0
        self.late = 0

    async def modern(self, business: str, kind: str, numbers: Collection[int]) -> dict[int, str]:
        """The modern ids of those numbers that are known; aliases too. One query a batch."""
        found: dict[int, str] = {}
        for batch in _batches(sorted({n for n in numbers if 0 < n <= LARGEST})):
            rows = await self._database.read(_by_number(business, {kind: batch}))
            found.update((row.legacy_id, row.modern_id) for row in rows)
        return found

    async def shown(self, business: str, kind: str, ids: Collection[str]) -> dict[str, int]:
        """The number that each known record shows. One query a batch."""
        found: dict[str, int] = {}
        for batch in _batches(sorted(set(ids))):
            rows = await self._database.read(_by_modern(business, {kind: batch}))
            found.update((row.modern_id, row.legacy_id) for row in rows)
        return found

    async def remember(self, business: str, pairs: Collection[Pair]) -> dict[tuple[str, str], int]:
        """Keeps (kind, modern id, Sage's number) as learnt from answers.

        Returns, by (kind, modern id), the shown number of each record that does not show the number given:
        - one that was minted, or learnt, before: Sage's late number becomes an alias that resolves upward;
        - one whose number already means another record of the kind, or is no number a legacy id can be:
          the first meaning is kept, and this record gets a minted number.
        """
        differing: dict[tuple[str, str], int] = {}
        for batch in _batches(sorted(set(pairs))):
            shown, owners = await self._known(None, business, batch)
            if _to_insert(batch, shown, owners) or _to_mint(batch, shown, owners):
                shown, owners = await self._learn(business, batch)
            self.conflicts += sum(_lost(pair, owners) for pair in batch)
            differing.update(_differing(batch, shown))
        return differing

    async def mint(self, business: str, kind: str, ids: Collection[str]) -> dict[str, int]:
        """The number that each record shows, minted once where there was none; all callers get the same."""
        found = await self.shown(business, kind, ids)
        for batch in _batches(sorted(set(ids) - found.keys())):

            async def work(connection: AsyncConnection, batch: Sequence[str] = batch) -> dict[str, int]:
                return await self._mint(connection, business, kind, batch)

            found.update(await self._database.write(work))
        return found

    async def _known(
        self, connection: AsyncConnection | None, business: str, pairs: Sequence[Pair]
    ) -> tuple[dict[tuple[str, str], int], dict[tuple[str, int], str]]:
        """What the pairs' records show, and what the pairs' numbers mean."""
        ids: dict[str, list[str]] = defaultdict(list)
        numbers: dict[str, list[int]] = defaultdict(list)
        for kind, modern, number in pairs:
            ids[kind].append(modern)
            if _possible(number):
                numbers[kind].append(number)
        # Owners first: whoever owns a number shows one by then, so no pair is known by halves.
        owners = await self._rows(connection, _by_number(business, numbers)) if numbers else ()
        shown = await self._rows(connection, _by_modern(business, ids))
        return (
            {(row.kind, row.modern_id): row.legacy_id for row in shown},
            {(row.kind, row.legacy_id): row.modern_id for row in owners},
        )

    async def _rows(self, connection: AsyncConnection | None, statement: Select[Any]) -> Sequence[Any]:
        if connection is None:
            return await self._database.read(statement)
        rows: Sequence[Any] = (await connection.execute(statement)).all()
        return rows

    async def _learn(
        self, business: str, pairs: Sequence[Pair]
    ) -> tuple[dict[tuple[str, str], int], dict[tuple[str, int], str]]:
        async def work(connection: AsyncConnection) -> tuple[Any, Any, int]:
            late = 0
            shown, owners = await self._known(connection, business, pairs)
            # A pair may lose against another writer between our look and our insert: look again.
            while rows := _to_insert(pairs, shown, owners):
                late += sum(not is_shown for *_, is_shown in rows)
                await self._put(connection, business, rows, "sage")
                shown, owners = await self._known(connection, business, pairs)
            for kind, ids in _to_mint(pairs, shown, owners).items():
                minted = await self._mint(connection, business, kind, ids)
                shown.update(((kind, modern), number) for modern, number in minted.items())
            return shown, owners, late

        shown, owners, late = await self._database.write(work)
        self.late += late
        return shown, owners

    async def _put(
        self,
        connection: AsyncConnection,
        business: str,
        rows: Iterable[tuple[str, int, str, bool]],
        origin: str,
    ) -> None:
        await connection.execute(
            self._insert(id_pairs).on_conflict_do_nothing(),
            [
                {
                    "business": business,
                    "kind": kind,
                    "legacy_id": number,
                    "modern_id": modern,
                    "origin": origin,
                    "shown": shown,
                }
                for kind, number, modern, shown in rows
            ],
        )

    async def _mint(self, connection: AsyncConnection, business: str, kind: str, ids: Sequence[str]) -> dict[str, int]:
        counter = self._insert(id_counters).values(business=business, kind=kind, next=FIRST_MINTED)
        # The counter's row lock makes minters of one business and kind wait for each other.
        start = await connection.execute(
            counter.on_conflict_do_update(
                index_elements=["business", "kind"], set_={"next": id_counters.c.next}
            ).returning(id_counters.c.next)
        )
        following = first = start.scalar_one()
        while True:
            rows = await connection.execute(_by_modern(business, {kind: ids}))
            found = {row.modern_id: row.legacy_id for row in rows}
            missing = [modern for modern in ids if modern not in found]
            if not missing:
                break
            if following + len(missing) - 1 > LAST_MINTED:
                raise StoreFailed("No numbers are left to mint for this kind.")
            # A number that Sage itself uses is passed over by the conflict, and its record tries the next.
            await self._put(
                connection,
                business,
                [(kind, following + i, m, True) for i, m in enumerate(missing)],
                "minted",
            )
            following += len(missing)
        if following > first:
            await connection.execute(
                update(id_counters)
                .where(id_counters.c.business == business, id_counters.c.kind == kind)
                .values(next=following)
            )
        return found


def _possible(number: int) -> bool:
    return 0 < number <= LARGEST


def _lost(pair: Pair, owners: dict[tuple[str, int], str]) -> bool:
    """Whether the pair's number can never mean its record."""
    kind, modern, number = pair
    return not _possible(number) or owners.get((kind, number), modern) != modern


def _to_insert(
    pairs: Iterable[Pair], shown: dict[tuple[str, str], int], owners: dict[tuple[str, int], str]
) -> list[tuple[str, int, str, bool]]:
    """(kind, number, modern id, shown) of pairs whose number means nothing yet; a record's first is shown."""
    rows = []
    showing = dict(shown)
    taken = dict(owners)
    for kind, modern, number in pairs:
        if _possible(number) and (kind, number) not in taken:
            taken[kind, number] = modern
            rows.append((kind, number, modern, (kind, modern) not in showing))
            showing.setdefault((kind, modern), number)
    return rows


def _to_mint(
    pairs: Iterable[Pair], shown: dict[tuple[str, str], int], owners: dict[tuple[str, int], str]
) -> dict[str, list[str]]:
    """By kind, the records that show nothing and whose numbers mean another record or are impossible."""
    found: dict[str, list[str]] = defaultdict(list)
    for pair in pairs:
        kind, modern, _ = pair
        if _lost(pair, owners) and (kind, modern) not in shown and modern not in found[kind]:
            found[kind].append(modern)
    return {kind: ids for kind, ids in found.items() if ids}


def _differing(pairs: Iterable[Pair], shown: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {(kind, m): shown[kind, m] for kind, m, number in pairs if shown[kind, m] != number}


def _batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]


def _by_number(business: str, numbers: Mapping[str, Sequence[int]]) -> Select[Any]:
    return _where(business, [and_(id_pairs.c.kind == k, id_pairs.c.legacy_id.in_(n)) for k, n in numbers.items()])


def _by_modern(business: str, ids: Mapping[str, Sequence[str]]) -> Select[Any]:
    wanted = [and_(id_pairs.c.kind == k, id_pairs.c.modern_id.in_(m)) for k, m in ids.items()]
    return _where(business, wanted).where(id_pairs.c.shown)


def _where(business: str, any_of: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(id_pairs.c.kind, id_pairs.c.legacy_id, id_pairs.c.modern_id).where(
        id_pairs.c.business == business, or_(*any_of)
    )

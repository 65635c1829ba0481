"""The rotation of the key that seals, beside running gateways: everything sealed is sealed anew, and nothing is lost.

A blob is replaced by compare-and-swap on the blob itself: its nonce is random, so whoever has written a newer one, in
a refresh, wins. Stopped anywhere, a rotation is finished by running it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, LargeBinary, Row, Table, bindparam, func, literal_column, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.database import Database
from gateway.store.failures import KeyWrong
from gateway.store.kept_fields import place_of
from gateway.store.keyring import DATA, RETIRED, KeyFacts, Keyring
from gateway.store.sealing import HEAD, Seal, head_of, key_of
from gateway.store.tables import authorizations, grants, kept_fields, token_rescue

BATCH = 200
"""Rows in one transaction: a gateway waits for no more."""
PASSES = 10
"""How often the tables are gone through: gateways that have not met the new key seal under the old one meanwhile."""
OPENS_FOR = 31 * 86_400.0
"""Seconds for which a retired key still opens: as long as a refresh token lives (v31.md §2), for what a paused gateway
or a spool brings late."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed column: `place` tells the row and the generation that a row's blob is bound to."""

    column: Column[Any]
    place: Callable[[Row[Any]], tuple[int | str, int]]

    @property
    def table(self) -> Table:
        """The table it is in."""
        return self.column.table


SEALED = (
    Sealed(grants.c.access_ct, lambda row: (row.id, row.generation)),
    Sealed(grants.c.refresh_ct, lambda row: (row.id, row.generation)),
    Sealed(grants.c.prev_refresh_ct, lambda row: (row.id, row.generation)),
    Sealed(token_rescue.c.access_ct, lambda row: (row.grant_id, row.parent_generation + 1)),
    Sealed(token_rescue.c.refresh_ct, lambda row: (row.grant_id, row.parent_generation + 1)),
    Sealed(kept_fields.c.value_ct, lambda row: (place_of(row.business, row.kind, row.modern_id, row.name), 0)),
    Sealed(authorizations.c.verifier_ct, lambda row: (row.digest.hex(), 0)),
    Sealed(authorizations.c.businesses_ct, lambda row: (row.digest.hex(), 0)),
)
"""Every column of the database that holds blobs."""


@dataclass(slots=True)
class Rotation:
    """What a rotation did: blobs sealed anew, keys that were retired or destroyed, and by table the blobs that no key
    opens, by key in `stuck`: these keep no key from being retired, for none helps them. `left`: blobs that open and
    are still sealed under an older key; `resumed`: it finished an earlier one."""

    resumed: bool = False
    resealed: int = 0
    retired: list[int] = field(default_factory=list)
    destroyed: list[int] = field(default_factory=list)
    unopened: Counter[str] = field(default_factory=Counter)
    stuck: Counter[int] = field(default_factory=Counter)
    left: int = 0


class StoreKeys:
    """The keys of one store, for the operator. Every method may raise StoreFailed."""

    def __init__(self, database: Database, seal: Seal, keyring: Keyring) -> None:
        self._database = database
        self._seal = seal
        self._keyring = keyring

    @property
    def fingerprint(self) -> str:
        """The name of the present operator's key, as `KeyFacts.wrapped_by` has it."""
        return self._keyring.fingerprint

    async def show(self) -> list[tuple[KeyFacts, int]]:
        """All keys, the oldest first, each with how many secrets are sealed under it."""
        counts = await self._counts()
        return [(facts, counts[facts.id]) for facts in await self._keyring.facts()]

    async def rotate(self, now: float) -> Rotation:
        """Wraps all keys under the present operator's key, seals everything under a new data key and retires the
        older ones. Finishes an earlier rotation instead, where one was stopped; safe to repeat at any time."""
        done = Rotation(resumed=not await self._keyring.renew(now))
        await self._seal.refresh()
        for _ in range(PASSES):
            done.unopened.clear()
            done.stuck.clear()
            changed = 0
            for sealed in SEALED:
                changed += await self._reseal(sealed, done)
            done.resealed += changed
            if not changed:
                break
        await self._retire(done, now)
        return done

    async def _reseal(self, sealed: Sealed, done: Rotation) -> int:
        """Seals one column anew; gives how many of its blobs were old and did open."""
        changed, after = 0, None
        while rows := await self._database.read(self._old(sealed, after)):
            after = _key(sealed.table, rows[-1])
            fresh = list(self._fresh(sealed, rows, done))
            if fresh:
                await self._replace(sealed, fresh)
            changed += len(fresh)
        return changed

    def _old(self, sealed: Sealed, after: tuple[Any, ...] | None) -> Any:
        """The next rows whose blob is of another key than the newest."""
        keys = list(sealed.table.primary_key)
        query = select(sealed.table).where(
            sealed.column.is_not(None), _head(sealed.column) != head_of(self._seal.newest)
        )
        if after is not None:
            query = query.where(tuple_(*keys) > tuple_(*after))
        return query.order_by(*keys).limit(BATCH)

    def _fresh(self, sealed: Sealed, rows: Sequence[Row[Any]], done: Rotation) -> Iterator[Mapping[str, Any]]:
        table, name = sealed.table.name, sealed.column.name
        for row in rows:
            old, place = getattr(row, name), sealed.place(row)
            try:
                secret = self._seal.unseal(old, table, name, *place)
            except KeyWrong:
                done.unopened[table] += 1
                done.stuck[key_of(old)] += 1
                continue
            new = self._seal.seal(secret, table, name, *place)
            yield {"old": old, "new": new} | {f"key_{i}": part for i, part in enumerate(_key(sealed.table, row))}

    async def _replace(self, sealed: Sealed, fresh: Sequence[Mapping[str, Any]]) -> None:
        keys = enumerate(sealed.table.primary_key)
        statement = (
            update(sealed.table)
            .where(*(key == bindparam(f"key_{i}") for i, key in keys), sealed.column == bindparam("old"))
            .values({sealed.column.name: bindparam("new")})
        )

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(statement, fresh)

        await self._database.write(work)

    async def _retire(self, done: Rotation, now: float) -> None:
        """Retires the keys under which nothing that opens is sealed any more; destroys those that were long ago, where
        nothing at all is sealed under them."""
        facts, newest = await self._keyring.facts(), self._seal.newest

        async def work(connection: AsyncConnection) -> None:
            counts: Counter[int] = Counter()
            for sealed in SEALED:
                _add(counts, (await connection.execute(_counted(sealed))).all())
            done.left = sum((counts - done.stuck).values()) - counts[newest]
            older = [one for one in facts if one.id < newest]
            done.retired = [one.id for one in older if one.purpose == DATA and counts[one.id] <= done.stuck[one.id]]
            done.destroyed = [
                one.id for one in older if one.purpose == RETIRED and not counts[one.id] and _long_ago(one, now)
            ]
            for key_id in done.retired:
                await self._keyring.retire(connection, key_id, now)
            for key_id in done.destroyed:
                await self._keyring.destroy(connection, key_id)

        await self._database.write(work)

    async def _counts(self) -> Counter[int]:
        counts: Counter[int] = Counter()
        for sealed in SEALED:
            _add(counts, await self._database.read(_counted(sealed)))
        return counts


def _head(column: Column[Any]) -> Any:
    """How a blob begins, which names its key."""
    return func.substr(column, literal_column("1"), literal_column(str(HEAD)), type_=LargeBinary)


def _counted(sealed: Sealed) -> Any:
    head = _head(sealed.column).label("head")
    return select(head, func.count().label("blobs")).where(sealed.column.is_not(None)).group_by(head)


def _add(counts: Counter[int], rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        counts[key_of(row.head)] += row.blobs


def _key(table: Table, row: Row[Any]) -> tuple[Any, ...]:
    return tuple(getattr(row, column.name) for column in table.primary_key)


def _long_ago(facts: KeyFacts, now: float) -> bool:
    return facts.retired is not None and now - facts.retired > OPENS_FOR

"""What v3.1 has no place for, kept beside its records: sealed like tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.grants.secret import Secret
from gateway.store.database import Database
from gateway.store.sealing import Seal
from gateway.store.tables import kept_fields

BATCH = 4000
"""Ids in one statement; both databases take some 32,000 parameters."""

_c = kept_fields.c


class KeptFields:
    """Values of v2 attributes, by business, kind, record and name."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal
        self._insert = sqlite.insert if database.embedded else postgresql.insert

    async def read(self, business: str, kind: str, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """By modern id, the values that are kept, by v2 name. Raises StoreFailed; KeyWrong for a value that this
        store did not seal for this place."""
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        wanted = sorted(ids)
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            rows = await self._database.read(
                select(_c.modern_id, _c.name, _c.value_ct).where(
                    _c.business == business, _c.kind == kind, _c.modern_id.in_(batch)
                )
            )
            for row in rows:
                place = place_of(business, kind, row.modern_id, row.name)
                value = await self._seal.opening(partial(self._opened, row.value_ct, place))
                found[row.modern_id][row.name] = msgspec.json.decode(value.reveal())
        return dict(found)

    async def retain(self, business: str, kind: str, modern: str, values: Mapping[str, Any]) -> None:
        """Keep values, in place of those of the same names; None forgets one. Raises StoreFailed."""
        rows = [
            {
                "business": business,
                "kind": kind,
                "modern_id": modern,
                "name": name,
                "value_ct": self._sealed(value, place_of(business, kind, modern, name)),
            }
            for name, value in sorted(values.items())
            if value is not None
        ]
        gone = [name for name, value in values.items() if value is None]

        async def work(connection: AsyncConnection) -> None:
            if gone:
                await connection.execute(delete(kept_fields).where(_of(business, kind, modern), _c.name.in_(gone)))
            if rows:
                statement = self._insert(kept_fields).values(rows)
                keys = [_c.business, _c.kind, _c.modern_id, _c.name]
                newer = {"value_ct": statement.excluded.value_ct}
                await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=newer))

        await self._database.write(work)

    async def forget(self, business: str, kind: str, modern: str) -> None:
        """Keep nothing beside a record any more. Raises StoreFailed."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(kept_fields).where(_of(business, kind, modern)))

        await self._database.write(work)

    async def erase(self, business: str) -> None:
        """Keep nothing of a business any more. Raises StoreFailed."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(kept_fields).where(_c.business == business))

        await self._database.write(work)

    def _opened(self, blob: bytes, place: str) -> Secret:
        return self._seal.unseal(blob, "kept_fields", "value_ct", place, 0)

    def _sealed(self, value: Any, place: str) -> bytes:
        text = Secret(msgspec.json.encode(value).decode())
        return self._seal.seal(text, "kept_fields", "value_ct", place, 0)


def _of(business: str, kind: str, modern: str) -> ColumnElement[bool]:
    return and_(_c.business == business, _c.kind == kind, _c.modern_id == modern)


def place_of(business: str, kind: str, modern: str, name: str) -> str:
    """What a value is bound to, without doubt where one word ends and the next begins."""
    return msgspec.json.encode((business, kind, modern, name)).decode()

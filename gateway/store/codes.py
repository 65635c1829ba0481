"""Authorization codes: kept as keyed hashes, traded for a pair of legacy tokens once (v2.md §1.2)."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.grants.legacy import CODE_LIFE, Pair, Permission, Presented, code_permits
from gateway.store.database import Database
from gateway.store.legacy_tokens import LegacyTokens
from gateway.store.presented import holders, presented
from gateway.store.sealing import Seal
from gateway.store.tables import codes

KEPT = 3600.0
"""Seconds for which an ended code is still told from an unknown one."""


class Codes:
    """The codes of one store."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal
        self._tokens = LegacyTokens(seal, embedded=database.embedded)

    async def issue(self, tenant_id: int, redirect_uri: str, scope: str, now: float) -> str:
        """A new code for a tenant: 40 hexadecimal digits, good for 60 seconds. Raises StoreFailed."""
        code = secrets.token_hex(20)
        row = {"digest": self._digest(code), "tenant_id": tenant_id, "redirect_uri": redirect_uri, "scope": scope}

        async def work(connection: AsyncConnection) -> None:
            # A run whose commit was lost has made the row already.
            await connection.execute(delete(codes).where(codes.c.digest == row["digest"]))
            await connection.execute(insert(codes).values(row | {"created_at": now, "expires_at": now + CODE_LIFE}))

        await self._database.write(work)
        return code

    async def find(self, code: str) -> Presented | None:
        """What is known of a code that was presented. Raises StoreFailed."""
        rows = await self._database.read(self._query(code))
        return presented(rows[0]) if rows else None

    async def redeem(self, code: str, app: str, until: float | None, now: float) -> Pair | None:
        """Trades a code for its pair, whose access token ends at `until`; None where it may not be traded any more.

        Of several that try at once, on any replica, one succeeds. Raises StoreFailed.
        """
        pair, begun = self._tokens.pair("code", code), False

        async def work(connection: AsyncConnection) -> Pair | None:
            nonlocal begun
            row = (await connection.execute(self._query(code).with_for_update(of=codes))).first()
            found = presented(row) if row is not None else None
            # Our run before this one may have been committed, though its answer was lost.
            ours = begun and found is not None and found.spent_at == now
            if found is None or not (ours or code_permits(found, app, now) is Permission.ISSUE):
                return None
            begun = True
            spent = update(codes).where(codes.c.digest == self._digest(code))
            await connection.execute(spent.values(spent_at=now))
            await self._tokens.issue(connection, pair, found, until, now)
            return pair

        return await self._database.write(work)

    async def prune(self, now: float, most: int) -> int:
        """Forgets up to `most` codes that ended long ago; gives how many."""
        old = select(codes.c.digest).where(codes.c.expires_at < now - KEPT).limit(most)

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(delete(codes).where(codes.c.digest.in_(old)))).rowcount

        return await self._database.write(work)

    def _digest(self, code: str) -> bytes:
        return self._seal.digest("code", code)

    def _query(self, code: str) -> Select[Any]:
        return holders(codes).where(codes.c.digest == self._digest(code))

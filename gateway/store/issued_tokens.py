"""Refresh tokens traded, legacy tokens taken away, and old ones forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, delete, literal, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.grants.legacy import Pair, Permission, Presented, refresh_permits
from gateway.grants.life import State
from gateway.store.authorizations import CHOOSING
from gateway.store.database import Database
from gateway.store.legacy_tokens import ISSUED, LegacyTokens
from gateway.store.presented import holders, presented
from gateway.store.sealing import Seal
from gateway.store.tables import authorizations, codes, grants, legacy_tokens, tenants

KEPT = 30 * 86_400.0
"""Seconds for which an issued token that has ended, or was traded, is still told from an unknown one."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What was taken away with a tenant's tokens: its grant's key, where that is idle now."""

    idle_grant: int | None


class IssuedTokens:
    """The refresh tokens of one store, and the end of all legacy tokens."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._tokens = LegacyTokens(seal, embedded=database.embedded)

    async def find(self, token: str, kind: str = "refresh") -> Presented | None:
        """What is known of a refresh (or access) token that was presented. Raises StoreFailed."""
        rows = await self._database.read(self._query(token, kind))
        return presented(rows[0]) if rows else None

    async def rotate(self, refresh: str, app: str, until: float | None, now: float, grace: float) -> Pair | None:
        """Trades a refresh token for its pair, whose access token ends at `until`; None where it may not be traded.

        For `grace` seconds the same token gets the same pair, on any replica. Raises StoreFailed.
        """
        pair, begun = self._tokens.pair("refresh", refresh), False

        async def work(connection: AsyncConnection) -> Pair | None:
            nonlocal begun
            row = (await connection.execute(self._query(refresh).with_for_update(of=legacy_tokens))).first()
            found = presented(row) if row is not None else None
            # Our run before this one may have been committed, though its answer was lost.
            ours = begun and found is not None and found.spent_at == now
            permission = refresh_permits(found, app, now, grace)
            if found is None or not (ours or permission in (Permission.ISSUE, Permission.REPEAT)):
                return None
            begun = True
            if permission is Permission.ISSUE:
                spent = update(legacy_tokens).where(legacy_tokens.c.digest == self._tokens.digest("refresh", refresh))
                await connection.execute(spent.values(spent_at=now))
            await self._tokens.issue(connection, pair, found, until, now)
            return pair

        return await self._database.write(work)

    async def withdraw(self, found: Presented, now: float) -> Withdrawn:
        """Ends every legacy token and code of a tenant, those of the settings for good. Raises StoreFailed."""
        tenant = found.tenant

        async def work(connection: AsyncConnection) -> Withdrawn:
            # Until nothing is left: of what was waited for, a pair may have been issued meanwhile.
            while await _end_all(connection, tenant.id, now):
                pass
            used = (await connection.execute(_users(tenant.grant, now))).first()
            return Withdrawn(None if used else tenant.grant)

        return await self._database.write(work)

    async def is_idle(self, grant_id: int, now: float) -> bool:
        """Whether nobody can use a grant: no connected tenant of it has a live token or code, and no owner who has
        just consented is choosing a business. Raises StoreFailed."""
        return not await self._database.read(_users(grant_id, now))

    async def end_grant(self, grant_id: int, generation: int, now: float) -> bool:
        """Marks a grant revoked and drops its tokens; False where it has been refreshed since that generation.

        A refresh still under way loses the compare-and-swap. Raises StoreFailed.
        """
        gone = {"access_ct": None, "refresh_ct": None, "prev_refresh_ct": None, "access_expires_at": None}
        gone |= {"lease_owner": None, "lease_until": None, "attempt_id": None}
        statement = update(grants).where(grants.c.id == grant_id, grants.c.generation == generation)

        async def work(connection: AsyncConnection) -> bool:
            values = {**gone, "state": State.REVOKED.value, "state_since": now, "generation": generation + 1}
            return (await connection.execute(statement.values(values))).rowcount == 1

        return await self._database.write(work)

    async def prune(self, now: float, most: int) -> int:
        """Forgets up to `most` issued tokens that ended, or were traded, long ago; gives how many.

        Never one of the settings or an import: it would be good again at the next start. Raises StoreFailed.
        """
        over = or_(legacy_tokens.c.expires_at < now - KEPT, legacy_tokens.c.spent_at < now - KEPT)
        old = select(legacy_tokens.c.digest).where(and_(legacy_tokens.c.origin == ISSUED, over)).limit(most)

        async def work(connection: AsyncConnection) -> int:
            gone = delete(legacy_tokens).where(legacy_tokens.c.digest.in_(old))
            return (await connection.execute(gone)).rowcount

        return await self._database.write(work)

    def _query(self, token: str, kind: str = "refresh") -> Select[Any]:
        digest = self._tokens.digest(kind, token)
        return holders(legacy_tokens).where(legacy_tokens.c.digest == digest, legacy_tokens.c.kind == kind)


def _live(table: Table, now: float) -> ColumnElement[bool]:
    return or_(table.c.expires_at.is_(None), table.c.expires_at > now)


async def _end_all(connection: AsyncConnection, tenant_id: int, now: float) -> int:
    """Ends a tenant's live codes and tokens; how many there were."""
    ended = 0
    for table in (codes, legacy_tokens):
        theirs = update(table).where(table.c.tenant_id == tenant_id, _live(table, now))
        ended += (await connection.execute(theirs.values(expires_at=now))).rowcount
    return ended


def _users(grant_id: int, now: float) -> Any:
    """One row where somebody can use a grant, or is about to."""
    held = (
        select(literal(1))
        .select_from(table)
        .join(tenants, tenants.c.id == table.c.tenant_id)
        .where(tenants.c.grant_id == grant_id, tenants.c.disconnected_at.is_(None))
        .where(table.c.spent_at.is_(None), _live(table, now))
        for table in (legacy_tokens, codes)
    )
    choosing = select(literal(1)).where(
        authorizations.c.grant_id == grant_id, authorizations.c.stage == CHOOSING, authorizations.c.expires_at > now
    )
    return union_all(*held, choosing).limit(1)

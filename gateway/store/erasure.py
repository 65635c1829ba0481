"""Erasing a tenant: all that is only its, in one transaction, and its consent at Sage.

Two things stay, of which neither tells anything about anybody. The digests of seeds, with the emptied row of their
grant: a refresh token that was planted once is spent, and must not come alive again from old settings. And the
counters of minted numbers: a number that a client may still hold never comes to mean another record
(reliability.md §3.2 G6).
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import StoreFailed
from gateway.grants.life import State
from gateway.grants.secret import Secret
from gateway.grants.tenant import Tenant
from gateway.store.database import Database
from gateway.store.grants import LAPSED, Grants
from gateway.store.tables import (
    authorizations,
    codes,
    grants,
    id_pairs,
    kept_fields,
    legacy_tokens,
    links,
    meta,
    tenants,
    token_rescue,
)
from gateway.store.tenants import LOCK

LEASE = 60.0
"""Seconds in which nobody else may refresh a grant that is being revoked."""

Revoke = Callable[[str, Secret], Awaitable[bool]]
"""Tells Sage to end the consent of an app's refresh token; whether Sage did."""


class Told(Enum):
    """What became of the consent at Sage."""

    SHARED = "shared"
    """Other tenants live by it."""
    LAPSED = "lapsed"
    """Sage has ended it before, or none was ever given."""
    REVOKED = "revoked"
    NOT_TOLD = "not told"
    """Sage could not be reached, or did not understand: the consent lives on there until its 31 days are over."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What is gone: legacy tokens, id pairs and kept fields, in rows. `business`: no other tenant had it."""

    told: Told
    tokens: int = 0
    pairs: int = 0
    kept: int = 0
    business: bool = False


class Erasure:
    """Erases tenants of one store."""

    def __init__(self, database: Database, kept_grants: Grants) -> None:
        self._database = database
        self._grants = kept_grants

    async def erase(self, tenant: Tenant, revoke: Revoke | None, now: float) -> Erased:
        """Revokes the tenant's consent where no other tenant lives by it, then erases the tenant; safe to repeat.

        Without `revoke`, Sage is not told. What Sage answers does not stop the erasure.
        Raises StoreFailed where the grant is being refreshed or has changed meanwhile; nothing is erased then.
        """
        told, generation = await self._revoke(tenant, revoke)
        return await self._database.write(lambda connection: self._erase(connection, tenant, told, generation, now))

    async def _revoke(self, tenant: Tenant, revoke: Revoke | None) -> tuple[Told, int | None]:
        """What became of the consent, and the generation of the grant that goes; None where it stays."""
        others = select(tenants.c.id).where(tenants.c.grant_id == tenant.grant, tenants.c.id != tenant.id).limit(1)
        if await self._database.read(others):
            return Told.SHARED, None
        grant = await self._grants.load(tenant.grant)
        if grant.state.value in LAPSED or not grant.refresh:
            return Told.LAPSED, grant.generation
        # With the lease nobody rotates the token between our revoking and our erasing.
        epoch = await self._grants.take_lease(grant, "tenants erase", LEASE, uuid.uuid4().hex)
        if epoch is None:
            raise StoreFailed(f"The grant of {tenant.name} is being refreshed at this moment: try again in a minute.")
        done = revoke is not None and await revoke(tenant.app, grant.refresh)
        return Told.REVOKED if done else Told.NOT_TOLD, grant.generation

    async def _erase(
        self, connection: AsyncConnection, tenant: Tenant, told: Told, generation: int | None, now: float
    ) -> Erased:
        if self._database.embedded:
            await connection.execute(text("PRAGMA secure_delete = ON"))  # else the pages keep it until they are reused
        await self._database.one_at_a_time(connection, LOCK)
        row = (await connection.execute(select(tenants).where(tenants.c.id == tenant.id))).first()
        if row is None:
            return Erased(told)
        last = not await _another(connection, tenant, tenants.c.grant_id == row.grant_id)
        present = select(grants.c.generation).where(grants.c.id == row.grant_id).with_for_update()
        if row.grant_id != tenant.grant or (last and (await connection.execute(present)).scalar_one() != generation):
            raise StoreFailed(f"The grant of {tenant.name} has changed meanwhile: try again.")
        await _drop(connection, codes, codes.c.tenant_id == tenant.id)
        tokens = await _drop(connection, legacy_tokens, legacy_tokens.c.tenant_id == tenant.id)
        theirs = select(links.c.digest).where(links.c.name == row.name)
        await _drop(connection, authorizations, authorizations.c.link.in_(theirs))
        await _drop(connection, links, links.c.name == row.name)
        await _drop(connection, tenants, tenants.c.id == tenant.id)
        if last:
            await self._empty(connection, tenant.grant, now)
        if await _another(connection, tenant, tenants.c.business == tenant.business):
            return Erased(told, tokens)
        pairs, kept = await _forget(connection, tenant.business)
        return Erased(told, tokens, pairs, kept, business=True)

    async def _empty(self, connection: AsyncConnection, grant_id: int, now: float) -> None:
        """Takes all from a grant that nobody lives by. Its new generation refuses what is still under way for it."""
        await _drop(connection, authorizations, authorizations.c.grant_id == grant_id)
        await _drop(connection, token_rescue, token_rescue.c.grant_id == grant_id)
        values: dict[Any, Any] = {column: None for column in grants.c if column.nullable}
        values |= {grants.c.generation: grants.c.generation + 1}
        values |= {grants.c.state: State.REVOKED.value, grants.c.state_since: now}
        await connection.execute(update(grants).where(grants.c.id == grant_id).values(values))


async def _another(connection: AsyncConnection, tenant: Tenant, alike: ColumnElement[bool]) -> bool:
    query = select(tenants.c.id).where(alike, tenants.c.id != tenant.id).limit(1)
    return (await connection.execute(query)).first() is not None


async def _forget(connection: AsyncConnection, business: str) -> tuple[int, int]:
    """The id pairs and kept fields of a business, deleted; how many. The triggers ask `meta` whether they may go."""
    await _drop(connection, meta, meta.c.name == "erasing")
    await connection.execute(insert(meta).values(name="erasing", value=business))
    pairs = await _drop(connection, id_pairs, id_pairs.c.business == business)
    await _drop(connection, meta, meta.c.name == "erasing")
    return pairs, await _drop(connection, kept_fields, kept_fields.c.business == business)


async def _drop(connection: AsyncConnection, table: Table, which: ColumnElement[bool]) -> int:
    return (await connection.execute(delete(table).where(which))).rowcount

"""Tenants as an operator sees them: how their grants stand, which links are out; and disconnecting one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, Subquery, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.grants.health import Standing
from gateway.grants.tenant import Tenant
from gateway.store.database import Database
from gateway.store.grants import standing_of
from gateway.store.tables import codes, grants, legacy_tokens, links, tenants


@dataclass(frozen=True, slots=True)
class TenantRow:
    """A tenant and how its grant stands. Times are seconds since 1970.

    `disconnected_at` is None while its tokens are known; `link_until` is when its connect link ends, None where none
    is out.
    """

    tenant: Tenant
    standing: Standing
    created_at: float
    disconnected_at: float | None = None
    link_until: float | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A name whose connect link is out, and that is no tenant yet; `business` where only that one is accepted."""

    name: str
    app: str
    business: str | None
    link_until: float


@dataclass(frozen=True, slots=True)
class Counted:
    """Legacy tokens of one kind (access or refresh) and origin (settings, imported or issued) that still work."""

    kind: str
    origin: str
    tokens: int


class TenantRows:
    """The operators' view of the tenants of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, now: float) -> list[TenantRow]:
        """Every tenant, by name."""
        return [_row(row) for row in await self._database.read(_rows(now).order_by(tenants.c.name))]

    async def named(self, name: str, now: float) -> TenantRow | None:
        """The tenant of that name."""
        rows = await self._database.read(_rows(now).where(tenants.c.name == name))
        return _row(rows[0]) if rows else None

    async def of(self, app: str, business: str, now: float) -> TenantRow | None:
        """The tenant of that app and business."""
        rows = await self._database.read(_rows(now).where(tenants.c.app == app, tenants.c.business == business))
        return _row(rows[0]) if rows else None

    async def waiting(self, now: float) -> list[Waiting]:
        """The names that are no tenants yet and wait for somebody to open their link, by name."""
        pending = (
            select(links.c.name, links.c.app, links.c.business, links.c.expires_at)
            .where(links.c.used_at.is_(None), links.c.expires_at > now)
            .where(links.c.name.not_in(select(tenants.c.name)))
            .order_by(links.c.name, links.c.expires_at)
        )
        found = {
            row.name: Waiting(row.name, row.app, row.business, row.expires_at)
            for row in await self._database.read(pending)
        }
        return list(found.values())

    async def tokens(self, tenant_id: int, now: float) -> list[Counted]:
        """How many legacy tokens of a tenant have not ended, and have not been traded for others."""
        query = (
            select(legacy_tokens.c.kind, legacy_tokens.c.origin, func.count().label("tokens"))
            .where(legacy_tokens.c.tenant_id == tenant_id, legacy_tokens.c.spent_at.is_(None))
            .where(legacy_tokens.c.expires_at.is_(None) | (legacy_tokens.c.expires_at > now))
            .group_by(legacy_tokens.c.kind, legacy_tokens.c.origin)
            .order_by(legacy_tokens.c.kind, legacy_tokens.c.origin)
        )
        return [Counted(row.kind, row.origin, row.tokens) for row in await self._database.read(query)]

    async def sharing(self, tenant: Tenant) -> list[str]:
        """The names of the other tenants of its grant: what befalls the grant befalls them too."""
        query = select(tenants.c.name).where(tenants.c.grant_id == tenant.grant, tenants.c.id != tenant.id)
        return [row.name for row in await self._database.read(query.order_by(tenants.c.name))]

    async def disconnect(self, name: str, now: float) -> bool:
        """Makes a tenant's legacy tokens, codes and links unknown until it is reconnected; False where there is none.

        Safe to repeat: the first time counts. Gateways that remember a token forget it by themselves
        (`gateway.edges.callers`). Raises StoreFailed.
        """

        async def work(connection: AsyncConnection) -> bool:
            since = func.coalesce(tenants.c.disconnected_at, now)
            ended = update(tenants).where(tenants.c.name == name).values(disconnected_at=since)
            tenant_id = (await connection.execute(ended.returning(tenants.c.id))).scalar_one_or_none()
            if tenant_id is None:
                return False
            await connection.execute(delete(codes).where(codes.c.tenant_id == tenant_id))
            await connection.execute(_pending(name))
            return True

        return await self._database.write(work)

    async def withdraw_links(self, name: str) -> None:
        """Makes the links of a name worthless that nobody has used. Raises StoreFailed."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(_pending(name))

        await self._database.write(work)


def _pending(name: str) -> Any:
    return delete(links).where(links.c.name == name, links.c.used_at.is_(None))


def _links(now: float) -> Subquery:
    """By name and app, when the last unused link ends."""
    return (
        select(links.c.name, links.c.app, func.max(links.c.expires_at).label("until"))
        .where(links.c.used_at.is_(None), links.c.expires_at > now)
        .group_by(links.c.name, links.c.app)
        .subquery()
    )


def _rows(now: float) -> Select[Any]:
    """Tenants with what their grants say openly: no secret is read."""
    out = _links(now)
    return (
        select(
            *(getattr(grants.c, name) for name in ("id", "app", "state", "state_since", "created_at")),
            *(grants.c.refreshed_at, grants.c.refresh_expires_at),
            tenants.c.id.label("tenant_id"),
            *(tenants.c.name, tenants.c.business, tenants.c.disconnected_at),
            tenants.c.created_at.label("tenant_created_at"),
            out.c.until,
        )
        .join(tenants, tenants.c.grant_id == grants.c.id)
        .outerjoin(out, (out.c.name == tenants.c.name) & (out.c.app == tenants.c.app))
    )


def _row(row: Row[Any]) -> TenantRow:
    return TenantRow(
        Tenant(row.tenant_id, row.name, row.app, row.business, row.id),
        standing_of(row, row.refreshed_at or row.created_at),
        row.tenant_created_at,
        row.disconnected_at,
        row.until,
    )

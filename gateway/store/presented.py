"""Reading a code or refresh token together with whom it names and whether that tenant is served."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, Table, select

from gateway.grants.legacy import Presented
from gateway.grants.tenant import Tenant
from gateway.store.grants import LAPSED
from gateway.store.tables import grants, tenants


def holders(table: Table) -> Select[Any]:
    """Every row of `codes` or `legacy_tokens` with its tenant and the state of the tenant's grant."""
    whose = (tenants.c.id, tenants.c.name, tenants.c.app, tenants.c.business, tenants.c.grant_id)
    return (
        select(*whose, tenants.c.disconnected_at, grants.c.state, table)
        .select_from(table)
        .join(tenants, tenants.c.id == table.c.tenant_id)
        .join(grants, grants.c.id == tenants.c.grant_id)
    )


def presented(row: Row[Any]) -> Presented:
    """One of them, as it is decided upon."""
    return Presented(
        tenant=Tenant(row.id, row.name, row.app, row.business, row.grant_id),
        scope=row.scope,
        until=row.expires_at,
        spent_at=row.spent_at,
        served=row.disconnected_at is None and row.state not in LAPSED,
        redirect_uri=getattr(row, "redirect_uri", ""),
    )

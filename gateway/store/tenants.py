"""Tenants, and the legacy tokens that name them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import StoreFailed
from gateway.grants.life import Grant, State
from gateway.grants.secret import Secret
from gateway.grants.tenant import Tenant
from gateway.store.database import Database
from gateway.store.grants import Grants
from gateway.store.sealing import Seal
from gateway.store.tables import grant_seeds, grants, legacy_tokens, tenants

LOCK = 0x5A6E_0002
"""PostgreSQL's advisory lock for adding tenants: rare, and simplest one at a time."""


class Tenants:
    """The tenants of one store. Legacy tokens are kept as keyed hashes only."""

    def __init__(self, database: Database, seal: Seal, kept_grants: Grants) -> None:
        self._database = database
        self._seal = seal
        self._grants = kept_grants
        self._insert = sqlite.insert if database.embedded else postgresql.insert

    async def by_token(self, token: str, now: float) -> Tenant | None:
        """Whom a legacy access token stands for; None where it is unknown or has lapsed."""
        query = (
            _tenants()
            .join(legacy_tokens, legacy_tokens.c.tenant_id == tenants.c.id)
            .where(
                legacy_tokens.c.digest == self._digest("access", token),
                legacy_tokens.c.kind == "access",
                or_(legacy_tokens.c.expires_at.is_(None), legacy_tokens.c.expires_at > now),
            )
        )
        rows = await self._database.read(query)
        return _tenant(rows[0]) if rows else None

    async def all(self) -> list[Tenant]:
        """Every tenant, by name."""
        return [_tenant(row) for row in await self._database.read(_tenants().order_by(tenants.c.name))]

    async def add(
        self,
        *,
        name: str,
        app: str,
        business: str,
        user: str | None = None,
        access_token: str | None,
        refresh_token: str | None,
        access_token_lifetime: int | None,
        v31_refresh_token: str,
        now: float,
    ) -> Tenant:
        """Makes sure that a tenant of the settings exists, with its legacy tokens; safe at every start.

        `access_token_lifetime` is in seconds, None for ever. `user` is the Sage user, where known.
        `v31_refresh_token` is a seed: planted once, never again, for what the store holds descends from it
        and the seed itself is spent. A seed not seen before replaces the grant's tokens. Tenants of one app
        that were given the same seed, or the same user, share one grant.
        Raises StoreFailed where the name or a token belongs to another tenant.
        """
        seed = self._seal.digest(f"seed|{app}", v31_refresh_token)

        async def work(connection: AsyncConnection) -> Tenant:
            if not self._database.embedded:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            row = await self._find(connection, name, app, business)
            if row is not None and row.seed == seed:
                grant_id = row.grant_id
            else:
                grant_id = await self._grant(connection, app, user, seed, row, now)
                if await self._unseen(connection, app, seed):
                    await self._plant(connection, grant_id, app, seed, Secret(v31_refresh_token), now)
            tenant_id = await self._save(
                connection,
                row,
                {"name": name, "app": app, "business": business, "grant_id": grant_id, "seed": seed},
                now,
            )
            until = None if access_token_lifetime is None else now + access_token_lifetime
            await self._allow(connection, tenant_id, "access", access_token, until, now)
            await self._allow(connection, tenant_id, "refresh", refresh_token, None, now)
            return Tenant(tenant_id, name, app, business, grant_id)

        return await self._database.write(work)

    def _digest(self, kind: str, token: str) -> bytes:
        return self._seal.digest(f"legacy {kind}", token)

    async def _find(self, connection: AsyncConnection, name: str, app: str, business: str) -> Any | None:
        """The tenant of this app and business; refuses a name that another one has."""
        columns = (
            tenants.c.id,
            tenants.c.name,
            tenants.c.app,
            tenants.c.business,
            tenants.c.grant_id,
            tenants.c.seed,
        )
        same = (tenants.c.app == app) & (tenants.c.business == business)
        found = None
        for row in await connection.execute(select(*columns).where(or_(tenants.c.name == name, same))):
            if (row.app, row.business) == (app, business):
                found = row
            else:
                raise StoreFailed(f"The tenant name {name!r} belongs to another app or business in the store.")
        return found

    async def _grant(
        self,
        connection: AsyncConnection,
        app: str,
        user: str | None,
        seed: bytes,
        row: Any | None,
        now: float,
    ) -> int:
        """A seed's grant: the one it was planted in, else the user's, the tenant's own, or a new one."""
        planted = select(grant_seeds.c.grant_id).where(grant_seeds.c.app == app, grant_seeds.c.digest == seed)
        users = select(grants.c.id).where(grants.c.app == app, grants.c.sage_user == user)
        for query in (planted, users) if user else (planted,):
            found = (await connection.execute(query)).scalar_one_or_none()
            if found is not None:
                return int(found)
        if row is not None and not user:
            sharing = select(func.count()).select_from(tenants).where(tenants.c.grant_id == row.grant_id)
            if (await connection.execute(sharing)).scalar_one() == 1:
                return int(row.grant_id)
        made = insert(grants).values(
            app=app,
            sage_user=user or None,
            generation=0,
            state=State.REAUTH_REQUIRED.value,
            lease_epoch=0,
            created_at=now,
        )
        return int((await connection.execute(made.returning(grants.c.id))).scalar_one())

    async def _unseen(self, connection: AsyncConnection, app: str, seed: bytes) -> bool:
        known = select(grant_seeds.c.grant_id).where(grant_seeds.c.app == app, grant_seeds.c.digest == seed)
        return (await connection.execute(known)).first() is None

    async def _plant(
        self, connection: AsyncConnection, grant_id: int, app: str, seed: bytes, refresh: Secret, now: float
    ) -> None:
        """Starts the grant's next generation from a refresh token alone.

        A refresh still under way loses the compare-and-swap.
        """
        present = select(grants.c.generation).where(grants.c.id == grant_id).with_for_update()
        generation = (await connection.execute(present)).scalar_one() + 1
        grant = Grant(grant_id, app, generation, State.ACTIVE, refresh)
        values = {**self._grants.sealed(grant), "state_since": now}
        await connection.execute(update(grants).where(grants.c.id == grant_id).values(values))
        planted = {"app": app, "digest": seed, "grant_id": grant_id, "planted_at": now}
        await connection.execute(insert(grant_seeds).values(planted))

    async def _save(self, connection: AsyncConnection, row: Any | None, values: dict[str, Any], now: float) -> int:
        if row is not None:
            await connection.execute(update(tenants).where(tenants.c.id == row.id).values(values))
            return int(row.id)
        made = insert(tenants).values(**values, created_at=now).returning(tenants.c.id)
        return int((await connection.execute(made)).scalar_one())

    async def _allow(
        self,
        connection: AsyncConnection,
        tenant_id: int,
        kind: str,
        token: str | None,
        until: float | None,
        now: float,
    ) -> None:
        """Lets a legacy token name the tenant; one that names another tenant already is refused."""
        if not token:
            return
        digest = self._digest(kind, token)
        row = {"digest": digest, "tenant_id": tenant_id, "kind": kind, "expires_at": until, "created_at": now}
        await connection.execute(self._insert(legacy_tokens).values(row).on_conflict_do_nothing())
        owner = select(legacy_tokens.c.tenant_id).where(legacy_tokens.c.digest == digest)
        if (await connection.execute(owner)).scalar_one() != tenant_id:
            raise StoreFailed(f"The legacy {kind} token given for one tenant is another tenant's.")


def _tenants() -> Select[Any]:
    return select(tenants.c.id, tenants.c.name, tenants.c.app, tenants.c.business, tenants.c.grant_id)


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(row.id, row.name, row.app, row.business, row.grant_id)

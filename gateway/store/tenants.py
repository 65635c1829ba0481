"""Tenants, and the legacy tokens that name them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import StoreFailed
from gateway.grants.secret import Secret
from gateway.grants.tenant import Held, Tenant
from gateway.store.database import Database
from gateway.store.grants import Grants
from gateway.store.legacy_tokens import ISSUED, SETTINGS, Allowed, LegacyTokens
from gateway.store.sealing import Seal
from gateway.store.seeds import Seeds
from gateway.store.tables import legacy_tokens, tenants

LOCK = 0x5A6E_0002
"""PostgreSQL's advisory lock for adding tenants: rare, and simplest one at a time."""

Rows = Mapping[tuple[str, str], Any]
"""Tenants as stored, by app and business."""


@dataclass(frozen=True, slots=True)
class Named:
    """A tenant as the settings name it.

    `seed` is a v3.1 refresh token, planted once, never again: what the store holds descends from it, and the seed
    itself is spent. One not seen before replaces the grant's tokens; without one, only a tenant that the store has
    already can be served. The other two are the legacy tokens that its client holds.
    """

    name: str
    app: str
    business: str
    seed: Secret | None = None
    access_token: Secret | None = None
    refresh_token: Secret | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes a tenant the same one."""
        return self.app, self.business

    def tokens(self) -> Iterator[tuple[str, str]]:
        """(kind, legacy token) of those that are given."""
        for kind, token in (("access", self.access_token), ("refresh", self.refresh_token)):
            if token:
                yield kind, token.reveal()


class Tenants:
    """The tenants of one store."""

    def __init__(self, database: Database, seal: Seal, kept_grants: Grants) -> None:
        self._database = database
        self._seeds = Seeds(seal, kept_grants)
        self._tokens = LegacyTokens(seal, embedded=database.embedded)

    async def by_token(self, token: str, now: float) -> Tenant | None:
        """Whom a legacy access token stands for; None where it is unknown or has lapsed."""
        held = await self.held(token, now)
        return held.tenant if held is not None and held.live else None

    async def held(self, token: str, now: float) -> Held | None:
        """A legacy access token, also one that has lapsed; None where it is unknown. Raises StoreFailed."""
        query = (
            _tenants()
            .add_columns(tenants.c.disconnected_at, legacy_tokens.c.scope, legacy_tokens.c.expires_at)
            .join(legacy_tokens, legacy_tokens.c.tenant_id == tenants.c.id)
            .where(legacy_tokens.c.digest == self._tokens.digest("access", token), legacy_tokens.c.kind == "access")
        )
        rows = await self._database.read(query)
        if not rows:
            return None
        row = rows[0]
        left = None if row.expires_at is None else row.expires_at - now
        return Held(_tenant(row), row.scope, left if row.disconnected_at is None else 0.0)

    async def of_grant(self, grant: int) -> list[str]:
        """The names of the tenants that a grant serves."""
        query = select(tenants.c.name).where(tenants.c.grant_id == grant).order_by(tenants.c.name)
        return [row.name for row in await self._database.read(query)]

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
        """Makes sure that a tenant exists, with legacy tokens issued to it; safe to repeat.

        `access_token_lifetime` is in seconds, None for ever. `user` is the Sage user, where known.
        `v31_refresh_token` is a seed as in `Named`. Tenants of one app that were given the same seed, or the same
        user, share one grant.
        Raises StoreFailed where the name or a token belongs to another tenant.
        """
        given = (Secret(text) if text else None for text in (v31_refresh_token, access_token, refresh_token))
        one = Named(name, app, business, *given)
        until = {} if access_token_lifetime is None else {"access": now + access_token_lifetime}

        async def work(connection: AsyncConnection) -> Tenant:
            await self._database.one_at_a_time(connection, LOCK)
            tenant = await self._place(connection, one, user, now)
            issued = [
                Allowed(self._tokens.digest(kind, token), tenant.id, kind, ISSUED, until.get(kind))
                for kind, token in one.tokens()
            ]
            await self._tokens.allow(connection, issued, now)
            return tenant

        return await self._database.write(work)

    async def settle(self, named: Iterable[Named], now: float) -> dict[str, Tenant]:
        """Makes the store say of tenants and their legacy tokens what the settings say, in one transaction; gives
        them by name. Safe at every start, and quick where nothing changed. One that was never given a seed gets an
        empty grant, which needs its owner's consent.

        Legacy tokens that settings gave once and give no more are taken away, also those of a tenant that they no
        longer name; issued ones stay, and so does all else of the tenant.
        Raises StoreFailed where a name or a token belongs to another tenant; nothing is changed then.
        """
        wanted = tuple(named)

        async def work(connection: AsyncConnection) -> dict[str, Tenant]:
            await self._database.one_at_a_time(connection, LOCK)
            rows = await self._found(connection, wanted, await self._stored(connection), now)
            made = {}
            for one in wanted:
                row = rows.get(one.key)
                if row is not None and row.name == one.name and row.seed == self._seed(one, row):
                    made[one.name] = _tenant(row)
                else:
                    made[one.name] = await self._place(connection, one, None, now)
            given = [
                Allowed(self._tokens.digest(kind, token), made[one.name].id, kind, SETTINGS)
                for one in wanted
                for kind, token in one.tokens()
            ]
            kept = await self._tokens.withdraw(connection, {one.digest: one.tenant for one in given})
            await self._tokens.allow(connection, [one for one in given if kept.get(one.digest) != one.tenant], now)
            return made

        return await self._database.write(work)

    async def _stored(self, connection: AsyncConnection) -> Rows:
        query = _tenants().add_columns(tenants.c.seed).order_by(tenants.c.name)
        return {(row.app, row.business): row for row in await connection.execute(query)}

    async def _found(self, connection: AsyncConnection, wanted: tuple[Named, ...], rows: Rows, now: float) -> Rows:
        """Adds the tenants that are wholly new, all at once; gives all that are stored then."""
        names = {row.name for row in rows.values()}
        new: dict[tuple[str, str], tuple[Named, Secret]] = {}
        for one in wanted:
            if one.seed is not None and one.key not in rows and one.name not in names:
                new.setdefault(one.key, (one, one.seed))
        if not new:
            return rows
        seeds = {key: (one.app, self._seeds.digest(one.app, seed)) for key, (one, seed) in new.items()}
        homes = await self._seeds.plant_all(connection, {seeds[key]: seed for key, (_, seed) in new.items()}, now)
        values = [
            {"name": one.name, "app": one.app, "business": one.business, "created_at": now}
            | {"grant_id": homes[seeds[key]], "seed": seeds[key][1]}
            for key, (one, _) in new.items()
        ]
        await connection.execute(insert(tenants), values)
        return await self._stored(connection)

    async def _place(self, connection: AsyncConnection, one: Named, user: str | None, now: float) -> Tenant:
        """The tenant with its grant, its seed planted where it was not yet."""
        row = await self._find(connection, one)
        seed = self._seed(one, row)
        if row is not None and row.seed == seed:
            grant_id = row.grant_id
        else:
            grant_id = await self._seeds.grant(connection, one.app, user, seed, row, now)
            if one.seed is not None:
                await self._seeds.plant(connection, grant_id, one.app, seed, one.seed, now)
        values = {"name": one.name, "app": one.app, "business": one.business, "grant_id": grant_id, "seed": seed}
        return Tenant(await self._save(connection, row, values, now), one.name, one.app, one.business, grant_id)

    def _seed(self, one: Named, row: Any | None) -> Any:
        """The digest of the seed that the tenant is given; else that of the one it was given last."""
        if one.seed is not None:
            return self._seeds.digest(one.app, one.seed)
        return None if row is None else row.seed

    async def _find(self, connection: AsyncConnection, one: Named) -> Any | None:
        """The tenant of this app and business; refuses a name that another one has."""
        same = (tenants.c.app == one.app) & (tenants.c.business == one.business)
        query = _tenants().add_columns(tenants.c.seed).where(or_(tenants.c.name == one.name, same))
        found = None
        for row in await connection.execute(query):
            if (row.app, row.business) == one.key:
                found = row
            else:
                raise StoreFailed(f"The tenant name {one.name!r} belongs to another app or business in the store.")
        return found

    async def _save(self, connection: AsyncConnection, row: Any | None, values: dict[str, Any], now: float) -> int:
        if row is not None:
            await connection.execute(update(tenants).where(tenants.c.id == row.id).values(values))
            return int(row.id)
        made = insert(tenants).values(**values, created_at=now).returning(tenants.c.id)
        return int((await connection.execute(made)).scalar_one())


def _tenants() -> Select[Any]:
    return select(tenants.c.id, tenants.c.name, tenants.c.app, tenants.c.business, tenants.c.grant_id)


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(row.id, row.name, row.app, row.business, row.grant_id)

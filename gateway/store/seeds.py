"""Seeds: the v3.1 refresh tokens that settings or an owner's consent give, each planted in a grant once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.grants.life import Grant, State
from gateway.grants.secret import Secret
from gateway.store.grants import Grants
from gateway.store.sealing import Seal
from gateway.store.tables import grant_seeds, grants, tenants

Key = tuple[str, bytes]
"""An app and a seed's digest: a refresh token belongs to one app."""


class Seeds:
    """The seeds of one store, known by their digests: one planted before is spent, and never planted again."""

    def __init__(self, seal: Seal, kept_grants: Grants) -> None:
        self._seal = seal
        self._grants = kept_grants

    def digest(self, app: str, refresh: Secret) -> bytes:
        """What the store knows a seed by."""
        return self._seal.digest(f"seed|{app}", refresh.reveal())

    async def grant(
        self, connection: AsyncConnection, app: str, user: str | None, seed: bytes, row: Any | None, now: float
    ) -> int:
        """A seed's grant: the one it was planted in, else the user's, that of the tenant in `row`, or a new one."""
        users = select(grants.c.id).where(grants.c.app == app, grants.c.sage_user == user)
        for query in (_planted(app, seed), users) if user else (_planted(app, seed),):
            found = (await connection.execute(query)).scalar_one_or_none()
            if found is not None:
                return int(found)
        if row is not None and not user:
            sharing = select(func.count()).select_from(tenants).where(tenants.c.grant_id == row.grant_id)
            if (await connection.execute(sharing)).scalar_one() == 1:
                return int(row.grant_id)
        made = insert(grants).values(empty_grant(app, user, now))
        return int((await connection.execute(made.returning(grants.c.id))).scalar_one())

    async def plant(
        self, connection: AsyncConnection, grant_id: int, app: str, seed: bytes, refresh: Secret, now: float
    ) -> None:
        """Starts the grant's next generation from a refresh token alone; nothing where it was planted before.

        A refresh still under way loses the compare-and-swap.
        """
        if (await connection.execute(_planted(app, seed))).first() is not None:
            return
        present = select(grants.c.generation).where(grants.c.id == grant_id).with_for_update()
        generation = (await connection.execute(present)).scalar_one() + 1
        await self._fill(connection, {(app, seed): Grant(grant_id, app, generation, State.ACTIVE, refresh)}, now)

    async def plant_all(self, connection: AsyncConnection, seeds: Mapping[Key, Secret], now: float) -> dict[Key, int]:
        """The grants of many seeds: those they were planted in, and for the others new ones, all at once."""
        found: dict[Key, int] = {}
        for app in {app for app, _ in seeds}:
            query = select(grant_seeds.c.digest, grant_seeds.c.grant_id).where(grant_seeds.c.app == app)
            found |= {(app, row.digest): row.grant_id for row in await connection.execute(query)}
        new = [key for key in seeds if key not in found]
        for app in {app for app, _ in new}:
            keys = [key for key in new if key[0] == app]
            made = insert(grants).returning(grants.c.id)
            # The new rows are all alike, so it does not matter whose id is whose.
            ids = (await connection.execute(made, [empty_grant(app, None, now)] * len(keys))).scalars()
            planted = {key: Grant(i, app, 1, State.ACTIVE, seeds[key]) for key, i in zip(keys, ids, strict=True)}
            await self._fill(connection, planted, now)
            found |= {key: grant.id for key, grant in planted.items()}
        return found

    async def _fill(self, connection: AsyncConnection, planted: Mapping[Key, Grant], now: float) -> None:
        filled = update(grants).where(grants.c.id == bindparam("row"))
        values = [{**self._grants.sealed(grant), "row": grant.id, "state_since": now} for grant in planted.values()]
        await connection.execute(filled, values)
        await connection.execute(insert(grant_seeds), list(_rows(planted.items(), now)))


def _rows(planted: Iterable[tuple[Key, Grant]], now: float) -> Iterable[dict[str, Any]]:
    return ({"app": app, "digest": seed, "grant_id": grant.id, "planted_at": now} for (app, seed), grant in planted)


def _planted(app: str, seed: bytes) -> Any:
    return select(grant_seeds.c.grant_id).where(grant_seeds.c.app == app, grant_seeds.c.digest == seed)


def empty_grant(app: str, user: str | None, now: float) -> dict[str, Any]:
    """The columns of a grant that has no tokens yet: it needs consent."""
    return {
        "app": app,
        "sage_user": user or None,
        "generation": 0,
        "state": State.REAUTH_REQUIRED.value,
        "lease_epoch": 0,
        "created_at": now,
    }

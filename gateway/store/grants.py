"""Grants at rest: tokens sealed, the lease that permits to send, results accepted by compare-and-swap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, Update, case, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import StoreFailed
from gateway.grants.health import Standing
from gateway.grants.life import USUAL_LIFE, Grant, State
from gateway.grants.secret import Secret
from gateway.store.database import Database, DatabaseNow
from gateway.store.sealing import Seal
from gateway.store.tables import grants, tenants, token_rescue

LAPSED = (State.REAUTH_REQUIRED.value, State.REVOKED.value)


class Grants:
    """The grants of one store. Only the holder of a grant's lease sends; whoever has a result may save it."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    async def load(self, grant_id: int) -> Grant:
        """The grant as stored now, with what is left of its lease by the database's clock."""
        lease_left = case((grants.c.lease_owner.is_(None), 0.0), else_=grants.c.lease_until - DatabaseNow())
        query = select(grants, lease_left.label("lease_left")).where(grants.c.id == grant_id)
        rows = await self._database.read(query)
        if not rows:
            raise StoreFailed("The tenant's grant is not in the store.")
        return await self.opened(rows[0])

    async def take_lease(self, grant: Grant, owner: str, seconds: float, attempt: str) -> int | None:
        """Permission to send this generation's refresh token: the lease's epoch, durably stored, or None.

        None: somebody holds the lease, has saved a newer generation, or the grant has lapsed.
        """
        statement = (
            update(grants)
            .where(
                grants.c.id == grant.id,
                grants.c.generation == grant.generation,
                grants.c.state.not_in(LAPSED),
                or_(grants.c.lease_owner.is_(None), grants.c.lease_until < DatabaseNow()),
            )
            .values(
                state=State.REFRESHING.value,
                lease_owner=owner,
                lease_epoch=grants.c.lease_epoch + 1,
                lease_until=DatabaseNow() + seconds,
                attempt_id=attempt,
                attempt_started=DatabaseNow(),
            )
            .returning(grants.c.lease_epoch)
        )

        async def work(connection: AsyncConnection) -> int | None:
            epoch: int | None = (await connection.execute(statement)).scalar_one_or_none()
            return epoch

        return await self._database.write(work)

    async def mark(self, grant: Grant, epoch: int, state: State, now: float, *, keep_lease: bool = False) -> bool:
        """Sets the state, by the holder of lease `epoch` alone, and gives the lease back unless told not to.

        False: the generation or the lease has moved on, and nothing was changed.
        """
        values: dict[str, Any] = {"state": state.value, "state_since": now}
        if not keep_lease:
            values |= {"lease_owner": None, "lease_until": None}
        statement = (
            update(grants)
            .where(
                grants.c.id == grant.id,
                grants.c.generation == grant.generation,
                grants.c.lease_epoch == epoch,
            )
            .values(values)
        )

        async def work(connection: AsyncConnection) -> bool:
            return (await connection.execute(statement)).rowcount == 1

        return await self._database.write(work)

    async def save_refreshed(self, new: Grant, attempt: str, now: float) -> bool:
        """Stores the next generation if its parent is still the present one, whoever holds the lease.

        Otherwise the tokens go to `token_rescue`, never away, and the answer is False; at once into the grant where
        it needs consent, for they may be alive.
        True too where this very result was stored before (a commit whose answer was lost).
        """
        parent = new.generation - 1
        compare_and_swap = (
            update(grants)
            .where(grants.c.id == new.id, grants.c.generation == parent)
            .values(
                {**self.sealed(new), "attempt_id": attempt, "requested_by": new.user}
                | {"refreshed_at": now, "state_since": now}
            )
        )

        async def work(connection: AsyncConnection) -> bool:
            if (await connection.execute(compare_and_swap)).rowcount == 1:
                return True
            row = (await connection.execute(select(grants).where(grants.c.id == new.id))).one()
            if row.attempt_id == attempt and row.generation == new.generation:
                return True
            if row.state == State.REAUTH_REQUIRED.value:
                heir = replace(new, generation=row.generation + 1)
                values = {**self.sealed(heir), "attempt_id": attempt, "refreshed_at": now, "state_since": now}
                await connection.execute(_of_generation(new.id, row.generation).values(values))
                return False
            known = select(token_rescue.c.attempt_id).where(token_rescue.c.attempt_id == attempt)
            if row.attempt_id != attempt and (await connection.execute(known)).first() is None:
                await connection.execute(insert(token_rescue).values(self._rescued(new, attempt, now)))
            return False

        return await self._database.write(work)

    async def adopt_rescued(self, grant: Grant, now: float) -> bool:
        """Makes the newest rescued tokens the grant's next generation, if its generation is still the present one.

        False: there are none. True too where somebody else has moved the generation on.
        """

        async def work(connection: AsyncConnection) -> bool:
            newest = (
                select(token_rescue)
                .where(token_rescue.c.grant_id == grant.id)
                .order_by(token_rescue.c.rescued_at.desc(), token_rescue.c.attempt_id)
                .limit(1)
            )
            row = (await connection.execute(newest)).first()
            present = select(grants.c.generation).where(grants.c.id == grant.id).with_for_update()
            if (await connection.execute(present)).scalar_one() != grant.generation:
                return True
            if row is None:
                return False
            rescued = await self._seal.opening(lambda: self._from_rescue(row, grant))
            heir = replace(rescued, generation=grant.generation + 1)
            values = {**self.sealed(heir), "state_since": now}
            await connection.execute(_of_generation(grant.id, grant.generation).values(values))
            await connection.execute(delete(token_rescue).where(token_rescue.c.attempt_id == row.attempt_id))
            return True

        return await self._database.write(work)

    async def adopt_all_rescued(self, now: float) -> int:
        """Gives every grant that needs consent what was rescued for it; how many. For the start and the sweep."""
        waiting = (
            select(grants.c.id)
            .where(grants.c.state == State.REAUTH_REQUIRED.value)
            .where(grants.c.id.in_(select(token_rescue.c.grant_id)))
        )
        adopted = 0
        for row in await self._database.read(waiting):
            adopted += await self.adopt_rescued(await self.load(row.id), now)
        return adopted

    async def standings(self, before: float) -> list[Standing]:
        """The grants with a connected tenant that were refreshed last before then (seconds since 1970), oldest
        first."""
        refreshed_at = func.coalesce(grants.c.refreshed_at, grants.c.created_at)
        connected = select(tenants.c.grant_id).where(tenants.c.disconnected_at.is_(None))
        query = (
            select(grants, refreshed_at.label("last"))
            .where(grants.c.state.not_in(LAPSED), grants.c.id.in_(connected))
            .where(or_(refreshed_at < before, grants.c.refreshed_at.is_(None)))
            .order_by(refreshed_at)
        )
        return [standing_of(row, row.last) for row in await self._database.read(query)]

    async def forget_rescued(self, before: float) -> None:
        """Drops rescued tokens older than that: Sage has ended them."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(token_rescue).where(token_rescue.c.rescued_at < before))

        await self._database.write(work)

    def sealed(self, grant: Grant) -> Mapping[str, Any]:
        """The columns of a grant's generation, with no lease; tokens are bound to this row and generation."""

        def seal(column: str, secret: Secret | None) -> bytes | None:
            if secret is None:
                return None
            return self._seal.seal(secret, "grants", column, grant.id, grant.generation)

        return {
            "generation": grant.generation,
            "state": grant.state.value,
            "access_ct": seal("access_ct", grant.access),
            "access_expires_at": grant.access_until,
            "access_life": grant.life,
            "refresh_ct": seal("refresh_ct", grant.refresh),
            "refresh_expires_at": grant.refresh_until,
            "prev_refresh_ct": seal("prev_refresh_ct", grant.previous),
            "lease_owner": None,
            "lease_until": None,
            "attempt_id": None,
        }

    def _rescued(self, new: Grant, attempt: str, now: float) -> Mapping[str, Any]:
        def seal(column: str, secret: Secret) -> bytes:
            return self._seal.seal(secret, "token_rescue", column, new.id, new.generation)

        return {
            "attempt_id": attempt,
            "grant_id": new.id,
            "parent_generation": new.generation - 1,
            "access_ct": seal("access_ct", new.access or Secret("")),
            "access_expires_at": new.access_until,
            "refresh_ct": seal("refresh_ct", new.refresh),
            "refresh_expires_at": new.refresh_until,
            "rescued_at": now,
        }

    def _from_rescue(self, row: Row[Any], grant: Grant) -> Grant:
        def unseal(column: str) -> Secret:
            blob = getattr(row, column)
            return self._seal.unseal(blob, "token_rescue", column, row.grant_id, row.parent_generation + 1)

        return replace(
            grant,
            state=State.ACTIVE,
            access=unseal("access_ct") or None,
            access_until=row.access_expires_at,
            refresh=unseal("refresh_ct"),
            refresh_until=row.refresh_expires_at,
            previous=grant.refresh or None,
            lease_left=0.0,
        )

    async def opened(self, row: Row[Any]) -> Grant:
        """The grant in a row that has its `lease_left` too."""
        return await self._seal.opening(lambda: self._opened(row))

    def _opened(self, row: Row[Any]) -> Grant:

        def unseal(column: str) -> Secret | None:
            blob = getattr(row, column)
            return None if blob is None else self._seal.unseal(blob, "grants", column, row.id, row.generation)

        return Grant(
            id=row.id,
            app=row.app,
            generation=row.generation,
            state=State(row.state),
            refresh=unseal("refresh_ct") or Secret(""),
            access=unseal("access_ct"),
            access_until=row.access_expires_at or 0.0,
            life=row.access_life or USUAL_LIFE,
            refresh_until=row.refresh_expires_at,
            previous=unseal("prev_refresh_ct"),
            user=row.requested_by or row.sage_user,
            lease_left=row.lease_left or 0.0,
        )


def standing_of(row: Row[Any], refreshed_at: float) -> Standing:
    """How a grant's row stands; `refreshed_at` is when it was refreshed last, else when it was made."""
    return Standing(
        id=row.id,
        app=row.app,
        state=State(row.state),
        since=row.state_since or row.created_at,
        refreshed_at=refreshed_at,
        refresh_until=row.refresh_expires_at,
        never=row.refreshed_at is None,
    )


def _of_generation(grant_id: int, generation: int) -> Update:
    return update(grants).where(grants.c.id == grant_id, grants.c.generation == generation)

"""An owner's consent: the grant it makes or replaces, and the tenant that is live by it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import StoreFailed
from gateway.grants.life import Grant, State, Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.grants.tenant import Tenant
from gateway.store.database import Database
from gateway.store.grants import Grants
from gateway.store.seeds import empty_grant
from gateway.store.tables import grants, tenants
from gateway.store.tenants import LOCK

NAME_TRIES = 1000


class Disconnected(Exception):  # noqa: N818 - it says what is the case
    """The operator has disconnected the tenant: only a link made for it brings it back."""


class Consents:
    """What consents change in one store."""

    def __init__(self, database: Database, kept_grants: Grants) -> None:
        self._database = database
        self._grants = kept_grants

    async def record(self, app: str, tokens: Tokens, started: float, now: float) -> int:
        """Stores what a consent gave as the grant of the app and `tokens.user`, and gives the grant's key.

        A second consent replaces the tokens for all tenants of the user, those of grants whose user became known only
        by refreshing among them. A refresh still under way loses the compare-and-swap. `started` is when the token
        request was begun. Raises StoreFailed; ValueError for tokens without a refresh token.
        """
        if tokens.refresh is None:
            raise ValueError("a consent gives a refresh token")
        refresh = tokens.refresh

        async def work(connection: AsyncConnection) -> int:
            await self._database.one_at_a_time(connection, LOCK)
            grant_id, generation = await self._of(connection, app, tokens.user, now)
            parent = Grant(grant_id, app, generation, State.ACTIVE, Secret(""))
            new = after_refresh(parent, Tokens(tokens.access, tokens.life, refresh, tokens.refresh_life), started)
            values = {**self._grants.sealed(new), "prev_refresh_ct": None, "requested_by": tokens.user}
            values |= {"refreshed_at": now, "state_since": now}
            await connection.execute(update(grants).where(grants.c.id == grant_id).values(values))
            if tokens.user:
                await self._gather(connection, app, tokens.user, grant_id)
            return grant_id

        return await self._database.write(work)

    async def identify(self, app: str, grant_id: int, user: str, now: float) -> int:
        """Tells whose a grant is that `record` made without a user; gives the key of the user's grant.

        Where the user has a grant already, the tokens move there, and the nameless grant is left without any: no
        refresh token is ever in two grants. Safe to repeat. Raises StoreFailed.
        """

        async def work(connection: AsyncConnection) -> int:
            await self._database.one_at_a_time(connection, LOCK)
            query = select(grants, literal(0.0).label("lease_left")).where(grants.c.id == grant_id)
            row = (await connection.execute(query.with_for_update())).one()
            if row.refresh_ct is None or row.sage_user is not None:
                return (await self._of(connection, app, user, now))[0]
            found = select(grants.c.id, grants.c.generation).where(grants.c.app == app, grants.c.sage_user == user)
            home = (await connection.execute(found.with_for_update())).first()
            here = update(grants).where(grants.c.id == grant_id)
            known = {"sage_user": user, "requested_by": user}
            if home is None:
                await connection.execute(here.values(known))
            else:
                new = replace(await self._grants.opened(row), id=home.id, generation=home.generation + 1, user=user)
                values = {**self._grants.sealed(new), "prev_refresh_ct": None, "requested_by": user}
                values |= {"refreshed_at": now, "state_since": now}
                await connection.execute(update(grants).where(grants.c.id == home.id).values(values))
                emptied = replace(new, id=grant_id, generation=row.generation + 1, state=State.REVOKED)
                gone = {"access_ct": None, "refresh_ct": None, "prev_refresh_ct": None, "state_since": now}
                await connection.execute(here.values({**self._grants.sealed(emptied), **gone}))
            final = grant_id if home is None else int(home.id)
            await self._gather(connection, app, user, final)
            return final

        return await self._database.write(work)

    async def connect(
        self,
        app: str,
        business: str,
        grant_id: int,
        now: float,
        name: str | None = None,
        first: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    ) -> Tenant:
        """Makes the tenant of the app and business live by a grant; safe to repeat.

        One that is there keeps its name, ids and legacy tokens. `name` is the connect link's: for one that is not
        there; without it, or where another has it, one is made of the app's name. `first` is done before, in the same
        transaction: what it raises undoes all. Raises StoreFailed, and Disconnected for a disconnected tenant of
        another name than the link's.
        """

        async def work(connection: AsyncConnection) -> Tenant:
            await self._database.one_at_a_time(connection, LOCK)
            if first is not None:
                await first(connection)
            present = select(tenants).where(tenants.c.app == app, tenants.c.business == business)
            # Locked, so that an operator who disconnects it at this moment is not undone.
            row = (await connection.execute(present.with_for_update())).first()
            values: dict[str, Any] = {"grant_id": grant_id, "disconnected_at": None}
            if row is not None:
                if row.disconnected_at is not None and row.name != name:
                    raise Disconnected
                await connection.execute(update(tenants).where(tenants.c.id == row.id).values(values))
                return Tenant(row.id, row.name, app, business, grant_id)
            values |= {"name": await self._free(connection, name or app), "app": app, "business": business}
            made = insert(tenants).values(**values, created_at=now).returning(tenants.c.id)
            return Tenant((await connection.execute(made)).scalar_one(), values["name"], app, business, grant_id)

        return await self._database.write(work)

    async def _of(self, connection: AsyncConnection, app: str, user: str | None, now: float) -> tuple[int, int]:
        """The user's grant and its generation; a new one, of generation 0, where there is none."""
        if user:
            query = select(grants.c.id, grants.c.generation).where(grants.c.app == app, grants.c.sage_user == user)
            row = (await connection.execute(query.with_for_update())).first()
            if row is not None:
                return row.id, row.generation
        made = insert(grants).values(empty_grant(app, user, now)).returning(grants.c.id)
        return (await connection.execute(made)).scalar_one(), 0

    async def _gather(self, connection: AsyncConnection, app: str, user: str, grant_id: int) -> None:
        """Lets all tenants of the user live by this grant."""
        theirs = select(grants.c.id).where(
            grants.c.app == app, or_(grants.c.sage_user == user, grants.c.requested_by == user)
        )
        moved = update(tenants).where(tenants.c.app == app, tenants.c.grant_id.in_(theirs))
        await connection.execute(moved.values(grant_id=grant_id))

    async def _free(self, connection: AsyncConnection, name: str) -> str:
        """A tenant's name that nobody has: the one wished for, else with a number behind it."""
        taken = set(
            (
                await connection.execute(select(tenants.c.name).where(tenants.c.name.startswith(name, autoescape=True)))
            ).scalars()
        )
        for number in range(1, NAME_TRIES + len(taken)):
            wish = name if number == 1 else f"{name}_{number}"
            if wish not in taken:
                return wish
        raise StoreFailed("No name is free for the new tenant.")

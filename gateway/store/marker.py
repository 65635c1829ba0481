"""Which database is the served one: a copy of it (staging cloned from production) must not use its refresh tokens up
(reliability.md §3.3 step 10).

A marker is a small file outside the database that names it. A database that once had one is taken for a copy where the
marker is missing, or names another; one on PostgreSQL also where it lies in another server or database than before.
The marker also holds the store's generation, which `adopt` raises: a backup from before is noticed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec
from sqlalchemy import select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import StoreFailed
from gateway.grants.life import State
from gateway.store.database import Database
from gateway.store.tables import grants, meta

GENERATION, MARKED, PLACE = "store_generation", "marker_made", "server_and_database"
"""What `meta` says: how often the store was adopted, whether a marker was made, and where the database lay."""

_WHERE = text(
    "SELECT (SELECT system_identifier FROM pg_control_system()) || '/' ||"
    " (SELECT oid FROM pg_database WHERE datname = current_database()) AS place"
)


class Marker(msgspec.Struct, frozen=True):
    """What a marker file says: the store's name, and its generation then."""

    cluster: str
    generation: int


class Identity:
    """Whether one database is the served one. Every method may raise StoreFailed."""

    def __init__(self, database: Database, cluster: str) -> None:
        self._database = database
        self._cluster = cluster

    async def doubt(self, path: Path | None) -> str | None:
        """Why this database is taken for a copy, as a sentence; None where it is the served one, or was never served.

        `path` is its marker's; None: none is kept.
        """
        known, place = await self._known(), await self._place()
        if place is not None and known.get(PLACE) not in (None, place):
            return "The database was moved or copied: it lies in another server or database than it did."
        if path is None:
            return None
        return _mismatch(path, _read(path), self._present(known), marked=MARKED in known)

    async def claim(self, path: Path | None) -> str | None:
        """As `doubt`; a database that never had a marker gets it."""
        doubt = await self.doubt(path)
        if doubt is not None:
            return doubt
        known = await self._known()
        if path is not None:
            found, present = _read(path), self._present(known)
            if found is None:
                _write(path, present)
            elif found != present:
                with suppress(StoreFailed):  # one that cannot be written (a ConfigMap) still names this store
                    _write(path, present)
        wanted = {MARKED: "1" if path else None, PLACE: await self._place()}
        new = {name: value for name, value in wanted.items() if value is not None and known.get(name) != value}
        if new:
            await self._database.write(lambda connection: self._note(connection, new))
        return None

    async def adopt(self, path: Path | None, now: float) -> int:
        """Makes this database the served one; gives how many grants there are of which nobody knows whether their
        refresh tokens are still good: each is refreshed when it is due, and asks for consent where it must."""
        found = None if path is None else _read(path)
        place = await self._place()
        before = max(int((await self._known()).get(GENERATION, 1)), found.generation if found else 1)
        values = {GENERATION: str(before + 1)} | ({MARKED: "1"} if path else {}) | ({PLACE: place} if place else {})

        async def work(connection: AsyncConnection) -> int:
            await self._note(connection, values)
            doubtful = update(grants).where(grants.c.state == State.ACTIVE.value)
            await connection.execute(doubtful.values(state=State.AMBIGUOUS.value, state_since=now))
            marked = select(grants.c.id).where(grants.c.state == State.AMBIGUOUS.value)
            return len((await connection.execute(marked)).all())

        doubted = await self._database.write(work)
        if path is not None:
            _write(path, Marker(self._cluster, before + 1))
        return doubted

    def _present(self, known: dict[str, str]) -> Marker:
        return Marker(self._cluster, int(known.get(GENERATION, 1)))

    async def _known(self) -> dict[str, str]:
        query = select(meta.c.name, meta.c.value).where(meta.c.name.in_((GENERATION, MARKED, PLACE)))
        return {row.name: row.value for row in await self._database.read(query)}

    async def _place(self) -> str | None:
        """PostgreSQL's server and database; None where it may not be read, or there is no server."""
        if self._database.embedded:
            return None
        try:
            return str((await self._database.read(_WHERE))[0].place)
        except StoreFailed:
            return None

    async def _note(self, connection: AsyncConnection, values: dict[str, str]) -> None:
        insert = sqlite.insert if self._database.embedded else postgresql.insert
        for name, value in values.items():
            statement = insert(meta).values(name=name, value=value)
            await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def _mismatch(path: Path, found: Marker | None, present: Marker, *, marked: bool) -> str | None:
    """Why a marker does not name this database, as a sentence; None where it does, or there never was one."""
    if found is None:
        return f"The database had a marker, and {path} is missing." if marked else None
    if found.cluster != present.cluster:
        return f"The marker {path} names another database."
    if found.generation > present.generation:
        return f"The database is older than its marker {path}: it was restored from a backup."
    return None


def _read(path: Path) -> Marker | None:
    """The marker; None where there is none. One that says nothing names no store."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Marker)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Marker("", 0)
    except OSError as error:
        raise StoreFailed(f"The store's marker {path} cannot be read ({error.strerror}).") from error


def _write(path: Path, marker: Marker) -> None:
    """Writes the marker durably, and whole or not at all."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(marker) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreFailed(f"The store's marker {path} cannot be written ({error.strerror}).") from error

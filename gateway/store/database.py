"""Connections to SQLite or PostgreSQL, and transactions that may be repeated."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Double, Executable, Row, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles

from gateway.errors import StoreFailed
from gateway.store.failures import translated, worth_repeating

T = TypeVar("T")

BUSY_SECONDS = 10
"""How long a SQLite writer waits for another process's transaction."""
WAL_TRIES = 100
"""How often the switch to WAL is tried, 20 ms apart."""
TRIES = 4
LONGEST_SLEEP = 20
"""Seconds that a process may do nothing within a transaction: a paused one would keep others from its rows. Less than
the others wait for them (`command_timeout`)."""


class DatabaseNow(ColumnElement[float]):
    """The database's own clock, in seconds since 1970: leases are judged by one clock for all replicas."""

    inherit_cache = True
    type = Double()


@compiles(DatabaseNow, "sqlite")
def _now_of_sqlite(element: DatabaseNow, compiler: Any, **options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseNow, "postgresql")
def _now_of_postgresql(element: DatabaseNow, compiler: Any, **options: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


def address(text: str) -> URL:
    """The SQLAlchemy address for `sqlite:///PATH` or `postgresql://…`; the driver is our choice.

    Raises StoreFailed for anything else, without quoting it: an address may hold a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreFailed("The store's address is neither sqlite:///PATH nor postgresql://….") from None
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+aiosqlite")
    if url.drivername in ("postgresql", "postgres"):
        mode = {"ssl": url.query["sslmode"]} if "sslmode" in url.query else {}
        return url.set(drivername="postgresql+asyncpg").difference_update_query(["sslmode"]).update_query_dict(mode)
    raise StoreFailed("The store's address is neither sqlite:///PATH nor postgresql://….")


class Database:
    """Two pools on one database: single statements read without a transaction, and writers.

    On SQLite one writer at a time holds the file (BEGIN IMMEDIATE), durably (WAL, synchronous FULL).
    """

    def __init__(self, url: str) -> None:
        where = address(url)
        self.embedded = where.get_backend_name() == "sqlite"
        self.place = _place(where)
        """The file, or the host and port: neither user nor password."""
        if self.embedded:
            _make_private(Path(where.database or ""))
            self._reads = _sqlite(where, "AUTOCOMMIT", 4)
            self._writes = _sqlite(where, None, 1)
            event.listen(self._writes.sync_engine, "begin", _begin_immediate)
        else:
            self._reads = _postgresql(where, "AUTOCOMMIT")
            self._writes = _postgresql(where, "READ COMMITTED")

    async def read(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of one query."""

        async def work() -> Sequence[Row[Any]]:
            async with self._reads.connect() as connection:
                return (await connection.execute(statement)).all()

        return await _repeated(work)

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Runs `work` in one transaction, once more after a lost connection or a deadlock.

        So `work` must be right when run again, also when the lost run was committed.
        """

        async def transaction() -> T:
            async with self._writes.begin() as connection:
                return await work(connection)

        return await _repeated(transaction)

    async def one_at_a_time(self, connection: AsyncConnection, lock: int) -> None:
        """Within a transaction: waits until no other process is in one with this lock. SQLite has one writer anyway."""
        if not self.embedded:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})

    async def close(self) -> None:
        """Closes all connections."""
        with translated():
            await self._reads.dispose()
            await self._writes.dispose()


async def _repeated(work: Callable[[], Awaitable[T]]) -> T:
    with translated():
        for _ in range(TRIES - 1):
            try:
                return await work()
            except DBAPIError as error:
                if not worth_repeating(error):
                    raise
        return await work()


def _place(where: URL) -> str:
    if where.get_backend_name() == "sqlite":
        return where.database or ""
    if where.host is None:
        return str(where.query.get("host", "the usual socket of this machine"))
    host = f"[{where.host}]" if ":" in where.host else where.host
    return f"{host}:{where.port or 5432}"


def _make_private(path: Path) -> None:
    """Creates the file for its owner alone: SQLite would take the umask's word."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreFailed(f"The store's file {path} cannot be opened ({error.strerror}).") from error


def _sqlite(where: URL, isolation: Any, connections: int) -> AsyncEngine:
    options: dict[str, Any] = {"isolation_level": isolation} if isolation else {}
    engine = create_async_engine(
        where,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        connect_args={"timeout": BUSY_SECONDS},
        **options,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        "recursive_triggers = ON",  # else INSERT OR REPLACE would slip past the DELETE trigger
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    """Where two processes make a store at one moment, SQLite refuses the switch at once, however long it may wait for
    locks; it takes the other but milliseconds."""
    for left in reversed(range(WAL_TRIES)):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if not left:
                raise
            time.sleep(0.02)


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql(where: URL, isolation: Any) -> AsyncEngine:
    return create_async_engine(
        where,
        hide_parameters=True,
        isolation_level=isolation,
        pool_size=5,
        max_overflow=5,
        connect_args={
            "timeout": 5,
            "command_timeout": 30,
            "server_settings": {
                "application_name": "sage-gateway",
                "synchronous_commit": "on",
                "idle_in_transaction_session_timeout": f"{LONGEST_SLEEP}s",
            },
        },
    )

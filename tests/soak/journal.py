"""What the store did, written by PostgreSQL itself: each change of a grant, by whom and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from sqlalchemy.engine import URL, make_url

PASSWORD = "soak"

JOURNAL = """
CREATE TABLE soak_journal (
    at double precision, who text, grant_id bigint, generation bigint, state text, leased boolean,
    lease_until double precision
);
CREATE FUNCTION soak_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO soak_journal VALUES (
        extract(epoch FROM clock_timestamp()), session_user, NEW.id, NEW.generation, NEW.state,
        NEW.lease_epoch <> OLD.lease_epoch, NEW.lease_until
    );
    RETURN NEW;
END $$;
CREATE TRIGGER soak_note AFTER UPDATE ON grants FOR EACH ROW EXECUTE FUNCTION soak_note();
"""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a tenant's grant that was committed. `leased`: it took the lease, until `lease_until`."""

    tenant: str
    replica: int
    at: float
    generation: int
    state: str
    leased: bool
    lease_until: float | None


def role(database: str, replica: int) -> str:
    """The database user of a replica, by which the journal knows it."""
    return f"{database}_{replica}"


def address(server: str, database: str, replica: int) -> str:
    """The store's address for a replica."""
    return _url(server, database, role(database, replica)).render_as_string(hide_password=False)


def _url(server: str, database: str, user: str) -> URL:
    return make_url(server).set(database=database, username=user, password=PASSWORD)


async def prepare(server: str, database: str, replicas: int) -> None:
    """Makes the database, and a user for each replica."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {database}")
        for replica in range(replicas):
            await connection.execute(f"CREATE ROLE {role(database, replica)} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    finally:
        await connection.close()


async def clear_away(server: str, database: str, replicas: int) -> None:
    """Undoes `prepare`."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        for replica in range(replicas):
            await connection.execute(f"DROP ROLE IF EXISTS {role(database, replica)}")
    finally:
        await connection.close()


async def begin_journal(address: str) -> None:
    """Notes all changes from now on. The schema must be there."""
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(JOURNAL)
    finally:
        await connection.close()


async def read_journal(address: str) -> Sequence[Change]:
    """All that was noted, oldest first."""
    connection = await asyncpg.connect(address)
    try:
        rows = await connection.fetch(
            "SELECT j.*, t.name FROM soak_journal j JOIN tenants t ON t.grant_id = j.grant_id ORDER BY j.at"
        )
    finally:
        await connection.close()
    return [
        Change(
            row["name"],
            int(row["who"].rpartition("_")[2]),
            row["at"],
            row["generation"],
            row["state"],
            row["leased"],
            row["lease_until"],
        )
        for row in rows
    ]

"""The schema's age, and its migration by Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.database import Database

LOCK = 0x5A6E_0001
"""PostgreSQL's advisory lock that lets one process migrate at a time."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


async def is_old(database: Database) -> bool:
    """Whether the schema lacks a migration of ours. A newer schema is not old: migrations only expand."""

    async def look(connection: AsyncConnection) -> bool:
        return await connection.run_sync(_lacks_migrations)

    return await database.write(look)


def _lacks_migrations(connection: Connection) -> bool:
    present = MigrationContext.configure(connection).get_current_heads()
    script = ScriptDirectory.from_config(_config())
    known = {revision.revision for revision in script.walk_revisions()}
    return not present or (set(present) <= known and set(present) != set(script.get_heads()))


async def bring_up_to_date(database: Database) -> None:
    """Runs the missing migrations in one transaction; a second process waits and finds nothing to do."""

    async def work(connection: AsyncConnection) -> None:
        await database.one_at_a_time(connection, LOCK)
        await connection.run_sync(_upgrade)

    await database.write(work)


def _upgrade(connection: Connection) -> None:
    if _lacks_migrations(connection):
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

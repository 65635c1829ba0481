"""Opening the store: schema, key, address, durability."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from gateway.errors import StoreFailed
from gateway.store import KeyWrong, SchemaOld, Store, migrate
from gateway.store.database import Database, address
from gateway.store.schema import _config
from gateway.store.tables import metadata


async def run(url, *statements):
    """Runs SQL as an operator might; returns the last statement's rows."""
    database = Database(url)
    try:

        async def work(connection):
            rows = None
            for statement in statements:
                result = await connection.execute(text(statement))
                rows = result.all() if result.returns_rows else None
            return rows

        return await database.write(work)
    finally:
        await database.close()


async def test_sqlite_migrates_itself(sqlite_url, key):
    """An embedded store needs no command."""
    store = await Store.open(sqlite_url, key)
    await store.ready()
    await store.close()


async def test_postgresql_is_never_migrated_by_the_way(postgres_url, key):
    """The operator decides when; the message names the command."""
    with pytest.raises(SchemaOld, match="sage-gateway store migrate"):
        await Store.open(postgres_url, key)
    await migrate(postgres_url)
    store = await Store.open(postgres_url, key)
    await store.ready()
    await store.close()


async def test_an_old_schema_may_be_refused_on_sqlite_too(sqlite_url, key):
    """`migrate=False` leaves the file as it is."""
    with pytest.raises(SchemaOld):
        await Store.open(sqlite_url, key, migrate=False)


async def test_a_newer_schema_is_accepted(url, key):
    """Migrations only expand, so old and new replicas run together."""
    await migrate(url)
    await run(url, "UPDATE alembic_version SET version_num = '9999'")
    await (await Store.open(url, key, migrate=False)).close()


async def test_migrating_twice_at_once_is_migrating_once(url):
    """Replicas may start together."""
    await asyncio.gather(*(migrate(url) for _ in range(4)))
    assert await run(url, "SELECT version_num FROM alembic_version") == [("0005",)]


async def test_tokens_of_an_older_gateway_came_from_the_settings(url):
    """The first version had no other source, and may run beside this one: what it adds is the settings' too."""
    database = Database(url)
    try:

        async def work(connection):
            def upgrade(sync):
                config = _config()
                config.attributes["connection"] = sync
                command.upgrade(config, "0001")

            await connection.run_sync(upgrade)

        await database.write(work)
    finally:
        await database.close()
    await run(
        url,
        "INSERT INTO grants (id, app, generation, state, lease_epoch, created_at) VALUES (1, 'a', 0, 'active', 0, 0)",
        "INSERT INTO tenants (id, name, app, business, grant_id, created_at) VALUES (1, 't', 'a', 'b', 1, 0)",
        "INSERT INTO legacy_tokens (digest, tenant_id, kind, created_at) VALUES ('1', 1, 'access', 0)",
    )
    await migrate(url)
    await run(url, "INSERT INTO legacy_tokens (digest, tenant_id, kind, created_at) VALUES ('2', 1, 'access', 0)")
    assert await run(url, "SELECT origin FROM legacy_tokens") == [("settings",), ("settings",)]


async def test_the_migrations_make_the_tables(url):
    """What the code believes is what the migrations leave."""
    await migrate(url)
    database = Database(url)
    try:

        async def work(connection):
            def compare(sync):
                return compare_metadata(MigrationContext.configure(sync), metadata)

            return await connection.run_sync(compare)

        assert await database.write(work) == []
    finally:
        await database.close()


async def test_the_store_keeps_its_identity(url, key):
    """A cluster id is made once."""
    names = set()
    for _ in range(2):
        store = await Store.open(url, key, migrate=True)
        names.add(store.cluster)
        await store.close()
    assert len(names) == 1


async def test_processes_that_open_a_new_store_together_agree(url, key):
    """One identity and one set of keys, whoever comes first."""
    await migrate(url)
    stores = await asyncio.gather(*(Store.open(url, key) for _ in range(4)))
    digests = {store.tenants._tokens.digest("x", "y") for store in stores}
    assert (len({store.cluster for store in stores}), len(digests)) == (1, 1)
    await asyncio.gather(*(store.close() for store in stores))


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33)])
async def test_a_weak_key_is_refused(sqlite_url, wrong):
    """The key has 256 bits (reliability.md §6)."""
    with pytest.raises(KeyWrong):
        await Store.open(sqlite_url, wrong)


async def test_another_key_does_not_open_the_store(url, key):
    """And says so at the start, not at the first call."""
    await (await Store.open(url, key, migrate=True)).close()
    with pytest.raises(KeyWrong):
        await Store.open(url, bytes(32), migrate=True)
    await (await Store.open(url, key)).close()


async def test_a_sqlite_file_is_its_owners_alone_and_durable(sqlite_url, key):
    """Mode 0600, WAL, synchronous FULL, foreign keys."""
    await (await Store.open(sqlite_url, key)).close()
    assert stat.S_IMODE(Path(urlsplit(sqlite_url).path).stat().st_mode) == 0o600  # noqa: ASYNC240
    for pragma, value in {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}.items():
        assert await run(sqlite_url, f"PRAGMA {pragma}") == [(value,)]


@pytest.mark.parametrize(
    "wrong", ["", "x", "sqlite://", "sqlite:///:memory:", "mysql://u:canary@h/d", "postgresql+psycopg://u:canary@h/d"]
)
def test_other_addresses_are_refused(wrong):
    """Without quoting them: an address may hold a password."""
    with pytest.raises(StoreFailed) as failure:
        address(wrong)
    assert "canary" not in str(failure.value)


def test_the_usual_addresses_of_postgresql_are_understood():
    """`postgres://` and `sslmode`, which asyncpg calls `ssl`."""
    url = address("postgres://u:p@h:5/d?sslmode=require")
    assert (url.drivername, dict(url.query)) == ("postgresql+asyncpg", {"ssl": "require"})


async def test_an_unreachable_store_is_a_store_failed(tmp_path, key):
    """No foreign exception leaves the store."""
    for wrong in (f"sqlite:///{tmp_path}/no/such/dir.db", "postgresql://u:canary@127.0.0.1:1/d"):
        with pytest.raises(StoreFailed) as failure:
            await Store.open(wrong, key)
        assert "canary" not in str(failure.value)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("postgresql://user:canary@127.0.0.1:1/d", "127.0.0.1:1"),
        ("postgresql://user:canary@[::1]:1/d", "[::1]:1"),
        ("postgresql://user:canary@/d?host=/canary-free/run", "/canary-free/run"),
    ],
)
async def test_an_unreachable_server_is_named_without_its_password(key, address, place):
    """Its host and port, in one sentence, whether it is opened or migrated."""
    for use in (Store.open(address, key), migrate(address)):
        with pytest.raises(StoreFailed) as failure:
            await use
        assert f" at {place} " in str(failure.value)
        assert "user" not in str(failure.value)
        assert ":canary" not in str(failure.value)


async def test_a_running_stores_failure_names_no_server(postgres_url, key):
    """Clients get that sentence: the machines behind are none of their business."""
    store = await Store.open(postgres_url, key, migrate=True)
    await run(postgres_url, "ALTER TABLE meta RENAME TO gone")
    with pytest.raises(StoreFailed) as failure:
        await store.ready()
    assert " at " not in str(failure.value)
    await store.close()


async def test_a_file_that_is_no_database_is_a_store_failed(tmp_path, key):
    """Whatever was there stays there."""
    path = tmp_path / "store.db"
    path.write_bytes(b"these are not the pages you are looking for" * 99)
    with pytest.raises(StoreFailed):
        await Store.open(f"sqlite:///{path}", key)
    assert path.read_bytes().startswith(b"these are not")


async def test_a_store_that_has_gone_is_not_ready(postgres_url, key):
    """A lost database is noticed, and found again when it is back."""
    store = await Store.open(postgres_url, key, migrate=True)
    await run(postgres_url, "ALTER TABLE meta RENAME TO gone")
    with pytest.raises(StoreFailed):
        await store.ready()
    await run(postgres_url, "ALTER TABLE gone RENAME TO meta")
    await store.ready()
    await store.close()


async def test_a_lost_connection_is_replaced_unnoticed(postgres_url, postgres_server, key):
    """A restart of PostgreSQL costs no call."""
    store = await Store.open(postgres_url, key, migrate=True)
    await store.ids.mint("b", "contacts", ["x"])
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :d AND pid <> pg_backend_pid()"
    name = urlsplit(postgres_url).path[1:]
    await run(postgres_server, kill.replace(":d", f"'{name}'"))
    assert await store.ids.shown("b", "contacts", ["x"]) == {"x": 1_500_000_000}
    assert await store.ids.mint("b", "contacts", ["y"]) == {"y": 1_500_000_001}
    await store.close()

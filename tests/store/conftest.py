"""A store on SQLite and on a real PostgreSQL: every store test runs over both."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from gateway.store import Store
from tests.postgres import postgres

KEY = bytes(range(32))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server."""
    with postgres() as server:
        yield server


async def administer(server: str, sql: str) -> None:
    """Runs one statement on the server's own database."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """The address of an empty database of its own."""
    name = f"test_{uuid.uuid4().hex}"
    await administer(postgres_server, f"CREATE DATABASE {name}")
    url = make_url(postgres_server).set(database=name)
    yield url.render_as_string(hide_password=False)
    await administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database of either kind."""
    kind = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    address: str = request.getfixturevalue(kind)
    return address


@pytest.fixture
def key() -> bytes:
    """The key that the tests' stores are sealed under."""
    return KEY


@pytest.fixture
async def store(url: str, key: bytes) -> AsyncIterator[Store]:
    """An open, migrated store."""
    opened = await Store.open(url, key, migrate=True)
    yield opened
    await opened.close()

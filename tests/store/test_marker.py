"""Copies of a database are noticed (reliability.md §3.3 step 10)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from gateway.errors import StoreFailed
from gateway.grants.life import State, Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.store import Named, Store
from gateway.store.holding import held
from gateway.store.marker import PLACE, Marker, _read
from tests.store.conftest import administer

NOW = 1_700_000_000.0


async def run(store: Store, statement: str, **values: Any) -> None:
    """A statement as an operator might run it."""
    await store._database.write(lambda connection: connection.execute(text(statement), values))


async def test_the_first_start_makes_the_marker(store: Store, tmp_path: Path) -> None:
    """Every later one finds it, and leaves it as it is."""
    path = tmp_path / "marker"
    assert await store.identity.claim(path) is None
    assert _read(path) == Marker(store.cluster, 1)
    made = path.stat()
    assert await store.identity.claim(path) is None
    assert path.stat() == made
    assert [name for name in os.listdir(tmp_path) if "marker" in name] == ["marker"]  # noqa: PTH208


async def test_a_database_without_its_marker_is_a_copy(store: Store, tmp_path: Path) -> None:
    """Each start says so, and makes none."""
    await store.identity.claim(tmp_path / "marker")
    (tmp_path / "marker").rename(tmp_path / "elsewhere")
    for _ in range(2):
        assert await store.identity.claim(tmp_path / "marker") == (
            f"The database had a marker, and {tmp_path}/marker is missing."
        )
    assert not (tmp_path / "marker").exists()
    assert await store.identity.claim(tmp_path / "elsewhere") is None


@pytest.mark.parametrize("said", [b'{"cluster": "other", "generation": 1}', b"", b"\xff", b"[]", b'{"cluster": 1}'])
async def test_another_databases_marker_makes_it_a_copy(store: Store, tmp_path: Path, said: bytes) -> None:
    """One that says nothing sensible too; a new database beside an old marker as well. The marker stays."""
    (tmp_path / "marker").write_bytes(said)
    sentence = await store.identity.claim(tmp_path / "marker")
    assert sentence == f"The marker {tmp_path}/marker names another database."
    assert (tmp_path / "marker").read_bytes() == said


async def test_without_a_path_no_marker_is_kept(store: Store) -> None:
    """The database is taken for the served one."""
    assert await store.identity.claim(None) is None
    assert await store.identity.claim(None) is None


async def test_an_adopted_copy_is_the_served_one(store: Store, tmp_path: Path) -> None:
    """It gets a marker of the next generation; its grants' refresh tokens may be spent, which their state says."""
    named = [Named(name, "app", name, Secret(name)) for name in ("a", "b")]
    made = await store.tenants.settle(named, NOW)
    grant = await store.grants.load(made["a"].grant)
    await store.grants.save_refreshed(
        after_refresh(grant, Tokens(Secret("at"), 300.0, Secret("rt"), None, None), NOW), "attempt", NOW
    )
    await run(store, "UPDATE grants SET state = 'reauth_required' WHERE id = :id", id=made["b"].grant)
    path = tmp_path / "marker"
    await store.identity.claim(path)
    path.unlink()
    assert await store.identity.adopt(path, NOW + 1) == 1
    assert _read(path) == Marker(store.cluster, 2)
    assert await store.identity.claim(path) is None
    grant = await store.grants.load(made["a"].grant)
    assert (grant.state, grant.refresh, grant.access) == (State.AMBIGUOUS, Secret("rt"), Secret("at"))
    assert (await store.grants.load(made["b"].grant)).state is State.REAUTH_REQUIRED


async def test_a_backup_from_before_an_adoption_is_noticed(sqlite_url: str, key: bytes, tmp_path: Path) -> None:
    """Its generation is older than its marker's; adopted, it is newer than both."""
    store, path = await Store.open(sqlite_url, key), tmp_path / "marker"
    await store.identity.claim(path)
    await store.close()
    shutil.copy(tmp_path / "store.db", tmp_path / "backup.db")
    store = await Store.open(sqlite_url, key)
    await store.identity.adopt(path, NOW)
    await store.close()
    store = await Store.open(f"sqlite:///{tmp_path}/backup.db", key)
    assert await store.identity.claim(path) == (
        f"The database is older than its marker {path}: it was restored from a backup."
    )
    await store.identity.adopt(path, NOW)
    assert (await store.identity.claim(path), _read(path)) == (None, Marker(store.cluster, 3))
    await store.close()


async def test_an_older_marker_of_the_same_database_is_brought_up_to_date(store: Store, tmp_path: Path) -> None:
    """Another replica has adopted it; where it cannot be written, it still names this database."""
    await store.identity.claim(tmp_path / "marker")
    shutil.copy(tmp_path / "marker", tmp_path / "of another replica")
    await store.identity.adopt(tmp_path / "marker", NOW)
    assert await store.identity.claim(tmp_path / "of another replica") is None
    assert _read(tmp_path / "of another replica") == Marker(store.cluster, 2)


async def test_a_marker_that_cannot_be_made_stops_the_start(store: Store, tmp_path: Path) -> None:
    """A gateway that nobody can tell from its copy must not start; nothing is noted of a marker."""
    for path in (tmp_path / "missing" / "marker", tmp_path):
        with pytest.raises(StoreFailed, match="marker"):
            await store.identity.claim(path)
    assert await store.identity.claim(tmp_path / "marker") is None


async def test_a_clone_on_another_server_is_a_copy(postgres_url: str, key: bytes) -> None:
    """PostgreSQL's own name of server and database tells, without a marker; adopted, it lies where it lies."""
    store = await Store.open(postgres_url, key, migrate=True)
    assert await store.identity.claim(None) is None
    await run(store, "UPDATE meta SET value = '7/5' WHERE name = :name", name=PLACE)
    sentence = "The database was moved or copied: it lies in another server or database than it did."
    assert await store.identity.claim(None) == sentence
    await store.identity.adopt(None, NOW)
    assert await store.identity.claim(None) is None
    await store.close()


async def test_a_clone_made_by_the_server_is_a_copy(postgres_url: str, postgres_server: str, key: bytes) -> None:
    """CREATE DATABASE … TEMPLATE copies every row, and lies elsewhere."""
    store = await Store.open(postgres_url, key, migrate=True)
    assert await store.identity.claim(None) is None
    await store.close()
    name = make_url(postgres_url).database
    await administer(postgres_server, f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    copy = await Store.open(postgres_url.replace(str(name), f"{name}_copy"), key)
    assert str(await copy.identity.claim(None)).startswith("The database was moved or copied")
    await copy.close()
    await administer(postgres_server, f"DROP DATABASE {name}_copy WITH (FORCE)")


async def test_a_server_that_does_not_say_its_name_is_no_mismatch(
    postgres_url: str, postgres_server: str, key: bytes
) -> None:
    """Where the function may not be called, nobody knows: the marker alone decides."""
    store = await Store.open(postgres_url, key, migrate=True)
    await run(store, "INSERT INTO meta (name, value) VALUES (:name, '7/5')", name=PLACE)
    await run(store, "CREATE ROLE nobody_of_note")
    await run(store, "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO nobody_of_note")
    await run(store, "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    name = make_url(postgres_url).database
    await administer(postgres_server, f"ALTER DATABASE {name} SET role = nobody_of_note")
    await store.close()
    asked = await Store.open(postgres_url, key)
    assert await asked.identity.claim(None) is None
    await asked.close()
    await administer(postgres_server, f"ALTER DATABASE {name} RESET role")
    store = await Store.open(postgres_url, key)
    assert await store.identity.claim(None) is not None
    await run(store, "DROP OWNED BY nobody_of_note")
    await run(store, "DROP ROLE nobody_of_note")
    await store.close()


def test_one_serve_holds_a_file(tmp_path: Path) -> None:
    """A second one is refused, by any name of the file, until the first has gone."""
    file = tmp_path / "store.db"
    file.touch()
    (tmp_path / "link.db").symlink_to(file)
    with held(file), pytest.raises(StoreFailed, match="Another `sage-gateway serve`"), held(tmp_path / "link.db"):
        raise AssertionError
    with held(file):
        pass


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(StoreFailed, match="cannot be locked"), held(tmp_path / "missing" / "store.db"):
        raise AssertionError

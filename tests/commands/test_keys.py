"""`keys` and `store adopt`: what they do, say and refuse."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.grants.life import State
from gateway.grants.secret import Secret
from gateway.store import Named, Store
from gateway.store.marker import Marker

Run = Callable[..., Result]
KEY = "9f1c0e5b7a2d48f3b6e1904c8d3a7f25c0b89e6d14f7a35280de4b9617c3fa58"
OLDER = "41d7b2a98c03f6e5170bd9c4823e6fa59b0c1d7e34a8f25660e9cb13d8457fa2"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the folder's store, with the keys given."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("SAGE_GATEWAY_"):
            monkeypatch.delenv(name)

    def invoke(*words: str, key: str | None = KEY, old_key: str | None = None, db: str = "store.db") -> Result:
        environ = {"STORE__DB": f"sqlite:///{tmp_path}/{db}", "STORE__KEY": key, "STORE__OLD_KEY": old_key}
        given = {f"SAGE_GATEWAY_{name}": value for name, value in environ.items() if value is not None}
        return CliRunner().invoke(app, words, env={"COLUMNS": "200", **given})

    return invoke


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A store with a grant and a kept field, sealed under the older key."""

    async def fill() -> None:
        store = await Store.open(f"sqlite:///{tmp_path}/store.db", bytes.fromhex(OLDER))
        await store.tenants.settle([Named("acme", "shop", "b1", Secret("canary-seed"))], 0.0)
        await store.kept.retain("b1", "products", "p", {"extra_info": "canary"})
        await store.close()

    asyncio.run(fill())
    return tmp_path / "store.db"


async def on(file: Path, statement: str) -> None:
    store = await Store.open(f"sqlite:///{file}", bytes.fromhex(OLDER))
    await store._database.write(lambda connection: connection.execute(text(statement)))
    await store.close()


def test_keys_are_shown_and_rotated(run: Run, filled: Path) -> None:
    """Both keys at once: what is wrapped and sealed by which, before and after; no key and no secret is printed."""
    before = run("keys", "show", key=OLDER)
    assert re.search(r"^1 +data +\d{4}-\d\d-\d\d \(0 days\) +([0-9a-f]{8}) +2, seals$", before.stdout, re.MULTILINE)
    assert re.search(r"^2 +digest .* hashes only; never changes$", before.stdout, re.MULTILINE)
    both = run("keys", "show", old_key=OLDER)
    assert "`sage-gateway keys rotate`" in both.stdout
    done = run("keys", "rotate", old_key=OLDER)
    assert done.stdout == (
        "2 secrets were sealed anew; all keys are wrapped under store.key.\n"
        "Key 1 is retired: nothing is sealed under it any more.\n"
    )
    after = run("keys", "show")
    assert re.search(r"^1 +retired .* 0, retired \d{4}-\d\d-\d\d$", after.stdout, re.MULTILINE)
    assert re.search(r"^3 +data .* 2, seals$", after.stdout, re.MULTILINE)
    assert "keys rotate" not in after.stdout
    assert [each.exit_code for each in (before, both, done, after)] == [0, 0, 0, 0]
    printed = "".join(each.output for each in (before, both, done, after))
    assert not any(secret in printed for secret in (KEY, OLDER, "canary"))


def test_the_former_key_alone_opens_nothing_after_a_rotation(run: Run, filled: Path) -> None:
    """A sentence that names the fingerprint of the key that is wanted."""
    run("keys", "rotate", old_key=OLDER)
    told = run("keys", "show", key=OLDER)
    assert (told.exit_code, "was sealed with another key than store.key (that of fingerprint" in told.stderr) == (
        1,
        True,
    )


def test_what_does_not_open_is_told(run: Run, filled: Path) -> None:
    """With its table, and exit code 1; the rest is sealed anew, and its key is retired."""
    asyncio.run(on(filled, "UPDATE kept_fields SET value_ct = substr(value_ct, 1, 40)"))
    for retired in (1, 3):
        told = run("keys", "rotate", key=OLDER)
        assert told.exit_code == 1
        assert told.stderr.startswith("1 secrets in the table kept_fields open with none of the store's keys")
        assert f"Key {retired} is retired" in told.stdout


@pytest.mark.parametrize("words", [("keys", "show"), ("keys", "rotate"), ("store", "adopt", "--yes")])
def test_without_a_store_nothing_is_done(run: Run, words: tuple[str, ...], tmp_path: Path) -> None:
    """Without a key exit code 2; a database that is not there, or not to be opened, exit code 1."""
    assert run(*words, key=None).exit_code == 2
    for missing in ("missing/store.db", "store.db"):
        told = run(*words, db=missing)
        assert (told.exit_code, told.stderr) == (1, f"There is no store at {tmp_path}/{missing} yet.\n")
    assert list(tmp_path.iterdir()) == []


def test_adopting_needs_a_yes(run: Run, filled: Path) -> None:
    """What it means is said first, and nothing is done."""
    told = run("store", "adopt", key=OLDER)
    assert (told.exit_code, "are locked out" in told.stderr, "--yes" in told.stderr) == (2, True, True)
    assert not filled.with_name("store.db.marker").exists()


def test_a_copy_is_adopted(run: Run, filled: Path) -> None:
    """Its marker is made, and its grants may ask for consent."""
    told = run("store", "adopt", "--yes", key=OLDER)
    marker = filled.with_name("store.db.marker")
    assert told.exit_code == 0
    assert told.stdout == (
        f"This database is the one that is served, and {marker} says so.\n"
        "1 grants may have been refreshed elsewhere: those that were will ask for consent.\n"
    )
    assert msgspec.json.decode(marker.read_bytes(), type=Marker).generation == 2

    async def state() -> State:
        store = await Store.open(f"sqlite:///{filled}", bytes.fromhex(OLDER))
        grant = await store.grants.load(1)
        await store.close()
        return grant.state

    assert asyncio.run(state()) is State.AMBIGUOUS


SERVED = {
    "UPSTREAM__API": "http://127.0.0.1:1/v3.1",
    "SERVER__PORT": "0",
    "SERVER__ADMIN": "off",
    "APPS__SHOP__CLIENT_ID": "abc",
}


def served(folder: Path, code: str, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`serve` in a process of its own, in which `code` stands for waiting until it is stopped."""
    wrapped = (
        "import ctypes, sys, gateway.commands.signals as signals\n"
        f"async def once(loop):\n    {code}\n"
        "signals.until_stopped = once\nfrom gateway.cli import main\nmain()\n"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SAGE_GATEWAY_")}
    given = {"STORE__DB": f"sqlite:///{folder}/store.db", "STORE__KEY": KEY, **SERVED, **settings}
    environ |= {f"SAGE_GATEWAY_{name}": value for name, value in given.items()}
    return subprocess.run(
        [sys.executable, "-c", wrapped, "serve", *words],
        env=environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(("words", "dumpable"), [((), "0"), (("--sandbox", "--admin", "off"), "1")])
def test_nobody_looks_into_a_gateways_memory(tmp_path: Path, words: tuple[str, ...], dumpable: str) -> None:
    """Neither a debugger nor a core dump, also one through a pipe; into a sandbox anybody may."""
    settings = {} if not words else {"SERVER__PORT": "0"}
    told = served(tmp_path, "print('dumpable', ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))", *words, **settings)
    assert told.returncode == 0, told.stderr
    assert f"dumpable {dumpable}" in told.stdout


def test_serve_refuses_a_weak_key(tmp_path: Path) -> None:
    """In a sentence, with exit code 2, before it makes a database."""
    told = served(tmp_path, "print('served')", STORE__KEY="0f" * 32)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("store.key is weak: its bytes repeat each other.")
    assert not (tmp_path / "store.db").exists()


def test_serve_refuses_a_command_that_gives_no_key(tmp_path: Path) -> None:
    """In a sentence, with exit code 1."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SAGE_GATEWAY_")}
    given = {"STORE__DB": f"sqlite:///{tmp_path}/store.db", "STORE__KEY_COMMAND": "false", **SERVED}
    told = CliRunner().invoke(app, ["serve"], env=environ | {f"SAGE_GATEWAY_{k}": v for k, v in given.items()})
    assert (told.exit_code, "key_command failed with exit code 1" in told.stderr) == (1, True)


def test_a_second_serve_exits_1(tmp_path: Path) -> None:
    """One serves a file at a time."""
    code = (
        "import subprocess\n"
        "    again = subprocess.run([sys.executable, '-m', 'gateway', 'serve'], capture_output=True, text=True)\n"
        "    print(again.returncode, again.stderr)"
    )
    told = served(tmp_path, code)
    assert told.returncode == 0, told.stderr
    assert f"1 Another `sage-gateway serve` uses the store's file {tmp_path}/store.db" in told.stdout

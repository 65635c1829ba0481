"""The command line: what it says, and how it gives up."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway import __version__
from gateway.cli import app
from gateway.edges.server import bind
from gateway.store import Store

Run = Callable[..., Result]
KEY = "9f1c0e5b7a2d48f3b6e1904c8d3a7f25c0b89e6d14f7a35280de4b9617c3fa58"
SECRET = "canary-secret"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs the command line in an empty folder on a disk, with no settings in the environment but those given."""
    monkeypatch.chdir(tmp_path)
    mounts = tmp_path_factory.mktemp("proc") / "mounts"
    mounts.write_text("/dev/sda1 / ext4 rw 0 0\n")
    monkeypatch.setattr("gateway.commands.filesystems.MOUNTS", mounts)
    for name in list(os.environ):
        if name.startswith("SAGE_GATEWAY_"):
            monkeypatch.delenv(name)

    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)

    def invoke(*arguments: str, **settings: str) -> Result:
        environ: dict[str, str | None] = {f"SAGE_GATEWAY_{name}": value for name, value in settings.items()}
        return CliRunner().invoke(app, arguments, env={"COLUMNS": "200", **environ})

    return invoke


def complete(folder: Path) -> dict[str, str]:
    """Settings with which a gateway would start."""
    return {
        "UPSTREAM__API": "https://sage.example/v3.1",
        "STORE__DB": f"sqlite:///{folder}/store.db",
        "STORE__KEY": KEY,
        "SERVER__PUBLIC_URLS": "https://gateway.example",
        "SERVER__ADDRESS_HEADER": "X-Real-IP",
        "APPS__SHOP__CLIENT_ID": "abc",
        "APPS__SHOP__CLIENT_SECRET": SECRET + "0",
        "APPS__SHOP__REDIRECT_URIS": "https://shop.example/back",
        "APPS__SHOP__SIGNING_SECRET": SECRET,
        "APPS__SHOP__V31_CLIENT_ID": "def",
        "APPS__SHOP__V31_CLIENT_SECRET": SECRET,
        "TENANTS__ACME__APP": "shop",
        "TENANTS__ACME__BUSINESS": "b1",
        "TENANTS__ACME__ACCESS_TOKEN": SECRET + "1",
        "TENANTS__ACME__V31_REFRESH_TOKEN": SECRET + "2",
    }


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("serve",),
        ("sandbox",),
        ("check",),
        ("store",),
        ("store", "migrate"),
        ("store", "adopt"),
        ("keys",),
        ("keys", "show"),
        ("keys", "rotate"),
    ],
)
def test_every_command_explains_itself(run: Run, words: tuple[str, ...]) -> None:
    """Each `--help` says in sentences what a command is for."""
    told = run(*words, "--help")
    assert told.exit_code == 0
    assert len(told.output) > 200
    assert run("--version").output == f"sage-gateway {__version__}\n"


def test_serve_without_upstream_says_what_to_set(run: Run) -> None:
    """Without `--sandbox` and upstream, `serve` exits 2 and names each setting that is missing."""
    told = run("serve")
    assert told.exit_code == 2
    for name in ("upstream.api", "store.db", "store.key", "--sandbox"):
        assert name in told.stderr
    assert told.stdout == ""


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"SERVER__PORT": "many"}, "server.port"),
        ({"SERVER__PROT": "1"}, "server.prot"),
        ({"SERVER__ADMIN": "nowhere"}, "server.admin"),
        ({"STORE__KEY": SECRET}, "key must be 32 random bytes"),
        ({"STORE__DB": "mysql://x"}, "db must begin with"),
        ({"TENANTS__ACME__APP": "nobody"}, "apps.nobody"),
    ],
)
def test_wrong_settings_are_sentences_and_exit_2(run: Run, tmp_path: Path, settings: dict[str, str], word: str) -> None:
    """A wrong setting is named in a sentence, without its value where it may be a secret, and no traceback."""
    told = run("serve", **{**complete(tmp_path), **settings})
    assert told.exit_code == 2
    assert word in told.stderr
    assert "Traceback" not in told.output + told.stderr
    assert SECRET not in told.output + told.stderr


def test_a_file_that_cannot_be_read_is_a_sentence(run: Run, tmp_path: Path) -> None:
    """A configuration file that is missing, or is no TOML, exits 2 and is named."""
    (tmp_path / "broken.toml").write_text("[server")
    for name in ("missing.toml", "broken.toml"):
        told = run("serve", "--config", name)
        assert (told.exit_code, name in told.stderr) == (2, True)


def test_the_usual_file_is_read_where_it_exists(run: Run, tmp_path: Path) -> None:
    """Without `--config`, config/gateway.toml counts; the command line wins over it."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "gateway.toml").write_text('[server]\nport = "many"\n')
    assert "server.port" in run("serve").stderr
    assert "server.port" not in run("serve", "--port", "0").stderr


def test_a_port_in_use_exits_1(run: Run, tmp_path: Path) -> None:
    """An address that somebody listens on is one sentence, for the public and the admin listener."""
    taken = bind("127.0.0.1", 0)
    try:
        port = str(taken.getsockname()[1])
        for arguments in (("--port", port), ("--port", "0", "--admin", f"127.0.0.1:{port}")):
            told = run("serve", *arguments, **complete(tmp_path))
            assert told.exit_code == 1
            assert told.stderr == f"Cannot listen on 127.0.0.1:{port}: Address already in use.\n"
        told = run("sandbox", "--port", port)
        assert (told.exit_code, "Address already in use" in told.stderr) == (1, True)
    finally:
        taken.close()


def test_a_store_that_cannot_be_opened_exits_1(run: Run, tmp_path: Path) -> None:
    """A database in a folder that is not there is one sentence."""
    told = run("serve", "--port", "0", "--admin", "off", **complete(tmp_path / "missing"))
    assert told.exit_code == 1
    assert told.stderr.count("\n") == 1
    assert "Traceback" not in told.stderr


def test_a_server_that_cannot_be_reached_is_named(run: Run, tmp_path: Path) -> None:
    """By host and port, never with its password, by each command that needs it."""
    settings = complete(tmp_path)
    for words in (("serve", "--port", "0", "--admin", "off"), ("check",), ("store", "migrate")):
        told = run(*words, "--db", f"postgresql://gateway:{SECRET}@127.0.0.1:1/books", **settings)
        assert told.exit_code == 1
        assert "store at 127.0.0.1:1 cannot be used (ConnectionRefusedError)." in told.output + told.stderr
        assert SECRET not in told.output + told.stderr


def test_certificates_that_cannot_be_used_exit(run: Run, tmp_path: Path) -> None:
    """A missing certificate exits 1, half a pair exits 2; each in a sentence."""
    settings = complete(tmp_path)
    told = run("serve", "--port", "0", "--admin", "off", "--tls-cert", "a.pem", "--tls-key", "b.pem", **settings)
    assert (told.exit_code, told.stderr) == (1, "There is no file a.pem.\n")
    told = run("serve", "--port", "0", "--tls-cert", "a.pem", **settings)
    assert (told.exit_code, "belong together" in told.stderr) == (2, True)


def test_check_is_content_with_complete_settings(run: Run, tmp_path: Path) -> None:
    """With everything set, `check` exits 0, says so of each part and which URL to register, and makes nothing."""
    told = run("check", **complete(tmp_path))
    callback = "  The callback URL to register at Sage is https://gateway.example/oauth2/callback\n"
    made = f"  {tmp_path}/store.db is not there yet: `sage-gateway serve` makes it.\n"
    assert told.stdout == f"settings: in order\n{callback}tables: in order\nstore: in order\n{made}"
    assert told.exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_check_says_where_a_relative_store_will_be(run: Run, tmp_path: Path) -> None:
    """Beside the file that names it, or in the working directory where a variable or `--db` does."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "gateway.toml").write_text('[store]\ndb = "sqlite:///books.db"\n')
    settings = complete(tmp_path)
    del settings["STORE__DB"]
    for words, place in (((), f"{tmp_path}/etc/books.db"), (("--db", "sqlite:///books.db"), f"{tmp_path}/books.db")):
        told = run("check", "--config", "etc/gateway.toml", *words, **settings)
        assert (told.exit_code, f"  {place} is not there yet" in told.stdout) == (0, True)


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("UPSTREAM__API", "upstream.api is not set"),
        ("SERVER__PUBLIC_URLS", "server.public_urls is empty"),
        ("APPS__SHOP__SIGNING_SECRET", 'set signature = "off"'),
        ("APPS__SHOP__V31_CLIENT_SECRET", "apps.shop lacks"),
    ],
)
def test_check_says_what_is_missing(run: Run, tmp_path: Path, lacking: str, said: str) -> None:
    """What is missing is named with how to mend it, and the exit code is 1."""
    settings = complete(tmp_path)
    del settings[lacking]
    told = run("check", **settings)
    assert (told.exit_code, said in told.stdout) == (1, True)
    assert SECRET not in told.output + told.stderr


def test_the_shipped_file_says_what_has_no_effect_yet() -> None:
    """The one such setting's line says so, as `check` does."""
    shipped = (Path(__file__).parents[2] / "config" / "gateway.toml").read_text()
    silent = {line.split()[1] for line in shipped.splitlines() if line.endswith("no effect yet")}
    assert silent == {"daily_calls"}


def test_check_names_a_missing_tenant_certificate_and_folder(run: Run, tmp_path: Path) -> None:
    """No tenant, a certificate that is not there and a store without a folder are each a sentence."""
    settings = {k: v for k, v in complete(tmp_path / "gone").items() if not k.startswith("TENANTS")}
    told = run("check", **settings, SERVER__TLS_CERT="a.pem", SERVER__TLS_KEY="b.pem")
    assert told.exit_code == 1
    for said in ("name no tenant", "server.tls_key names a file", "in a folder that is not there"):
        assert said in told.stdout


def test_check_tells_a_wrong_key(run: Run, tmp_path: Path) -> None:
    """A store sealed with another key is wrong; with its own it is in order."""

    async def make() -> None:
        await (await Store.open(f"sqlite:///{tmp_path}/store.db", bytes.fromhex(KEY))).close()

    asyncio.run(make())
    assert run("check", **complete(tmp_path)).exit_code == 0
    told = run("check", **{**complete(tmp_path), "STORE__KEY": "cd" * 32})
    assert (told.exit_code, "store: wrong" in told.stdout) == (1, True)


def test_store_migrate_makes_the_tables(run: Run, tmp_path: Path) -> None:
    """`store migrate` brings a database up to date, again and again; without one it exits 2."""
    for _ in range(2):
        told = run("store", "migrate", "--db", f"sqlite:///{tmp_path}/new.db")
        assert (told.exit_code, told.stdout) == (0, "The tables are up to date.\n")
    with sqlite3.connect(tmp_path / "new.db") as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    database.close()
    assert {"grants", "tenants", "legacy_tokens"} <= names
    assert run("store", "migrate").exit_code == 2
    told = run("store", "migrate", "--db", f"sqlite:///{tmp_path}/missing/new.db")
    assert (told.exit_code, "Traceback" in told.stderr) == (1, False)

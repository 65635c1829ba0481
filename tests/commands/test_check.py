"""`check`: what it says of settings, stores and file systems."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.commands.filesystems import kind_of, lies_on
from gateway.store import Store

Run = Callable[..., Result]
KEY = "9f1c0e5b7a2d48f3b6e1904c8d3a7f25c0b89e6d14f7a35280de4b9617c3fa58"
OLDER = "41d7b2a98c03f6e5170bd9c4823e6fa59b0c1d7e34a8f25660e9cb13d8457fa2"
SECRET = "canary-secret"
HASH = "sha256:" + "0" * 64


@pytest.fixture
def mounts(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the system says is mounted: one disk, until a test says otherwise."""
    path = tmp_path_factory.mktemp("proc") / "mounts"
    path.write_text("/dev/sda1 / ext4 rw 0 0\n")
    monkeypatch.setattr("gateway.commands.filesystems.MOUNTS", path)
    return path


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: Path) -> Run:
    """Runs `check` in an empty folder with complete settings and the changes given; None takes one away."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("SAGE_GATEWAY_"):
            monkeypatch.delenv(name)

    def invoke(**changes: str | None) -> Result:
        settings = {**complete(tmp_path), **changes}
        environ = {f"SAGE_GATEWAY_{name}": value for name, value in settings.items() if value is not None}
        return CliRunner().invoke(app, ["check"], env=environ)

    return invoke


def complete(folder: Path) -> dict[str, str]:
    return {
        "UPSTREAM__API": "https://sage.example/v3.1",
        "STORE__DB": f"sqlite:///{folder}/store.db",
        "STORE__KEY": KEY,
        "SERVER__PUBLIC_URLS": "https://gateway.example",
        "SERVER__ADDRESS_HEADER": "X-Real-IP",
        "APPS__SHOP__CLIENT_ID": "abc",
        "APPS__SHOP__CLIENT_SECRET_HASH": HASH,
        "APPS__SHOP__REDIRECT_URIS": "https://shop.example/back",
        "APPS__SHOP__SIGNING_SECRET": SECRET,
        "APPS__SHOP__V31_CLIENT_ID": "def",
        "APPS__SHOP__V31_CLIENT_SECRET": SECRET,
        "TENANTS__ACME__APP": "shop",
        "TENANTS__ACME__BUSINESS": "b1",
        "TENANTS__ACME__ACCESS_TOKEN": SECRET + "1",
        "TENANTS__ACME__V31_REFRESH_TOKEN": SECRET + "2",
    }


WRONG: list[tuple[dict[str, str | None], str]] = [
    ({"APPS__SHOP__CLIENT_SECRET": SECRET}, "apps.shop.client_secret and its client_secret_hash are both set"),
    ({"APPS__SHOP__V31_CLIENT_ID": None}, "apps.shop lacks v31_client_id or v31_client_secret"),
    ({"SERVER__PUBLIC_URLS": None, "APPS__SHOP__SIGNATURE": "off"}, "Sage has no address to send browsers back to"),
    ({"SERVER__PUBLIC_URLS": "http://gateway.example"}, "takes https only; name the https URL first"),
    ({"STORE__KEY": "0f" * 32}, "store.key is weak: its bytes repeat each other"),
    ({"STORE__KEY": None, "STORE__KEY_COMMAND": "/nowhere/vault"}, "key_command cannot be run: No such file"),
]

WORTH_KNOWING: list[tuple[dict[str, str | None], str]] = [
    ({"TENANTS__ACME__V31_REFRESH_TOKEN": None}, "sage-gateway tenants reconnect acme"),
    ({"TENANTS__ACME__ACCESS_TOKEN": None}, "tenants.acme.access_token is not set"),
    ({"APPS__SHOP__REDIRECT_URIS": None}, "apps.shop.redirect_uris is empty: no browser can authorise the app"),
    ({"APPS__SHOP__CLIENT_SECRET_HASH": None}, "apps.shop has no client secret: its calls of /oauth2/token"),
    ({"APPS__SHOP__V31_CLIENT_SECRET_PREVIOUS": SECRET}, "v31_client_secret_previous is the present one"),
    ({"APPS__SHOP__DAILY_CALLS": "5"}, "apps.shop.daily_calls has no effect yet: it is for a later version."),
    ({"SERVER__PUBLIC_URLS": "https://a.example,http://b.example"}, "server.public_urls holds http://b.example"),
    ({"SERVER__ADDRESS_HEADER": None}, "server.address_header is not set: behind a proxy on this machine"),
    ({"SERVER__HOST": "192.0.2.1"}, "server.address_header is believed whoever sends it"),
    ({"TOKENS__REFRESH_GRACE": "0"}, "tokens.refresh_grace is 0"),
    ({"ALARMS__WEBHOOK": "http://alarms.example/canary"}, "alarms.webhook is plain http"),
]


@pytest.mark.parametrize(("changes", "says"), WRONG)
def test_what_is_wrong_is_a_sentence(check: Run, changes: dict[str, str | None], says: str) -> None:
    """With how to mend it, no secret in it, and exit code 1."""
    told = check(**changes)
    assert (told.exit_code, says in told.stdout) == (1, True), told.stdout
    assert "canary" not in told.output + told.stderr


@pytest.mark.parametrize(("changes", "says"), WORTH_KNOWING)
def test_what_is_worth_knowing_is_a_sentence(check: Run, changes: dict[str, str | None], says: str) -> None:
    """And no mistake; with complete settings it is not said."""
    told = check(**changes)
    assert (told.exit_code, f"  {says}" in told.stdout or says in told.stdout) == (0, True), told.stdout
    assert "canary" not in told.output + told.stderr
    assert says not in check().stdout


def test_postgresql_keeps_no_file_by_itself(check: Run) -> None:
    """Without a marker and a spool it says what each is for; with both it does not."""
    away = {"STORE__DB": f"postgresql://u:{SECRET}@127.0.0.1:1/books"}
    told = check(**away)
    assert ("store.marker is not set" in told.stdout, "store.spool is not set" in told.stdout) == (True, True)
    told = check(**away, STORE__MARKER="m", STORE__SPOOL="s")
    assert "is not set" not in told.stdout


def test_a_store_in_memory_is_wrong_for_real_books(check: Run, tmp_path: Path, mounts: Path) -> None:
    """On tmpfs a restart would lose every token; a stand-in's store may lie there."""
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\n")
    told = check()
    assert (told.exit_code, f"store.db lies on tmpfs, in memory ({tmp_path})" in told.stdout) == (1, True)
    assert check(UPSTREAM__API="http://127.0.0.1:1/v3.1").exit_code == 0


def test_a_store_in_a_container_is_told(check: Run, mounts: Path) -> None:
    """Its own layer goes with it; where the system does not say what it lies on, nothing is said."""
    mounts.write_text("overlay / overlay rw 0 0\n")
    told = check()
    assert (told.exit_code, "store.db lies in a container's own layer" in told.stdout) == (0, True)
    mounts.unlink()
    assert "layer" not in check().stdout


def test_the_system_is_asked_what_a_path_lies_on() -> None:
    """/proc lies on proc."""
    assert lies_on(Path("/proc/self")) == "proc"


def test_the_nearest_mount_tells_what_a_path_lies_on() -> None:
    """Of two in one place the later; names with spaces are written in octal."""
    mounts = (
        "overlay / overlay rw 0 0\n/dev/sda1 /var/lib ext4 rw 0 0\ntmpfs /var/lib/a\\040b tmpfs rw 0 0\n"
        "tmpfs /run tmpfs rw 0 0\n/dev/sdb1 /run xfs rw 0 0\nnonsense\n"
    )
    kinds = {
        path: kind_of(Path(path), mounts) for path in ("/x", "/var/lib/y", "/var/library", "/var/lib/a b/c", "/run/x")
    }
    assert list(kinds.values()) == ["overlay", "ext4", "overlay", "tmpfs", "xfs"]


def test_a_copy_is_told_and_nothing_is_made(check: Run, tmp_path: Path) -> None:
    """`check` says what `serve` will do with a copied database, and how it becomes the real one."""

    async def serve_once() -> None:
        store = await Store.open(f"sqlite:///{tmp_path}/store.db", bytes.fromhex(KEY))
        await store.identity.claim(tmp_path / "elsewhere")
        await store.close()

    asyncio.run(serve_once())
    told = check()
    assert told.exit_code == 0
    assert f"{tmp_path}/store.db.marker is missing. It is served read-only." in told.stdout
    assert "sage-gateway store adopt" in told.stdout
    assert not (tmp_path / "store.db.marker").exists()


def test_a_former_key_is_told_until_it_is_gone(check: Run, tmp_path: Path) -> None:
    """First the rotation is missing, then the former key is not needed any more."""

    async def rotate(*keys: bytes) -> None:
        store = await Store.open(f"sqlite:///{tmp_path}/store.db", keys[0], former=keys[1:])
        if len(keys) > 1:
            await store.keys.rotate(0.0)
        await store.close()

    asyncio.run(rotate(bytes.fromhex(OLDER)))
    assert "run `sage-gateway keys rotate`" in check(STORE__OLD_KEY=OLDER).stdout
    asyncio.run(rotate(bytes.fromhex(KEY), bytes.fromhex(OLDER)))
    assert "store.old_key is not needed any more" in check(STORE__OLD_KEY=OLDER).stdout
    assert "old_key" not in check().stdout

"""The operator's key: from a command, and strong enough."""

from __future__ import annotations

import os
import shlex
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from gateway.settings import SettingsWrong, load
from gateway.settings_keys import printed_by, weakness

KEY = "9f1c0e5b7a2d48f3b6e1904c8d3a7f25c0b89e6d14f7a35280de4b9617c3fa58"
OLDER = "41d7b2a98c03f6e5170bd9c4823e6fa59b0c1d7e34a8f25660e9cb13d8457fa2"


def shows(code: str) -> str:
    """A command that runs Python code."""
    return shlex.join([sys.executable, "-c", code])


def test_a_command_gives_the_key(tmp_path: Path) -> None:
    """What it prints, without the line's end, once; and the former key is from a file or variable."""
    counted = f"open({str(tmp_path / 'runs')!r}, 'a').write('x'); print({KEY[::-1]!r}[::-1])"
    environ = {"SAGE_GATEWAY_STORE__KEY_COMMAND": shows(counted), "SAGE_GATEWAY_STORE__OLD_KEY": OLDER}
    store = load(None, environ).store
    assert not (tmp_path / "runs").exists()
    assert store.keys == store.keys == (bytes.fromhex(KEY), bytes.fromhex(OLDER))
    assert (tmp_path / "runs").read_text() == "x"
    assert KEY not in repr(store)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (shows("print('canary')"), "what key_command prints must be 32 random bytes"),
        (shows("pass"), "what key_command prints must be 32 random bytes"),
        (shows("import sys; print('canary'); sys.exit('canary')"), "key_command failed with exit code 1"),
        (shows("import sys; sys.stdout.buffer.write(bytes([255]))"), "key_command must print the key"),
        ("/nowhere/vault get canary", "key_command cannot be run: No such file or directory"),
    ],
)
def test_a_command_that_gives_no_key_is_a_sentence(command: str, says: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing that it printed is in it, and nothing of it on the terminal."""
    with pytest.raises(ValueError, match=says) as wrong:
        _ = load(None, {"SAGE_GATEWAY_STORE__KEY_COMMAND": command}).store.keys
    assert "canary" not in str(wrong.value) + "".join(capfd.readouterr())


def test_no_shell_runs_the_command(tmp_path: Path) -> None:
    """Its words reach it as they stand."""
    code = "import sys; print(sys.argv[1])"
    assert printed_by(f"{shows(code)} '$(touch {tmp_path}/made);|'") == f"$(touch {tmp_path}/made);|"
    assert not (tmp_path / "made").exists()


def test_the_command_is_not_told_the_gateways_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the environment without the gateway's settings."""
    monkeypatch.setenv("SAGE_GATEWAY_APPS__A__SIGNING_SECRET", "canary")
    monkeypatch.setenv("VAULT_TOKEN", "its own")
    told = printed_by(shows("import os; print(sorted(os.environ.items()))"))
    assert ("canary" in told, "its own" in told) == (False, True)


def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start does not wait for ever."""
    monkeypatch.setattr("gateway.settings_keys.COMMAND_SECONDS", 0.2)
    with pytest.raises(ValueError, match="did not end within"):
        printed_by(shows("import threading; threading.Event().wait()"))


@pytest.mark.parametrize("given", ["", "vault 'get"])
def test_a_command_must_have_words(given: str) -> None:
    """A quote that is not closed is told at once, not at the start of a gateway."""
    with pytest.raises(SettingsWrong, match="key_command must be a command"):
        load(None, {"SAGE_GATEWAY_STORE__KEY_COMMAND": given})


@pytest.mark.parametrize("given", ["KEY", "KEY_FILE"])
def test_a_key_comes_from_one_place(tmp_path: Path, given: str) -> None:
    """A key beside a command is refused: nobody knows which is meant."""
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o600)
    value = KEY if given == "KEY" else str(file)
    with pytest.raises(SettingsWrong, match="both set"):
        load(None, {"SAGE_GATEWAY_STORE__KEY_COMMAND": "x", f"SAGE_GATEWAY_STORE__{given}": value})


def test_a_former_key_of_another_length_is_told() -> None:
    """By its own name."""
    with pytest.raises(SettingsWrong, match="old_key must be 32 random bytes"):
        load(None, {"SAGE_GATEWAY_STORE__KEY": KEY, "SAGE_GATEWAY_STORE__OLD_KEY": "ab" * 31})


@pytest.mark.parametrize(
    "weak",
    [
        bytes(32),
        b"\x0f" * 32,
        bytes(range(32)),
        bytes(range(31, -1, -1)),
        bytes(range(0, 96, 3)),
        bytes.fromhex("0123456789abcdef" * 4),
        bytes.fromhex("deadbeef" * 8),
        b"correct horse battery staple 123",
        b"64 hexadecimal digits of an text",
        bytes.fromhex(KEY)[:16] * 2,
    ],
)
def test_a_key_that_nobody_drew_is_weak(weak: bytes) -> None:
    """Repetition, counting, text: each can be guessed."""
    assert weakness(weak)


def test_a_random_key_is_not_weak() -> None:
    """Of ten thousand none is taken for weak, and base64 of one is read as it is."""
    assert all(weakness(os.urandom(32)) is None for _ in range(10_000))
    encoded = b64encode(bytes.fromhex(KEY)).decode()
    assert load(None, {"SAGE_GATEWAY_STORE__KEY": encoded}).store.keys == (bytes.fromhex(KEY),)

"""`sage-gateway apps hash`."""

from __future__ import annotations

import hashlib
import tomllib

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.commands.authorization import registered
from gateway.settings import load

SECRET = "canary-secret"


@pytest.mark.parametrize("typed", [SECRET, f"{SECRET}\n", f" {SECRET}\r\n"])
def test_a_secret_becomes_a_line_of_the_settings(typed: str) -> None:
    """By which the app is known; what ends a line is no part of the secret."""
    told = CliRunner().invoke(app, ["apps", "hash"], input=typed)
    assert told.exit_code == 0
    assert SECRET not in told.output
    line = tomllib.loads(told.stdout)
    settings = load(
        None,
        {
            "SAGE_GATEWAY_APPS__SHOP__CLIENT_ID": "abc",
            "SAGE_GATEWAY_APPS__SHOP__CLIENT_SECRET_HASH": line["client_secret_hash"],
        },
    )
    known = registered(settings).by_client_id("abc")
    assert known is not None
    assert known.client_secret_hash == hashlib.sha256(SECRET.encode()).digest()


def test_no_secret_has_no_hash() -> None:
    """An empty one would let everybody in who sends none."""
    told = CliRunner().invoke(app, ["apps", "hash"], input="\n")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "standard input" in told.stderr


def test_a_secret_in_the_settings_is_hashed_at_the_start() -> None:
    """The gateway goes on with the hash alone."""
    known = registered(
        load(
            None,
            {
                "SAGE_GATEWAY_APPS__SHOP__CLIENT_ID": "abc",
                "SAGE_GATEWAY_APPS__SHOP__CLIENT_SECRET": SECRET,
                "SAGE_GATEWAY_APPS__SHOP__ACCESS_TOKEN_LIFETIME": "never",
            },
        )
    ).by_client_id("abc")
    assert known is not None
    assert known.client_secret_hash == hashlib.sha256(SECRET.encode()).digest()
    assert known.access_token_lifetime is None
    assert SECRET not in repr(known)

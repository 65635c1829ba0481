"""Secrets do not print."""

from __future__ import annotations

import pickle
import traceback

import pytest

from gateway.grants.life import Grant, State
from gateway.grants.secret import Secret


def test_a_secret_prints_as_stars():
    """repr, str, formatting, and the repr of what holds it."""
    secret = Secret("canary")
    grant = Grant(1, "app", 1, State.ACTIVE, secret, secret, previous=secret)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>9}", f"{secret!r}", repr(grant)]
    assert "canary" not in "".join(shown)
    assert secret.reveal() == "canary"


def test_a_secret_is_not_in_a_traceback():
    """Not even where it is an argument of the error."""
    text = "can" + "ary"
    with pytest.raises(ValueError, match=r"\*\*\*") as failure:
        raise ValueError(Secret(text))
    assert text not in "".join(traceback.format_exception(failure.value))


def test_a_secret_is_not_pickled():
    """Pickles end up in files and on wires."""
    with pytest.raises(TypeError):
        pickle.dumps(Secret("canary"))


def test_equal_texts_are_equal_secrets():
    """And hash alike; an empty secret is false; other types are never equal."""
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("\ud800") != Secret("a")
    assert not Secret("")
    assert Secret("a")

"""Secrets at rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.grants.secret import Secret
from gateway.store.failures import KeyWrong
from gateway.store.sealing import Seal

KEYS = {1: bytes(32), 2: bytes(range(32))}
SEAL = Seal("cluster", KEYS)
PLACE = ("grants", "refresh_ct", 7, 3)


@given(st.text(st.characters()))
def test_what_was_sealed_opens_again(text):
    """Any text, lone surrogates too."""
    assert SEAL.unseal(SEAL.seal(Secret(text), *PLACE), *PLACE).reveal() == text


def test_a_blob_hides_its_secret_and_never_repeats():
    """A nonce of its own each time."""
    blobs = {SEAL.seal(Secret("canary"), *PLACE) for _ in range(9)}
    assert len(blobs) == 9
    assert not any(b"canary" in blob for blob in blobs)


@pytest.mark.parametrize(
    "elsewhere",
    [
        ("token_rescue", "refresh_ct", 7, 3),
        ("grants", "access_ct", 7, 3),
        ("grants", "refresh_ct", 8, 3),
        ("grants", "refresh_ct", 7, 2),
    ],
)
def test_a_blob_opens_only_where_it_was_written(elsewhere):
    """Not in another table, column, row, or as an older generation (reliability.md §6)."""
    with pytest.raises(KeyWrong):
        SEAL.unseal(SEAL.seal(Secret("s"), *PLACE), *elsewhere)


def test_a_blob_opens_only_in_its_own_store():
    """Even under the same keys."""
    with pytest.raises(KeyWrong):
        Seal("copy", KEYS).unseal(SEAL.seal(Secret("s"), *PLACE), *PLACE)


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_blob_does_not_open(position, flip):
    """One bit anywhere, key id included."""
    blob = bytearray(SEAL.seal(Secret("secret"), *PLACE))
    blob[position % len(blob)] ^= flip
    with pytest.raises(KeyWrong):
        SEAL.unseal(bytes(blob), *PLACE)


@given(st.binary(max_size=60))
def test_garbage_does_not_open(garbage):
    """Nor raise anything else."""
    with pytest.raises(KeyWrong):
        SEAL.unseal(garbage, *PLACE)


def test_a_digest_depends_on_key_purpose_and_token():
    """So an access token is no refresh token, and a stolen table cannot be searched without the key."""
    other = Seal("cluster", {**KEYS, 2: bytes(32)})
    digests = {SEAL.digest("a", "t"), SEAL.digest("b", "t"), SEAL.digest("a", "u"), other.digest("a", "t")}
    assert len(digests) == 4
    assert SEAL.digest("a", "t") == SEAL.digest("a", "t")
    assert len(SEAL.digest("a", "\ud800" * 10_000)) == 32

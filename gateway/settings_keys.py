"""The operator's key: read from text or from a command, and judged.

Every function raises ValueError with half a sentence that quotes nothing of the key.
"""

from __future__ import annotations

import binascii
import os
import shlex
import subprocess
from base64 import b64decode
from itertools import pairwise

from gateway.settings_sources import PREFIX

KEY_BYTES = 32
COMMAND_SECONDS = 30.0
FEWEST_VALUES = 16
"""Of 32 random bytes some 30 differ; that fewer than this do is less likely than 1 in 10^15."""
FEWEST_STEPS = 8
"""How many differences of neighbours must differ: bytes that count, or alternate, have few."""

_URLSAFE = str.maketrans("-_", "+/")
_PRINTABLE = frozenset(range(0x20, 0x7F))


def key_of(text: str, name: str = "key") -> bytes:
    """The 32 bytes of a key in hexadecimal or base64; `name` is the setting."""
    try:
        key = bytes.fromhex(text) if len(text) == 64 else b64decode(text.translate(_URLSAFE), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"{name} must be 32 random bytes in hexadecimal or base64: openssl rand -hex 32 makes one")
    return key


def words_of(command: str) -> list[str]:
    """A command's words as a shell would part them; no shell runs it."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise ValueError("key_command must be a command and its words; a quote is not closed, or there is no word")
    return words


def printed_by(command: str) -> str:
    """What a command prints, without the white space around it, within 30 seconds.

    Its standard error is thrown away: some clients write secrets there when they fail. It is not told the gateway's
    own settings, which hold other secrets.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    try:
        done = subprocess.run(  # noqa: S603 -- the operator's own words, and no shell
            words_of(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
            env=environ,
            check=False,
        )
    except OSError as wrong:
        raise ValueError(f"key_command cannot be run: {wrong.strerror}") from None
    except subprocess.TimeoutExpired:
        raise ValueError(f"key_command did not end within {COMMAND_SECONDS:.0f} seconds") from None
    if done.returncode:
        raise ValueError(f"key_command failed with exit code {done.returncode}: run it by hand to see why")
    try:
        return done.stdout.decode().strip()
    except UnicodeDecodeError:
        raise ValueError("key_command must print the key in hexadecimal or base64") from None


def weakness(key: bytes) -> str | None:
    """Why a key cannot have been made at random, as half a sentence; None where it can."""
    if all(byte in _PRINTABLE for byte in key):
        return "it spells a text, which can be guessed"
    if len(set(key)) < FEWEST_VALUES or key[:16] == key[16:]:
        return "its bytes repeat each other"
    if len({(after - before) % 256 for before, after in pairwise(key)}) < FEWEST_STEPS:
        return "its bytes follow a pattern"
    return None

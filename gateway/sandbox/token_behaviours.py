"""How Sage's token endpoint may behave: R1 to R10 of reliability.md §3.3, their names and what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

Delivery: TypeAlias = Literal["whole", "dropped", "truncated", "invalid"]

ROTATIONS: Mapping[str, str] = {
    "R1": "rotates; a spent refresh token is invalid_grant",
    "R2": "rotates; a spent refresh token revokes all that descend from the same consent",
    "R3": "rotates; within the grace a spent one gives the same new pair again, after it as R2",
    "R4": "rotates; within the grace a spent one gives another pair, after it as R2",
    "R5": "does not rotate; each use lets the refresh token live on",
}
"""What becomes of a refresh token that is used."""

ANSWERS: Mapping[str, str] = {
    "R6": "accepts, commits, and drops the connection",
    "R7": "accepts, and answers 200 with broken JSON",
    "R8": "accepts, and answers 200 without refresh_token",
    "R9": "accepts, and answers 200 with a senseless expires_in",
    "R10": "answers late",
}
"""What is wrong with the answer."""

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "R7": ("truncated", "invalid"),
    "R9": ("zero", "negative", "string", "word", "huge"),
    "R10": ("committed", "late"),
}
"""The first is meant where none is named. R10 commits and then waits, or waits and then commits."""

EXPIRES_IN: Mapping[str, Any] = {"zero": 0, "negative": -300, "string": "300", "word": "soon", "huge": 10**15}
NOT_JSON = b"<html><body>OK</body></html>"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One of `ROTATIONS` with one of `ANSWERS`, or "" for a sound answer, in one of its `VARIANTS`."""

    rotation: str = "R2"
    answer: str = ""
    variant: str = ""

    @classmethod
    def named(cls, name: str, rotation: str = "R2") -> Behaviour:
        """`R3`, `R6`, `R7:invalid`, `R3+R6`, `R5+R9:huge`. Raises ValueError for any other text.

        A flaw without a rotation comes with the one given, by default the strictest; R8 with R5, since an answer
        without a refresh token leaves the old one in force (RFC 6749 §6).
        """
        return _named(name, rotation)

    @property
    def delivery(self) -> Delivery:
        """What becomes of an answer of 200."""
        if self.answer == "R6":
            return "dropped"
        if self.answer != "R7":
            return "whole"
        return "invalid" if self.variant == "invalid" else "truncated"

    def __str__(self) -> str:
        flaw = f"+{self.answer}:{self.variant}" if self.variant else f"+{self.answer}"
        return self.rotation + (flaw if self.answer else "")


@lru_cache
def _named(name: str, usual: str) -> Behaviour:
    first, plus, second = name.partition("+")
    rotation, flaw = (first, second) if plus or first in ROTATIONS else ("", first)
    answer, colon, variant = flaw.partition(":")
    known = VARIANTS.get(answer, ())
    wrong_flaw = (flaw or plus or not rotation) and answer not in ANSWERS
    wrong_rotation = (rotation or plus) and rotation not in ROTATIONS
    if wrong_rotation or wrong_flaw or (colon and variant not in known):
        raise ValueError(f"{name!r} is no behaviour: R1 to R10 are, or a rotation with a flaw, such as R3+R6")
    return Behaviour(rotation or ("R5" if answer == "R8" else usual), answer, variant or (known[0] if known else ""))


@dataclass(slots=True)
class Policy:
    """How the server behaves; all may be changed while it runs."""

    behaviour: str = "R2"
    """As `Behaviour.named` has it; refreshes only."""
    refresh_grace: float = 120.0
    """Seconds for which R3 and R4 take a spent refresh token (inferred: Sage's grace, if any, is unknown)."""
    access_token_lifetime: int = 300
    """Seconds (v31.md §2)."""
    refresh_token_lifetime: int = 2_678_400
    """Seconds: 31 days (v31.md §2)."""
    latency: float = 60.0
    """Seconds that R10 waits."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request led to: `accepted`, if the server now acts on it; and what of the answer reaches the client.

    `wait` are the seconds between the server's commit and its answer.
    """

    status: int
    body: Mapping[str, Any]
    accepted: bool
    delivery: Delivery = "whole"
    wait: float = 0.0

    def received(self) -> bytes | None:
        """The body's bytes that arrive; None: the connection ends without an answer."""
        whole = json.dumps(self.body, separators=(",", ":")).encode()
        parts = {"whole": whole, "dropped": None, "truncated": whole[: len(whole) // 2], "invalid": NOT_JSON}
        return parts[self.delivery]

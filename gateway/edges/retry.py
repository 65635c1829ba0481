"""Whether a request may be sent again (reliability.md §4.4): a pure decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto


class Failure(Enum):
    """How an attempt failed, as far as the decision depends on it."""

    NEVER_SENT = auto()
    """DNS, connect or TLS: no byte of the request left."""
    LOST = auto()
    """Sent, but no readable answer came: reset, truncated, garbled."""
    LATE = auto()
    """Sent, and no answer came in time."""
    FAILING = auto()
    """v3.1 answered 500: a POST may have made its record all the same (v31.md §9)."""
    DOWN = auto()
    """502, 503 without a date, 504 and other 5xx, often of a proxy before v3.1: executed or not."""
    STALE_TOKEN = auto()
    """401 that speaks of the token: refused, not executed."""
    UNUSABLE = auto()
    """An answer came that cannot be used, whatever it says; to send again would bring it once more."""
    FINAL = auto()
    """Anything that sending again cannot mend, or might make worse."""


class Kind(Enum):
    """What a request is, as far as the decision depends on it."""

    READ = auto()
    LISTED = auto()
    """A write with an `idempotency_id`: sent twice, it takes effect once."""
    OTHER = auto()
    """Any other write."""


@dataclass(frozen=True, slots=True)
class Tried:
    """How often a request has failed so far, by what the failures have in common.

    `doubtful` counts failures after which nobody knows whether the request was executed.
    """

    never_sent: int = 0
    doubtful: int = 0
    failing: int = 0
    stale: int = 0

    def and_then(self, failure: Failure) -> Tried:
        """What has been tried once this failure is counted too."""
        if failure is Failure.NEVER_SENT:
            return replace(self, never_sent=self.never_sent + 1)
        if failure is Failure.STALE_TOKEN:
            return replace(self, stale=self.stale + 1)
        if failure is Failure.FAILING:
            return replace(self, doubtful=self.doubtful + 1, failing=self.failing + 1)
        if failure in _DOUBTFUL or failure is Failure.UNUSABLE:
            return replace(self, doubtful=self.doubtful + 1)
        return self


@dataclass(frozen=True, slots=True)
class Resend:
    """Send the same bytes again after `wait` seconds."""

    wait: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Send no more."""


_DOUBTFUL = frozenset({Failure.LOST, Failure.LATE, Failure.FAILING, Failure.DOWN})
_NEVER_SENT_WAITS = (0.1, 0.4, 1.0)
_READ_WAITS = (0.2, 0.8)
_WRITE_WAIT = 0.5


def decide_retry(kind: Kind, failure: Failure, tried: Tried, *, in_time: bool) -> Resend | GiveUp:
    """Whether to send a request again after a failure.

    `tried` counts what failed before this failure. `in_time` tells whether the caller can still be kept
    waiting; a listed write that may have been executed is sent again even when not, to learn its answer.
    """
    if failure is Failure.STALE_TOKEN:
        return Resend(0.0) if tried.stale == 0 else GiveUp()
    if failure is Failure.NEVER_SENT:
        if in_time and tried.never_sent < len(_NEVER_SENT_WAITS):
            return Resend(_NEVER_SENT_WAITS[tried.never_sent])
        return GiveUp()
    if failure not in _DOUBTFUL or kind is Kind.OTHER:
        return GiveUp()
    if kind is Kind.LISTED:
        return Resend(_WRITE_WAIT) if tried.doubtful == 0 else GiveUp()
    if failure is Failure.FAILING and tried.failing > 0:
        return GiveUp()
    if in_time and tried.doubtful < len(_READ_WAITS):
        return Resend(_READ_WAITS[tried.doubtful])
    return GiveUp()

"""Why no access token can be had at the moment, as errors that are made anew for each caller."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

from gateway.errors import (
    GatewayError,
    NeedsConsent,
    StoreFailed,
    TableWrong,
    Throttled,
    UpstreamFailed,
    UpstreamLate,
)
from gateway.grants.life import AskOwner, Decision, Failure, Later, Wait

Trouble: TypeAlias = Callable[[], GatewayError]
"""Makes an error: one exception raised in many callers would gather all their tracebacks."""

TROUBLES: Mapping[Failure, Trouble] = {
    Failure.NOT_SENT: lambda: UpstreamFailed("Sage's token endpoint cannot be reached."),
    Failure.AMBIGUOUS: lambda: UpstreamLate("Sage's token endpoint gave no usable answer."),
    Failure.INVALID_GRANT: lambda: NeedsConsent("The Sage user must authorise the app again."),
    Failure.INVALID_CLIENT: lambda: UpstreamFailed("Sage refused the gateway's own client for this app."),
}


def copied() -> GatewayError:
    """The store is a copy of another's."""
    return StoreFailed("This gateway serves a copy of another's store, and refreshes nothing.")


def later(seconds: float) -> Trouble:
    """Refreshing rests for so long."""
    return lambda: Throttled("No access token can be had at the moment.", max(1, math.ceil(seconds)))


def again(error: GatewayError) -> Trouble:
    """What went wrong, for the next callers."""
    message = error.diagnoses[0].message
    return (lambda: StoreFailed(message)) if isinstance(error, StoreFailed) else (lambda: TableWrong(message))


def why_not(decision: Decision | None, trouble: Trouble | None) -> GatewayError:
    """The error of a caller who gets no token."""
    if isinstance(decision, AskOwner):
        return NeedsConsent("The Sage user must authorise the app again.")
    if trouble is not None:
        return trouble()
    return later(decision.seconds if isinstance(decision, Wait | Later) else 1)()

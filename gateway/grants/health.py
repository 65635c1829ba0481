"""How a grant stands, for the operator, and when an idle one is refreshed (reliability.md §3.3 step 9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gateway.grants.life import State

DAY = 86_400.0
IDLE = 7 * DAY
"""A grant that was not refreshed for so long is refreshed by the sweep: Sage ends it after 31 days (v31.md §2)."""
WARN = 21 * DAY
ALARM = 28 * DAY
USUAL_REFRESH_LIFE = 31 * DAY
"""What a refresh token lives where Sage has not told."""


class Condition(Enum):
    """A grant's condition in a word."""

    HEALTHY = "healthy"
    REFRESHING = "refreshing"
    EXPIRES = "expires"
    NEEDS_CONSENT = "needs consent"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store says of a grant without opening its secrets. Times are seconds since 1970."""

    id: int
    app: str
    state: State
    since: float
    """When the state was entered."""
    refreshed_at: float
    """When it was refreshed last, else when it was made."""
    refresh_until: float | None = None
    """When the refresh token ends; None where Sage has not told."""
    never: bool = False
    """It was never refreshed: the refresh token that it began with may be of any age."""


@dataclass(frozen=True, slots=True)
class Health:
    """A condition, with `days` left where it expires, and `since` (seconds since 1970) where consent is needed."""

    condition: Condition
    days: int = 0
    since: float = 0.0

    def __str__(self) -> str:
        if self.condition is Condition.EXPIRES:
            return f"expires in {self.days} day{'' if self.days == 1 else 's'}"
        return str(self.condition.value)


class Duty(Enum):
    """What the sweep owes a grant."""

    NOTHING = "nothing"
    REFRESH = "refresh"
    WARN = "warn"
    ALARM = "alarm"


def health(standing: Standing, now: float) -> Health:
    """How a grant stands. It expires once the sweep should have refreshed it long ago."""
    if standing.state is State.REAUTH_REQUIRED:
        return Health(Condition.NEEDS_CONSENT, since=standing.since)
    if standing.state is State.REVOKED:
        return Health(Condition.REVOKED, since=standing.since)
    if _idle(standing, now) >= WARN:
        until = standing.refresh_until or standing.refreshed_at + USUAL_REFRESH_LIFE
        return Health(Condition.EXPIRES, days=max(0, int((until - now) // DAY)))
    return Health(Condition.HEALTHY if standing.state is State.ACTIVE else Condition.REFRESHING)


def duty(standing: Standing, now: float) -> Duty:
    """What is owed to a grant that is not refreshed by its calls; a warning and an alarm include the refresh."""
    if standing.state in (State.REAUTH_REQUIRED, State.REVOKED):
        return Duty.NOTHING
    idle = _idle(standing, now)
    if idle >= ALARM:
        return Duty.ALARM
    if idle >= WARN:
        return Duty.WARN
    return Duty.REFRESH if idle >= IDLE or standing.never else Duty.NOTHING


def _idle(standing: Standing, now: float) -> float:
    """Seconds since the last refresh; of a refresh token with a shorter life than the usual one, more in proportion."""
    idle = now - standing.refreshed_at
    if standing.refresh_until is None:
        return idle
    return idle * max(1.0, USUAL_REFRESH_LIFE / max(1.0, standing.refresh_until - standing.refreshed_at))

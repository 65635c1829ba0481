"""How a grant stands, and what the sweep owes it."""

from __future__ import annotations

import pytest

from gateway.grants.health import DAY, Condition, Duty, Health, Standing, duty, health
from gateway.grants.life import State

NOW = 1_700_000_000.0
MONTH = 31 * DAY


def standing(days: float, state: State = State.ACTIVE, life: float | None = MONTH, never: bool = False) -> Standing:
    """A grant that was refreshed so many days ago."""
    then = NOW - days * DAY
    return Standing(7, "app", state, NOW - 5, then, None if life is None else then + life, never)


@pytest.mark.parametrize(
    ("days", "owed"),
    [
        (0, Duty.NOTHING),
        (6.99, Duty.NOTHING),
        (7, Duty.REFRESH),
        (20.99, Duty.REFRESH),
        (21, Duty.WARN),
        (27.99, Duty.WARN),
        (28, Duty.ALARM),
        (400, Duty.ALARM),
    ],
)
def test_an_idle_grant_is_refreshed_weekly_and_told_of(days: float, owed: Duty) -> None:
    """Refreshed from 7 days on, warned of at 21, alarmed about at 28."""
    assert duty(standing(days), NOW) is owed
    assert duty(standing(days, life=None), NOW) is owed


def test_a_shorter_life_brings_the_duty_forward() -> None:
    """Where Sage gives refresh tokens of one day, a quarter of that is idle."""
    assert duty(standing(0.2, life=DAY), NOW) is Duty.NOTHING
    assert duty(standing(0.25, life=DAY), NOW) is Duty.REFRESH
    assert duty(standing(0.95, life=DAY), NOW) is Duty.ALARM


def test_a_longer_life_puts_nothing_off() -> None:
    """What Sage promises beyond 31 days is not relied on."""
    assert duty(standing(7, life=365 * DAY), NOW) is Duty.REFRESH


def test_a_token_of_unknown_age_is_refreshed_at_once() -> None:
    """A grant that was never refreshed began with a token that may be a month old."""
    assert duty(standing(0, never=True), NOW) is Duty.REFRESH


@pytest.mark.parametrize("state", [State.REAUTH_REQUIRED, State.REVOKED])
def test_nothing_is_owed_to_the_dead(state: State) -> None:
    """A grant that needs consent, or is revoked, is not swept."""
    assert duty(standing(400, state), NOW) is Duty.NOTHING


@pytest.mark.parametrize(
    ("given", "said", "words"),
    [
        (standing(1), Health(Condition.HEALTHY), "healthy"),
        (standing(1, State.REFRESHING), Health(Condition.REFRESHING), "refreshing"),
        (standing(1, State.AMBIGUOUS), Health(Condition.REFRESHING), "refreshing"),
        (standing(21), Health(Condition.EXPIRES, days=10), "expires in 10 days"),
        (standing(30), Health(Condition.EXPIRES, days=1), "expires in 1 day"),
        (standing(40, life=None), Health(Condition.EXPIRES), "expires in 0 days"),
        (standing(6, life=10 * DAY), Health(Condition.HEALTHY), "healthy"),
        (standing(7, life=10 * DAY), Health(Condition.EXPIRES, days=3), "expires in 3 days"),
        (standing(1, State.REAUTH_REQUIRED), Health(Condition.NEEDS_CONSENT, since=NOW - 5), "needs consent"),
        (standing(1, State.REVOKED), Health(Condition.REVOKED, since=NOW - 5), "revoked"),
    ],
)
def test_a_grant_is_described_in_a_word(given: Standing, said: Health, words: str) -> None:
    """What the operator reads of a grant."""
    assert health(given, NOW) == said
    assert str(health(given, NOW)) == words

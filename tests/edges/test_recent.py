"""Replies that may be some seconds old."""

from __future__ import annotations

from gateway.edges.recent import Recent
from gateway.grants.tenant import Tenant
from gateway.messages import Exchange, V2Request, V2Response

CALL = V2Request("GET", "/accounts/v2/summary")
GOOD = Exchange(CALL, (), V2Response(200, {"profit": "1.0"}))
BAD = Exchange(CALL, (), V2Response(502, {}))


def tenant(number: int) -> Tenant:
    return Tenant(id=number, name=f"t{number}", app="app", business="b-1", grant=1)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_reply_lasts_as_long_as_its_table_says():
    """Thirty seconds later it is made anew."""
    clock = Clock()
    recent = Recent(clock)
    place = recent.place(tenant(1), CALL)
    assert recent.find(place) is None
    recent.keep(place, GOOD, 30.0)
    clock.now = 29.0
    assert recent.find(recent.place(tenant(1), CALL)) == GOOD
    clock.now = 30.0
    assert recent.find(recent.place(tenant(1), CALL)) is None


def test_nobody_else_gets_it():
    """Another tenant, and another target, find nothing."""
    recent = Recent(Clock())
    recent.keep(recent.place(tenant(1), CALL), GOOD, 30.0)
    assert recent.find(recent.place(tenant(2), CALL)) is None
    assert recent.find(recent.place(tenant(1), V2Request("GET", "/accounts/v2/summary?a=1"))) is None


def test_a_write_ends_it():
    """What was read before a write, or begun before it, is not shown after it."""
    recent = Recent(Clock())
    begun = recent.place(tenant(1), CALL)
    recent.keep(begun, GOOD, 30.0)
    recent.forget(tenant(1))
    recent.keep(begun, GOOD, 30.0)
    assert recent.find(recent.place(tenant(1), CALL)) is None


def test_errors_are_not_remembered():
    """A reply that is an error is made anew at once."""
    recent = Recent(Clock())
    recent.keep(recent.place(tenant(1), CALL), BAD, 30.0)
    assert recent.find(recent.place(tenant(1), CALL)) is None

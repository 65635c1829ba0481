"""The soak's short form, and its judge."""

from __future__ import annotations

import pytest

from tests.postgres import postgres
from tests.soak.journal import Change
from tests.soak.sage import Presented
from tests.soak.soak import Plan, soak
from tests.soak.verdict import Evidence, Stop

SHORT = Plan(replicas=4, tenants=40, rotations=500, seconds=40, access_life=2, rest=1.0, trouble=3, lease=6, at_most=70)


async def test_no_tenant_is_locked_out_in_vain():
    """Replicas are killed and put to sleep for longer than a lease, tokens live 2 seconds and their reuse kills: who
    needs consent in the end lost an answer that nobody lived to store, and no token was presented twice under a
    lease."""
    with postgres() as server:
        report = await soak(SHORT, server)
    assert report.faults == [], str(report)
    assert report.rotations >= SHORT.rotations, str(report)
    assert report.kills >= 3, str(report)


def lease(at: float, replica: int, generation: int = 1) -> Change:
    return Change("t", replica, at, generation, "refreshing", True, at + 6)


FIRST, SECOND = Presented("t", 1, 0, 0.1, True), Presented("t", 1, 1, 6.6, False)
LEASES = (lease(0.0, 0), lease(6.5, 1))
SAVED = Change("t", 0, 0.2, 2, "active", False, None)
KILLED, SLEPT, NAPPED = Stop(0, 0.15, 0.15, True), Stop(0, 0.15, 7.0, False), Stop(0, 0.15, 2.0, False)


@pytest.mark.parametrize(
    ("presented", "changes", "stops", "avoidable", "why"),
    [
        ((FIRST, SECOND), LEASES, (KILLED,), False, "answer was lost: replica 0 was killed at 0.150"),
        ((FIRST, SECOND), LEASES, (SLEPT,), False, "answer was lost: replica 0 was stopped for 6.8 s"),
        ((FIRST, SECOND), LEASES, (NAPPED,), True, "presented twice"),
        ((FIRST, SECOND), LEASES, (Stop(1, 0.15, 0.15, True),), True, "presented twice"),
        ((FIRST, SECOND), LEASES, (Stop(0, 6.7, 6.7, True),), True, "presented twice"),
        ((FIRST, SECOND), (LEASES[0], SAVED, LEASES[1]), (KILLED,), True, "although the store had the next"),
        ((FIRST, SECOND), LEASES[:1], (KILLED,), True, "without a lease"),
        ((FIRST,), LEASES, (KILLED,), True, "took every token"),
        (
            (Presented("t", 1, 1, 6.6, True), Presented("t", 1, 0, 7.1, False)),
            (*LEASES, Change("t", 1, 6.7, 2, "active", False, None)),
            (Stop(0, 0.05, 7.0, False),),
            False,
            "sent late: replica 0 was stopped",
        ),
    ],
)
def test_a_lock_out_is_unavoidable_only_where_a_stop_explains_it(presented, changes, stops, avoidable, why):
    """The answer's receiver was killed before it stored, or slept to its lease's end; all else is our fault."""
    found = Evidence(presented, changes, stops).judge("t")
    assert (found.avoidable, why in str(found)) == (avoidable, True), str(found)


def test_a_token_presented_twice_under_one_lease_is_found():
    """Whoever presents it; after the lease it is a retry."""
    early = Presented("t", 1, 1, 5.9, False)
    assert Evidence((FIRST, early), LEASES, ()).twice_under_lease() == [(FIRST, early)]
    assert Evidence((FIRST, SECOND), LEASES, ()).twice_under_lease() == []

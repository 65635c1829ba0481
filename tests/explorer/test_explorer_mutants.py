"""The explorer finds what is wrong: each of these breaks an invariant, which is named."""

from __future__ import annotations

import pytest

from tests.explorer import invariants, mutants
from tests.explorer.explore import explore
from tests.explorer.mutants import built_with, stored_with
from tests.explorer.replica import Plan
from tests.explorer.state import Setting, Violation

TWO, ONE = (Plan(), Plan()), (Plan(),)

BROKEN = {
    "a lease is given whoever holds it": (
        invariants.ONE_SENDER,
        Setting(TWO, faults=0, operations=stored_with(take_lease=mutants.lease_for_all)),
    ),
    "the lease is not looked at again before writing": (
        invariants.ONE_SENDER,
        Setting(TWO, build=built_with(mutants.Hasty)),
    ),
    "an unanswered request gives its lease back": (
        invariants.ONE_SENDER,
        Setting(TWO, build=built_with(mutants.Eager)),
    ),
    "results are fenced by the lease's epoch": (
        invariants.NOT_LOST,
        Setting(TWO, behaviour="R1", operations=stored_with(save_refreshed=mutants.save_by_holder_alone)),
    ),
    "what comes second is dropped": (
        invariants.NOT_LOST,
        Setting(TWO, behaviour="R4", operations=stored_with(save_refreshed=mutants.save_or_drop)),
    ),
    "what the store does not take is in memory alone": (
        invariants.NOT_LOST,
        Setting(ONE, faults=2, build=mutants.without_a_spool),
    ),
    "a result is used though it was not stored": (
        invariants.NOT_LOST,
        Setting(ONE, build=built_with(mutants.Easygoing)),
    ),
    "a result that Sage gives each time is used though it was not stored": (
        invariants.STORED_FIRST,
        Setting(ONE, behaviour="R5", build=built_with(mutants.Easygoing)),
    ),
    "no answer is taken for a refusal": (
        invariants.REACHABLE,
        Setting(TWO, behaviour="R3", build=built_with(mutants.Desperate)),
    ),
    "a refusal is believed at once, and marked without a fence": (
        invariants.REACHABLE,
        Setting(
            TWO,
            behaviour="R1",
            build=built_with(mutants.Rash),
            operations=stored_with(mark=mutants.mark_whatever_is_there),
        ),
    ),
    "the spool is not read at the start": (
        invariants.REACHABLE,
        Setting(ONE, behaviour="R1", faults=2, reborn=Plan(restart=False)),
    ),
    "a refusal is kept silent": (
        invariants.DETECTED,
        Setting(TWO, build=built_with(mutants.Silent)),
    ),
    "that a grant needs consent is not remembered": (
        invariants.NO_LOOPS,
        Setting(TWO, operations=stored_with(mark=mutants.mark_but_never_lapsed)),
    ),
    "a refused token is sent again": (
        invariants.NO_LOOPS,
        Setting(TWO, build=built_with(mutants.Stubborn)),
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_known_mistake_is_found(fault):
    """By the invariant that forbids it, with the steps that lead there."""
    invariant, setting = BROKEN[fault]
    with pytest.raises(Violation) as found:
        explore(setting)
    assert found.value.name == invariant
    assert found.value.__notes__

"""The production refresher in every world that a few faults can lead to (reliability.md §3.3, "Proof" (i)).

What is exhausted: all states that can be reached from a beginning in which every replica gets a call for one grant
whose access token has ended, by any order of the replicas' calls of ports and any placement of so many faults:

- a crash before or after each call of a port takes effect, with or without a restart that replays the spools;
- a pause before each call, or between its effect and its answer, longer than the lease (`pause`), longer than a third
  of it (`nap`), or of the whole machine, whose usual clocks stand still meanwhile (`suspend`);
- a failure of the store at each call, before its effect or after it;
- a full spool; at the token endpoint no connection, 503, a refused client, and a request or an answer that is lost,
  noticed at once or after 20 s.

Bounds, as the tests' names and docstrings have them: 3 replicas with one fault of any kind over R1 to R5, R8 and R9; 3
replicas over R6, R7 and R10, which are faults themselves; 2 replicas with two faults (crash, pause, store), also where
the first is R6 or R10. `make explore` goes further. What is not explored: how long callers wait, more than one
grant at a time, time that passes while a replica is merely slow (that is a pause), and polls of the store at which
nothing has changed.

At the end of each world one survivor is called, a new replica is started that reads the spools and sweeps, and then all
are called once more: either everyone has a token that v3.1 takes, or the grant needs consent, which nobody can mend
(`invariants.EXCUSES`), and nobody sends any more.
"""

from __future__ import annotations

import os

import pytest

from tests.explorer.explore import Report, explore
from tests.explorer.replica import Plan
from tests.explorer.state import ALL, GREAT, Setting

DEEP = os.environ.get("EXPLORE") == "deep"
ROTATIONS = ("R1", "R2", "R3", "R4", "R5")
SOUND = (*ROTATIONS, "R8", "R9:zero", "R9:negative", "R9:string", "R9:word", "R9:huge")
LOST = ("R6", "R7:truncated", "R7:invalid", "R10:committed", "R10:late")
CALL = Plan()
IN_USE = Plan(calls=(0.0, 130.0))
"""A call while the access token is fresh, and one while it is to be refreshed early."""
SWEEP = Plan(calls=(), sweep=True)
LONG_GRACE = 86_400.0


@pytest.fixture
def tell(request):
    """Prints what was explored, for whoever looks (`pytest -s`, `make explore`)."""
    writer = request.config.get_terminal_writer()

    def write(name: str, report: Report) -> None:
        writer.line(
            f"  {name}: {report.states:,} states, {report.steps:,} steps, {report.ends:,} ends, "
            f"at most {report.most_sends} requests; locked out: {dict(report.locked_out) or 'nobody'}"
        )

    return write


@pytest.mark.parametrize("behaviour", SOUND)
def test_without_faults_nobody_is_locked_out(behaviour):
    """Three replicas at once, whatever Sage does with refresh tokens: one request, and all have its token."""
    report = explore(Setting((CALL,) * 3, behaviour, faults=0))
    assert (report.most_sends, report.locked_out) == (1, {})


@pytest.mark.parametrize("behaviour", SOUND if DEEP else (*ROTATIONS, "R8", "R9:huge"))
def test_three_replicas_and_any_one_fault(behaviour, tell):
    """R1 locks out only where an answer was lost; R2 also where it was late or a pause could not be fenced; R3, R4 and
    R5 lock out nobody."""
    report = explore(Setting((CALL,) * 3, behaviour))
    tell(f"3 replicas, 1 fault, {behaviour}", report)
    assert report.ends > 400
    assert report.most_sends == 2
    assert not (behaviour in ("R3", "R4", "R5", "R8") and report.locked_out)
    assert all("lost" in excuse for excuse in report.locked_out if behaviour == "R1")


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize("behaviour", LOST)
def test_three_replicas_and_an_answer_that_is_lost(behaviour, rotation):
    """R1 and R2 lock out, and that is seen; R3, R4 and R5 lock out nobody."""
    report = explore(Setting((CALL,) * 3, f"{rotation}+{behaviour}", faults=0))
    assert report.most_sends == 2
    assert bool(report.locked_out) == (rotation in ("R1", "R2"))
    assert all("lost" in excuse for excuse in report.locked_out)


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_two_replicas_and_any_two_faults(rotation, tell):
    """As with one. The grace of R3 and R4 outlasts the two leases that two lost answers take."""
    report = explore(Setting((CALL,) * 2, rotation, faults=2, kinds=ALL if DEEP else GREAT, grace=LONG_GRACE))
    tell(f"2 replicas, 2 faults, {rotation}", report)
    assert report.most_sends <= 3
    assert not (rotation in ("R3", "R4", "R5") and report.locked_out)
    assert all("lost" in excuse for excuse in report.locked_out if rotation == "R1")


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize("behaviour", ["R6", "R10:late", *(["R10:committed"] if DEEP else [])])
def test_two_replicas_an_answer_that_is_lost_and_any_fault(behaviour, rotation, tell):
    """R7 is not told from R6, no answer that can be read; nor R10 that commits, but for the time it takes."""
    kinds = ALL if DEEP else GREAT
    report = explore(Setting((CALL,) * 2, f"{rotation}+{behaviour}", kinds=kinds, grace=LONG_GRACE))
    tell(f"2 replicas, 1 fault, {rotation}+{behaviour}", report)
    assert report.most_sends <= 3
    assert not (rotation in ("R3", "R4", "R5") and report.locked_out)


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_a_request_that_arrives_after_the_next_one(rotation):
    """It lay at Sage for longer than the lease: only the server can tell, so R2 locks out, and that is seen."""
    report = explore(Setting((CALL,) * 2, f"{rotation}+R10:late", faults=0, latency=70.0))
    assert report.most_sends == 2
    assert bool(report.locked_out) == (rotation == "R2")


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_a_store_that_fails_costs_nobody(rotation):
    """Twice, at any two calls, before their effect or after it: the disk was full, and no grant is lost."""
    report = explore(Setting((CALL,) * 2, rotation, faults=2, kinds=frozenset({"store", "spool"})))
    assert not report.locked_out


@pytest.mark.parametrize("rotation", ["R1", "R2", "R4"])
def test_a_consent_in_the_middle(rotation, tell):
    """At any moment, beside any fault: its tokens live on, for a late result of the grant before replaces nothing."""
    report = explore(Setting((CALL,) * 2, rotation, kinds=GREAT, consents=1))
    tell(f"2 replicas, 1 fault and a consent, {rotation}", report)
    assert not report.locked_out


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_tokens_in_use_are_refreshed_early(rotation, tell):
    """A call never waits for that, nor is it given a token that has ended."""
    report = explore(Setting((IN_USE,) * 2, rotation, access_left=200.0, grace=LONG_GRACE))
    tell(f"2 replicas, 1 fault, in use, {rotation}", report)
    assert not (rotation in ("R3", "R4", "R5") and report.locked_out)


@pytest.mark.parametrize("rotation", ["R1", "R2", "R4"])
def test_a_sweep_beside_a_call(rotation, tell):
    """The weekly sweep is a replica like others."""
    report = explore(Setting((CALL, SWEEP), rotation, grace=LONG_GRACE))
    tell(f"a call and a sweep, 1 fault, {rotation}", report)
    assert not (rotation == "R4" and report.locked_out)


if DEEP:

    @pytest.mark.parametrize("rotation", ROTATIONS)
    @pytest.mark.parametrize("behaviour", LOST)
    def test_three_replicas_an_answer_that_is_lost_and_any_fault(behaviour, rotation, tell):
        """Two faults with three replicas, the first one at Sage."""
        report = explore(Setting((CALL,) * 3, f"{rotation}+{behaviour}", kinds=GREAT, grace=LONG_GRACE))
        tell(f"3 replicas, 1 fault, {rotation}+{behaviour}", report)
        assert not (rotation in ("R3", "R4", "R5") and report.locked_out)

    @pytest.mark.parametrize("rotation", ROTATIONS)
    def test_three_replicas_and_any_two_faults(rotation, tell):
        """Of crash, pause and store."""
        report = explore(Setting((CALL,) * 3, rotation, faults=2, kinds=GREAT, grace=LONG_GRACE))
        tell(f"3 replicas, 2 faults, {rotation}", report)
        assert not (rotation in ("R3", "R4", "R5") and report.locked_out)

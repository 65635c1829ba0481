"""The decision to send again, over all of its inputs (reliability.md §4.4)."""

from itertools import product

import pytest

from gateway.edges.retry import Failure, GiveUp, Kind, Resend, Tried, decide_retry

DOUBTFUL = {Failure.LOST, Failure.LATE, Failure.FAILING, Failure.DOWN, Failure.UNUSABLE}
COUNTS = range(5)


def resends(kind: Kind, failure: Failure, tried: Tried, in_time: bool) -> bool:
    """The table of reliability.md §4.4, written once more and plainly."""
    if failure in (Failure.FINAL, Failure.UNUSABLE):
        return False
    if failure is Failure.STALE_TOKEN:
        return tried.stale < 1
    if failure is Failure.NEVER_SENT:
        return in_time and tried.never_sent < 3
    if kind is Kind.OTHER:
        return False
    if kind is Kind.LISTED:
        return tried.doubtful < 1
    if failure is Failure.FAILING and tried.failing >= 1:
        return False
    return in_time and tried.doubtful < 2


@pytest.mark.parametrize("in_time", [True, False])
@pytest.mark.parametrize("failure", Failure)
@pytest.mark.parametrize("kind", Kind)
def test_every_cell(kind: Kind, failure: Failure, in_time: bool) -> None:
    """The decision is the table's for every kind, failure and count of failures before."""
    for never_sent, doubtful, failing, stale in product(COUNTS, repeat=4):
        tried = Tried(never_sent, doubtful, failing, stale)
        decision = decide_retry(kind, failure, tried, in_time=in_time)
        assert isinstance(decision, Resend) == resends(kind, failure, tried, in_time), tried
        assert isinstance(decision, GiveUp) or 0 <= decision.wait <= 1


@pytest.mark.parametrize("kind", Kind)
def test_it_ends(kind: Kind) -> None:
    """Whatever fails in whatever order, a request is sent at most so often."""
    most = {Kind.READ: 3 + 2 + 1 + 1, Kind.LISTED: 3 + 1 + 1 + 1, Kind.OTHER: 3 + 1 + 1}[kind]

    def longest(tried: Tried) -> int:
        sent = 0
        for failure in Failure:
            if isinstance(decide_retry(kind, failure, tried, in_time=True), Resend):
                sent = max(sent, longest(tried.and_then(failure)))
        return 1 + sent

    assert longest(Tried()) == most


@pytest.mark.parametrize("failure", Failure)
def test_counting(failure: Failure) -> None:
    """Each failure counts where it belongs: a 500 with the doubtful ones too, a final one nowhere."""
    tried = Tried().and_then(failure)
    assert tried == Tried(
        never_sent=int(failure is Failure.NEVER_SENT),
        doubtful=int(failure in DOUBTFUL),
        failing=int(failure is Failure.FAILING),
        stale=int(failure is Failure.STALE_TOKEN),
    )

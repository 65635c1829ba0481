"""Why a tenant is locked out, judged from what Sage, the store and the killer noted.

Unavoidable by protocol (reliability.md §3.3, promise table) is one thing alone: an answer that Sage gave to a replica
that did not live, or was not awake, to store it before the lease was over; and its mirror image, a replica that slept
between its last look at the lease and its send until the lease was over. All else is the gateway's own fault.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tests.soak.journal import Change
from tests.soak.sage import Presented

AWAKENING = 0.5
"""Seconds that a replica has to store an answer that waited for it while it slept."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A replica slept from `since` to `until` (SIGSTOP), or was killed at that moment (SIGKILL)."""

    replica: int
    since: float
    until: float
    killed: bool

    def __str__(self) -> str:
        what = "killed" if self.killed else f"stopped for {self.until - self.since:.1f} s"
        return f"replica {self.replica} was {what} at {self.since:.3f}"


@dataclass(frozen=True, slots=True)
class LockOut:
    """A tenant that needs consent, the generation whose successor was lost, and the stop that explains it."""

    tenant: str
    generation: int
    stop: Stop | None
    why: str

    @property
    def avoidable(self) -> bool:
        return self.stop is None

    def __str__(self) -> str:
        because = f": {self.stop}" if self.stop else ""
        return f"{self.tenant}, generation {self.generation}: {self.why}{because}"


class Evidence:
    """All notes of one soak."""

    def __init__(self, presented: Sequence[Presented], changes: Sequence[Change], stops: Collection[Stop]) -> None:
        self._presented: dict[str, list[Presented]] = defaultdict(list)
        self._changes: dict[str, list[Change]] = defaultdict(list)
        self._stops = stops
        for one in presented:
            self._presented[one.tenant].append(one)
        for change in changes:
            self._changes[change.tenant].append(change)

    def judge(self, tenant: str) -> LockOut:
        """Why this tenant needs consent."""
        accepted: dict[int, Presented] = {}
        for second in self._presented[tenant]:
            if second.accepted:
                accepted[second.generation] = second
            elif second.generation in accepted:
                return self._judge_reuse(accepted[second.generation], second)
        return LockOut(tenant, 0, None, "Sage took every token that was presented, and yet")

    def twice_under_lease(self) -> list[tuple[Presented, Presented]]:
        """Tokens that were presented again while the lease of the first presentation stood; but not by a replica that
        slept before it sent, which is told as a lock-out's cause."""
        found = []
        for all_of_it in self._presented.values():
            first: dict[int, Presented] = {}
            for one in all_of_it:
                before = first.setdefault(one.generation, one)
                lease = self._lease(before) if before is not one else None
                if lease is not None and one.at < (lease.lease_until or 0.0) and self._sent_late(one) is None:
                    found.append((before, one))
        return found

    def _judge_reuse(self, first: Presented, second: Presented) -> LockOut:
        where = first.tenant, first.generation
        lease, later = self._lease(first), self._lease(second)
        if lease is None or later is None:
            return LockOut(*where, None, "its token was presented without a lease")
        if stop := self._sent_late(second):
            return LockOut(*where, stop, "its token was sent late")
        if any(change.generation > first.generation and change.at < later.at for change in self._changes[first.tenant]):
            return LockOut(*where, None, "its token was presented although the store had the next")
        if stop := self._stop(lease, second.at):
            return LockOut(*where, stop, "Sage's answer was lost")
        naps = [str(stop) for stop in self._stops if lease.at < stop.until and stop.since < second.at]
        between = f"by {first.replica} at {first.at:.3f} and by {second.replica} at {second.at:.3f}"
        return LockOut(*where, None, f"its token was presented twice, {between}; meanwhile {naps}")

    def _sent_late(self, presented: Presented) -> Stop | None:
        """The sleep of a replica that presented a token when its lease was over."""
        lease = self._lease(presented)
        if lease is None or presented.at < (lease.lease_until or 0.0):
            return None
        return self._stop(lease, presented.at)

    def _lease(self, presented: Presented) -> Change | None:
        """The lease under which a token was presented."""
        taken = [
            change
            for change in self._changes[presented.tenant]
            if change.leased
            and change.replica == presented.replica
            and change.generation == presented.generation
            and change.at <= presented.at
        ]
        return taken[-1] if taken else None

    def _stop(self, lease: Change, before: float) -> Stop | None:
        """What kept the holder of a lease from its work: a kill, or a sleep to the lease's end."""
        met = [
            stop
            for stop in self._stops
            if stop.replica == lease.replica
            and lease.at < stop.until
            and stop.since < before
            and (stop.killed or stop.until > (lease.lease_until or 0.0) - AWAKENING)
        ]
        return max(met, key=lambda stop: stop.killed, default=None)

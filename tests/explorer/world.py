"""The world of the explorer: replicas, a store, an authorization server, a clock; and every step it may take next.

A step is one call of a port with its answer, atomic unless a fault comes between. Two calls that share nothing may come
in either order without a difference, so purely local ones (`LOCAL`) are taken first.

Time stands still while any replica can go on, and then moves to the next thing that may happen: the end of a pause, of
a lease, of a wait for an answer. A replica that polls wakes up then, or with the first poll where nothing else will
happen. That time passes while a replica is merely slow is the fault "pause".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.edges.refresh_sender import LEASE_SECONDS
from gateway.edges.token_client import TOTAL_SECONDS
from gateway.errors import StoreFailed
from gateway.grants.life import Failed, Failure, Tokens
from tests.explorer.effects import AMBIGUOUS, Effects
from tests.explorer.fake_store import OPERATIONS, READS, Kept
from tests.explorer.replica import program
from tests.explorer.schedule import Request
from tests.explorer.state import Seat, State, marked, with_seat

LOCAL = ("begin", "connect", "put", "clear")
SHORT, LONG = TOTAL_SECONDS + 5.0, LEASE_SECONDS + 5.0
"""Pauses: longer than a third of the lease, and longer than the lease."""
POLL = 1.0
"""Sleeps up to here are looks at what others do: they are as good a little later."""
PAUSES = (
    ("pause", "pause", LONG, 0.0),
    ("nap", "short pause", SHORT, 0.0),
    ("suspend", "the machine sleeps", LONG, LONG),
)
"""Kind of fault, its name, seconds, and how many of them the usual clocks miss."""
FAILED = StoreFailed("the disk is full")
AFTER_LEASE = 0.5

Step = tuple[str, State]


class World(Effects):
    """The steps of one setting."""

    def beginning(self, kept: Kept, now: float) -> State:
        """The first state."""
        plans = self.setting.plans
        seats = tuple(Seat(self.histories.start(program(plan, self.setting.build)).id) for plan in plans)
        return State(now, self._number(kept), 0, seats, ((),) * len(plans), self.setting.faults, self.setting.consents)

    def steps(self, state: State) -> Iterator[Step]:
        """All that may happen next; first what should."""
        ready = [slot for slot in range(len(state.seats)) if self._ready(state, slot)]
        for slot in ready:
            if not state.seats[slot].inbox and self.history(state, slot).request.kind in LOCAL:
                yield from self._of(state, slot)
                return
        for slot in ready:
            if not self._alike(state, slot, ready):
                yield from self._of(state, slot)
        if state.consents:
            yield "consent", self._consent(state)
        if not ready and (later := self._later(state)) is not None:
            yield f"time {later:g}", self._pass(state, later)

    def idle(self, state: State) -> list[int]:
        """The living replicas that wait for the next call."""
        alive = [slot for slot, seat in enumerate(state.seats) if seat.history is not None]
        return [slot for slot in alive if self.history(state, slot).request.kind == "idle"]

    def deliver(self, state: State, slot: int, answer: Any) -> State:
        """A replica gets an answer and runs on to its next call."""
        seat = state.seats[slot]
        assert seat.history is not None
        usual = state.now - seat.lag
        history = self.histories.after(self.histories[seat.history], (answer, usual, state.now))
        at = state.now + history.request.args[0] if history.request.kind == "sleep" else state.now
        return with_seat(state, slot, seat._replace(history=history.id, at=at, inbox=()))

    def _ready(self, state: State, slot: int) -> bool:
        seat = state.seats[slot]
        if seat.history is None or seat.at > state.now:
            return False
        return bool(seat.inbox) or self.history(state, slot).request.kind not in ("idle", "none")

    def _alike(self, state: State, slot: int, ready: list[int]) -> bool:
        """Whether one before it is in just the same state, and nothing tells them apart: one goes for both."""
        seat = state.seats[slot]
        untouched = seat.lease is None and not seat.run and not state.spools[slot]
        return untouched and any(
            state.seats[other] == seat and not state.spools[other] for other in ready if other < slot
        )

    def _of(self, state: State, slot: int) -> Iterator[Step]:
        """What may become of a replica's call: what should, then every fault."""
        seat, request = state.seats[slot], self.history(state, slot).request
        name = f"{slot}{'+' * seat.run}"
        if seat.inbox:
            yield f"{name} gets the answer to {request.kind}", self.deliver(state, slot, seat.inbox[0])
            return
        if request.kind == "begin":
            yield f"{name} begins", self.deliver(state, slot, None)
            return
        done, answer, after = self._perform(state, slot, request)
        if after:
            done = with_seat(done, slot, done.seats[slot]._replace(at=state.now + after, inbox=(answer,)))
            yield f"{name} {request.kind}, unanswered", done
        else:
            yield f"{name} {request.kind}", self.deliver(done, slot, answer)
        if state.faults and request.kind != "sleep":
            spent = state._replace(faults=state.faults - 1)
            for word, faulty in self._faults(spent, slot, request):
                yield f"{name} {request.kind}: {word}", faulty
        elif state.faults and "crash" in self.setting.kinds:
            for word, faulty in self._crashes(state._replace(faults=state.faults - 1), slot):
                yield f"{name} asleep: {word}", faulty

    def _faults(self, state: State, slot: int, request: Request) -> Iterator[Step]:
        kinds, kind = self.setting.kinds, request.kind
        changes = kind in OPERATIONS and kind not in READS
        done, answer, _ = self._perform(state, slot, request)
        if "crash" in kinds:
            yield from self._crashes(state, slot)
            if changes or kind in ("send", "put", "clear", "clear_left"):
                yield from ((f"done, {word}", crashed) for word, crashed in self._crashes(done, slot))
        yield from self._pauses(state, slot, request)
        if "store" in kinds and kind in OPERATIONS:
            seat = state.seats[slot]
            tried = seat._replace(unsaved=seat.unsaved or kind == "save_refreshed")
            yield "fails", self.deliver(with_seat(state, slot, tried), slot, FAILED)
            if changes:
                yield "done, answer lost", self.deliver(done, slot, FAILED)
        if "spool" in kinds and kind == "put":
            yield "no room", self.deliver(marked(state, "unspooled"), slot, False)
        if "wire" in kinds and kind == "connect":
            yield "refused", self.deliver(state, slot, False)
        if "wire" in kinds and kind == "send":
            yield from self._wire(state, slot, done, answer)

    def _wire(self, state: State, slot: int, done: State, answer: Any) -> Iterator[Step]:
        written = self._written(state, slot)
        yield "503", self.deliver(self._closed(written, slot), slot, Failed(Failure.TRANSIENT))
        yield "client refused", self.deliver(self._closed(written, slot), slot, Failed(Failure.INVALID_CLIENT))
        yield "reset on its way", self.deliver(written, slot, AMBIGUOUS)
        waits = written.seats[slot]._replace(at=state.now + TOTAL_SECONDS, inbox=(AMBIGUOUS,))
        yield "lost on its way", with_seat(written, slot, waits)
        if isinstance(answer, Tokens):
            gone = self._unread(done, slot)
            yield "answer reset", self.deliver(gone, slot, AMBIGUOUS)
            yield "answer lost", with_seat(gone, slot, waits._replace(fresh=gone.seats[slot].fresh))

    def _crashes(self, state: State, slot: int) -> Iterator[Step]:
        """Its memory is gone; its spool stays. It is started again at once, or never."""
        state, seat = self._forgotten(state, slot), state.seats[slot]
        again = self.histories.start(program(self.setting.reborn, self.setting.build)).id
        reborn = Seat(again, seat.run + 1, at=state.now)
        yield "crash, restart", with_seat(state, slot, reborn)
        yield "crash", with_seat(state, slot, Seat(None, seat.run))

    def _pauses(self, state: State, slot: int, request: Request) -> Iterator[Step]:
        kind = request.kind
        for name, word, seconds, slept in PAUSES:
            if name not in self.setting.kinds:
                continue

            def held(one: State, *inbox: Any, seconds: float = seconds, slept: float = slept) -> State:
                seat = one.seats[slot]
                return with_seat(one, slot, seat._replace(at=one.now + seconds, inbox=inbox, lag=seat.lag + slept))

            before = held(state)
            if kind == "send" and seconds == LONG:
                before = with_seat(before, slot, before.seats[slot]._replace(unfenced=True))
            yield word, before
            if kind in OPERATIONS or kind == "send":
                done, answer, after = self._perform(state, slot, request)
                if not after:
                    yield f"done, {word}", held(done, answer)
                if isinstance(answer, Tokens):
                    yield f"done, {word}, timed out", held(self._unread(done, slot), AMBIGUOUS)

    def _later(self, state: State) -> float | None:
        """When something happens next."""
        asleep: list[float] = []
        times = [at for at, _ in state.under_way]
        for slot, seat in enumerate(state.seats):
            if seat.history is not None and seat.at > state.now:
                history = self.history(state, slot)
                polls = not (seat.inbox or history.unsaved) and history.request.kind == "sleep"
                (asleep if polls and history.request.args[0] <= POLL else times).append(seat.at)
        if asleep:
            times += [row.until + AFTER_LEASE for row in self.kept(state).rows if row.owner is not None]
        times = [at for at in times if at > state.now]
        return min(times) if times else min(asleep, default=None)

    def _pass(self, state: State, later: float) -> State:
        state = state._replace(now=later)
        for at, token in state.under_way:
            if at <= later:
                state = state._replace(server=self.server.arrive(state.server, token, later))
        return state._replace(under_way=tuple(one for one in state.under_way if one[0] > later))

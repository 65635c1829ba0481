"""The world of the explorer: replicas, a store, an authorization server, a clock; and every step it may take next.

A step is one call of a port with its answer, atomic unless a fault comes between. Two calls that share nothing may come
in either order without a difference, so purely local ones (`LOCAL`) are taken first.

Time stands still while any replica can go on, and then moves to the next thing that may happen: the end of a pause, of
a lease, of a wait for an answer. A replica that polls wakes up then, or with the first poll where nothing else will
happen. That time passes while a replica is merely slow is the fault "pause".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.edges.refresh_sender import LEASE_SECONDS
from gateway.edges.token_client import TOTAL_SECONDS
from gateway.errors import StoreFailed
from gateway.grants.life import Failed, Failure, Grant, Tokens
from tests.explorer import fake_store
from tests.explorer.authority import Answered, Authority
from tests.explorer.fake_store import OPERATIONS, READS, Kept
from tests.explorer.replica import Build, Plan, production, program
from tests.explorer.schedule import Histories, History, Request

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
GREAT = frozenset({"crash", "pause", "store"})
ALL = GREAT | {"nap", "suspend", "wire", "spool"}
"""Kinds of faults."""
AMBIGUOUS = Failed(Failure.AMBIGUOUS)
FAILED = StoreFailed("the disk is full")
AFTER_LEASE = 0.5


class Send(NamedTuple):
    """A request that was written, and whose end nobody knows. `until`: when its lease ends."""

    attempt: str
    generation: int
    until: float


class Seat(NamedTuple):
    """One replica. `history` None: it is dead for good."""

    history: int | None
    run: int = 0
    """How many times it was started again."""
    at: float = 0.0
    """Nothing happens to it before."""
    inbox: tuple[Any, ...] = ()
    """An answer that it gets then."""
    lag: float = 0.0
    """Seconds that its usual clocks missed, while the machine slept; the boot clock missed none."""
    lease: Send | None = None
    """Its last."""
    fresh: str = ""
    """The refresh token that it received last."""
    unsaved: bool = False
    """The store has failed to take it at least once."""
    late: bool = False
    """It was paused after it had looked at its lease, and before it wrote: the one pause nobody can fence."""


class State(NamedTuple):
    """All that there is at one moment. `store` and `server` are numbers of states that were met."""

    now: float
    store: int
    server: int
    seats: tuple[Seat, ...]
    spools: tuple[tuple[tuple[str, Grant], ...], ...]
    faults: int
    """How many more may happen."""
    consents: int = 0
    """How many more may come."""
    under_way: tuple[tuple[float, str], ...] = ()
    """Requests that arrive at the server later, with their tokens."""
    open: tuple[Send, ...] = ()
    received: tuple[str, ...] = ()
    """Refresh tokens that reached us and may be alive."""
    marks: frozenset[str] = frozenset()
    """What happened that may excuse a lock-out: `lost`, `late`, `residual`, `after_grace`."""
    sends: int = 0


REBORN = Plan(restart=True)


@dataclass(frozen=True)
class Setting:
    """What is explored: a world at its beginning, and the faults that may befall it."""

    plans: tuple[Plan, ...]
    behaviour: str = "R2"
    faults: int = 1
    kinds: frozenset[str] = ALL
    consents: int = 0
    access_left: float | None = None
    latency: float = 60.0
    grace: float = 120.0
    build: Build = production
    operations: Mapping[str, Any] = field(default_factory=lambda: OPERATIONS)
    reborn: Plan = REBORN
    """What a process does that is started again."""


class Violation(AssertionError):  # noqa: N818 - it is what a search looks for
    """An invariant does not hold. `name` says which."""

    def __init__(self, name: str, about: str) -> None:
        super().__init__(f"{name}: {about}")
        self.name = name


Step = tuple[str, State]


class World:
    """The steps of one setting."""

    def __init__(self, setting: Setting, server: Authority, histories: Histories) -> None:
        self.setting = setting
        self.server = server
        self.histories = histories
        self.stores: list[Kept] = []
        self._numbers: dict[Kept, int] = {}
        self._done: dict[tuple[Any, ...], tuple[int, Any]] = {}

    def beginning(self, kept: Kept, now: float) -> State:
        """The first state."""
        plans = self.setting.plans
        seats = tuple(Seat(self.histories.start(program(plan, self.setting.build)).id) for plan in plans)
        return State(now, self._number(kept), 0, seats, ((),) * len(plans), self.setting.faults, self.setting.consents)

    def kept(self, state: State) -> Kept:
        return self.stores[state.store]

    def history(self, state: State, slot: int) -> History:
        number = state.seats[slot].history
        assert number is not None
        return self.histories[number]

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
        return _with(state, slot, seat._replace(history=history.id, at=at, inbox=()))

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
            done = _with(done, slot, done.seats[slot]._replace(at=state.now + after, inbox=(answer,)))
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
            tried = _with(state, slot, state.seats[slot]._replace(unsaved=True)) if kind == "save_refreshed" else state
            yield "fails", self.deliver(tried, slot, FAILED)
            if changes:
                yield "done, answer lost", self.deliver(done, slot, FAILED)
        if "spool" in kinds and kind == "put":
            yield "no room", self.deliver(_marked(state, "unspooled"), slot, False)
        if "wire" in kinds and kind == "connect":
            yield "refused", self.deliver(state, slot, False)
        if "wire" in kinds and kind == "send":
            yield from self._wire(state, slot, done, answer)

    def _wire(self, state: State, slot: int, done: State, answer: Any) -> Iterator[Step]:
        written = self._written(state, slot)
        yield "503", self.deliver(self._closed(written, slot), slot, Failed(Failure.TRANSIENT))
        yield "client refused", self.deliver(self._closed(written, slot), slot, Failed(Failure.INVALID_CLIENT))
        yield "reset on its way", self.deliver(written, slot, AMBIGUOUS)
        late = written.seats[slot]._replace(at=state.now + TOTAL_SECONDS, inbox=(AMBIGUOUS,))
        yield "lost on its way", _with(written, slot, late)
        if isinstance(answer, Tokens):
            gone = self._unread(done, slot)
            yield "answer reset", self.deliver(gone, slot, AMBIGUOUS)
            yield "answer lost", _with(gone, slot, late._replace(fresh=gone.seats[slot].fresh))

    def _crashes(self, state: State, slot: int) -> Iterator[Step]:
        """Its memory is gone; its spool stays. It is started again at once, or never."""
        state, seat = self._forgotten(state, slot), state.seats[slot]
        again = self.histories.start(program(self.setting.reborn, self.setting.build)).id
        reborn = Seat(again, seat.run + 1, at=state.now)
        yield "crash, restart", _with(state, slot, reborn)
        yield "crash", _with(state, slot, Seat(None, seat.run))

    def _pauses(self, state: State, slot: int, request: Request) -> Iterator[Step]:
        kind = request.kind
        for name, word, seconds, slept in PAUSES:
            if name not in self.setting.kinds:
                continue

            def held(one: State, *inbox: Any, seconds: float = seconds, slept: float = slept) -> State:
                seat = one.seats[slot]
                return _with(one, slot, seat._replace(at=one.now + seconds, inbox=inbox, lag=seat.lag + slept))

            before = held(state)
            if kind == "send" and seconds == LONG:
                before = _with(before, slot, before.seats[slot]._replace(late=True))
            yield word, before
            if kind in OPERATIONS or kind == "send":
                done, answer, after = self._perform(state, slot, request)
                if not after:
                    yield f"done, {word}", held(done, answer)
                if isinstance(answer, Tokens):
                    yield f"done, {word}, timed out", held(self._unread(done, slot), AMBIGUOUS)

    def _perform(self, state: State, slot: int, request: Request) -> tuple[State, Any, float]:
        """What a call changes, its answer, and after how many seconds that comes."""
        kind, args = request
        if kind == "send":
            return self._send(state, slot, args[0].reveal())
        if kind in OPERATIONS:
            return *self._store(state, slot, kind, args), 0.0
        if kind == "left_behind":
            free = [other for other, seat in enumerate(state.seats) if other == slot or seat.history is None]
            return state, tuple((other, *left) for other in free for left in state.spools[other]), 0.0
        if kind == "put":
            left = (*state.spools[slot], (self._attempt(state, slot, args[1]), args[0]))
            return _spooled(state, slot, left), True, 0.0
        if kind in ("clear", "clear_left"):
            other, attempt = (slot, args[0]) if kind == "clear" else args
            attempt = self._attempt(state, slot, attempt)
            left = tuple(one for one in state.spools[other] if one[0] != attempt)
            return _spooled(state, other, left), None, 0.0
        return state, (True if kind == "connect" else None), 0.0

    def _store(self, state: State, slot: int, kind: str, args: tuple[Any, ...]) -> tuple[State, Any]:
        if kind == "take_lease":
            grant, seconds, attempt = args
            args = (grant, str(slot), seconds, self._attempt(state, slot, attempt))
        elif kind == "save_refreshed":
            args = (args[0], self._attempt(state, slot, args[1]), args[2])
        key = (state.store, state.now, kind, args)
        if key not in self._done:
            kept, answer = self.setting.operations[kind](self.kept(state), state.now, *args)
            self._done[key] = (self._number(kept), answer)
        number, answer = self._done[key]
        state = state._replace(store=number)
        if kind == "take_lease" and answer is not None:
            lease = Send(args[3], args[0].generation, state.now + args[2])
            state = _with(state, slot, state.seats[slot]._replace(lease=lease))
        return state, answer

    def _send(self, state: State, slot: int, token: str) -> tuple[State, Any, float]:
        state = self._written(state, slot)
        if self.server.spent(state.server, token):
            state = _marked(state, "residual" if state.seats[slot].late else "late")
            graced = self.server.behaviour.rotation in ("R3", "R4")
            if graced and not self.server.works(state.server, token, state.now):
                state = _marked(state, "after_grace")
        number, told = self.server.send(state.server, token, state.now)
        state = state._replace(server=number)
        if told.answer is None:
            waits = tuple(sorted((*state.under_way, (state.now + told.after, token))))
            return _marked(state._replace(under_way=waits), "lost"), AMBIGUOUS, TOTAL_SECONDS
        return self._answered(state, slot, told), told.answer, TOTAL_SECONDS if told.after else 0.0

    def _answered(self, state: State, slot: int, told: Answered) -> State:
        refresh = told.answer.refresh if isinstance(told.answer, Tokens) else None
        if refresh is not None:
            seat = state.seats[slot]._replace(fresh=refresh.reveal(), unsaved=False)
            received = tuple(sorted({*state.received, refresh.reveal()}))
            return _with(state._replace(received=received), slot, seat)
        if told.rotated:
            return _marked(state, "lost")
        definite = isinstance(told.answer, Failed) and told.answer.failure is not Failure.AMBIGUOUS
        return self._closed(state, slot) if definite else state

    def _unread(self, state: State, slot: int) -> State:
        """An answer that the server gave, and that nobody reads."""
        return _marked(self._forgotten(state, slot), "lost")

    def _forgotten(self, state: State, slot: int) -> State:
        """The refresh token that a replica received last is no more in its memory."""
        seat = state.seats[slot]
        if not seat.fresh:
            return state
        others = any(other.fresh == seat.fresh for number, other in enumerate(state.seats) if number != slot)
        kept = self.kept(state).holds(seat.fresh) or any(
            new.refresh.reveal() == seat.fresh for spool in state.spools for _, new in spool
        )
        if kept or others or self.server.dead(state.server, seat.fresh):
            return _with(state, slot, seat._replace(fresh=""))
        if seat.unsaved and "unspooled" not in state.marks and self.history(state, slot).request.kind != "put":
            raise Violation("no received token is lost", "the store had failed, and it was not in the spool")
        received = tuple(one for one in state.received if one != seat.fresh)
        return _marked(_with(state._replace(received=received), slot, seat._replace(fresh="")), "lost")

    def _written(self, state: State, slot: int) -> State:
        """A request leaves: it must be covered by a lease, and no other may be under way."""
        seat = state.seats[slot]
        lease = seat.lease
        expired = lease is None or state.now > lease.until
        if lease is None or (expired and not seat.late):
            raise Violation("one sender per generation", f"replica {slot} sends without a lease")
        for other in () if expired else state.open:
            if other.attempt != lease.attempt and other.generation == lease.generation and state.now <= other.until:
                raise Violation("one sender per generation", f"{lease.attempt} sends while {other.attempt} may be")
        opened = tuple(sorted({*(one for one in state.open if state.now <= one.until), lease}))
        return state._replace(open=opened, sends=state.sends + 1)

    def _closed(self, state: State, slot: int) -> State:
        """A request was refused: it is surely over."""
        lease = state.seats[slot].lease
        return state._replace(open=tuple(one for one in state.open if one != lease))

    def _consent(self, state: State) -> State:
        number, tokens = self.server.consent(state.server, state.now)
        kept, _ = fake_store.record(self.kept(state), state.now, "app", tokens, state.now, state.now)
        return state._replace(server=number, store=self._number(kept), consents=state.consents - 1)

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

    def _attempt(self, state: State, slot: int, attempt: str) -> str:
        return attempt if "." in attempt else f"{slot}{'+' * state.seats[slot].run}.{attempt}"

    def _number(self, kept: Kept) -> int:
        number = self._numbers.setdefault(kept, len(self.stores))
        if number == len(self.stores):
            self.stores.append(kept)
        return number


def _with(state: State, slot: int, seat: Seat) -> State:
    return state._replace(seats=(*state.seats[:slot], seat, *state.seats[slot + 1 :]))


def _spooled(state: State, slot: int, left: tuple[tuple[str, Grant], ...]) -> State:
    return state._replace(spools=(*state.spools[:slot], left, *state.spools[slot + 1 :]))


def _marked(state: State, mark: str) -> State:
    return state if mark in state.marks else state._replace(marks=state.marks | {mark})

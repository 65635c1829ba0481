"""What must hold at every moment, and at the end (reliability.md §3.3, "Proof" (i) and the promise table)."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from gateway.grants.life import State as Standing
from tests.explorer.replica import program
from tests.explorer.state import Seat, State, Violation
from tests.explorer.world import World

IDLE = 400.0
"""Seconds between calls at the end: longer than a lease, an access token and every rest."""
MOST_SENDS = 8
"""Nobody loops: no world sends more in its course, and one that has lapsed sends no more at all."""
UNTIRING = 400
"""Steps in which a world without further faults must come to rest."""

ONE_SENDER = "one sender per generation"
NOT_LOST = "no received token is lost"
STORED_FIRST = "a token is used only once it is stored"
REACHABLE = "the grant stays reachable"
DETECTED = "a lock-out is detected"
NO_LOOPS = "nobody loops"

EXCUSES: dict[str, frozenset[str]] = {
    "R1": frozenset({"lost"}),
    "R2": frozenset({"lost", "late", "residual"}),
    "R3": frozenset({"after_grace"}),
    "R4": frozenset({"after_grace"}),
    "R5": frozenset(),
}
"""What must have happened where a grant was locked out. `lost`: an answer that the server gave reached no store or
spool. `late`: it reached none within its lease, and the token was sent again. `residual`: a pause longer than the lease
between the look at the lease and the write. `after_grace`: the token was sent again after the server's grace."""


class End(NamedTuple):
    """How a world stands once all faults are over."""

    reachable: bool
    excuses: frozenset[str]


def check(world: World, state: State) -> None:
    """What must hold at every moment. Raises Violation."""
    if state.sends > MOST_SENDS:
        raise Violation(NO_LOOPS, f"{state.sends} requests")
    kept = world.kept(state)
    for token in state.received:
        if world.server.dead(state.server, token) or kept.holds(token):
            continue
        spooled = any(new.refresh.reveal() == token for spool in state.spools for _, new in spool)
        if not spooled and not any(_remembers(world, state, slot, token) for slot in range(len(state.seats))):
            raise Violation(NOT_LOST, token)


def check_use(world: World, before: State, state: State) -> None:
    """What a client was given just now must be stored, and v3.1 must take it. Raises Violation."""
    for old, seat in zip(before.seats, state.seats, strict=True):
        if seat.history is None or seat.history == old.history:
            continue
        history = world.histories[seat.history]
        known = len(history.before.results) if history.before else 0
        for result in history.results[known:]:
            if result[0] == "token":
                _check_token(world, state, seat, result[1])


def _check_token(world: World, state: State, seat: Seat, token: str) -> None:
    stored = [row.grant.access.reveal() for row in world.kept(state).rows if row.grant.access]
    stored += [one.new.access.reveal() for one in world.kept(state).rescued if one.new.access]
    # Access tokens are numbered: a higher number was issued later.
    if not any(_number(other) >= _number(token) for other in stored):
        raise Violation(STORED_FIRST, token)
    exact = not seat.lag and world.server.behaviour.answer != "R9"
    if exact and not world.server.serves(state.server, token, state.now):
        raise Violation(STORED_FIRST, f"{token} has ended, and was given to a client")


def _number(token: str) -> int:
    return int(token.rpartition("-")[2])


def _remembers(world: World, state: State, slot: int, token: str) -> bool:
    seat = state.seats[slot]
    if seat.history is None or seat.fresh != token:
        return False
    return bool(seat.inbox) or world.histories[seat.history].unsaved > 0


class Ends:
    """Judges worlds that have come to rest: every replica calls again, and a new one is started."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[State, End] = {}

    def judge(self, state: State) -> End:
        """Raises Violation where the end is not as promised."""
        calm = _calmed(state)
        if calm not in self._known:
            self._known[calm] = self._judged(calm)
        return self._known[calm]

    def _judged(self, state: State) -> End:
        world = self._world
        survivors = world.idle(state)
        for slot in survivors[:1]:
            state = self._called(state, slot)
        plan = replace(world.setting.reborn, calls=(), sweep=True)
        fresh = world.histories.start(program(plan, world.setting.build))
        state = state._replace(now=state.now + IDLE, seats=(*state.seats, Seat(fresh.id)), spools=(*state.spools, ()))
        last = len(state.seats) - 1
        state = self._called(self.settled(state), last)
        reachable = self._served(state, last)
        state = state._replace(sends=0)
        for slot in (*survivors, last):
            state = self._called(state, slot)
            if self._served(state, slot) != reachable:
                raise Violation(REACHABLE, f"replica {slot} knows nothing of it")
        end = End(reachable, state.marks)
        if not reachable:
            self._check_lock_out(state, state.sends)
        return end

    def _check_lock_out(self, state: State, sends: int) -> None:
        row = self._world.kept(state).row(1)
        if row.grant.state is not Standing.REAUTH_REQUIRED:
            raise Violation(DETECTED, f"the grant is {row.grant.state.value}")
        if sends:
            raise Violation(NO_LOOPS, "a lapsed grant's token is sent")
        rotation = self._world.server.behaviour.rotation
        if not state.marks & EXCUSES[rotation]:
            raise Violation(REACHABLE, f"{rotation}, with {sorted(state.marks) or 'nothing lost'}")

    def _called(self, state: State, slot: int) -> State:
        """A client calls a replica a good while later."""
        return self.settled(self._world.deliver(state._replace(now=state.now + IDLE), slot, None))

    def _served(self, state: State, slot: int) -> bool:
        result = self._world.history(state, slot).results[-1]
        return result[0] == "token" and self._world.server.serves(state.server, result[1], state.now)

    def settled(self, state: State) -> State:
        """Where the world comes to rest without faults."""
        for _ in range(UNTIRING):
            check(self._world, state)
            step = next(self._world.steps(state), None)
            if step is None:
                return state
            state = step[1]
        raise Violation(NO_LOOPS, "no rest is found")


def _calmed(state: State) -> State:
    """What matters of a state in which all is at rest."""
    seats = [seat._replace(at=0.0, lease=None, unsaved=False, unfenced=False) for seat in state.seats]
    if not any(state.spools):
        seats.sort(key=lambda seat: (-1 if seat.history is None else seat.history, seat.run, seat.lag, seat.fresh))
    return state._replace(seats=tuple(seats), open=(), faults=0, consents=0, sends=0)

"""What the explorer's world is made of: replicas on their seats, what is under way, and what is explored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.grants.life import Grant
from tests.explorer.fake_store import OPERATIONS
from tests.explorer.replica import Build, Plan, production

GREAT = frozenset({"crash", "pause", "store"})
ALL = GREAT | {"nap", "suspend", "wire", "spool"}
"""Kinds of faults."""


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
    unfenced: bool = False
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


def with_seat(state: State, slot: int, seat: Seat) -> State:
    return state._replace(seats=(*state.seats[:slot], seat, *state.seats[slot + 1 :]))


def with_spool(state: State, slot: int, left: tuple[tuple[str, Grant], ...]) -> State:
    return state._replace(spools=(*state.spools[:slot], left, *state.spools[slot + 1 :]))


def marked(state: State, mark: str) -> State:
    return state if mark in state.marks else state._replace(marks=state.marks | {mark})

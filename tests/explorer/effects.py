"""What each call of a port does to the store, the authorization server and the spools, when nothing goes wrong."""

from __future__ import annotations

from typing import Any

from gateway.edges.token_client import TOTAL_SECONDS
from gateway.grants.life import Failed, Failure, Tokens
from tests.explorer import fake_store
from tests.explorer.authority import Answered, Authority
from tests.explorer.fake_store import OPERATIONS, Kept
from tests.explorer.schedule import Histories, History, Request
from tests.explorer.state import Send, Setting, State, Violation, marked, with_seat, with_spool

AMBIGUOUS = Failed(Failure.AMBIGUOUS)


class Effects:
    """The shared part of one setting's worlds. States of the store are numbered as they are met."""

    def __init__(self, setting: Setting, server: Authority, histories: Histories) -> None:
        self.setting = setting
        self.server = server
        self.histories = histories
        self.stores: list[Kept] = []
        self._numbers: dict[Kept, int] = {}
        self._done: dict[tuple[Any, ...], tuple[int, Any]] = {}

    def kept(self, state: State) -> Kept:
        return self.stores[state.store]

    def history(self, state: State, slot: int) -> History:
        number = state.seats[slot].history
        assert number is not None
        return self.histories[number]

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
            return with_spool(state, slot, left), True, 0.0
        if kind in ("clear", "clear_left"):
            other, attempt = (slot, args[0]) if kind == "clear" else args
            attempt = self._attempt(state, slot, attempt)
            left = tuple(one for one in state.spools[other] if one[0] != attempt)
            return with_spool(state, other, left), None, 0.0
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
            state = with_seat(state, slot, state.seats[slot]._replace(lease=lease, unfenced=False))
        return state, answer

    def _send(self, state: State, slot: int, token: str) -> tuple[State, Any, float]:
        state = self._written(state, slot)
        if self.server.spent(state.server, token):
            state = marked(state, "residual" if state.seats[slot].unfenced else "late")
            graced = self.server.behaviour.rotation in ("R3", "R4")
            if graced and not self.server.works(state.server, token, state.now):
                state = marked(state, "after_grace")
        number, told = self.server.send(state.server, token, state.now)
        state = state._replace(server=number)
        if told.answer is None:
            waits = tuple(sorted((*state.under_way, (state.now + told.after, token))))
            return marked(state._replace(under_way=waits), "lost"), AMBIGUOUS, TOTAL_SECONDS
        return self._answered(state, slot, told), told.answer, TOTAL_SECONDS if told.after else 0.0

    def _answered(self, state: State, slot: int, told: Answered) -> State:
        refresh = told.answer.refresh if isinstance(told.answer, Tokens) else None
        if refresh is not None:
            seat = state.seats[slot]._replace(fresh=refresh.reveal(), unsaved=False)
            received = tuple(sorted({*state.received, refresh.reveal()}))
            return with_seat(state._replace(received=received), slot, seat)
        if told.rotated:
            return marked(state, "lost")
        definite = isinstance(told.answer, Failed) and told.answer.failure is not Failure.AMBIGUOUS
        return self._closed(state, slot) if definite else state

    def _unread(self, state: State, slot: int) -> State:
        """An answer that the server gave, and that nobody reads."""
        return marked(self._forgotten(state, slot), "lost")

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
            return with_seat(state, slot, seat._replace(fresh=""))
        if seat.unsaved and "unspooled" not in state.marks and self.history(state, slot).request.kind != "put":
            raise Violation("no received token is lost", "the store had failed, and it was not in the spool")
        received = tuple(one for one in state.received if one != seat.fresh)
        return marked(with_seat(state._replace(received=received), slot, seat._replace(fresh="")), "lost")

    def _written(self, state: State, slot: int) -> State:
        """A request leaves: it must be covered by a lease, and no other may be under way."""
        seat = state.seats[slot]
        lease = seat.lease
        expired = lease is None or state.now > lease.until
        if lease is None or (expired and not seat.unfenced):
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

    def _attempt(self, state: State, slot: int, attempt: str) -> str:
        return attempt if "." in attempt else f"{slot}{'+' * state.seats[slot].run}.{attempt}"

    def _number(self, kept: Kept) -> int:
        number = self._numbers.setdefault(kept, len(self.stores))
        if number == len(self.stores):
            self.stores.append(kept)
        return number

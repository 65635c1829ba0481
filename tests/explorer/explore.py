"""The search: all states of a world that can be reached, each once, the nearest first."""

from __future__ import annotations

import sys
from collections import Counter, deque
from dataclasses import dataclass, field, replace

from gateway.grants.life import USUAL_LIFE, Grant
from gateway.grants.life import State as Standing
from gateway.grants.secret import Secret
from gateway.sandbox.token_behaviours import Behaviour
from tests.explorer.authority import SEED, USER, Authority
from tests.explorer.fake_store import Kept, Row
from tests.explorer.invariants import Ends, check, check_use
from tests.explorer.schedule import Histories
from tests.explorer.state import Setting, State, Violation
from tests.explorer.world import World

START = 1_000_000.0
LONG_AGO = START - 20 * 86_400.0


@dataclass
class Report:
    """What was seen of one setting."""

    states: int = 0
    steps: int = 0
    ends: int = 0
    most_sends: int = 0
    locked_out: Counter[str] = field(default_factory=Counter)
    """Ends without a way back, by what excuses them."""

    def __add__(self, other: Report) -> Report:
        return Report(
            self.states + other.states,
            self.steps + other.steps,
            self.ends + other.ends,
            max(self.most_sends, other.most_sends),
            self.locked_out + other.locked_out,
        )


def explore(setting: Setting, histories: Histories | None = None) -> Report:
    """Visits every state. Raises Violation, with the shortest way there in its notes."""
    behaviour = Behaviour.named(setting.behaviour)
    server = Authority(behaviour, latency=setting.latency, grace=setting.grace)
    world = World(setting, server, Histories() if histories is None else histories)
    first = world.beginning(_kept(setting, server), START)
    tracing = sys.gettrace()
    sys.settrace(None)  # coverage is measured by other tests; here it would but double the time
    try:
        return _Search(world, first).run()
    finally:
        sys.settrace(tracing)


def _kept(setting: Setting, server: Authority) -> Kept:
    """One grant of the first generation."""
    grant = Grant(1, "app", 1, Standing.ACTIVE, Secret(SEED))
    if setting.access_left is not None:
        until = START + setting.access_left
        grant = replace(grant, access=server.access(until), access_until=until, life=USUAL_LIFE)
    return Kept((Row(grant, USER, USER, refreshed_at=LONG_AGO, created=LONG_AGO),))


class _Search:
    def __init__(self, world: World, first: State) -> None:
        self._world = world
        self._first = first
        self._ends = Ends(world)
        self._before: dict[State, tuple[State, str] | None] = {first: None}
        self._report = Report()

    def run(self) -> Report:
        waiting = deque([self._first])
        while waiting:
            state = waiting.popleft()
            try:
                steps = list(self._world.steps(state))
                if not steps:
                    self._end(state)
            except Violation as violation:
                self._explain(violation, state)
                raise
            self._report.steps += len(steps)
            for word, after in steps:
                if after not in self._before:
                    self._before[after] = (state, word)
                    self._check(state, after)
                    waiting.append(after)
        self._report.states = len(self._before)
        return self._report

    def _check(self, state: State, after: State) -> None:
        self._report.most_sends = max(self._report.most_sends, after.sends)
        try:
            check(self._world, after)
            check_use(self._world, state, after)
        except Violation as violation:
            self._explain(violation, after)
            raise

    def _end(self, state: State) -> None:
        end = self._ends.judge(state)
        self._report.ends += 1
        if not end.reachable:
            self._report.locked_out[" and ".join(sorted(end.excuses))] += 1

    def _explain(self, violation: Violation, state: State) -> None:
        way = []
        while (step := self._before[state]) is not None:
            state, word = step
            way.append(f"{state.now - START:6.1f} s  {word}")
        violation.add_note("\n".join(reversed(way)))

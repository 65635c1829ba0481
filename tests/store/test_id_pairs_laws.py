"""The laws of id pairs, on random histories of two gateways that share a store and restart."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.store import Store
from gateway.store.id_pairs import FIRST_MINTED
from tests.store.empty import KEY, empty_store

BUSINESSES = st.sampled_from(["b1", "b2"])
KINDS = st.sampled_from(["contacts", "products"])
RECORDS = st.sampled_from([f"r{n}" for n in range(6)])
NUMBERS = st.sampled_from([1, 2, 3, 4, 0, FIRST_MINTED, FIRST_MINTED + 1, FIRST_MINTED + 5])
SIDES = st.integers(0, 1)


class IdPairs(RuleBasedStateMachine):
    """Remembers everything that a client was ever told."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "store.db"
        path.write_bytes(empty_store())
        self.url = f"sqlite:///{path}"
        self.stores = [self.runner.run(Store.open(self.url, KEY)) for _ in range(2)]
        self.shown: dict[tuple[str, str, str], int] = {}
        self.means: dict[tuple[str, str, int], str] = {}

    def teardown(self) -> None:
        for store in self.stores:
            self.runner.run(store.close())
        self.runner.close()
        self.folder.cleanup()

    def told(self, business: str, kind: str, record: str, number: int) -> None:
        assert self.shown.setdefault((business, kind, record), number) == number
        assert self.means.setdefault((business, kind, number), record) == record

    @rule(side=SIDES, business=BUSINESSES, kind=KINDS, records=st.lists(RECORDS, min_size=1))
    def mint(self, side, business, kind, records):
        found = self.runner.run(self.stores[side].ids.mint(business, kind, records))
        assert found.keys() == set(records)
        for record, number in found.items():
            assert 0 < number < 2**31
            self.told(business, kind, record, number)

    @rule(side=SIDES, business=BUSINESSES, pairs=st.lists(st.tuples(KINDS, RECORDS, NUMBERS), min_size=1))
    def remember(self, side, business, pairs):
        differing = self.runner.run(self.stores[side].ids.remember(business, pairs))
        assert differing.keys() <= {(kind, record) for kind, record, _ in pairs}
        for kind, record, number in pairs:
            self.told(business, kind, record, differing.get((kind, record), number))

    @rule(side=SIDES)
    def restart(self, side):
        self.runner.run(self.stores[side].close())
        self.stores[side] = self.runner.run(Store.open(self.url, KEY))

    @invariant()
    def nothing_ever_changed(self):
        for business, kind in itertools.product(("b1", "b2"), ("contacts", "products")):
            shown = {record: n for (b, k, record), n in self.shown.items() if (b, k) == (business, kind)}
            means = {n: record for (b, k, n), record in self.means.items() if (b, k) == (business, kind)}
            for store in self.stores:
                assert self.runner.run(store.ids.shown(business, kind, shown)) == shown
                assert self.runner.run(store.ids.modern(business, kind, means)) == means


IdPairs.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestIdPairs = IdPairs.TestCase

"""The laws of legacy tokens, on random histories of two gateways that share a store and restart."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import update

from gateway.grants.secret import Secret
from gateway.store import Named, Store
from gateway.store.tables import grants, tenants
from tests.store.empty import KEY, empty_store

START, GRACE, LIFE = 1_700_000_000.0, 120.0, 3600.0
URI = "https://shop.example/callback"
NAMED = (
    Named("one", "shop", "b1", Secret("s1"), Secret("access one"), Secret("refresh one")),
    Named("two", "shop", "b2", Secret("s2"), None, Secret("refresh two")),
    Named("three", "rival", "b1", Secret("s3")),
)
SIDES = st.integers(0, 1)
NAMES = st.sampled_from([each.name for each in NAMED])


@dataclass
class Refresh:
    """A refresh token as a client should find it."""

    tenant: str
    spent_at: float | None = None
    child: tuple[str, str] | None = None


class LegacyTokens(RuleBasedStateMachine):
    """Remembers every token that was ever given, and what it must be good for."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "store.db"
        path.write_bytes(empty_store())
        self.url = f"sqlite:///{path}"
        self.stores = [self.runner.run(Store.open(self.url, KEY)) for _ in range(2)]
        self.now = START
        self.tenants = self.runner.run(self.stores[0].tenants.settle(NAMED, self.now))
        self.refreshes = {"refresh one": Refresh("one"), "refresh two": Refresh("two")}
        self.accesses: dict[str, tuple[str, float | None]] = {"access one": ("one", None)}
        self.lapsed: set[str] = set()
        self.disconnected: set[str] = set()

    def teardown(self) -> None:
        for store in self.stores:
            self.runner.run(store.close())
        self.runner.close()
        self.folder.cleanup()

    def served(self, name: str) -> bool:
        return name not in self.lapsed | self.disconnected

    def learn(self, name: str, pair: tuple[str, str]) -> None:
        """A pair was told: its tokens are new, or those told before."""
        access, refresh = pair
        assert self.accesses.get(access, (name, 0))[0] == name
        self.accesses[access] = (name, self.now + LIFE)
        assert self.refreshes.setdefault(refresh, Refresh(name)).tenant == name

    def rotate(self, side: int, token: str, app: str) -> tuple[str, str] | None:
        work = self.stores[side].tokens.rotate(token, app, self.now + LIFE, self.now, GRACE)
        pair = self.runner.run(work)
        return None if pair is None else (pair.access.reveal(), pair.refresh.reveal())

    def present(self, side: int, token: str) -> tuple[str, str] | None:
        """A token is presented by its own app, and does what it must."""
        known = self.refreshes[token]
        told = self.rotate(side, token, self.tenants[known.tenant].app)
        if not self.served(known.tenant) or (known.spent_at is not None and self.now > known.spent_at + GRACE):
            assert told is None
            return None
        assert told is not None
        if known.spent_at is None:
            known.spent_at, known.child = self.now, told
            assert told[0] not in self.accesses
            assert told[1] not in self.refreshes
        assert told == known.child
        self.learn(known.tenant, told)
        return told

    @rule(side=SIDES, name=NAMES, again=SIDES)
    def authorize(self, side: int, name: str, again: int) -> None:
        """A code is traded once, on whichever replica."""
        tenant = self.tenants[name]
        code = self.runner.run(self.stores[side].codes.issue(tenant.id, URI, "full_access", self.now))
        pairs = [
            self.runner.run(self.stores[each].codes.redeem(code, app, self.now + LIFE, self.now))
            for each, app in ((side, "nobody"), (again, tenant.app), (side, tenant.app))
        ]
        assert pairs[0] is None
        assert (pairs[1] is not None) is self.served(name)
        assert pairs[2] is None
        if pairs[1] is not None:
            self.learn(name, (pairs[1].access.reveal(), pairs[1].refresh.reveal()))

    @rule(side=SIDES, number=st.integers(0, 1000))
    def refresh(self, side: int, number: int) -> None:
        """Any token that was ever given, however old."""
        self.present(side, list(self.refreshes)[number % len(self.refreshes)])

    @rule(name=NAMES, tries=st.lists(st.tuples(SIDES, st.floats(0, GRACE / 4)), min_size=1, max_size=4))
    def refresh_with_lost_answers(self, name: str, tries: list[tuple[int, float]]) -> None:
        """A client whose answers are lost tries again within the grace: it is never locked out."""
        held = [token for token, known in self.refreshes.items() if known.tenant == name and known.spent_at is None]
        if not held or not self.served(name):
            return
        answers = set()
        for side, pause in tries:
            answers.add(self.present(side, held[-1]))
            self.now += pause
        (told,) = answers
        assert told is not None
        assert self.present(0, told[1]) is not None

    @rule(number=st.integers(0, 1000))
    def refresh_at_once(self, number: int) -> None:
        """On both replicas at one time: both get the same."""
        token = list(self.refreshes)[number % len(self.refreshes)]
        app = self.tenants[self.refreshes[token].tenant].app

        async def both() -> list[object]:
            calls = (each.tokens.rotate(token, app, self.now + LIFE, self.now, GRACE) for each in self.stores)
            return [pair and (pair.access.reveal(), pair.refresh.reveal()) for pair in await asyncio.gather(*calls)]

        first, second = self.runner.run(both())
        assert first == second == self.present(0, token)

    @rule(side=SIDES, number=st.integers(0, 1000))
    def refresh_as_another_app(self, side: int, number: int) -> None:
        """Nobody gets anything for another app's token, and nothing is spent."""
        token = list(self.refreshes)[number % len(self.refreshes)]
        app = "shop" if self.tenants[self.refreshes[token].tenant].app == "rival" else "rival"
        assert self.rotate(side, token, app) is None

    @rule(name=NAMES, lapsed=st.booleans())
    def consent(self, name: str, lapsed: bool) -> None:
        """A grant lapses, or is given again."""
        (self.lapsed.add if lapsed else self.lapsed.discard)(name)
        state = "reauth_required" if lapsed else "active"
        self.put(update(grants).where(grants.c.id == self.tenants[name].grant).values(state=state))

    @rule(name=NAMES, connected=st.booleans())
    def connection(self, name: str, connected: bool) -> None:
        """A tenant is disconnected, or connected again."""
        (self.disconnected.discard if connected else self.disconnected.add)(name)
        since = None if connected else self.now
        self.put(update(tenants).where(tenants.c.id == self.tenants[name].id).values(disconnected_at=since))

    @rule(side=SIDES)
    def restart(self, side: int) -> None:
        """The settings are settled anew, and spent tokens stay spent."""
        self.runner.run(self.stores[side].close())
        self.stores[side] = self.runner.run(Store.open(self.url, KEY))
        self.runner.run(self.stores[side].tenants.settle(NAMED, self.now))

    @rule(seconds=st.sampled_from([0.0, 1.0, GRACE, GRACE + 1, LIFE, 40 * 86_400.0]), side=SIDES)
    def wait(self, seconds: float, side: int) -> None:
        """Time goes by, and old tokens are forgotten; never one that is good."""
        self.now += seconds
        self.runner.run(self.stores[side].tokens.prune(self.now, 100))

    def put(self, statement: object) -> None:
        async def work(connection: object) -> None:
            await connection.execute(statement)  # type: ignore[attr-defined]

        self.runner.run(self.stores[0]._database.write(work))

    @invariant()
    def tokens_name_their_tenant_alone(self) -> None:
        """To their end, and no other tenant ever; a disconnected tenant's name nobody."""
        for access, (name, until) in list(self.accesses.items())[-8:]:
            found = self.runner.run(self.stores[1].tenants.by_token(access, self.now))
            live = (until is None or self.now < until) and name not in self.disconnected
            assert found == (self.tenants[name] if live else None)

    @invariant()
    def a_token_has_one_successor(self) -> None:
        """No two live refresh tokens come from one."""
        children = [known.child[1] for known in self.refreshes.values() if known.child]
        assert len(children) == len(set(children))


TestLegacyTokens = LegacyTokens.TestCase
TestLegacyTokens.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)

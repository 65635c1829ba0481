"""What a store of grants promises: one suite over SQLite, PostgreSQL, and the fake that the explorer uses.

So what the explorer proves of the refresher on the fake store holds on the real ones.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gateway.errors import StoreFailed
from gateway.grants.health import Standing
from gateway.grants.life import Grant, State, Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.store import Store
from tests.explorer.fake_store import FakeGrants
from tests.store.planting import NOW

KEY = bytes(range(32))
WALKS = 12
STEPS = 25


@dataclass
class House:
    """Grants, and the consents that make them."""

    grants: Any
    record: Any

    async def consent(self, name: str = "seed", user: str = "user", at: float = NOW) -> Grant:
        """A grant, as a consent leaves it."""
        tokens = Tokens(Secret("a-" + name), 300.0, Secret("r-" + name), 2_678_400.0, user)
        grant: Grant = await self.grants.load(await self.record("app", tokens, at, at))
        return grant


def fake() -> House:
    grants = FakeGrants(time.time)
    return House(grants, grants.record)


def real(store: Store) -> House:
    async def record(app: str, tokens: Tokens, started: float, now: float) -> int:
        grant_id = await store.consents.record(app, tokens, started, now)
        await store.consents.connect(app, f"business of {tokens.user}", grant_id, now)
        return grant_id

    return House(store.grants, record)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[House]:
    """The real grants of a new store."""
    store = await Store.open(url, KEY, migrate=True)
    try:
        yield real(store)
    finally:
        await store.close()


@pytest.fixture(params=["", "sqlite_url", "postgres_url"], ids=["fake", "sqlite", "postgresql"])
def address(request):
    """Where a store of each kind is; nowhere for the fake."""
    return request.param and request.getfixturevalue(request.param)


@pytest.fixture
async def house(address):
    """A store of each kind."""
    if not address:
        yield fake()
        return
    async with opened(address) as made:
        yield made


def following(grant: Grant, name: str) -> Grant:
    """The grant after a refresh."""
    tokens = Tokens(Secret("a-" + name), 300.0, Secret("r-" + name), 2_678_400.0, "user")
    return after_refresh(grant, tokens, NOW)


async def test_a_consent_starts_a_generation(house):
    """The same user's next one goes on in the same grant; its lease and its past are gone."""
    first = await house.consent()
    assert (first.generation, first.state, first.refresh, first.lease_left) == (1, State.ACTIVE, Secret("r-seed"), 0.0)
    assert await house.grants.take_lease(first, "me", 60, "1") == 1
    second = await house.consent("again")
    assert (second.id, second.generation, second.refresh, second.previous) == (first.id, 2, Secret("r-again"), None)
    assert (second.state, second.lease_left, second.user) == (State.ACTIVE, 0.0, "user")
    assert (await house.consent("other", "somebody else")).id != first.id


async def test_a_lease_is_one_holders_until_it_ends(house):
    """Then the next holder's epoch is higher."""
    grant = await house.consent()
    assert await house.grants.take_lease(grant, "me", 60, "1") == 1
    assert await house.grants.take_lease(grant, "you", 60, "2") is None
    held = await house.grants.load(grant.id)
    assert held.state is State.REFRESHING
    assert 50 < held.lease_left <= 60
    later = await house.consent("later", "second user")
    assert await house.grants.take_lease(later, "me", -1, "3") == 1
    assert (await house.grants.load(later.id)).lease_left <= 0
    assert await house.grants.take_lease(later, "you", 60, "4") == 2


async def test_a_mark_is_the_holders_alone(house):
    """Of this generation and this lease; it gives the lease back unless told to keep it."""
    grant = await house.consent()
    first = await house.grants.take_lease(grant, "me", -1, "1")
    second = await house.grants.take_lease(grant, "you", 60, "2")
    assert not await house.grants.mark(grant, first, State.REAUTH_REQUIRED, NOW)
    assert not await house.grants.mark(following(grant, "x"), second, State.REAUTH_REQUIRED, NOW)
    assert await house.grants.mark(grant, second, State.AMBIGUOUS, NOW, keep_lease=True)
    assert await house.grants.take_lease(grant, "they", 60, "3") is None
    assert await house.grants.mark(grant, second, State.ACTIVE, NOW)
    assert await house.grants.take_lease(grant, "they", 60, "3") == 3


async def test_a_lapsed_grant_gives_no_lease(house):
    """Until a result or a consent comes."""
    grant = await house.consent()
    epoch = await house.grants.take_lease(grant, "me", 60, "1")
    assert await house.grants.mark(grant, epoch, State.REAUTH_REQUIRED, NOW)
    assert await house.grants.take_lease(grant, "me", 60, "2") is None
    assert await house.grants.save_refreshed(following(grant, "late"), "1", NOW)
    assert await house.grants.take_lease(following(grant, "late"), "me", 60, "3") == 2


async def test_a_result_is_accepted_by_its_parent_alone(house):
    """Whoever holds the lease; the second is rescued, once; the first may be repeated."""
    grant = await house.consent()
    await house.grants.take_lease(grant, "me", -1, "1")
    await house.grants.take_lease(grant, "you", 60, "2")
    for _ in range(2):
        assert await house.grants.save_refreshed(following(grant, "one"), "1", NOW)
    for _ in range(2):
        assert not await house.grants.save_refreshed(following(grant, "two"), "2", NOW)
    present = await house.grants.load(grant.id)
    assert (present.generation, present.refresh, present.previous) == (2, Secret("r-one"), Secret("r-seed"))
    assert await house.grants.adopt_rescued(present, NOW)
    heir = await house.grants.load(grant.id)
    assert (heir.generation, heir.refresh, heir.previous) == (3, Secret("r-two"), Secret("r-one"))
    assert not await house.grants.adopt_rescued(heir, NOW)
    assert await house.grants.adopt_rescued(present, NOW)


async def test_an_unknown_grant_is_a_failure(house):
    """As the port says."""
    with pytest.raises(StoreFailed):
        await house.grants.load(404)


async def step(house: House, dice: random.Random, known: list[Grant], epochs: list[int]) -> Any:
    """One operation, drawn by the dice, on what was seen so far; its outcome."""
    grant, attempt, at = dice.choice(known), f"attempt-{dice.randrange(6)}", NOW + dice.randrange(5)
    match dice.randrange(9):
        case 0 | 1:
            epoch = await house.grants.take_lease(grant, dice.choice("ab"), dice.choice((60.0, -1.0)), attempt)
            epochs.append(epoch or 0)
            return epoch
        case 2 | 3 | 4:
            return await house.grants.save_refreshed(following(grant, str(dice.randrange(100))), attempt, at)
        case 5:
            state = dice.choice((State.ACTIVE, State.AMBIGUOUS, State.REAUTH_REQUIRED, State.REAUTH_REQUIRED))
            keep = dice.random() < 0.3
            return await house.grants.mark(grant, dice.choice(epochs), state, at, keep_lease=keep)
        case 6:
            return await house.grants.adopt_rescued(grant, at)
        case 7:
            if dice.random() < 0.5:
                return await house.grants.adopt_all_rescued(at)
            return await house.grants.forget_rescued(at)
        case _:
            return (await house.consent(str(dice.randrange(100)), dice.choice(("user", "second")), at)).id


async def transcript(house: House, seed: int) -> list[Any]:
    """A random walk: after each operation its outcome, and all that can be seen of the store."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    known, epochs, told = [await house.consent("first", "user")], [0], list[Any]()
    for _ in range(STEPS):
        outcome = await step(house, dice, known, epochs)
        present = [await house.grants.load(number) for number in sorted({grant.id for grant in known})]
        known += [replace(grant, lease_left=0.0) for grant in present]
        leases = [grant.lease_left > 0 for grant in present]
        told.append((outcome, known[-len(present) :], leases, await standings(house)))
    return told


async def standings(house: House) -> list[Standing]:
    """How all grants stand, in an order that ties do not change."""
    return sorted(await house.grants.standings(NOW + 1e6), key=lambda one: one.id)


@pytest.mark.parametrize("seed", range(WALKS))
async def test_the_fake_does_what_sqlite_does(sqlite_url, seed):
    """Random operations, older generations among them, give the same outcomes and leave the same rows."""
    async with opened(sqlite_url) as made:
        assert await transcript(made, seed) == await transcript(fake(), seed)


async def test_the_fake_does_what_postgresql_does(postgres_url):
    """One long walk of the same kind."""
    async with opened(postgres_url) as made:
        assert await transcript(made, WALKS) == await transcript(fake(), WALKS)

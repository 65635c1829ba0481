"""Keys of the store: rotated beside running gateways, and nothing sealed is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import StoreFailed
from gateway.grants.life import Grant, Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.grants.tenant import Tenant
from gateway.store import KeyWrong, Named, Store
from gateway.store.database import Database
from gateway.store.reseal import BATCH, OPENS_FOR, SEALED
from gateway.store.sealing import REST, Seal, UnknownKey, encrypt
from gateway.store.tables import metadata, token_rescue

NOW = 1_700_000_000.0
OTHER = bytes(range(100, 132))


class Stopped(BaseException):
    """The process is gone."""


async def filled(store: Store, tenants: int = 2) -> dict[str, Tenant]:
    """Tenants with a grant refreshed once, rescued tokens, and a kept field each."""
    named = [Named(f"t{i}", "app", f"b{i}", Secret(f"seed{i}"), Secret(f"legacy{i}")) for i in range(tenants)]
    made = await store.tenants.settle(named, NOW)
    for name, tenant in made.items():
        grant = await store.grants.load(tenant.grant)
        await store.grants.save_refreshed(refreshed(grant, name), f"first {name}", NOW)
        await store.grants.save_refreshed(refreshed(grant, f"late {name}"), f"second {name}", NOW)
        await store.kept.retain(tenant.business, "products", "p", {"extra_info": name})
    return made


def refreshed(grant: Grant, name: str) -> Grant:
    tokens = Tokens(Secret(f"at {name}"), 300.0, Secret(f"rt {name}"), 2_678_400.0, None)
    return after_refresh(grant, tokens, NOW)


async def opens(store: Store, made: dict[str, Tenant]) -> None:
    """Everything that `filled` made is there."""
    for each, tenant in made.items():
        grant = await store.grants.load(tenant.grant)
        assert grant.access == Secret(f"at {each}")
        assert (grant.refresh, grant.previous) == (Secret(f"rt {each}"), Secret(f"seed{each[1:]}"))
        kept = await store.kept.read(tenant.business, "products", ["p"])
        assert kept == {"p": {"extra_info": each}}
        late = await store._database.read(select(token_rescue).where(token_rescue.c.grant_id == tenant.grant))
        rescued = await store._seal.opening(lambda: [store.grants._from_rescue(row, grant).refresh for row in late])  # noqa: B023
        assert rescued == [Secret(f"rt late {each}")]
        assert await store.tenants.by_token(f"legacy{each[1:]}", NOW) == tenant


async def counts(store: Store) -> dict[int, tuple[str, int]]:
    return {facts.id: (facts.purpose, many) for facts, many in await store.keys.show()}


async def test_a_rotation_seals_everything_under_a_new_key(store: Store) -> None:
    """The old one is retired: it seals nothing any more. What was hashed stays valid, what is derived the same."""
    made = await filled(store)
    derived = store.derive("idempotency ids")
    assert await counts(store) == {1: ("data", 12), 2: ("digest", 0)}
    done = await store.keys.rotate(NOW)
    assert (done.resealed, done.retired, done.left, dict(done.unopened)) == (12, [1], 0, {})
    assert await counts(store) == {1: ("retired", 0), 2: ("digest", 0), 3: ("data", 12)}
    await opens(store, made)
    assert store.derive("idempotency ids") == derived
    assert len(derived) == 32


def test_every_sealed_column_is_sealed_anew() -> None:
    """Whose name ends in `_ct`, in whatever table."""
    columns = {column for table in metadata.tables.values() for column in table.columns if column.name.endswith("_ct")}
    assert {sealed.column for sealed in SEALED} == columns


async def test_browsers_on_their_way_go_on(store: Store, url: str, key: bytes) -> None:
    """What is sealed of them opens after a rotation by another process."""
    other = await Store.open(url, key)
    await store.authorizations.begin(
        "state", "browser", app="app", scope="full_access", verifier=Secret("verifier"), now=NOW
    )
    assert (await other.keys.rotate(NOW)).resealed == 1
    passage = await store.authorizations.redeem("state", "browser", NOW)
    assert passage is not None
    assert passage.verifier == Secret("verifier")
    await other.close()


async def test_many_batches_are_sealed_anew(store: Store) -> None:
    """More rows than one transaction takes."""
    for i in range(BATCH + 3):
        await store.kept.retain("b", "products", f"p{i}", {"extra_info": i, "size": i})
    assert (await store.keys.rotate(NOW)).resealed == 2 * BATCH + 6
    found = await store.kept.read("b", "products", [f"p{i}" for i in range(BATCH + 3)])
    assert found == {f"p{i}": {"extra_info": i, "size": i} for i in range(BATCH + 3)}


async def test_a_running_gateway_learns_the_new_key_when_it_meets_it(store: Store, url: str, key: bytes) -> None:
    """It opens what another process sealed since, and from then on seals under the new key too."""
    made = await filled(store)
    other = await Store.open(url, key)
    await other.keys.rotate(NOW)
    await opens(store, made)
    await store.kept.retain("b", "products", "p", {"extra_info": 1})
    assert await counts(other) == {1: ("retired", 0), 2: ("digest", 0), 3: ("data", 13)}
    await other.close()


async def test_what_a_late_gateway_seals_under_a_retired_key_opens(store: Store, url: str, key: bytes) -> None:
    """It has not met the new key yet; the next rotation seals that anew too."""
    made = await filled(store)
    other = await Store.open(url, key)
    await other.keys.rotate(NOW)
    for name in made:
        await store.kept.retain(made[name].business, "products", "p", {"extra_info": name})
    assert (await counts(other))[1] == ("retired", 2)
    await opens(other, made)
    assert (await other.keys.rotate(NOW)).retired == [3]
    assert await counts(other) == {1: ("retired", 0), 2: ("digest", 0), 3: ("retired", 0), 4: ("data", 12)}
    await opens(other, made)
    await other.close()


async def test_a_retired_key_is_destroyed_when_nothing_can_need_it(store: Store) -> None:
    """A rotation does that to keys that were retired longer ago than a refresh token lives."""
    made = await filled(store)
    await store.keys.rotate(NOW)
    assert (await store.keys.rotate(NOW + OPENS_FOR)).destroyed == []
    assert (await store.keys.rotate(NOW + OPENS_FOR + 1)).destroyed == [1]
    assert sorted(await counts(store)) == [2, 3, 4, 5]
    await opens(store, made)


async def test_a_blob_that_no_key_opens_hinders_nothing(store: Store) -> None:
    """It is counted and left as it is; its key is retired with it, and not destroyed."""
    made = await filled(store)
    broken = text("UPDATE kept_fields SET value_ct = substr(value_ct, 1, 30) WHERE business = 'b1'")
    await store._database.write(lambda connection: connection.execute(broken))
    done = await store.keys.rotate(NOW)
    assert (done.resealed, done.retired, done.left, dict(done.unopened)) == (11, [1], 0, {"kept_fields": 1})
    later = await store.keys.rotate(NOW + OPENS_FOR + 1)
    assert (later.resealed, later.retired, later.destroyed, dict(later.unopened)) == (11, [3], [], {"kept_fields": 1})
    assert (await store.grants.load(made["t1"].grant)).refresh == Secret("rt t1")


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
async def test_a_rotation_may_be_stopped_anywhere(url: str, key: bytes, monkeypatch: Any, after: bool) -> None:
    """At each transaction, before its commit or after: everything opens then, with either operator's key; the next
    rotation finishes this one and makes no further key."""
    store = await Store.open(url, key, migrate=True)
    made = await filled(store)
    await store.close()
    write, stops, here = Database.write, 0, 0

    async def stopping(self: Database, work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        nonlocal here
        here += 1

        async def stopped(connection: AsyncConnection) -> Any:
            found = await work(connection)
            if here == stops and not after:
                raise Stopped
            return found

        found = await write(self, stopped)
        if here == stops:
            raise Stopped
        return found

    while True:
        stops, here = stops + 1, 0
        present, former = (OTHER, key) if stops % 2 else (key, OTHER)
        store = await Store.open(url, present, former=[former])
        monkeypatch.setattr(Database, "write", stopping)
        try:
            await store.keys.rotate(NOW)
            finished = True
        except Stopped:
            finished = False
        monkeypatch.setattr(Database, "write", write)
        await store.close()
        again = await Store.open(url, present, former=[former])
        await opens(again, made)
        sealing = sum(purpose == "data" for purpose, _ in (await counts(again)).values())
        done = await again.keys.rotate(NOW)
        assert (done.resumed, done.left, dict(done.unopened)) == (sealing == 2, 0, {})
        assert [many for _, many in (await counts(again)).values()][-1] == 12
        await opens(again, made)
        await again.close()
        if finished:
            break
    assert stops > 8


async def test_the_refresh_that_comes_between_wins(store: Store, url: str, key: bytes, monkeypatch: Any) -> None:
    """Wherever in a rotation another process stores a new generation, sealed under the old key: it is kept."""
    made = await filled(store, 1)
    write, before, here = Database.write, 0, 0
    other = await Store.open(url, key)
    grant = await other.grants.load(made["t0"].grant)
    stale = other._seal

    async def between(self: Database, work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        nonlocal here
        if self is store._database:
            here += 1
            if here == before:
                other.grants._seal = stale
                assert await other.grants.save_refreshed(refreshed(grant, f"n{before}"), f"n{before}", NOW)
        return await write(self, work)

    while True:
        before, here = before + 1, 0
        grant = await other.grants.load(made["t0"].grant)
        # A gateway that has not met the newest key yet: it knows only those of this moment.
        stale = Seal(other.cluster, await other.keys._keyring.load())
        monkeypatch.setattr(Database, "write", between)
        await store.keys.rotate(NOW)
        monkeypatch.setattr(Database, "write", write)
        other.grants._seal = other._seal
        if here < before:
            break
        for each in (store, other):
            loaded = await each.grants.load(made["t0"].grant)
            assert (loaded.generation, loaded.refresh) == (grant.generation + 1, Secret(f"rt n{before}"))
            assert loaded.previous == grant.refresh
    assert before > 4
    await other.close()


async def test_a_new_operators_key_takes_over(url: str, key: bytes) -> None:
    """Both keys open until the rotation; afterwards the former one opens nothing."""
    store = await Store.open(url, key, migrate=True)
    made = await filled(store)
    first = store.keys.fingerprint
    await store.close()
    store = await Store.open(url, OTHER, former=[key])
    await opens(store, made)
    assert {facts.wrapped_by for facts, _ in await store.keys.show()} == {first} != {store.keys.fingerprint}
    await store.keys.rotate(NOW)
    assert {facts.wrapped_by for facts, _ in await store.keys.show()} == {store.keys.fingerprint}
    await store.close()
    with pytest.raises(KeyWrong, match=f"fingerprint {store.keys.fingerprint}"):
        await Store.open(url, key)
    store = await Store.open(url, OTHER)
    await opens(store, made)
    await store.close()


async def test_wraps_of_an_older_gateway_open(url: str, key: bytes) -> None:
    """They name no key: each that is there is tried. A rotation wraps them anew."""
    store = await Store.open(url, key, migrate=True)
    made = await filled(store)
    for key_id, plain in (await store.keys._keyring.load()).items():
        await as_before(store, key, key_id, plain)
    await store.close()
    with pytest.raises(KeyWrong):
        await Store.open(url, OTHER)
    store = await Store.open(url, OTHER, former=[key])
    assert {facts.wrapped_by for facts, _ in await store.keys.show()} == {""}
    await store.keys.rotate(NOW)
    await store.close()
    store = await Store.open(url, OTHER)
    await opens(store, made)
    await store.close()


async def as_before(store: Store, operator: bytes, key_id: int, plain: bytes) -> None:
    blob = encrypt(operator, bytes(4), plain, f"{store.cluster}|sealing_keys|{key_id}")
    statement = text("UPDATE sealing_keys SET wrapped = :blob WHERE id = :id")
    await store._database.write(lambda connection: connection.execute(statement, {"blob": blob, "id": key_id}))


async def test_a_gateway_without_the_new_operators_key_goes_on_with_what_it_knows(url: str, key: bytes) -> None:
    """It cannot learn the new data key: it fails on what is sealed under it, and on nothing else."""
    running = await Store.open(url, key, migrate=True)
    made = await filled(running, 1)
    rotating = await Store.open(url, OTHER, former=[key])
    await rotating.keys.rotate(NOW)
    with pytest.raises(StoreFailed):
        await running.grants.load(made["t0"].grant)
    await running.kept.retain("b", "products", "p", {"extra_info": 1})
    assert await rotating.kept.read("b", "products", ["p"]) == {"p": {"extra_info": 1}}
    await rotating.close()
    await running.close()


async def test_an_unknown_key_is_looked_for_once_in_a_while() -> None:
    """A blob under a key that is nowhere does not make every call read the keys; one that is new is found later."""
    keys, clock, looks = {1: bytes(32), 2: bytes(32)}, [0.0], 0
    here = ("grants", "refresh_ct", 1, 1)

    async def reload() -> dict[int, bytes]:
        nonlocal looks
        looks += 1
        return keys

    seal = Seal("c", keys, reload, lambda: clock[0])
    blob = Seal("c", {**keys, 3: OTHER}).seal(Secret("s"), *here)
    for _ in range(3):
        with pytest.raises(UnknownKey):
            await seal.opening(lambda: seal.unseal(blob, *here))
    assert looks == 1
    keys[3] = OTHER
    clock[0] += REST
    assert (await seal.opening(lambda: seal.unseal(blob, *here))).reveal() == "s"
    assert (looks, seal.newest) == (2, 3)


async def test_many_that_meet_a_new_key_read_the_keys_once() -> None:
    """The second finds what the first has learned."""
    keys, looks = {1: bytes(32), 2: bytes(32)}, 0
    here = ("grants", "refresh_ct", 1, 1)

    async def reload() -> dict[int, bytes]:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return {**keys, 3: OTHER}

    seal = Seal("c", keys, reload)
    blob = Seal("c", {**keys, 3: OTHER}).seal(Secret("s"), *here)
    found = await asyncio.gather(*(seal.opening(lambda: seal.unseal(blob, *here)) for _ in range(9)))
    assert ({each.reveal() for each in found}, looks) == ({"s"}, 1)

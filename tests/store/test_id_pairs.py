"""Legacy ids keep their meaning for ever (reliability.md §3.2 G6)."""

from __future__ import annotations

import asyncio
import sys

import pytest
from sqlalchemy import text

from gateway.errors import StoreFailed
from gateway.store import Store
from gateway.store.id_pairs import BATCH, FIRST_MINTED, LAST_MINTED

B, K = "business", "contacts"


async def test_what_is_not_known_is_not_answered(store):
    """Nor invented; numbers no database can hold are simply unknown."""
    assert await store.ids.modern(B, K, [1, 0, -1, 2**63, 10**40]) == {}
    assert await store.ids.shown(B, K, ["x", "\u20ac", ""]) == {}
    assert await store.ids.modern(B, K, []) == {}
    assert await store.ids.shown(B, K, []) == {}
    assert await store.ids.mint(B, K, []) == {}
    assert await store.ids.remember(B, []) == {}


async def test_sages_numbers_are_remembered_both_ways(store):
    """As they are, with nothing to report."""
    assert await store.ids.remember(B, [(K, "x", 580), (K, "y", 581), ("products", "z", 580)]) == {}
    assert await store.ids.modern(B, K, [580, 581, 582]) == {580: "x", 581: "y"}
    assert await store.ids.shown(B, K, ["x", "y", "z"]) == {"x": 580, "y": 581}
    assert await store.ids.shown(B, "products", ["z"]) == {"z": 580}


async def test_remembering_again_changes_nothing(store):
    """Every answer teaches its pairs once more."""
    for _ in range(2):
        assert await store.ids.remember(B, [(K, "x", 580)]) == {}
    assert (store.ids.late, store.ids.conflicts) == (0, 0)


async def test_minting_is_done_once(store):
    """From 1,500,000,000 on, per business and kind."""
    first = await store.ids.mint(B, K, ["x", "y"])
    assert sorted(first.values()) == [FIRST_MINTED, FIRST_MINTED + 1]
    assert await store.ids.mint(B, K, ["y", "x", "z"]) == {**first, "z": FIRST_MINTED + 2}
    assert await store.ids.mint(B, "products", ["x"]) == {"x": FIRST_MINTED}
    assert await store.ids.mint("other", K, ["x"]) == {"x": FIRST_MINTED}
    assert await store.ids.modern(B, K, first.values()) == {number: name for name, number in first.items()}


async def test_a_record_that_sage_numbered_is_not_minted(store):
    """It has its number."""
    await store.ids.remember(B, [(K, "x", 580)])
    assert await store.ids.mint(B, K, ["x"]) == {"x": 580}


async def test_a_late_number_becomes_an_alias(store):
    """Both resolve upward, and the minted one keeps being shown."""
    minted = (await store.ids.mint(B, K, ["x"]))["x"]
    assert await store.ids.remember(B, [(K, "x", 580)]) == {(K, "x"): minted}
    assert await store.ids.remember(B, [(K, "x", 580)]) == {(K, "x"): minted}
    assert await store.ids.modern(B, K, [580, minted]) == {580: "x", minted: "x"}
    assert await store.ids.shown(B, K, ["x"]) == {"x": minted}
    assert store.ids.late == 1


async def test_a_number_never_changes_its_meaning(store):
    """A second record that claims it is counted as a conflict and shows a minted number."""
    await store.ids.remember(B, [(K, "x", 580)])
    assert await store.ids.remember(B, [(K, "y", 580)]) == {(K, "y"): FIRST_MINTED}
    assert await store.ids.modern(B, K, [580, FIRST_MINTED]) == {580: "x", FIRST_MINTED: "y"}
    assert store.ids.conflicts == 1


async def test_two_records_with_one_number_in_one_answer(store):
    """One keeps it, the other is minted; nobody is left without."""
    told = await store.ids.remember(B, [(K, "x", 580), (K, "y", 580)])
    shown = await store.ids.shown(B, K, ["x", "y"])
    assert sorted(shown.values()) == [580, FIRST_MINTED]
    assert told == {(K, name): number for name, number in shown.items() if number != 580}


@pytest.mark.parametrize("wrong", [0, -1, 2**63, 10**30])
async def test_a_number_that_cannot_be_an_id_is_not_taken(store, wrong):
    """The record shows a minted one."""
    assert await store.ids.remember(B, [(K, "x", wrong)]) == {(K, "x"): FIRST_MINTED}


async def test_minting_passes_over_numbers_that_sage_uses(store):
    """A number Sage has used is never minted for another record."""
    await store.ids.remember(B, [(K, "x", FIRST_MINTED), (K, "y", FIRST_MINTED + 2)])
    minted = await store.ids.mint(B, K, ["a", "b"])
    assert sorted(minted.values()) == [FIRST_MINTED + 1, FIRST_MINTED + 3]
    assert await store.ids.mint(B, K, ["c"]) == {"c": FIRST_MINTED + 4}


async def test_minted_numbers_fit_32_bits_or_are_refused(store):
    """Old clients keep signed 32 bits; nothing is written when they run out."""
    await store.ids.mint(B, K, ["x"])
    await execute(store, f"UPDATE id_counters SET next = {LAST_MINTED} WHERE business = '{B}'")  # noqa: S608
    assert await store.ids.mint(B, K, ["y"]) == {"y": LAST_MINTED}
    with pytest.raises(StoreFailed):
        await store.ids.mint(B, K, ["z"])
    assert await store.ids.shown(B, K, ["z"]) == {}


async def test_one_businesss_ids_are_not_anothers(store):
    """A foreign id behaves exactly like one that does not exist (G7)."""
    await store.ids.remember(B, [(K, "x", 580)])
    assert await store.ids.modern("other", K, [580]) == {}
    assert await store.ids.shown("other", K, ["x"]) == {}


async def test_a_business_without_a_name_is_refused(store):
    """Or tenants would share."""
    with pytest.raises(StoreFailed):
        await store.ids.mint("", K, ["x"])
    with pytest.raises(StoreFailed):
        await store.ids.remember("", [(K, "x", 1)])


async def test_large_batches_are_split(store):
    """Beyond what one statement can carry."""
    names = [f"{n:032x}" for n in range(BATCH + 10)]
    minted = await store.ids.mint(B, K, names)
    assert len(set(minted.values())) == len(names)
    assert await store.ids.shown(B, K, names) == minted
    assert await store.ids.modern(B, K, minted.values()) == {n: name for name, n in minted.items()}
    assert await store.ids.remember(B, [(K, name, n) for name, n in minted.items()]) == {}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE id_pairs SET modern_id = 'y'",
        "UPDATE id_pairs SET shown = shown",
        "DELETE FROM id_pairs",
        "DELETE FROM id_counters",
        "UPDATE id_counters SET next = next - 1",
        "UPDATE id_counters SET kind = 'other'",
    ],
)
async def test_the_database_itself_refuses_changes(store, statement):
    """Whoever asks: the store is append-only by trigger."""
    await store.ids.mint(B, K, ["x"])
    with pytest.raises(StoreFailed):
        await execute(store, statement)
    assert await store.ids.shown(B, K, ["x"]) == {"x": FIRST_MINTED}


async def test_replacing_a_row_is_refused_in_sqlite(sqlite_url, key):
    """INSERT OR REPLACE deletes in silence elsewhere."""
    store = await Store.open(sqlite_url, key)
    await store.ids.mint(B, K, ["x"])
    with pytest.raises(StoreFailed):
        await execute(store, f"INSERT OR REPLACE INTO id_pairs VALUES ('{B}', '{K}', {FIRST_MINTED}, 'y', 'sage', 1)")  # noqa: S608
    await store.close()


async def test_truncating_is_refused_in_postgresql(postgres_url, key):
    """TRUNCATE is a DELETE too."""
    store = await Store.open(postgres_url, key, migrate=True)
    for table in ("id_pairs", "id_counters"):
        with pytest.raises(StoreFailed):
            await execute(store, f"TRUNCATE {table}")
    await store.close()


async def test_pairs_survive_a_restart(url, key):
    """A number once shown is shown for ever."""
    store = await Store.open(url, key, migrate=True)
    minted = await store.ids.mint(B, K, ["x", "y"])
    await store.close()
    store = await Store.open(url, key)
    assert await store.ids.mint(B, K, ["y", "x"]) == minted
    await store.close()


async def test_both_lookups_use_an_index(store):
    """At ten million pairs a scan would be felt."""
    await store.ids.mint(B, K, ["x"])
    for where in ("legacy_id IN (1, 2)", "modern_id IN ('x', 'y') AND shown"):
        query = f"SELECT 1 FROM id_pairs WHERE business = '{B}' AND kind = '{K}' AND {where}"  # noqa: S608
        if store._database.embedded:
            plan = str(await execute(store, "EXPLAIN QUERY PLAN " + query.replace("shown", "shown = 1")))
        else:
            plan = str(await execute(store, "EXPLAIN " + query, before="SET LOCAL enable_seqscan = off"))
        assert "SCAN id_pairs" not in plan
        assert "Seq Scan" not in plan
        assert ("uq_id_pairs_shown" in plan) == ("shown" in where)


async def test_concurrent_connections_mint_one_number_a_record(url, key):
    """Two gateways on one database give the same answers, without gaps in who wins."""
    await (await Store.open(url, key, migrate=True)).close()
    stores = [await Store.open(url, key) for _ in range(3)]
    names = [f"r{n}" for n in range(40)]
    answers = await asyncio.gather(
        *(store.ids.mint(B, K, names[start : start + 20]) for store in stores for start in (0, 10, 20))
    )
    agreed: dict[str, int] = {}
    for answer in answers:
        assert agreed.items() & answer.items() == {(n, v) for n, v in answer.items() if n in agreed}
        agreed |= answer
    assert len(set(agreed.values())) == len(names)
    for store in stores:
        await store.close()


async def test_minting_and_remembering_at_once_leave_one_shown_number(url, key):
    """Whoever comes first is shown; the other is told."""
    await (await Store.open(url, key, migrate=True)).close()
    stores = [await Store.open(url, key) for _ in range(2)]
    names = [f"r{n}" for n in range(60)]
    pairs = [(K, name, n + 1) for n, name in enumerate(names)]
    minted, told, again = await asyncio.gather(
        stores[0].ids.mint(B, K, names),
        stores[1].ids.remember(B, pairs),
        stores[1].ids.remember(B, pairs[::-1]),
    )
    shown = await stores[0].ids.shown(B, K, names)
    assert minted == shown
    for kind, name, number in pairs:
        assert told.get((kind, name), number) == again.get((kind, name), number) == shown[name]
    for store in stores:
        await store.close()


MINTER = """
import asyncio, sys
from gateway.store import Store
async def main():
    store = await Store.open(sys.argv[1], bytes(range(32)))
    for round in range(30):
        names = [f"r{(round * 7 + n) % 90}" for n in range(12)]
        for name, number in (await store.ids.mint("business", "contacts", names)).items():
            print(name, number)
    await store.close()
asyncio.run(main())
"""


async def test_processes_mint_one_number_a_record(url, key):
    """Three processes, overlapping records: every record has one number, every number one record."""
    await (await Store.open(url, key, migrate=True)).close()
    minters = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MINTER, url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    said = set()
    for minter in minters:
        out, err = await minter.communicate()
        assert (minter.returncode, err) == (0, b"")
        said |= {tuple(line.split()) for line in out.decode().splitlines()}
    assert len(said) == len({name for name, _ in said}) == len({number for _, number in said}) == 90


async def execute(store, statement, before=None):
    """Runs SQL behind the store's back."""

    async def work(connection):
        if before:
            await connection.execute(text(before))
        result = await connection.execute(text(statement))
        return result.all() if result.returns_rows else None

    return await store._database.write(work)


async def test_callers_that_hang_up_leave_the_store_working(store):
    """At whatever point of a transaction; a number given meanwhile is given for good."""
    for steps in range(60):
        task = asyncio.create_task(store.ids.mint(B, K, [f"r{steps}"]))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    names = [f"r{n}" for n in range(60)]
    minted = await asyncio.wait_for(store.ids.mint(B, K, names), 5)
    assert len(set(minted.values())) == 60
    assert await store.ids.mint(B, K, names) == minted

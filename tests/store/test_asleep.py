"""A replica that falls asleep in the middle of a transaction (a paused process, a parted network) on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import select, text

from gateway.store import Store
from gateway.store.database import LONGEST_SLEEP
from gateway.store.tables import meta
from tests.store.planting import query


async def test_a_sleeping_replica_does_not_keep_others_from_a_row_for_ever(postgres_url, key):
    """PostgreSQL ends its transaction before the others' statements give up; then what it was about is done again."""
    store = await Store.open(postgres_url, key, migrate=True)
    pids: list[int] = []

    async def work(connection):
        shown = (await connection.execute(text("SHOW idle_in_transaction_session_timeout"))).scalar_one()
        pids.append((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())
        if len(pids) == 1:
            await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            alive = f"SELECT 1 FROM pg_stat_activity WHERE pid = {pids[0]}"  # noqa: S608 - a number
            while await query(store, alive):
                pass
        await connection.execute(select(meta.c.value))
        return shown

    assert await store._database.write(work) == f"{LONGEST_SLEEP}s"
    assert len(set(pids)) == 2
    assert LONGEST_SLEEP < 30
    await store.close()

"""What is kept beside records, as the lookup gives it."""

from __future__ import annotations

from pathlib import Path

from gateway.edges.keeping import Keeping
from gateway.edges.lookup import Lookup
from gateway.store import Store
from gateway.translate.draft import Hole
from tests.edges.lookup.lookup_house import KINDS, Books, Counted


def kept(modern: str, kind: str = "products") -> Hole:
    return Hole(kind, modern, want="kept")


async def test_facts_beside_others(tmp_path: Path):
    """A hole for what is kept is filled from the store, with nothing where nothing is kept; others as ever."""
    store = await Store.open(f"sqlite:///{tmp_path}/store.db", b"k" * 32)
    try:
        lookup = Lookup(Counted(store.ids), KINDS, kept=store.kept)
        bound = lookup.bind("b1", Books())
        await bound.retain("products", "p1", {"extra_info": "blue"})
        holes = [kept("p1"), kept("p2"), kept("p1", "services")]
        assert await bound.facts(holes) == {holes[0]: {"extra_info": "blue"}, holes[1]: {}, holes[2]: {}}
        assert await lookup.bind("b2", Books()).facts(holes[:1]) == {holes[0]: {}}
        await bound.retain("products", "p1", None)
        assert await bound.facts(holes[:1]) == {holes[0]: {}}
    finally:
        await store.close()


async def test_switched_off():
    """Without a place to keep things nothing is kept."""
    keeping = Keeping(None, "b1")
    await keeping.retain("products", "p1", {"extra_info": "blue"})
    assert await keeping.facts([kept("p1")]) == {kept("p1"): {}}

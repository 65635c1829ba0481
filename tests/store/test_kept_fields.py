"""What v3.1 has no place for is kept beside its records."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from gateway.store import KeyWrong, Store
from gateway.store.tables import kept_fields


async def test_values_are_kept_by_name(store: Store):
    """A value takes the place of the one of the same name; None takes it away; the others stay."""
    await store.kept.retain("b-1", "products", "p1", {"extra_info": "blue", "size": 7})
    await store.kept.retain("b-1", "products", "p1", {"extra_info": {"text": "red é", "cut": "re"}})
    assert await store.kept.read("b-1", "products", ["p1", "p2"]) == {
        "p1": {"extra_info": {"text": "red é", "cut": "re"}, "size": 7}
    }
    await store.kept.retain("b-1", "products", "p1", {"extra_info": None, "colour": None})
    assert await store.kept.read("b-1", "products", ["p1"]) == {"p1": {"size": 7}}


async def test_nobody_elses(store: Store):
    """Another business, another kind and another record have nothing of it."""
    await store.kept.retain("b-1", "products", "p1", {"extra_info": "blue"})
    assert await store.kept.read("b-2", "products", ["p1"]) == {}
    assert await store.kept.read("b-1", "services", ["p1"]) == {}
    assert await store.kept.read("b-1", "products", ["p2"]) == {}


async def test_a_deleted_record_has_nothing(store: Store):
    """Forgetting is of one record."""
    for modern in ("p1", "p2"):
        await store.kept.retain("b-1", "products", modern, {"extra_info": modern})
    await store.kept.forget("b-1", "products", "p1")
    assert await store.kept.read("b-1", "products", ["p1", "p2"]) == {"p2": {"extra_info": "p2"}}


async def test_a_business_is_erased_whole(store: Store):
    """Of all its kinds nothing is left, and of others everything."""
    for business in ("b-1", "b-2"):
        for kind in ("products", "services"):
            await store.kept.retain(business, kind, "x", {"extra_info": "blue"})
    await store.kept.erase("b-1")
    assert await store.kept.read("b-1", "products", ["x"]) == await store.kept.read("b-1", "services", ["x"]) == {}
    assert await store.kept.read("b-2", "products", ["x"]) == {"x": {"extra_info": "blue"}}


async def test_thousands_are_read(store: Store):
    """More ids than one statement holds."""
    await store.kept.retain("b-1", "products", "p9000", {"extra_info": "last"})
    found = await store.kept.read("b-1", "products", [f"p{n}" for n in range(9001)])
    assert found == {"p9000": {"extra_info": "last"}}


async def test_values_are_sealed(store: Store):
    """No text is readable in the database, and one moved to another record does not open."""
    await store.kept.retain("b-1", "products", "p1", {"extra_info": "canary"})
    await store.kept.retain("b-1", "products", "p2", {"extra_info": "other"})
    blobs = {row.modern_id: row.value_ct for row in await store._database.read(select(kept_fields))}
    assert b"canary" not in blobs["p1"]

    async def move(connection):
        here = kept_fields.c.modern_id == "p2"
        await connection.execute(update(kept_fields).where(here).values(value_ct=blobs["p1"]))

    await store._database.write(move)
    with pytest.raises(KeyWrong):
        await store.kept.read("b-1", "products", ["p2"])

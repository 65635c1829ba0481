"""Down: a number is shown, remembered, read or minted, in that order, and never changes."""

from typing import Any

import pytest

from gateway.errors import NeedsConsent, Refused, UpstreamFailed
from gateway.messages import V3Response
from gateway.store.id_pairs import FIRST_MINTED
from gateway.translate.draft import Hole
from tests.edges.lookup.lookup_house import World, contacts, down, up


async def test_down_by_one_read(world: World) -> None:
    """A record that did not show its legacy id is read once; what it shows is remembered."""
    world.books.records["contacts"] = contacts(2)
    assert await world.fact(down("c2")) == 2
    assert world.books.asked == ["/contacts/c2?show_legacy_id=true"]
    assert await world.fact(down("c2")) == 2
    assert len(world.books.asked) == 1


async def test_down_by_minting(world: World) -> None:
    """A record that v3.1 gives no number gets one of ours, for ever; it leads back."""
    world.books.records["contacts"] = [{"id": "new"}]
    number = await world.fact(down("new"))
    assert number >= FIRST_MINTED
    assert await world.fact(down("new")) == number
    assert await world.fact(up(str(number))) == "new"
    assert world.books.asked == ["/contacts/new?show_legacy_id=true"]


async def test_no_read_where_it_would_not_help(world: World) -> None:
    """A record whose answer was asked for its number, or whose kind cannot be read, is not read before minting."""
    found = await world.bound().facts([down("a", shown=True), down("l1", "invoice_lines"), down("x y")])
    assert all(number >= FIRST_MINTED for number in found.values())
    assert len(found) == 3
    assert world.books.asked == []


@pytest.mark.parametrize("status", [403, 404])
async def test_a_record_that_cannot_be_read(world: World, status: int) -> None:
    """A record that is gone, or not for this user to read, gets a number: the reply that names it needs one."""
    world.books.refuse["/contacts/c1"] = V3Response(status, [])
    assert await world.fact(down("c1")) >= FIRST_MINTED


@pytest.mark.parametrize(("answer", "error"), [
    (V3Response(401, {"error": "Authorization missing."}), NeedsConsent),
    (V3Response(401, [{"$message": "No active subscription. (MSE)"}]), Refused),
    (V3Response(422, []), UpstreamFailed),
    (V3Response(200, ["x"]), UpstreamFailed),
])  # fmt: skip
async def test_a_failed_read_mints_nothing(world: World, answer: V3Response, error: type[Exception]) -> None:
    """Where a read fails nobody knows whether the record has a number, so none is minted."""
    world.books.refuse["/contacts/c1"] = answer
    with pytest.raises(error):
        await world.bound().facts([down("c1"), down("l1", "invoice_lines")])
    assert await world.pairs.shown("b1", "contacts", ["c1"]) == {}


async def test_many_reads(world: World) -> None:
    """Many records are read at the same time, each once."""
    world.books.records["contacts"] = contacts(30)
    holes = [down(f"c{n}") for n in range(1, 31)] + [Hole("contacts", "c1", "name")]
    found = await world.bound().facts(holes)
    assert [found[hole] for hole in holes[:30]] == list(range(1, 31))
    assert len(world.books.asked) == 30


async def test_two_businesses_know_nothing_of_each_other(world: World) -> None:
    """A number or record of one business means nothing in another, in memory and in the store."""
    world.books.records["contacts"] = contacts(1)
    lookup = world.lookup()
    assert await world.fact(up("1"), lookup) == "c1"
    world.books.records["contacts"] = [{"id": "other", "legacy_id": 1}]
    assert await world.fact(up("1"), lookup, "b2") == "other"
    assert await world.fact(up("1"), lookup) == "c1"


async def test_keep(world: World) -> None:
    """Pairs seen in answers are remembered once; seen again they cost nothing."""
    lookup = world.lookup()
    pairs = [("contacts", "c1", 1), ("tax_rates", "t1", 5)]
    assert await world.bound(lookup).keep(pairs) == {}
    assert await world.bound(lookup).keep(pairs) == {}
    assert world.pairs.calls == ["remember"]
    assert await world.fact(up("1"), lookup) == "c1"
    assert await world.fact(up("5", "tax_rates"), world.lookup()) == "t1"


async def test_keep_corrects(world: World) -> None:
    """A record that got a number of ours keeps showing it; Sage's late number leads to it all the same."""
    lookup = world.lookup()
    minted = await world.fact(down("c1", shown=True), lookup)
    for _ in range(2):
        assert await world.bound(lookup).keep([("contacts", "c1", 1), ("contacts", "c2", 2)]) == {
            ("contacts", "c1"): minted
        }
    assert world.pairs.calls.count("remember") == 1
    assert await world.fact(down("c1"), lookup) == minted
    assert await world.fact(up("1"), lookup) == "c1"


async def test_a_number_that_two_records_claim(world: World) -> None:
    """A number keeps its first meaning; the second record gets one of ours."""
    lookup = world.lookup()
    await world.bound(lookup).keep([("contacts", "c1", 1)])
    corrected = await world.bound(lookup).keep([("contacts", "c2", 1)])
    assert corrected[("contacts", "c2")] >= FIRST_MINTED
    assert await world.fact(up("1"), lookup) == "c1"
    assert await world.fact(down("c2"), lookup) == corrected[("contacts", "c2")]


async def test_little_memory(world: World) -> None:
    """With hardly any memory everything is still right."""
    lookup = world.lookup(businesses=1, remembered=2)
    minted = await world.fact(down("c1", shown=True), lookup)
    pairs = [("contacts", f"c{n}", n) for n in range(1, 30)]
    for business in ("b1", "b2", "b1"):
        corrected = await world.bound(lookup, business).keep(pairs)
        assert corrected == ({("contacts", "c1"): minted} if business == "b1" else {})
    found = await world.bound(lookup).facts([up(str(n)) for n in range(1, 30)])
    assert sorted(found.values()) == sorted(f"c{n}" for n in range(1, 30))


@pytest.mark.parametrize("shown", ["5", 5])
async def test_numbers_as_text(world: World, shown: Any) -> None:
    """A legacy id is taken as a number or as its digits."""
    world.books.records["contacts"] = [{"id": "c1", "legacy_id": shown}]
    assert await world.fact(down("c1")) == 5


@pytest.mark.parametrize("shown", [None, 0, -1, True, "x", "", {}])
async def test_numbers_that_are_none(world: World, shown: Any) -> None:
    """Anything else is no legacy id."""
    world.books.records["contacts"] = [{"id": "c1", "legacy_id": shown}]
    assert await world.fact(down("c1")) >= FIRST_MINTED

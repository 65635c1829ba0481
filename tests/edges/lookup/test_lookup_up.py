"""Up: a legacy id is found in memory, else in the store, else by one scan of its kind."""

import asyncio
from typing import Any

import pytest

from gateway.edges.lookup_memory import MOST_SCANS
from gateway.errors import Refused, Throttled, UpstreamFailed
from gateway.messages import V3Request, V3Response
from gateway.store.id_pairs import FIRST_MINTED
from tests.edges.lookup.lookup_house import Books, World, contacts, down, up


async def test_up_by_one_scan(world: World) -> None:
    """An unknown legacy id is looked for by one scan, whose pairs are all remembered for ever."""
    world.books.records["contacts"] = contacts(3)
    assert await world.fact(up("2")) == "c2"
    assert world.books.asked == ["/contacts?show_legacy_id=true&items_per_page=200"]
    assert await world.fact(up("3")) == "c3"
    assert len(world.books.asked) == 1
    assert world.missed == ["contacts"]


async def test_a_scan_follows_pages(world: World) -> None:
    """A scan reads page after page until $next is null."""
    world.books.records["contacts"] = contacts(5)
    world.books.per_page = 2
    assert await world.fact(up("5")) == "c5"
    assert [asked.partition("200")[2] for asked in world.books.asked] == ["", "&page=2", "&page=3"]


async def test_a_scan_trusts_page_numbers(world: World) -> None:
    """A list whose $next never ends is left once v3.1 repeats a page."""

    class Endless(Books):
        async def send(self, request: V3Request) -> V3Response:
            self.asked.append(request.path)
            body = {"$page": min(len(self.asked), 2), "$next": "/contacts?page=9", "$items": contacts(1)}
            return V3Response(200, body)

    world.books = Endless()
    assert await world.fact(up("7")) == "left out"
    assert len(world.books.asked) == 3


async def test_memory_comes_first(world: World) -> None:
    """What was found once is found again without the store and without v3.1."""
    world.books.records["contacts"] = contacts(1)
    lookup = world.lookup()
    await world.fact(up("1"), lookup)
    world.pairs.calls.clear()
    assert await world.fact(up("1"), lookup) == "c1"
    assert await world.fact(down("c1"), lookup) == 1
    assert world.pairs.calls == []


@pytest.mark.parametrize("known", ["2", "02", "0000000000000000000000002"])
async def test_leading_zeros(world: World, known: str) -> None:
    """Leading zeros mean nothing."""
    world.books.records["contacts"] = contacts(2)
    assert await world.fact(up(known)) == "c2"


@pytest.mark.parametrize("known", ["", "0", "000", "-1", "1.0", "x", "\u0662", "9" * 19, "9" * 5000])
async def test_what_is_no_legacy_id(world: World, known: str) -> None:
    """What cannot be a legacy id is left out without asking anybody."""
    assert await world.fact(up(known)) == "left out"
    assert (world.books.asked, world.pairs.calls) == ([], [])


async def test_a_minted_number_is_not_scanned_for(world: World) -> None:
    """No list of v3.1 shows a number that the gateway minted."""
    assert await world.fact(up(str(FIRST_MINTED))) == "left out"
    assert world.books.asked == []
    minted = await world.fact(down("line1", "invoice_lines"))
    assert await world.fact(up(str(minted), "invoice_lines")) == "line1"


async def test_a_kind_without_a_list(world: World) -> None:
    """A kind that cannot be listed is not scanned; nor is a kind that nobody has named."""
    assert await world.fact(up("1", "invoice_lines")) == "left out"
    assert await world.fact(up("1", "nothing")) == "left out"
    assert world.books.asked == []


async def test_an_unknown_number_is_not_scanned_for_at_once(world: World) -> None:
    """A number that no record has is looked for once a minute, others meanwhile."""
    world.books.records["contacts"] = contacts(1)
    lookup = world.lookup()
    for _ in range(3):
        assert await world.fact(up("9"), lookup) == "left out"
    assert len(world.books.asked) == 1
    world.now += 61
    world.books.records["contacts"] = contacts(9)
    assert await world.fact(up("9"), lookup) == "c9"
    assert len(world.books.asked) == 2


async def test_one_scan_at_a_time(world: World) -> None:
    """Calls that miss ids of one kind at the same time share one scan."""
    world.books.records["contacts"] = contacts(5)
    world.books.hold = asyncio.Event()
    lookup = world.lookup()
    calls = [asyncio.create_task(world.fact(up(str(n)), lookup)) for n in range(1, 8)]
    for _ in range(200):
        await asyncio.sleep(0)
    world.books.hold.set()
    assert await asyncio.gather(*calls) == ["c1", "c2", "c3", "c4", "c5", "left out", "left out"]
    assert len(world.books.asked) == 1


async def test_too_many_scans(world: World) -> None:
    """A business is scanned at most sixty times a minute; another business is not held up."""
    lookup = world.lookup()
    for number in range(1, MOST_SCANS + 1):
        await world.fact(up(str(number)), lookup)
    with pytest.raises(Throttled) as throttled:
        await world.fact(up("1000"), lookup)
    assert 1 <= throttled.value.retry_after <= 60
    assert await world.fact(up("1000"), lookup, "b2") == "left out"
    world.now += 61
    assert await world.fact(up("1000"), lookup) == "left out"


async def test_a_failed_scan_says_nothing(world: World) -> None:
    """After a scan that failed the number is looked for again."""
    world.books.refuse["/contacts"] = V3Response(422, [])
    lookup = world.lookup()
    with pytest.raises(UpstreamFailed):
        await world.fact(up("1"), lookup)
    world.books.refuse.clear()
    world.books.records["contacts"] = contacts(1)
    assert await world.fact(up("1"), lookup) == "c1"


async def test_fixed_parameters(world: World) -> None:
    """A kind's fixed parameters go with its list and its reads: reading an invoice does not mark it as sent."""
    world.books.records["sales_invoices"] = [{"id": "i1"}]
    await world.fact(up("1", "sales_invoices"))
    await world.fact(down("i1", "sales_invoices"))
    assert world.books.asked == [
        "/sales_invoices?sort=date&show_legacy_id=true&items_per_page=200",
        "/sales_invoices/i1?show_legacy_id=true&mark_as_sent=false",
    ]


async def test_refusals_keep_their_words(world: World) -> None:
    """What a user may not list is 403 with v3.1's message."""
    told = "The current user is not allowed to access that resource with that method."
    world.books.refuse["/contacts"] = V3Response(403, [{"$message": told, "$source": ""}])
    with pytest.raises(Refused, match="not allowed") as refused:
        await world.fact(up("1"))
    assert refused.value.refusal == 403


@pytest.mark.parametrize("body", [None, {}, {"$items": {}}, {"$items": [{"name": "x"}]}, "x", {"$items": ["x"]}])
async def test_what_is_no_list(world: World, body: Any) -> None:
    """An answer that is no list of records is UpstreamFailed."""
    world.books.refuse["/contacts"] = V3Response(200, body)
    with pytest.raises(UpstreamFailed):
        await world.fact(up("1"))


async def test_a_bare_array(world: World) -> None:
    """A list as the specification has it, a bare array, is one page (v31.md §4)."""
    world.books.refuse["/contacts"] = V3Response(200, contacts(2))
    assert await world.fact(up("2")) == "c2"


async def test_a_list_without_an_end(world: World) -> None:
    """A list that goes on for ever is UpstreamFailed, not an endless loop."""

    class Endless(Books):
        async def send(self, request: V3Request) -> V3Response:
            page = int(dict(request.query).get("page", "1"))
            return V3Response(200, {"$page": page, "$next": "/contacts?page=9", "$items": []})

    world.books = Endless()
    with pytest.raises(UpstreamFailed, match="no end"):
        await world.fact(up("7"))

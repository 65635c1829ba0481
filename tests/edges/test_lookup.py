"""Facts are found in memory, else in the store, else in v3.1; numbers are minted only where v3.1 shows none."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.edges.lookup import BoundLookup, Lookup
from gateway.edges.lookup_memory import MOST_SCANS
from gateway.errors import NeedsConsent, Refused, Throttled, UpstreamFailed
from gateway.messages import Pairs, Record, V3Request, V3Response
from gateway.store.id_pairs import FIRST_MINTED, IdPairs
from gateway.store.opening import Store
from gateway.translate.draft import Hole


@dataclass(frozen=True)
class Readable:
    path: str | None
    query: Pairs = ()
    read_query: Pairs = ()


KINDS = {
    "contacts": Readable("/contacts"),
    "tax_rates": Readable("/tax_rates"),
    "ledger_accounts": Readable("/ledger_accounts"),
    "bank_accounts": Readable("/bank_accounts"),
    "sales_invoices": Readable("/sales_invoices", (("sort", "date"),), (("mark_as_sent", "false"),)),
    "invoice_lines": Readable(None),
}


@dataclass
class Books:
    """A small v3.1: records by collection, lists in pages, the last page again beyond the end."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refuse: dict[str, V3Response] = field(default_factory=dict)
    per_page: int = 200
    hold: asyncio.Event | None = None

    async def send(self, request: V3Request) -> V3Response:
        self.asked.append(request.path + ("?" + urlencode(request.query) if request.query else ""))
        await (self.hold.wait() if self.hold else asyncio.sleep(0))
        assert ("show_legacy_id", "true") in request.query
        if request.path in self.refuse:
            return self.refuse[request.path]
        _, collection, *key = request.path.split("/")
        found = self.records.get(collection, [])
        if key:
            one = [record for record in found if record["id"] == key[0]]
            return V3Response(200, one[0]) if one else V3Response(404, [{"$dataCode": "RecordNotFound"}])
        query = dict(request.query)
        if "visible_in" in query:
            found = [record for record in found if query["visible_in"] in record.get("visible_in", ())]
        named = {"id", "legacy_id", *query.get("attributes", "").split(",")}
        size = min(self.per_page, int(query["items_per_page"]))
        pages = max(1, -(-len(found) // size))
        page = min(int(query.get("page", "1")), pages)
        items = [{n: v for n, v in r.items() if n in named} for r in found[(page - 1) * size : page * size]]
        following = f"{request.path}?page={page + 1}" if page < pages else None
        return V3Response(200, {"$total": len(found), "$page": page, "$next": following, "$items": items})


class Counted:
    """The real store, with a count of what it is asked."""

    def __init__(self, pairs: IdPairs) -> None:
        self.pairs = pairs
        self.calls: list[str] = []

    async def modern(self, business: str, kind: str, numbers: Collection[int]) -> dict[int, str]:
        self.calls.append("modern")
        return await self.pairs.modern(business, kind, numbers)

    async def shown(self, business: str, kind: str, ids: Collection[str]) -> dict[str, int]:
        self.calls.append("shown")
        return await self.pairs.shown(business, kind, ids)

    async def remember(self, business: str, pairs: Any) -> dict[tuple[str, str], int]:
        self.calls.append("remember")
        return await self.pairs.remember(business, pairs)

    async def mint(self, business: str, kind: str, ids: Collection[str]) -> dict[str, int]:
        self.calls.append("mint")
        return await self.pairs.mint(business, kind, ids)


@dataclass
class World:
    books: Books
    pairs: Counted
    now: float = 1000.0
    missed: list[str] = field(default_factory=list)

    def lookup(self, **options: Any) -> Lookup:
        return Lookup(
            self.pairs, KINDS, reference={"tax_rates"}, clock=lambda: self.now, on_miss=self.missed.append, **options
        )

    def bound(self, lookup: Lookup | None = None, business: str = "b1") -> BoundLookup:
        return (lookup or self.lookup()).bind(business, self.books)

    async def fact(self, hole: Hole, lookup: Lookup | None = None, business: str = "b1") -> Any:
        return (await self.bound(lookup, business).facts([hole])).get(hole, "left out")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await Store.open(f"sqlite:///{tmp_path}/store.db", b"k" * 32)
    yield World(Books(), Counted(store.ids))
    await store.close()


def contacts(count: int) -> list[Record]:
    return [{"id": f"c{n}", "legacy_id": n} for n in range(1, count + 1)]


def up(number: str, kind: str = "contacts", want: str = "id") -> Hole:
    return Hole(kind, number, want, by="legacy_id")


def down(modern: str, kind: str = "contacts", shown: bool = False) -> Hole:
    return Hole(kind, modern, "legacy_id", shown=shown)


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


async def test_refusals_keep_their_words(world: World) -> None:
    """What a user may not list is 403 with v3.1's message."""
    told = "The current user is not allowed to access that resource with that method."
    world.books.refuse["/contacts"] = V3Response(403, [{"$message": told, "$source": ""}])
    with pytest.raises(Refused, match="not allowed") as refused:
        await world.fact(up("1"))
    assert refused.value.refusal == 403


async def test_many_reads(world: World) -> None:
    """Many records are read at the same time, each once."""
    world.books.records["contacts"] = contacts(30)
    holes = [down(f"c{n}") for n in range(1, 31)] + [Hole("contacts", "c1", "name")]
    found = await world.bound().facts(holes)
    assert [found[hole] for hole in holes[:30]] == list(range(1, 31))
    assert len(world.books.asked) == 30


@pytest.mark.parametrize(("want", "value"), [
    ("percentage", "20.0"), ("account", {"id": "la1", "legacy_id": 7}), ("account.id", "la1"), ("nothing", None),
    ("none", None), ("none.id", None), ("percentage.id", None),
])  # fmt: skip
@pytest.mark.parametrize("by", ["id", "legacy_id"])
async def test_attributes(world: World, by: str, want: str, value: Any) -> None:
    """An attribute of a record, of a record in it, or a whole record in it; an attribute without value is None."""
    record = {"id": "t1", "legacy_id": 5, "percentage": "20.0", "account": {"id": "la1", "legacy_id": 7}, "none": None}
    world.books.records["tax_rates"] = [record]
    assert await world.fact(Hole("tax_rates", {"id": "t1", "legacy_id": "5"}[by], want, by)) == value


async def test_attributes_of_nothing(world: World) -> None:
    """An attribute of a record that does not exist, or cannot be read, is left out."""
    assert await world.fact(Hole("contacts", "gone", "name")) == "left out"
    assert await world.fact(Hole("invoice_lines", "l1", "name")) == "left out"
    assert await world.fact(Hole("contacts", "../x", "name")) == "left out"
    assert world.books.asked == ["/contacts/gone?show_legacy_id=true"]


async def test_a_record_is_read_once_a_call(world: World) -> None:
    """Several facts of one record take one read in a call, and one more in the next."""
    world.books.records["contacts"] = [{"id": "c1", "a": 1, "b": 2}]
    lookup = world.lookup()
    bound = world.bound(lookup)
    await bound.facts([Hole("contacts", "c1", "a"), Hole("contacts", "c1", "b")])
    await bound.facts([Hole("contacts", "c1", "a")])
    assert len(world.books.asked) == 1
    await world.fact(Hole("contacts", "c1", "a"), lookup)
    assert len(world.books.asked) == 2


async def test_reference_records_are_remembered(world: World) -> None:
    """A reference record is read once a minute."""
    world.books.records["tax_rates"] = [{"id": "t1", "percentage": "20.0"}]
    lookup = world.lookup()
    for _ in range(3):
        assert await world.fact(Hole("tax_rates", "t1", "percentage"), lookup) == "20.0"
    assert len(world.books.asked) == 1
    world.now += 61
    world.books.records["tax_rates"] = [{"id": "t1", "percentage": "21.0"}]
    assert await world.fact(Hole("tax_rates", "t1", "percentage"), lookup) == "21.0"


async def test_the_first_of_a_list(world: World) -> None:
    """The first record that a filter lists; none of an empty list; remembered for a minute."""
    world.books.records["ledger_accounts"] = [{"id": "a"}, {"id": "b", "visible_in": ["sales"], "legacy_id": 4}]
    lookup = world.lookup()
    hole = Hole("ledger_accounts", "visible_in=sales", by="first")
    assert await world.fact(hole, lookup) == "b"
    assert await world.fact(hole, lookup) == "b"
    assert world.books.asked == ["/ledger_accounts?show_legacy_id=true&visible_in=sales&items_per_page=1"]
    assert await world.fact(Hole("ledger_accounts", "visible_in=sales", "legacy_id", "first"), lookup) == 4
    assert await world.fact(Hole("ledger_accounts", "visible_in=banking", by="first"), lookup) == "left out"
    assert await world.fact(Hole("invoice_lines", "x=y", by="first"), lookup) == "left out"


async def test_the_record_that_has_a_value(world: World) -> None:
    """A bank account is found by its ledger account, over all pages; what has none is not looked for again at once."""
    world.books.records["bank_accounts"] = [{"id": f"b{n}", "ledger_account": {"id": f"la{n}"}} for n in range(5)]
    world.books.records["bank_accounts"].append({"id": "odd", "ledger_account": None})
    world.books.per_page = 2
    lookup = world.lookup()
    hole = Hole("bank_accounts", "la4", by="ledger_account.id")
    assert await world.fact(hole, lookup) == "b4"
    assert world.books.asked[0] == ("/bank_accounts?show_legacy_id=true&attributes=ledger_account&items_per_page=200")
    gone = Hole("bank_accounts", "la9", by="ledger_account.id")
    assert await world.fact(gone, lookup) == "left out"
    before = len(world.books.asked)
    assert await world.fact(gone, lookup) == "left out"
    assert len(world.books.asked) == before


async def test_modern_ids(world: World) -> None:
    """A modern id stands for itself if it can stand in a path."""
    assert await world.fact(Hole("countries", "GB")) == "GB"
    assert await world.fact(Hole("tax_rates", "GB_STANDARD-2.5")) == "GB_STANDARD-2.5"
    for known in ("", "..", "a/b", "a b", "x" * 65, "\u00e4", "a\n"):
        assert await world.fact(Hole("countries", known)) == "left out"


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

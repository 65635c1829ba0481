"""A small v3.1, the real store, and a lookup between them."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from gateway.edges.lookup import BoundLookup, Lookup
from gateway.messages import Pairs, Record, V3Request, V3Response
from gateway.store.id_pairs import IdPairs
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
        named = {"id", "legacy_id", "displayed_as", *query.get("attributes", "").split(",")}
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


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[World]:
    store = await Store.open(f"sqlite:///{folder}/store.db", b"k" * 32)
    try:
        yield World(Books(), Counted(store.ids))
    finally:
        await store.close()


def contacts(count: int) -> list[Record]:
    return [{"id": f"c{n}", "legacy_id": n} for n in range(1, count + 1)]


def up(number: str, kind: str = "contacts", want: str = "id") -> Hole:
    return Hole(kind, number, want, by="legacy_id")


def down(modern: str, kind: str = "contacts", shown: bool = False) -> Hole:
    return Hole(kind, modern, "legacy_id", shown=shown)

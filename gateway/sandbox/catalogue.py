"""Products and services with their price lists."""

from __future__ import annotations

from functools import partial

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.kinds import Kind
from gateway.sandbox.problems import invalid
from gateway.sandbox.values import ZERO

DOCUMENT_LINES = {
    "sales_invoices": "invoice_lines",
    "sales_credit_notes": "credit_note_lines",
    "sales_quotes": "quote_lines",
    "purchase_invoices": "invoice_lines",
    "purchase_credit_notes": "credit_note_lines",
}
PRICES = {
    "products": ("sales_prices", "product_sales_price_type", "price", "price_includes_tax", "price_name"),
    "services": ("sales_rates", "service_rate_type", "rate", "rate_includes_tax", "rate_name"),
    "stock_items": ("sales_prices", "product_sales_price_type", "price", "price_includes_tax", "price_name"),
}
"""Collection -> its price list, and in each of its items: the type, the amount, the flag, the name."""


def settle(collection: str, books: Books, new: Record, old: Record | None) -> None:
    """A unique item code; a price for every price type of the business when it is made."""
    code = new.get("item_code")
    others = (r for name in PRICES for r in books.live(name) if r["id"] != new.get("id"))
    if code and any(str(r.get("item_code")).casefold() == code.casefold() for r in others):
        raise invalid("has already been taken", "item_code")
    if old is None:
        new.setdefault("active", True)
        new.setdefault("cost_price", ZERO)
        if collection != "services":
            new.setdefault("catalog_item_type", Ref("catalog_item_types", "PRODUCT"))
    _settle_prices(collection, books, new, old or {})


def _settle_prices(collection: str, books: Books, new: Record, old: Record) -> None:
    prices, kind, amount, flag, name = PRICES[collection]
    if old and new.get(prices) == old.get(prices):
        return
    types = list(books.live(f"{kind}s"))
    if not new.get(prices):
        new[prices] = [{**books.fresh(), kind: Ref(f"{kind}s", one["id"])} for one in types]
    for index, price in enumerate(new[prices]):
        if price.get(kind) is None and types:
            price[kind] = Ref(f"{kind}s", types[min(index, len(types) - 1)]["id"])
        known = books.at(price.get(kind)) or {}
        price[name] = price.get(name) or known.get("name")
        price[amount] = price.get(amount) or ZERO
        price.setdefault(flag, False)
        price.setdefault("created_at", books.now())
        price["updated_at"] = books.now()


def used(books: Books, record: Record) -> bool:
    """Whether a line of any document names it."""
    return any(
        isinstance(ref, Ref) and ref.id == record["id"]
        for name, lines in DOCUMENT_LINES.items()
        for document in books.live(name)
        for line in document.get(lines, ())
        for ref in (line.get("product"), line.get("service"))
    )


def remove(books: Books, record: Record, _reason: str) -> None:
    if used(books, record):
        raise invalid("This item cannot be deleted because it is in use.", "base")
    books.delete(record)


def links(_books: Books, record: Record) -> list[Record]:
    href = f"https://accounts-extra.sageone.com/products_services/{record.get('legacy_id', record['id'])}"
    return [{"href": href, "rel": "alternate", "type": "text/html"}]


def item_title(_books: Books, record: Record) -> str:
    """`Description (CODE)`, or the description alone."""
    code = record.get("item_code")
    return f"{record['description']} ({code})" if code else str(record["description"])


KINDS = tuple(
    Kind(
        collection,
        title=item_title,
        settle=partial(settle, collection),
        remove=remove,
        derived={
            "deletable": lambda books, record: not used(books, record),
            "deactivatable": lambda _books, record: bool(record.get("active")),
            "used_on_recurring_invoice": lambda _books, _record: False,
            "links": links,
        },
        searched=("item_code", "description"),
    )
    for collection in PRICES
)

"""Exchange rates, each keyed by its currency: how much of it one unit of the business's currency buys.

A business's own rate goes before the live one; `exchange_rates` shows the one in effect (v31_resources.md).
"""

from __future__ import annotations

from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.kinds import Kind
from gateway.sandbox.problems import invalid
from gateway.sandbox.values import ONE, ZERO

OWN, LIVE, EFFECTIVE = "business_exchange_rates", "live_exchange_rates", "exchange_rates"


def base_currency(books: Books) -> Ref:
    found: Ref = books.singletons.get("financial_settings", {}).get("base_currency") or Ref("currencies", "GBP")
    return found


def rate_of(books: Books, currency: Ref | None) -> Decimal:
    """The rate in effect; 1 for the business's own currency, or where none is known."""
    found = None if currency is None else books.find(EFFECTIVE, currency.id)
    return ONE if found is None else Decimal(found["rate"])


def inverse(rate: Decimal) -> Decimal:
    """To six decimals."""
    return ONE if rate == ONE else (ONE / rate).quantize(Decimal("0.000001"))


def settle(books: Books, new: Record, old: Record | None) -> None:
    """One rate for each currency, and none for the business's own."""
    if old is not None and new["currency"] != old["currency"]:
        raise invalid("cannot be changed", "currency_id")
    key = new["currency"].id
    if old is None and books.find(OWN, key) is not None:
        raise invalid("has already been taken", "currency_id")
    if new["currency"] == base_currency(books):
        raise invalid("is the base currency", "currency_id")
    if new["rate"] <= ZERO:
        raise invalid("must be greater than 0", "rate")
    new["id"] = key
    new.pop("legacy_id", None)
    new["base_currency"] = base_currency(books)
    if old is None or new["rate"] != old["rate"] or not new.get("inverse_rate"):
        new["inverse_rate"] = inverse(new["rate"])


def stored(books: Books, record: Record, _old: Record | None) -> None:
    """It is in effect from now on."""
    before = books.shelf(EFFECTIVE).get(record["id"], {})
    created = before.get("created_at") or record["created_at"]
    books.shelf(EFFECTIVE)[record["id"]] = {**record, "created_at": created}


def remove(books: Books, record: Record, _reason: str) -> None:
    """The live rate, where there is one, is in effect again. The key is free for another."""
    del books.shelf(OWN)[record["id"]]
    del books.shelf(EFFECTIVE)[record["id"]]
    live = books.find(LIVE, record["id"])
    if live is not None:
        stored(books, {**live, "updated_at": books.now()}, None)


def title(books: Books, record: Record) -> str | None:
    currency = books.at(record["currency"])
    return None if currency is None else str(currency["displayed_as"])


KINDS = (
    Kind(OWN, title=title, settle=settle, stored=stored, remove=remove),
    Kind(LIVE, title=title, settle=settle, stored=stored),
    Kind(EFFECTIVE, title=title),
)

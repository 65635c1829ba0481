"""Plants the seed of one business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.registry import kind_of
from gateway.sandbox.seed.contacts import CONTACTS, FIRST_THREE, contact_fields
from gateway.sandbox.seed.documents import CREDITS, OFFERS, PURCHASES, paper_fields
from gateway.sandbox.seed.entries import PAID, journals, opening_balances, paid_fields
from gateway.sandbox.seed.goods import PRODUCTS, SERVICES, product_fields, service_fields
from gateway.sandbox.seed.ledger import BANKS, PRICE_TYPES, RATE_TYPES, TAX_RATES, accounts, bank_fields
from gateway.sandbox.seed.minting import Mint
from gateway.sandbox.seed.reference import shared
from gateway.sandbox.seed.settings import settings
from gateway.sandbox.seed.settling import SETTLED, allocations, attachments, settled_fields
from gateway.sandbox.seed.taxation import EXCHANGE_RATES, TAX_PROFILE
from gateway.sandbox.seed.trade import INVOICES, PAYMENTS, invoice_fields, payment_fields
from gateway.sandbox.switches import Switches

PLANTED = datetime(2025, 1, 2, 9, 0, tzinfo=UTC).timestamp()

FIRST_LEGACY_IDS = {
    "ledger_accounts": 66_001,
    "bank_accounts": 8_801,
    "contacts": 53_210,
    "products": 7_701,
    "services": 7_801,
    "sales_invoices": 90_201,
    "contact_payments": 60_101,
    "other_payments": 29_301,
    "journals": 4_101,
    "bank_opening_balances": 501,
    "purchase_invoices": 80_401,
    "purchase_credit_notes": 82_401,
    "sales_credit_notes": 91_201,
    "sales_quotes": 95_101,
    "sales_estimates": 96_101,
    "contact_allocations": 70_101,
    "tax_profiles": 12,
    "product_sales_price_types": 1,
    "service_rate_types": 1,
}


@dataclass(slots=True)
class Gardener:
    """Plants records through the kinds' own rules, as if v3.1 had been asked to make them."""

    books: Books
    mint: Mint

    def plant(self, collection: str, fields: Record) -> Record:
        kind = kind_of(collection)
        new = {**self.mint.start(collection), **fields}
        kind.settle(self.books, new, None)
        record = self.books.add(collection, new)
        kind.stored(self.books, record, None)
        return record


def open_books(business: str, clock: Callable[[], float], switches: Switches, *, seed: bool, lead: bool) -> Books:
    """The books of a business: with a chart, tax rates, price types and two banks; with `seed` all the rest."""
    books = Books(business, lambda: PLANTED, switches, shared())
    # The second business starts 20 numbers higher: most of its legacy ids are the first one's too.
    first = {name: number + (0 if lead else 20) for name, number in FIRST_LEGACY_IDS.items()}
    mint = Mint(books, first)
    books.mint = mint.part
    gardener = Gardener(books, mint)
    _setting(books, gardener)
    if seed:
        _trade(books, gardener, lead)
        _others(books, gardener)
    books.clock = lambda: PLANTED
    for fields in opening_balances(books):
        gardener.plant("bank_opening_balances", fields)
    books.mint = None
    books.clock = clock
    return books


def _setting(books: Books, gardener: Gardener) -> None:
    for rate in TAX_RATES:
        books.add("tax_rates", dict(rate))
    for fields in accounts():
        gardener.plant("ledger_accounts", fields)
    for name in PRICE_TYPES:
        gardener.plant("product_sales_price_types", {"name": name, "active": True})
    for name in RATE_TYPES:
        gardener.plant("service_rate_types", {"name": name, "active": True})
    for bank in BANKS:
        gardener.plant("bank_accounts", bank_fields(books, bank))
    books.singletons.update(settings(books))
    gardener.plant("tax_profiles", TAX_PROFILE.copy())
    for collection, currency, price in EXCHANGE_RATES:
        gardener.plant(collection, {"currency": Ref("currencies", currency), "rate": Decimal(price)})


def _trade(books: Books, gardener: Gardener, lead: bool) -> None:
    for index, contact in enumerate(CONTACTS):
        fields = contact_fields(contact)
        given: Record = FIRST_THREE[index] if lead and index < len(FIRST_THREE) else {}
        if not lead and index == 0:
            given = {"legacy_id": FIRST_THREE[2]["legacy_id"]}
        gardener.plant("contacts", {**fields, **given})
    for product in PRODUCTS:
        gardener.plant("products", product_fields(books, product))
    for service in SERVICES:
        gardener.plant("services", service_fields(books, service))
    for invoice in INVOICES:
        books.clock = _clock_at(invoice.date)
        record = gardener.plant("sales_invoices", invoice_fields(books, invoice))
        if invoice.void:
            kind_of("sales_invoices").remove(books, record, "raised in error")
    for payment in PAYMENTS:
        books.clock = _clock_at(payment.date)
        gardener.plant("contact_payments", payment_fields(books, payment))


def _others(books: Books, gardener: Gardener) -> None:
    for paid in PAID:
        books.clock = _clock_at(paid.date)
        record = gardener.plant("other_payments", paid_fields(books, paid))
        if paid.deleted:
            kind_of("other_payments").remove(books, record, "")
    for fields in journals(books):
        books.clock = _clock_at(fields["date"])
        gardener.plant("journals", fields)
    for paper in (*PURCHASES, *CREDITS, *OFFERS):
        books.clock = _clock_at(paper.date)
        record = gardener.plant(paper.collection, paper_fields(books, paper))
        if paper.gone:
            kind_of(paper.collection).remove(books, record, "raised in error")
    for settled in SETTLED:
        books.clock = _clock_at(settled.date)
        gardener.plant("contact_payments", settled_fields(books, settled))
    for fields in allocations(books):
        books.clock = _clock_at(fields["date"])
        gardener.plant("contact_allocations", fields)
    for fields in attachments(books):
        gardener.plant("attachments", fields)


def _clock_at(date: str) -> Callable[[], float]:
    moment = datetime.fromisoformat(f"{date}T10:00:00+00:00").timestamp()
    return lambda: moment

"""Purchase invoices, credit notes of both sides, quotes and estimates, in several states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.postings import control
from gateway.sandbox.values import rounded

Line = tuple[int, str, str, str, str]
"""Nominal code, description, quantity, unit price, tax rate."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document. `contact` is the contact's place among those seeded."""

    collection: str
    contact: int
    date: str
    lines: tuple[Line, ...]
    status: str = ""
    reference: str = ""
    theirs: str = ""
    """The supplier's own reference."""
    gone: bool = False
    """Deleted; voided where v3.1 voids."""


PURCHASES = (
    Paper(
        "purchase_invoices",
        10,
        "2025-01-20",
        (
            (5010, "Stoneware clay, 25 kg", "10", "14.20", "GB_STANDARD"),
            (5100, "Carriage", "1", "18.00", "GB_STANDARD"),
        ),
        theirs="CG-1188",
    ),
    Paper("purchase_invoices", 11, "2025-02-05", ((5015, "Freight to Cork", "1", "240.00", "GB_ZERO"),), theirs="T/77"),
    Paper("purchase_invoices", 12, "2025-03-03", ((7200, "Electricity Feb", "1", "131.40", "GB_LOWER"),)),
    Paper("purchase_invoices", 13, "2025-03-25", ((7100, "Rent, Lady Day quarter", "1", "2550.00", "GB_EXEMPT"),)),
    Paper(
        "purchase_invoices",
        10,
        "2025-04-08",
        (
            (5010, "Celadon glaze, 5 l", "6", "23.75", "GB_STANDARD"),
            (5010, "Cobalt oxide, 1 kg", "0.5", "61.30", "GB_STANDARD"),
        ),
        theirs="CG-1240",
    ),
    Paper(
        "purchase_invoices", 14, "2025-05-02", ((7500, "Paper and pens", "1", "38.90", "GB_STANDARD"),), status="DRAFT"
    ),
    Paper("purchase_invoices", 11, "2025-05-12", ((5015, "Freight, sent twice", "1", "240.00", "GB_ZERO"),), gone=True),
    Paper(
        "purchase_credit_notes",
        10,
        "2025-04-22",
        ((5010, "Celadon glaze, leaking", "1", "23.75", "GB_STANDARD"),),
        theirs="CG-C31",
    ),
    Paper("purchase_credit_notes", 11, "2025-03-01", ((5015, "Pallet returned", "1", "30.00", "GB_ZERO"),)),
    Paper("purchase_credit_notes", 14, "2025-05-20", ((7500, "Wrong envelopes", "2", "4.99", "GB_STANDARD"),)),
    Paper(
        "purchase_credit_notes",
        12,
        "2025-06-02",
        ((7200, "Estimated reading", "1", "9.00", "GB_LOWER"),),
        status="DRAFT",
    ),
)

CREDITS = (
    Paper("sales_credit_notes", 4, "2025-06-03", ((4000, "Mug, broken on the way", "2", "7.50", "GB_STANDARD"),)),
    Paper("sales_credit_notes", 3, "2025-02-17", ((4000, "Bowl, returned", "1", "11.00", "GB_STANDARD"),)),
    Paper("sales_credit_notes", 5, "2025-05-27", ((4000, "Goodwill", "1", "5.00", "GB_STANDARD"),), reference="Zoë"),
    Paper("sales_credit_notes", 6, "2025-04-10", ((4000, "Raised in error", "1", "14.00", "GB_ZERO"),), gone=True),
    Paper(
        "sales_credit_notes", 7, "2025-06-09", ((4000, "To be agreed", "1", "42.00", "GB_STANDARD"),), status="DRAFT"
    ),
)

OFFERS = (
    Paper("sales_quotes", 9, "2025-05-14", ((4000, "Tiles for the hall", "120", "6.00", "GB_STANDARD"),)),
    Paper("sales_quotes", 6, "2025-04-02", ((4000, "Tea set", "4", "42.00", "GB_STANDARD"),), status="ACCEPTED"),
    Paper("sales_quotes", 3, "2025-03-12", ((4000, "Shop display", "1", "180.00", "GB_STANDARD"),), status="DECLINED"),
    Paper("sales_quotes", 5, "2025-06-05", ((4000, "Cups", "24", "6.40", "GB_STANDARD"),), status="DRAFT"),
    Paper("sales_estimates", 7, "2025-05-19", ((4000, "Plates for a wedding", "80", "12.50", "GB_STANDARD"),)),
    Paper("sales_estimates", 2, "2025-03-28", ((4000, "Repair of a vase", "1", "55.00", "GB_STANDARD"),)),
)

LINES = {
    "purchase_invoices": "invoice_lines",
    "purchase_credit_notes": "credit_note_lines",
    "sales_credit_notes": "credit_note_lines",
    "sales_quotes": "quote_lines",
    "sales_estimates": "estimate_lines",
}


def paper_fields(books: Books, paper: Paper) -> Record:
    fields: Record = {
        "contact": Ref("contacts", list(books.shelf("contacts"))[paper.contact]),
        "date": paper.date,
        "reference": paper.reference or None,
        "notes": "",
        LINES[paper.collection]: [_line(books, *line) for line in paper.lines],
    }
    if paper.collection.startswith("purchase"):
        fields["vendor_reference"] = paper.theirs or None
    if paper in OFFERS:
        fields["expiry_date"] = (date.fromisoformat(paper.date) + timedelta(days=30)).isoformat()
    if paper.status:
        fields["status"] = Ref("quote_statuses" if paper in OFFERS else "artefact_statuses", paper.status)
    return fields


def _line(books: Books, code: int, description: str, quantity: str, price: str, rate: str) -> Record:
    percentage = books.shelf("tax_rates")[rate]["percentage"]
    return {
        **books.fresh(),
        "description": description,
        "ledger_account": control(books, code),
        "quantity": Decimal(quantity),
        "unit_price": Decimal(price),
        "tax_rate": Ref("tax_rates", rate),
        "tax_amount": rounded(Decimal(quantity) * Decimal(price) * percentage / 100),
    }

"""What pays suppliers, refunds credit notes and sets credits against invoices; what is attached to them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.pdf import pdf
from gateway.sandbox.values import rounded


@dataclass(frozen=True, slots=True)
class Settled:
    """Pays the share (in hundredths) of one document, by its place in its collection."""

    kind: str
    date: str
    collection: str
    place: int
    share: int = 100
    bank: int = 0


SETTLED = (
    Settled("VENDOR_PAYMENT", "2025-02-19", "purchase_invoices", 0),
    Settled("VENDOR_PAYMENT", "2025-02-12", "purchase_invoices", 1, share=50),
    Settled("VENDOR_PAYMENT", "2025-03-26", "purchase_invoices", 3),
    Settled("VENDOR_REFUND", "2025-03-10", "purchase_credit_notes", 1),
    Settled("CUSTOMER_REFUND", "2025-02-18", "sales_credit_notes", 1, bank=1),
)

ALLOCATED = (
    ("CUSTOMER_ALLOCATION", "2025-06-04", ("sales_invoices", 26), ("sales_credit_notes", 0)),
    ("VENDOR_ALLOCATION", "2025-04-23", ("purchase_invoices", 4), ("purchase_credit_notes", 0)),
)
"""Type, date, an invoice and a credit note that is set against it whole."""


def settled_fields(books: Books, settled: Settled) -> Record:
    document = _at(books, settled.collection, settled.place)
    amount = rounded(document["total_amount"] * settled.share / 100)
    banks = list(books.shelf("bank_accounts"))
    return {
        "transaction_type": Ref("transaction_types", settled.kind),
        "contact": document["contact"],
        "bank_account": Ref("bank_accounts", banks[settled.bank]),
        "payment_method": Ref("payment_methods", "CASH" if settled.bank == 1 else "ELECTRONIC"),
        "date": settled.date,
        "reference": f"Ref {settled.date}",
        "total_amount": amount,
        "allocated_artefacts": [_part(books, settled.collection, document, amount)],
    }


def allocations(books: Books) -> Iterator[Record]:
    for kind, date, invoice, credit in ALLOCATED:
        owed, against = _at(books, *invoice), _at(books, *credit)
        amount = against["total_amount"] * (1 if kind.startswith("CUSTOMER") else -1)
        yield {
            "transaction_type": Ref("transaction_types", kind),
            "contact": against["contact"],
            "date": date,
            "allocated_artefacts": [
                _part(books, invoice[0], owed, amount),
                _part(books, credit[0], against, -amount),
            ],
        }


def _at(books: Books, collection: str, place: int) -> Record:
    return list(books.shelf(collection).values())[place]


def _part(books: Books, collection: str, document: Record, amount: Decimal) -> Record:
    return {**books.fresh(), "artefact": Ref(collection, document["id"]), "amount": amount}


ATTACHED = (
    ("PURCHASE_INVOICE", "purchase_invoices", 0, "CG-1188.pdf", "Supplier's invoice"),
    ("OTHER_PAYMENT", "other_payments", 2, "till-0041.pdf", "Till receipt"),
    ("JOURNAL", "journals", 1, "accruals.pdf", ""),
)
"""Context type, collection, place in it, file name, description."""


def attachments(books: Books) -> Iterator[Record]:
    for kind, collection, place, name, description in ATTACHED:
        yield {
            "file": base64.b64encode(pdf([name, description])).decode(),
            "file_name": name,
            "mime_type": "application/pdf",
            "description": description,
            "attachment_context_type": Ref("attachment_context_types", kind),
            "attachment_context_id": _at(books, collection, place)["id"],
        }

"""What is still owed on a document, from the payments and allocations that name it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.values import ZERO, rounded

ALLOCATABLE = ("sales_invoices", "sales_credit_notes", "purchase_invoices", "purchase_credit_notes")
ALLOCATING = {"contact_payments": "contact_payment", "contact_allocations": "contact_allocation"}
DONE = ("DRAFT", "PRO_FORMA", "VOID")


def status(record: Record) -> str:
    """The id of a document's status: `UNPAID`."""
    ref = record.get("status")
    return ref.id if isinstance(ref, Ref) else ""


def allocations(books: Books, document: Record) -> list[Record]:
    """The payments and allocations of a document, as its `payments_allocations` shows them."""
    return [
        {
            "date": source["date"],
            "type": singular,
            "reference": source.get("reference"),
            "amount": abs(part["amount"]),
            "discount": part.get("discount", ZERO),
            singular: Ref(collection, source["id"]),
            "artefact": part["artefact"],
            "displayed_as": source.get("reference"),
            "negative_payment": False,
        }
        for collection, singular, source, part in _parts(books, document)
    ]


def _parts(books: Books, document: Record) -> Iterator[tuple[str, str, Record, Record]]:
    for collection, singular in ALLOCATING.items():
        for source in books.live(collection):
            for part in source.get("allocated_artefacts") or ():
                if isinstance(part["artefact"], Ref) and part["artefact"].id == document["id"]:
                    yield collection, singular, source, part


def paid(books: Books, document: Record) -> Decimal:
    """Amounts and discounts together."""
    return sum((p["amount"] + p["discount"] for p in allocations(books, document)), ZERO)


def refresh(books: Books, document: Record) -> None:
    """Reckons a document's amounts paid and outstanding, and with them its status."""
    parts = allocations(books, document)
    amount = sum((part["amount"] for part in parts), ZERO)
    discount = sum((part["discount"] for part in parts), ZERO)
    now = status(document)
    left = ZERO if now == "VOID" else document["total_amount"] - amount - discount
    rate = document.get("exchange_rate") or Decimal(1)
    document.update(
        total_paid=amount,
        payments_allocations_total_amount=amount,
        payments_allocations_total_discount=discount,
        outstanding_amount=left,
        base_currency_outstanding_amount=rounded(left / rate),
        last_paid=max((part["date"] for part in parts), default=None),
    )
    if now not in DONE:
        reached = "UNPAID" if not parts else "PART_PAID" if left > 0 else "PAID"
        document["status"] = Ref("artefact_statuses", reached)

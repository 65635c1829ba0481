"""Payments and allocations: they alone change what is outstanding (v31.md §12)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.contacts import is_role
from gateway.sandbox.kinds import Kind
from gateway.sandbox.outstanding import paid, refresh, status
from gateway.sandbox.postings import (
    CREDITORS,
    DEBTORS,
    PURCHASE_DISCOUNTS,
    SALES_DISCOUNTS,
    Entry,
    control,
    post,
    reverse,
)
from gateway.sandbox.problems import Refusal, invalid, required
from gateway.sandbox.values import ZERO

ROLES = {
    "CUSTOMER_RECEIPT": ("CUSTOMER", 1),
    "CUSTOMER_REFUND": ("CUSTOMER", -1),
    "VENDOR_PAYMENT": ("VENDOR", -1),
    "VENDOR_REFUND": ("VENDOR", 1),
    "CUSTOMER_ALLOCATION": ("CUSTOMER", 0),
    "VENDOR_ALLOCATION": ("VENDOR", 0),
}
"""Transaction type -> the contact's role, and which way money moves through our bank."""

ON_ACCOUNT = "payments_on_account"
OPEN = ("UNPAID", "PART_PAID")
NOT_OPEN = "You can only pay unpaid or part-paid invoices."


def settle_payment(books: Books, new: Record, old: Record | None) -> None:
    """Checks a payment against what it pays; the surplus becomes a payment on account."""
    kind = _check_contact(books, new)
    if new["total_amount"] <= 0:
        raise invalid("must be greater than 0", "total_amount")
    parts = _check_parts(books, new, old)
    allocated = sum((part["amount"] for part in parts), ZERO)
    if allocated > new["total_amount"]:
        raise invalid("The total amount must not be less than the allocated amounts.", "total_amount")
    new.setdefault("payment_method", None)
    if new["payment_method"] is None:
        new["payment_method"] = Ref("payment_methods", "ELECTRONIC")
    new.setdefault("currency", Ref("currencies", "GBP"))
    new["net_amount"] = new.get("net_amount") or new["total_amount"]
    new["tax_amount"] = new.get("tax_amount") or ZERO
    new["exchange_rate"] = new.get("exchange_rate") or Decimal(1)
    for name in ("net_amount", "tax_amount", "total_amount"):
        new[f"base_currency_{name}"] = new[name]
    new["editable"] = True
    before = old.get("payment_on_account") if old else None
    new["payment_on_account"] = _on_account(books, new, new["total_amount"] - allocated, before)
    new["_direction"] = ROLES[kind][1]


def _check_contact(books: Books, new: Record) -> str:
    kind = new["transaction_type"].id
    if kind not in ROLES:
        raise invalid("is not included in the list", "transaction_type_id")
    role = ROLES[kind][0]
    contact = books.at(new.get("contact"))
    if contact is None or not is_role(contact, role):
        raise invalid("Couldn't find Customer." if role == "CUSTOMER" else "Couldn't find Supplier.", "")
    return str(kind)


def _check_parts(books: Books, new: Record, old: Record | None) -> list[Record]:
    """Every part names an open document of this contact and takes no more than is outstanding."""
    parts: list[Record] = new.setdefault("allocated_artefacts", [])
    freed = {part["artefact"]: part["amount"] for part in (old or {}).get("allocated_artefacts", ())}
    for part in parts:
        if not part.get("artefact") or part.get("amount") is None:
            raise Refusal(422, required("allocated_artefacts.artefact_id"))
        part["discount"] = part.get("discount") or ZERO
        document: Any = books.at(part["artefact"])
        if document.get("contact") != new["contact"]:
            raise invalid("Couldn't find Artefact.", "allocated_artefacts.artefact_id")
        back = freed.get(part["artefact"], ZERO)
        if status(document) not in OPEN and not (back and status(document) == "PAID"):
            raise invalid(NOT_OPEN, "")
        left = document["total_amount"] - paid(books, document) + abs(back)
        if abs(part["amount"]) + part["discount"] > left:
            raise invalid("The amount is more than the outstanding amount.", "allocated_artefacts.amount")
    return parts


def _on_account(books: Books, new: Record, surplus: Decimal, before: Any) -> Record | None:
    """What was paid beyond the documents named, which can be allocated later under its own id."""
    if not surplus:
        return None
    contact = books.at(new["contact"]) or {}
    part = {
        **(before or books.fresh()),
        "contact": new["contact"],
        "contact_name": contact.get("name"),
        "contact_reference": contact.get("reference"),
        "date": new["date"],
        "reference": new.get("reference"),
        "currency": new["currency"],
        "exchange_rate": new["exchange_rate"],
        "tax_amount": ZERO,
        "base_currency_tax_amount": ZERO,
        "status": Ref("artefact_statuses", "UNPAID"),
        "created_at": books.now(),
        "updated_at": books.now(),
    }
    for name in ("net_amount", "total_amount", "outstanding_amount"):
        part[name] = part[f"base_currency_{name}"] = surplus
    return part


def payment_stored(books: Books, record: Record, old: Record | None) -> None:
    """Posts bank against debtors or creditors and reckons the documents it names, before and now."""
    bank = books.at(record["bank_account"]) or {}
    amount = record["_direction"] * record["total_amount"]
    role = ROLES[record["transaction_type"].id][0]
    customer = role == "CUSTOMER"
    other = control(books, DEBTORS if customer else CREDITORS)
    discount = record["_direction"] * sum((part["discount"] for part in record["allocated_artefacts"]), ZERO)
    given = control(books, SALES_DISCOUNTS if customer else PURCHASE_DISCOUNTS)
    entries = [Entry(bank.get("ledger_account"), amount), Entry(given, discount), Entry(other, -amount - discount)]
    post(books, "contact_payments", record, record["transaction_type"].id, entries)
    _shelve_on_account(books, record, old)
    allocation_stored(books, record, old)


def _shelve_on_account(books: Books, record: Record, old: Record | None) -> None:
    """A payment on account is an artefact: allocations name it by its own id (v31_resources.md)."""
    shelf = books.shelf(ON_ACCOUNT)
    for source in (old, record):
        part = (source or {}).get("payment_on_account")
        if part is not None:
            shelf.pop(part["id"], None)
    part = record.get("payment_on_account")
    if part is not None:
        shelf[part["id"]] = part
        refresh(books, part)


def allocation_stored(books: Books, record: Record, old: Record | None) -> None:
    for source in (old, record):
        _refresh_documents(books, source)


def _refresh_documents(books: Books, source: Record | None) -> None:
    for part in (source or {}).get("allocated_artefacts") or ():
        document = books.at(part["artefact"])
        if document is not None:
            refresh(books, document)
            books.touch(document)


def remove(books: Books, record: Record, _reason: str) -> None:
    """A deleted payment or allocation gives its documents back what it had paid."""
    part = record.get("payment_on_account")
    if part is not None:
        if status(part) != "UNPAID":
            raise invalid("You cannot delete a payment whose payment on account has been allocated.", "base")
        books.shelf(ON_ACCOUNT).pop(part["id"], None)
    reverse(books, record)
    books.delete(record)
    _refresh_documents(books, record)


def settle_allocation(books: Books, new: Record, old: Record | None) -> None:
    """Signed amounts that cancel out: invoices positive, credits negative (v31_resources.md)."""
    _check_contact(books, new)
    new["date"] = new.get("date") or books.today()
    parts = _check_parts(books, new, old)
    if sum((part["amount"] for part in parts), ZERO) != 0:
        raise invalid("The allocated amounts must sum to zero.", "allocated_artefacts")


KINDS = (
    Kind(
        "contact_payments",
        title=lambda _books, record: record.get("reference") or record["transaction_type"].id,
        settle=settle_payment,
        stored=payment_stored,
        remove=remove,
    ),
    Kind(ON_ACCOUNT, title=lambda _books, part: part.get("reference") or "Payment on Account"),
    Kind(
        "contact_allocations",
        title=lambda _books, record: record["transaction_type"].id,
        settle=settle_allocation,
        stored=allocation_stored,
        remove=remove,
    ),
)

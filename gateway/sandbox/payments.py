"""Payments and allocations: they alone change what is outstanding (v31.md §12)."""

from __future__ import annotations

from collections.abc import Iterable
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
from gateway.sandbox.rates import base_currency, rate_of
from gateway.sandbox.values import ZERO, rounded

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
CREDITS = ("sales_credit_notes", "purchase_credit_notes", ON_ACCOUNT)
OPEN = ("UNPAID", "PART_PAID")
NOT_OPEN = "You can only pay unpaid or part-paid invoices."
NO_CREDIT = "You can only refund credit notes and payments on account."


def settle_payment(books: Books, new: Record, old: Record | None) -> None:
    """Checks a payment against what it pays; the surplus becomes a payment on account."""
    kind = _check_contact(books, new)
    if kind.endswith("ALLOCATION"):
        raise invalid("is not included in the list", "transaction_type_id")
    new["total_amount"] = rounded(new["total_amount"])
    if new["total_amount"] <= 0:
        raise invalid("must be greater than 0", "total_amount")
    parts = _check_parts(books, new, old)
    _check_directions(kind, parts)
    allocated = sum((part["amount"] for part in parts), ZERO)
    if allocated > new["total_amount"]:
        raise invalid("The total amount must not be less than the allocated amounts.", "total_amount")
    if kind.endswith("REFUND") and allocated != new["total_amount"]:
        raise invalid(NO_CREDIT, "")
    if new.get("payment_method") is None:
        new["payment_method"] = Ref("payment_methods", "ELECTRONIC")
    _settle_amounts(books, new)
    before = old.get("payment_on_account") if old else None
    surplus = new["total_amount"] - allocated
    if before is not None and surplus < paid(books, before):
        raise invalid("The payment on account has been allocated.", "allocated_artefacts")
    new["payment_on_account"] = _on_account(books, new, surplus, before)
    new["_direction"] = ROLES[kind][1]
    new["editable"] = True


def _settle_amounts(books: Books, new: Record) -> None:
    """In the contact's currency, with their twins in the business's."""
    contact = books.at(new["contact"]) or {}
    new["currency"] = new.get("currency") or contact.get("currency") or base_currency(books)
    new["tax_amount"] = rounded(new.get("tax_amount") or ZERO)
    new["net_amount"] = new["total_amount"] - new["tax_amount"]
    rate = new["exchange_rate"] = new.get("exchange_rate") or rate_of(books, new["currency"])
    for name in ("total_amount", "tax_amount"):
        new[f"base_currency_{name}"] = rounded(new[name] / rate)
    new["base_currency_net_amount"] = new["base_currency_total_amount"] - new["base_currency_tax_amount"]


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
    """Every part names an open document of this contact; all together take no more than is outstanding."""
    parts: list[Record] = new.setdefault("allocated_artefacts", [])
    freed = _taken((old or {}).get("allocated_artefacts", ()))
    for part in parts:
        if not part.get("artefact") or part.get("amount") is None:
            raise Refusal(422, required("allocated_artefacts.artefact_id"))
        part["discount"] = part.get("discount") or ZERO
    for artefact, amount in _taken(parts).items():
        document: Any = books.at(artefact)
        if document.get("contact") != new["contact"]:
            raise invalid("Couldn't find Artefact.", "allocated_artefacts.artefact_id")
        back = freed.get(artefact, ZERO)
        if status(document) not in OPEN and not (back and status(document) == "PAID"):
            raise invalid(NOT_OPEN, "")
        if amount > document["total_amount"] - paid(books, document) + back:
            raise invalid("The amount is more than the outstanding amount.", "allocated_artefacts.amount")
    return parts


def _taken(parts: Iterable[Record]) -> dict[Ref, Decimal]:
    """What parts take of each document, discounts too."""
    taken: dict[Ref, Decimal] = {}
    for part in parts:
        taken[part["artefact"]] = taken.get(part["artefact"], ZERO) + abs(part["amount"]) + part["discount"]
    return taken


def _check_directions(kind: str, parts: Iterable[Record]) -> None:
    """Receipts and payments pay invoices, refunds go to credits (v31_resources.md)."""
    refund = kind.endswith("REFUND")
    for part in parts:
        if part["amount"] <= 0 or part["discount"] < 0:
            raise invalid("must be greater than 0", "allocated_artefacts.amount")
        if (part["artefact"].collection in CREDITS) is not refund:
            raise invalid(NO_CREDIT if refund else NOT_OPEN, "")


def _on_account(books: Books, new: Record, surplus: Decimal, before: Any) -> Record | None:
    """What was paid beyond the documents named, which can be allocated later under its own id."""
    if not surplus:
        return None
    contact = books.at(new["contact"]) or {}
    part = {
        **(before or books.fresh()),
        "_collection": ON_ACCOUNT,
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
        part[name] = surplus
        part[f"base_currency_{name}"] = rounded(surplus / new["exchange_rate"])
    return part


def payment_stored(books: Books, record: Record, old: Record | None) -> None:
    """Posts bank against debtors or creditors and reckons the documents it names, before and now."""
    bank = books.at(record["bank_account"]) or {}
    amount = record["_direction"] * record["base_currency_total_amount"]
    role = ROLES[record["transaction_type"].id][0]
    customer = role == "CUSTOMER"
    other = control(books, DEBTORS if customer else CREDITORS)
    forgiven = sum((part["discount"] for part in record["allocated_artefacts"]), ZERO)
    discount = record["_direction"] * rounded(forgiven / record["exchange_rate"])
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
    """Signed amounts that cancel out: a customer's invoices positive, their credits negative; a vendor's reversed."""
    kind = _check_contact(books, new)
    if not kind.endswith("ALLOCATION"):
        raise invalid("is not included in the list", "transaction_type_id")
    new["date"] = new.get("date") or books.today()
    parts = _check_parts(books, new, old)
    if sum((part["amount"] for part in parts), ZERO) != 0:
        raise invalid("The allocated amounts must sum to zero.", "allocated_artefacts")
    for part in parts:
        positive = (part["artefact"].collection in CREDITS) is (kind == "VENDOR_ALLOCATION")
        if part["amount"] == 0 or (part["amount"] > 0) is not positive:
            raise invalid("The amount has the wrong sign.", "allocated_artefacts.amount")


def allocation_posted(books: Books, record: Record, old: Record | None) -> None:
    """A transaction without entries: it moves nothing between accounts."""
    post(books, "contact_allocations", record, record["transaction_type"].id, ())
    allocation_stored(books, record, old)


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
        stored=allocation_posted,
        remove=remove,
    ),
)

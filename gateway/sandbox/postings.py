"""The ledger: what a document or payment posts, and how it is reversed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from gateway.sandbox.attached import attached
from gateway.sandbox.books import Books, Record, Ref, pointing
from gateway.sandbox.kinds import Kind
from gateway.sandbox.values import ZERO

DEBTORS, CREDITORS, TAX_ON_SALES, TAX_ON_PURCHASES = 1100, 2100, 2200, 2201
SALES_DISCOUNTS, PURCHASE_DISCOUNTS, OPENING = 4009, 5009, 9998
"""Nominal codes of the accounts that are posted to unasked (v2.md §7.4)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a posting: `amount` is a debit, or a credit where it is negative."""

    account: Ref | None
    amount: Decimal
    tax_rate: Ref | None = None
    description: str | None = None


def control(books: Books, nominal_code: int) -> Ref | None:
    """The ledger account with a nominal code."""
    found = (a for a in books.live("ledger_accounts") if a.get("nominal_code") == nominal_code)
    account = next(found, None)
    return None if account is None else Ref("ledger_accounts", account["id"])


def post(books: Books, collection: str, record: Record, kind: str, entries: Iterable[Entry]) -> None:
    """Posts a record's entries under one transaction, in place of those it posted before."""
    transaction = books.at(record.get("transaction"))
    total = record.get("total_amount", record.get("total"))
    base = record.get("base_currency_total_amount", total)
    fields = {
        "date": record["date"],
        "reference": record.get("reference"),
        "total": base,
        "total_in_transaction_currency": total,
        "contact": record.get("contact"),
        "transaction_type": Ref("transaction_types", kind),
        "deleted": False,
        "_origin": Ref(collection, record["id"]),
    }
    if transaction is None:
        fields["audit_trail_id"] = str(len(books.shelf("transactions")) + 1)
        transaction = books.add("transactions", fields)
        record["transaction"] = Ref("transactions", transaction["id"])
    else:
        transaction.update(fields)
        books.touch(transaction)
        _clear(books, transaction)
    record["transaction_type"] = transaction["transaction_type"]
    for entry in entries:
        if entry.amount and entry.account is not None:
            _enter(books, transaction, entry)


def _enter(books: Books, transaction: Record, entry: Entry) -> None:
    books.add(
        "ledger_entries",
        {
            "date": transaction["date"],
            "debit": max(entry.amount, ZERO),
            "credit": max(-entry.amount, ZERO),
            "ledger_account": entry.account,
            "transaction": Ref("transactions", transaction["id"]),
            "contact": transaction["contact"],
            "tax_rate": entry.tax_rate,
            "description": entry.description,
            "deleted": False,
        },
    )


def reverse(books: Books, record: Record) -> None:
    """Marks what a record posted as deleted."""
    transaction = books.at(record.get("transaction"))
    if transaction is None:
        return
    transaction["deleted"] = True
    books.touch(transaction)
    for entry in pointing(books.live("ledger_entries"), "transaction", transaction["id"]):
        entry["deleted"] = True
        books.touch(entry)


def _clear(books: Books, transaction: Record) -> None:
    shelf = books.shelf("ledger_entries")
    for entry in list(pointing(shelf.values(), "transaction", transaction["id"])):
        del shelf[entry["id"]]


def balance(books: Books, account: Ref, from_date: str = "", to_date: str = "9999") -> tuple[Decimal, Decimal]:
    """Debits and credits of a ledger account between two dates, both included."""
    debits = credits_ = ZERO
    for entry in books.live("ledger_entries"):
        if entry["deleted"] or entry["ledger_account"] != account:
            continue
        if from_date <= entry["date"] <= to_date:
            debits += entry["debit"]
            credits_ += entry["credit"]
    return debits, credits_


def origin(books: Books, transaction: Record) -> Ref | None:
    """What a transaction was posted for; None where that was deleted, since it cannot be read any more (inferred)."""
    found: Ref | None = transaction.get("_origin")
    return None if found is None or books.find(found.collection, found.id) is None else found


def attachments(books: Books, transaction: Record) -> str:
    return str(len(attached(books, transaction)))


def _of_type(books: Books, entry: Record, key: str) -> bool:
    transaction = books.at(entry["transaction"])
    return transaction is not None and transaction["transaction_type"].id == key


def _updated_from(_books: Books, transaction: Record, text: str) -> bool:
    return str(transaction["updated_at"][:10]) >= text[:10]


def _updated_to(_books: Books, transaction: Record, text: str) -> bool:
    return str(transaction["updated_at"][:10]) <= text[:10]


KINDS = (
    Kind(
        "transactions",
        title=lambda _books, _transaction: None,
        derived={"origin": origin, "number_of_attachments": attachments},
        expanded={"origin": "expand_origin"},
        filters={"updated_from_date": _updated_from, "updated_to_date": _updated_to},
    ),
    Kind(
        "ledger_entries",
        title=lambda _books, entry: entry.get("description"),
        filters={"transaction_type_id": _of_type},
    ),
)

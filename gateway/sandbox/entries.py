"""Other payments, journals and banks' opening balances: what is posted without a document."""

from __future__ import annotations

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.kinds import Kind
from gateway.sandbox.postings import OPENING, TAX_ON_PURCHASES, TAX_ON_SALES, Entry, control, post, reverse
from gateway.sandbox.problems import Refusal, invalid, required
from gateway.sandbox.taxes import breakdown
from gateway.sandbox.totals import sum_of
from gateway.sandbox.values import ZERO, rounded

DIRECTIONS = {
    "OTHER_PAYMENT": (-1, TAX_ON_PURCHASES),
    "OTHER_PAYMENT_REFUND": (1, TAX_ON_PURCHASES),
    "OTHER_RECEIPT": (1, TAX_ON_SALES),
    "OTHER_RECEIPT_REFUND": (-1, TAX_ON_SALES),
}
"""Transaction type -> which way money moves through the bank, and where its tax goes."""


def settle_payment(books: Books, new: Record, old: Record | None) -> None:
    """The lines' totals are the payment's; tax stands as sent, and a missing one is zero.

    The spec does not demand a bank account (v31_resources.md); without one there is nothing to post against.
    """
    if new["transaction_type"].id not in DIRECTIONS:
        raise invalid("is not included in the list", "transaction_type_id")
    if not new.get("bank_account"):
        raise Refusal(422, required("bank_account_id"))
    if not new.get("payment_lines"):
        raise Refusal(422, required("payment_lines"))
    for line in new["payment_lines"]:
        line["total_amount"] = rounded(line["total_amount"])
        line["tax_amount"] = rounded(line.get("tax_amount") or ZERO)
        line["net_amount"] = line["total_amount"] - line["tax_amount"]
        line["tax_breakdown"] = breakdown(books, line.get("tax_rate"), line["tax_amount"])
    new["total_amount"] = rounded(new["total_amount"])
    if sum_of(new["payment_lines"], "total_amount") != new["total_amount"]:
        raise invalid("The total amount must equal the sum of the lines.", "total_amount")
    new["tax_amount"] = sum_of(new["payment_lines"], "tax_amount")
    new["net_amount"] = new["total_amount"] - new["tax_amount"]
    if old is None:
        new["payment_method"] = new.get("payment_method") or Ref("payment_methods", "ELECTRONIC")
        new.update(editable=True, deletable=True)


def payment_stored(books: Books, record: Record, _old: Record | None) -> None:
    """Bank against the lines' accounts and VAT."""
    kind = record["transaction_type"].id
    direction, tax = DIRECTIONS[kind]
    bank = books.at(record.get("bank_account")) or {}
    entries = [Entry(bank.get("ledger_account"), direction * record["total_amount"])]
    for line in record["payment_lines"]:
        amount = -direction * line["net_amount"]
        entries.append(Entry(line["ledger_account"], amount, line.get("tax_rate"), line.get("details")))
    entries.append(Entry(control(books, tax), -direction * record["tax_amount"]))
    post(books, "other_payments", record, kind, entries)


def settle_journal(_books: Books, new: Record, _old: Record | None) -> None:
    """Debits must equal credits."""
    lines = new["journal_lines"]
    for line in lines:
        line.setdefault("include_on_tax_return", False)
        line.update(tax_reconciled=False, cleared=False, bank_reconciled=False)
    new["migrated"] = False
    if sum_of(lines, "debit") != sum_of(lines, "credit"):
        raise invalid("The total of debits must equal the total of credits.", "base")
    new["total"] = sum_of(lines, "debit")


def journal_stored(books: Books, record: Record, _old: Record | None) -> None:
    lines = record["journal_lines"]
    entries = [Entry(one["ledger_account"], one["debit"] - one["credit"], None, one.get("details")) for one in lines]
    post(books, "journals", record, "JOURNAL", entries)


def settle_opening(books: Books, new: Record, _old: Record | None) -> None:
    """One for each bank account, on one side."""
    others = (one for one in books.live("bank_opening_balances") if one["id"] != new["id"])
    if any(one["bank_account"] == new["bank_account"] for one in others):
        raise invalid("has already been taken", "bank_account_id")
    if new["debit"] and new["credit"]:
        raise invalid("Only one of debit and credit may be given.", "base")


def opening_stored(books: Books, record: Record, _old: Record | None) -> None:
    bank = books.at(record["bank_account"]) or {}
    amount = record["debit"] - record["credit"]
    entries = [Entry(bank.get("ledger_account"), amount), Entry(control(books, OPENING), -amount)]
    post(books, "bank_opening_balances", record, "BANK_OPENING_BALANCE", entries)


def remove(books: Books, record: Record, _reason: str) -> None:
    reverse(books, record)
    books.delete(record)


KINDS = (
    Kind(
        "other_payments",
        title=lambda _books, record: record.get("reference") or record["transaction_type"].id,
        settle=settle_payment,
        stored=payment_stored,
        remove=remove,
    ),
    Kind(
        "journals",
        title=lambda _books, record: record["reference"],
        settle=settle_journal,
        stored=journal_stored,
        remove=remove,
    ),
    Kind(
        "bank_opening_balances",
        title=lambda _books, record: record["transaction_type"].id,
        settle=settle_opening,
        stored=opening_stored,
        remove=remove,
    ),
)

"""Other receipts and payments with their refunds, journals, banks' opening balances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.postings import control
from gateway.sandbox.seed.ledger import BANKS

OPENED = "2025-01-02"


@dataclass(frozen=True, slots=True)
class Paid:
    """An other payment or receipt. `lines` are nominal code, details, total, tax, tax rate."""

    kind: str
    date: str
    reference: str
    lines: tuple[tuple[int, str, str, str, str], ...]
    contact: int | None = None
    """Place of the contact among those seeded."""
    bank: int = 0
    method: str = "ELECTRONIC"
    deleted: bool = False


PAID = (
    Paid("OTHER_PAYMENT", "2025-01-31", "Electricity Jan", ((7200, "Electricity", "126.00", "6.00", "GB_LOWER"),), 12),
    Paid("OTHER_PAYMENT", "2025-02-03", "Rent Feb", ((7100, "Rent of the workshop", "850.00", "0", "GB_EXEMPT"),), 13),
    Paid(
        "OTHER_PAYMENT",
        "2025-02-12",
        "Till 0041",
        (
            (7500, "Printer paper", "14.40", "2.40", "GB_STANDARD"),
            (7400, "Train to York", "23.50", "0", "GB_ZERO"),
        ),
        bank=1,
        method="CASH",
    ),
    Paid(
        "OTHER_PAYMENT", "2025-03-06", "Insured twice", ((7610, "Insurance", "312.00", "0", "GB_EXEMPT"),), deleted=True
    ),
    Paid(
        "OTHER_RECEIPT",
        "2025-02-20",
        "Fair day",
        ((4000, "Stall takings", "96.00", "16.00", "GB_STANDARD"),),
        8,
        1,
        "CASH",
    ),
    Paid("OTHER_RECEIPT", "2025-03-31", "Interest Q1", ((4900, "Bank interest", "4.17", "0", "GB_NO_TAX"),), bank=2),
    Paid(
        "OTHER_PAYMENT_REFUND",
        "2025-03-10",
        "Electricity Jan",
        ((7200, "Overcharged", "21.00", "1.00", "GB_LOWER"),),
        12,
    ),
    Paid(
        "OTHER_RECEIPT_REFUND",
        "2025-02-24",
        "Fair day",
        ((4000, "Broken mug", "9.00", "1.50", "GB_STANDARD"),),
        8,
        1,
        "CASH",
    ),
)


def paid_fields(books: Books, paid: Paid) -> Record:
    contacts = list(books.shelf("contacts"))
    banks = list(books.shelf("bank_accounts"))
    lines = [_line(books, *line) for line in paid.lines]
    return {
        "transaction_type": Ref("transaction_types", paid.kind),
        "date": paid.date,
        "reference": paid.reference,
        "contact": None if paid.contact is None else Ref("contacts", contacts[paid.contact]),
        "bank_account": Ref("bank_accounts", banks[paid.bank]),
        "payment_method": Ref("payment_methods", paid.method),
        "total_amount": sum((line["total_amount"] for line in lines), Decimal(0)),
        "payment_lines": lines,
    }


def _line(books: Books, code: int, details: str, total: str, tax: str, rate: str) -> Record:
    return {
        **books.fresh(),
        "ledger_account": control(books, code),
        "details": details,
        "total_amount": Decimal(total),
        "tax_amount": Decimal(tax),
        "tax_rate": Ref("tax_rates", rate),
    }


JOURNALS = (
    ("2025-01-31", "DEPN 01", "Depreciation for January", ((8000, "45.00", "0"), (41, "0", "45.00"))),
    ("2025-02-28", "ACCR 02", "Accountant's fee", ((7600, "120.00", "0"), (2101, "0", "120.00"))),
)
"""Date, reference, description, and lines of nominal code, debit, credit."""


def journals(books: Books) -> Iterator[Record]:
    for date, reference, description, lines in JOURNALS:
        yield {
            "date": date,
            "reference": reference,
            "description": description,
            "journal_lines": [
                {
                    **books.fresh(),
                    "ledger_account": control(books, code),
                    "details": description,
                    "debit": Decimal(debit),
                    "credit": Decimal(credit),
                }
                for code, debit, credit in lines
            ],
        }


def opening_balances(books: Books) -> Iterator[Record]:
    for key, bank in zip(list(books.shelf("bank_accounts")), BANKS, strict=True):
        yield {
            "bank_account": Ref("bank_accounts", key),
            "date": OPENED,
            "debit": Decimal(bank.opening),
            "credit": Decimal(0),
        }

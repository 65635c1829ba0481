"""Sums over v3.1's records in base currency, and the financial year."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from gateway.messages import Record
from gateway.resources._parts import number

ZERO = Decimal(0)
YEAR_END = "2000-12-31"
"""Of a business that does not say: the calendar year (inferred)."""


def in_base(document: Record, name: str) -> Decimal:
    """An amount of a document in base currency. v3.1 shows that beside it; where it does not, there is one currency."""
    value = document.get(f"base_currency_{name}")
    return number(document.get(name) if value is None else value)


def owed(document: Record, *, credit: bool) -> Decimal:
    """What is outstanding on a document; a credit note takes from what is owed, whichever sign v3.1 shows it with."""
    amount = in_base(document, "outstanding_amount")
    return -abs(amount) if credit else amount


def net_credit(account: Record) -> Decimal:
    """Credits less debits of a ledger account, in base currency."""
    details = account.get("balance_details") or {}
    return number(details.get("credits")) - number(details.get("debits"))


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Their sum."""
    return sum(amounts, ZERO)


def year_start(today: str, year_end: Any) -> str:
    """The first day of the financial year that a day is in, by any of its last days (both ISO).

    A year that ends with a month ends with it in leap years too.
    """
    last, day = date.fromisoformat((year_end or YEAR_END)[:10]), date.fromisoformat(today)
    with_month = last.day == monthrange(last.year, last.month)[1]

    def end(year: int) -> date:
        longest = monthrange(year, last.month)[1]
        return date(year, last.month, longest if with_month else min(last.day, longest))

    before = end(day.year) if end(day.year) < day else end(day.year - 1)
    return (before + timedelta(days=1)).isoformat()

"""Tax on a line, by rate (`tax_breakdown`)."""

from __future__ import annotations

from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.values import ZERO


def breakdown(books: Books, rate: Ref | None, amount: Decimal) -> list[Record]:
    """One item for a line's tax rate with its percentage; none where the line has no rate.

    A combined rate (several items) is Canada's and the United States'; none is kept here.
    """
    found = books.at(rate)
    if found is None:
        return []
    return [{"tax_rate": rate, "percentage": found.get("percentage") or ZERO, "amount": amount}]

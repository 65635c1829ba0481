"""Tax rates, tax profiles, and tax on a line by rate (`tax_breakdown`)."""

from __future__ import annotations

from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.kinds import Kind
from gateway.sandbox.problems import invalid
from gateway.sandbox.values import ZERO


def breakdown(books: Books, rate: Ref | None, amount: Decimal) -> list[Record]:
    """One item for a line's tax rate with its percentage; none where the line has no rate.

    A combined rate (several items) is Canada's and the United States'; none is kept here.
    """
    found = books.at(rate)
    if found is None:
        return []
    return [{"tax_rate": rate, "percentage": found.get("percentage") or ZERO, "amount": amount}]


def settle_profile(books: Books, new: Record, _old: Record | None) -> None:
    """A region is sent by code or name and shown as a record."""
    sent = new.get("address_region")
    if isinstance(sent, dict):
        for region in books.live("address_regions"):
            if all(region[name] == value for name, value in sent.items() if value):
                new["address_region"] = Ref("address_regions", region["id"])
                return
        raise invalid("Couldn't find Address Region.", "address_region")


def profile_title(books: Books, profile: Record) -> str | None:
    kind = books.at(profile.get("tax_type"))
    return None if kind is None else str(kind["displayed_as"])


KINDS = (
    Kind("tax_rates", filters={name: lambda _b, _r, _text: True for name in ("date", "usage")}),
    Kind("tax_profiles", title=profile_title, settle=settle_profile),
)

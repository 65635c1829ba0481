"""Parts and codes that several tables share."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from gateway.resources._countries import COUNTRIES
from gateway.translate.codecs import DATE, NOTE, STAMP, Codec, Codes, decimal_text, text, text_up
from gateway.translate.plans import lock_version
from gateway.translate.queries import Filter
from gateway.translate.rules import Computed, Field, Identity, ReadOnly, Reference, Rule

CONTACT_TYPES = Codes("contact_types", ((1, "CUSTOMER", "Customer"), (2, "VENDOR", "Supplier")))
"""v2.md §6.6 (recorded)."""

STATUSES = Codes(
    "artefact_statuses",
    (
        (1, "UNPAID", "Unpaid"),
        (2, "PART_PAID", "Part Paid"),
        (3, "PAID", "Paid"),
        (4, "VOID", "Void"),
        (5, "DRAFT", "Draft"),
        (6, "DISPUTED", "Disputed"),
        (7, "DECLINED", "Declined"),
    ),
)
"""v2.md §6.2 (recorded)."""

ACCOUNT_TYPES = Codes(
    "bank_account_types",
    (
        (1, "CHECKING", "Current"),
        (2, "SAVINGS", "Savings"),
        (3, "CREDIT_CARD", "Credit Card"),
        (5, "CASH_IN_HAND", "Cash in Hand"),
        (6, "LOAN", "Loan"),
        (7, "OTHER", "Other"),
    ),
)
"""v2.md §6.1 (recorded)."""

LEDGER_ACCOUNT_TYPES = Codes(
    "ledger_account_types",
    (
        (1, "SALES", "Sales"),
        (2, "OTHER_INCOME", "Other Income"),
        (3, "DIRECT_EXPENSES", "Direct Expenses"),
        (4, "OVERHEADS", "Overheads"),
        (5, "DEPRECIATION", "Depreciation"),
        (6, "CURRENT_ASSETS", "Current Assets"),
        (7, "FIXED_ASSETS", "Fixed Assets"),
        (9, "BANK", "Bank"),
        (10, "CURRENT_LIABILITY", "Current Liability"),
        (12, "EQUITY", "Equity"),
    ),
)
"""v1's categories (v2.md §6.18, recorded); 8 and 11 were not seen."""

PERIOD_TYPES = Codes(
    "period_types",
    (
        (1, "ANNUALLY", "Annually"),
        (2, "DAILY", "Daily"),
        (3, "HOURLY", "Hourly"),
        (4, "MONTHLY", "Monthly"),
        (5, "QUARTERLY", "Quarterly"),
        (6, "WEEKLY", "Weekly"),
        (7, "FIXED_RATE", "Fixed Rate"),
    ),
)
"""v2.md §6.20 (recorded); v3.1 has none, so the codes are ours."""

STAMPS: tuple[Rule, ...] = (
    ReadOnly("created_at", codec=STAMP),
    ReadOnly("updated_at", codec=STAMP),
)

LOCK_VERSION = Computed("lock_version", of=("created_at", "updated_at"), told=lock_version, heeded=True)
"""The usual plan of an update refuses a stale one."""

ADDRESS: tuple[Rule, ...] = (
    Identity(shows=("$key",)),
    Field("street_one", "address_line_1", text(50)),
    Field("street_two", "address_line_2", text(50)),
    Field("town", "city", text(50)),
    Field("county", "region", text(50)),
    Field("postcode", "postal_code", text(10)),
    Reference("country", to=COUNTRIES, flat="country_id", codes=True),
)
ADDRESS_KEPT = ("name", "address_type_id", "country_group_id", "is_main_address")

DATES = (
    Filter("from_date", codec=DATE, aliases=("start_date",), form="{}T00:00:00Z"),
    Filter("to_date", codec=DATE, form="{}T23:59:59Z"),
)
"""`start_date` is a slip of a README (v2.md §5); taken as what its author meant (inferred)."""


def without_figure(name: str | None) -> str:
    """`Standard 20.00%` and `United Kingdom (GB)` without what v3.1 adds behind the name."""
    if not name:
        return ""
    head, _, last = name.rpartition(" ")
    return head if head and (last.endswith("%") or (last.startswith("(") and last.endswith(")"))) else name


def rate_name(rate: dict[str, Any]) -> str:
    """A tax rate's bare name: v3.1 shows `Standard 20.00%`."""
    return without_figure(rate.get("displayed_as"))


CENT = Decimal("0.01")
WIDE = Context(prec=200)
"""Room for any amount that is accepted: the usual 28 digits would refuse to round longer ones."""


def half_up(amount: Decimal) -> Decimal:
    """To two places, halves away from zero: how Sage rounds money."""
    return amount.quantize(CENT, ROUND_HALF_UP, WIDE)


def number(value: Any) -> Decimal:
    """v3.1's decimal text, or 0 for none."""
    return Decimal(value) if value not in (None, "") else Decimal(0)


def tax_on(inputs: dict[str, Any]) -> str | None:
    """The tax on a net amount, by the percentage of its rate: the last inputs are the amount and the rate. Where the
    rate that there was, the first, is taken away, no tax is left."""
    *was, net, percentage = inputs.values()
    if percentage is None:
        return "0.0" if any(was) else None
    if net is None:
        return None
    return decimal_text(half_up(number(net) * number(percentage) / 100))


ADDRESS_LINES = ("address_line_1", "address_line_2", "city", "region", "postal_code")


def address_up(value: Any, source: str) -> dict[str, str]:
    """An address of several lines as v3.1's parts, line by line; further lines go into the last but one.

    v3.1 takes a document's address by its parts alone (`v31_resources.md`, sales_invoices); which line is the town
    is not known, and v3.1 prints them one below the other all the same.
    """
    lines = [line.strip() for line in text_up(value, source).replace("\r\n", "\n").split("\n")]
    lines = [line for line in lines if line]
    if len(lines) > len(ADDRESS_LINES):
        lines = [*lines[:4], ", ".join(lines[4:])]
    return {name: lines[n] if n < len(lines) else "" for n, name in enumerate(ADDRESS_LINES)}


def address_down(value: Any) -> str:
    """A document's address as one text."""
    return "\n".join(value[name] for name in ADDRESS_LINES if value.get(name))


ADDRESS_TEXT = Codec("address", address_up, address_down)


def address_text(free_form: Any, parts: Any) -> str | None:
    """What is printed on the document, else its parts."""
    if free_form:
        return str(free_form)
    return address_down(parts) or None if parts else None


NULLABLE = NOTE

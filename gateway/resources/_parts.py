"""Parts and codes that several tables share."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from gateway.resources._countries import COUNTRIES
from gateway.translate.codecs import DATE, DAY, NOTE, STAMP, Codec, Codes, decimal_text, text, text_up
from gateway.translate.plans import lock_version
from gateway.translate.queries import Filter
from gateway.translate.rules import Computed, Field, Identity, ReadOnly, Reference, Rule
from gateway.translate.writing import Writing

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
        (8, "PRO_FORMA", "Pro Forma"),
    ),
)
"""v2.md §6.2 (recorded); 8 (inferred) for v3.1's one further status, so that an invoice's status can be read."""

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

TAX_SCHEMES = Codes("tax_schemes", ((3, "NOT_REGISTERED", "Not Registered"),))
"""v2.md §6.13 (recorded); the others have v3.1's legacy ids."""

CURRENCIES = Codes("currencies", ((10, "GBP", "Pound Sterling"),))
"""v2.md §6.8; the others have v3.1's legacy ids, or numbers that the gateway gives them."""

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

DAYS = (
    Filter("from_date", codec=DAY, form="{}T00:00:00Z"),
    Filter("to_date", codec=DAY, form="{}T23:59:59Z"),
)
"""The same of v2's newer resources, whose dates are ISO in every dialect."""


def without_figure(name: str | None) -> str:
    """`Standard 20.00%` and `United Kingdom (GB)` without what v3.1 adds behind the name."""
    if not name:
        return ""
    head, _, last = name.rpartition(" ")
    return head if head and (last.endswith("%") or (last.startswith("(") and last.endswith(")"))) else name


def bare_name(record: dict[str, Any]) -> str:
    """A country's or currency's bare name: v3.1 shows `United Kingdom (GB)`."""
    return without_figure(record.get("displayed_as"))


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


def address_lines(value: Any, source: str) -> list[str]:
    """The lines of an address that is one text, without blank ones."""
    return [line.strip() for line in text_up(value, source).splitlines() if line.strip()]


def address_up(value: Any, source: str) -> dict[str, str]:
    """An address of several lines as v3.1's parts, line by line; what is too much is joined in the last.

    v3.1 takes a document's address by its parts alone (`v31_resources.md`, sales_invoices); which line is the town
    is not known, and v3.1 prints them one below the other all the same.
    """
    lines = address_lines(value, source)
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


def address_taken(part: str) -> Callable[[Writing, Any, str], dict[str, str] | None]:
    """How a document's address is taken up.

    v3.1 prints the contact's name above the parts and the country below them, and v2 clients see what is printed. What
    they send back as they saw it changes nothing; of what they have changed, the lines that v3.1 adds are left out.
    Parts that were sent by themselves win.
    """

    def taken(w: Writing, value: Any, source: str) -> dict[str, str] | None:
        lines = address_lines(value, source)
        parts, free = w.shown(part), w.shown(f"{part}_free_form")
        if w.current is not None and lines == address_lines(address_text(free, parts), source):
            return None
        above, below = printed_around(address_lines(free, source), address_lines(address_down(parts or {}), source))
        if above and lines[: len(above)] == above:
            lines = lines[len(above) :]
        if below and lines[-len(below) :] == below:
            lines = lines[: -len(below)]
        made = address_up("\n".join(lines), source)
        held = [name for name in ADDRESS_LINES if (parts or {}).get(name)]
        if len(held) == len(lines):  # line by line what there was, so each stays what it is: town, postcode
            made = dict.fromkeys(ADDRESS_LINES, "") | dict(zip(held, lines, strict=True))
        return {name: line for name, line in made.items() if f"{part}.{name}" not in w.changed}

    return taken


def printed_around(printed: list[str], parts: list[str]) -> tuple[list[str], list[str]]:
    """The lines that are printed above and below an address's own."""
    for n in range(len(printed) - len(parts) + 1):
        if parts and printed[n : n + len(parts)] == parts:
            return printed[:n], printed[n + len(parts) :]
    return [], []


NULLABLE = NOTE

"""What sales and purchase documents share (v2.md §6.22, §6.25 to §6.28)."""

from __future__ import annotations

from typing import Any

from gateway.resources._lines import NO_REASONS, document_text, rates_of
from gateway.resources._parts import DATES, LOCK_VERSION, NULLABLE, STAMPS, STATUSES, tax_on
from gateway.translate.codecs import DATE, FLAG, MONEY, WHOLE, Codes, plain, text
from gateway.translate.queries import Filter
from gateway.translate.rules import (
    Aside,
    Computed,
    Field,
    Identity,
    Kept,
    Nested,
    ReadOnly,
    Reference,
    Rule,
    Unsupported,
)


def bare_number(shown: Any, prefix: Any) -> str:
    """A document's number without its prefix: `117` of `SI-117`."""
    text_shown = plain(shown)
    return text_shown.removeprefix(prefix) if prefix else text_shown


def full_number(shown: Any, prefix: Any) -> str:
    """A document's number with its prefix, whether v3.1 showed it so or apart."""
    return f"{plain(prefix)}{bare_number(shown, prefix)}"


def numbered(number: str) -> tuple[Rule, ...]:
    """The number that v3.1 gives a document, by v3.1's name for it."""
    prefix = f"{number}_prefix"
    return (
        Computed("artefact_number", of=(number, prefix), told=bare_number),
        ReadOnly("artefact_number_prefix", prefix),
    )


HEAD: tuple[Rule, ...] = (
    Identity(),
    Reference("contact", to="contacts", flat="contact_id", required="blank"),
    Field("contact_name", codec=text(255)),
    Field("date", codec=DATE, required="invalid date"),
    Field("reference", codec=document_text(25)),
    Field("notes", codec=document_text(2000)),
    ReadOnly("total_net_amount", "net_amount", MONEY),
    ReadOnly("total_tax_amount", "tax_amount", MONEY),
    Unsupported("tax_scheme_period_id", "v3.1 does not number tax periods", 0),
    *STAMPS,
    LOCK_VERSION,
)

STATUS = Reference("status", to=STATUSES, name="displayed_as", compared=True)
"""v3.1 takes few statuses from a client, and none for a document that is paid (v31_resources.md, artefact_statuses)."""

OWED: tuple[Rule, ...] = (
    ReadOnly("outstanding", "outstanding_amount", MONEY, aliases=("outstanding_amount",)),
    ReadOnly("void_reason", codec=document_text()),
)
"""Of a credit note, what is not yet set against an invoice: v3.1 shows it positive, as v2 did (v2.md §6.26)."""

CARRIAGE: tuple[Rule, ...] = (
    Field("carriage", "shipping_net_amount", MONEY),
    Reference("carriage_tax_code", "shipping_tax_rate", to="tax_rates", aliases=("carriage_tax_rate",)),
    Computed(
        "",
        "shipping_tax_amount",
        of=("shipping_net_amount", "shipping_tax_rate/percentage"),
        reckon=tax_on,
        was=("shipping_tax_rate",),
        on="date",
    ),
    Computed(
        "carriage_tax_rate_percentage",
        of=("shipping_tax_breakdown", "shipping_tax_rate", "shipping_tax_amount", "shipping_net_amount"),
        told=rates_of,
    ),
)

CUSTOMER: tuple[Rule, ...] = (
    Aside("customer_company", "finds or names the contact of a document that has none"),
    Aside("customer_tax_number", "finds or names the contact of a document that has none"),
    Kept("vat_exemption_reason_id", WHOLE, NO_REASONS),
)

NO_CARRIAGE = "v3.1's purchase documents have no carriage; send it as a line"
NO_ADDRESS = "v3.1's purchase documents have no address"
PURCHASE: tuple[Rule, ...] = (
    *HEAD,
    STATUS,
    *OWED,
    Field("extra_reference", "vendor_reference", document_text(31)),
    Unsupported("carriage_tax_code_id", NO_CARRIAGE, writes_as=("carriage_tax_rate_id",)),
    Unsupported("carriage", NO_CARRIAGE, only_zero=True),
    Kept("main_address", NULLABLE, NO_ADDRESS),
    Kept("delivery_address", NULLABLE, NO_ADDRESS),
    Kept("delivery_address_same_as_main", FLAG, NO_ADDRESS),
    Kept("terms_and_conditions", NULLABLE, "v3.1's purchase documents have none"),
)
"""What purchase invoices and purchase credit notes have. v2's `extra_reference` is taken for the supplier's own number,
the one further reference that v3.1 has (inferred)."""


def line_items(lines: str, of: tuple[Rule, ...], kind: str, keep: tuple[str, ...]) -> Nested:
    """A document's lines, under v2's name and v3.1's."""
    return Nested("line_items", lines, of=of, holds=kind, many=True, keep=keep, aliases=(lines,), required="blank")


def filters(statuses: Codes = STATUSES) -> tuple[Filter, ...]:
    """The filters of a list of documents."""
    return (
        Filter("contact", "contact_id", to="contacts", aliases=("contact_id",)),
        Filter("status", "status_id", to=statuses, aliases=("status_id",)),
        Filter("search"),
        *DATES,
    )


NEWEST_FIRST = (("sort", "date:desc"),)
WITH_ANALYSIS = (("show_analysis_types", "true"),)
"""Without it a merge of lines would lose their analysis types."""
UNMARKED = (("mark_as_sent", "false"), *WITH_ANALYSIS)
"""Reading a document does not mark it as sent."""

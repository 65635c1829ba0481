"""`sales_quotes` (v2.md §6.28)."""

from __future__ import annotations

from datetime import date, timedelta

from gateway.resources._customers import create_for_customer
from gateway.resources._document_addresses import ADDRESS_PARTS, ADDRESSES
from gateway.resources._documents import CARRIAGE, CUSTOMER, HEAD, NEWEST_FIRST, filters, line_items, numbered
from gateway.resources._lines import SALES_KEPT, SALES_LINE, document_text
from gateway.translate.codecs import DATE, Codes
from gateway.translate.resource import Table
from gateway.translate.rules import Field, Reference, Unsupported
from gateway.translate.writing import Writing

QUOTE_STATUSES = Codes(
    "quote_statuses",
    (
        (1, "DRAFT", "Draft"),
        (2, "PENDING", "Pending"),
        (3, "ACCEPTED", "Accepted"),
        (4, "DECLINED", "Declined"),
        (5, "EXPIRED", "Expired"),
        (6, "INVOICED", "Invoiced"),
    ),
)
"""v2's numbers are a proposal (v2.md §6.28, inferred), and so are v3.1's codes but DECLINED: it has no list of them."""

VALID_DAYS = timedelta(days=30)


def usual_expiry(writing: Writing) -> str:
    """v3.1 wants an expiry date, v2's clients may send none: thirty days after the date, as Sage's quotes have it
    (inferred)."""
    day = date.fromisoformat(writing.take("date"))
    writing.draft.note("date_defaulted", "expiry_date", "no expiry date was sent; 30 days after the date was taken")
    return (min(day, date.max - VALID_DAYS) + VALID_DAYS).isoformat()


TABLES = (
    Table(
        "sales_quotes",
        *HEAD,
        *numbered("quote_number"),
        Reference("status", to=QUOTE_STATUSES, name="displayed_as", compared=True),
        Field("expiry_date", codec=DATE, default=usual_expiry),
        Reference("invoice", to="sales_invoices", read_only=True),
        Unsupported("void_reason", "a quote is deleted, not voided", None),
        Field("terms_and_conditions", codec=document_text(2000)),
        *CARRIAGE,
        *ADDRESSES,
        *CUSTOMER,
        line_items("quote_lines", SALES_LINE, "sales_quote_lines", SALES_KEPT),
        v3="sales_quotes",
        root="sales_quote",
        verbs="list one create update delete",
        filters=filters(QUOTE_STATUSES),
        queries={"list": NEWEST_FIRST},
        expands=("one",),
        parts=ADDRESS_PARTS,
        plans={"create": create_for_customer},
        pdf=True,
        serial=True,
    ),
)

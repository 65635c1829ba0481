"""`purchase_invoices` and `purchase_credit_notes` (v2.md §6.25, §6.27)."""

from __future__ import annotations

from gateway.resources._documents import NEWEST_FIRST, PURCHASE, WITH_ANALYSIS, filters, line_items
from gateway.resources._line_accounts import in_full
from gateway.resources._lines import PURCHASE_KEPT, PURCHASE_LINE
from gateway.resources._voids import withdraw
from gateway.translate.codecs import DATE
from gateway.translate.plans import create, listing, read, update
from gateway.translate.resource import Table
from gateway.translate.rules import Field, Rule


def purchase(collection: str, root: str, *more: Rule, known: str = "inferred") -> Table:
    """The table of a purchase document, by v3.1's name of it."""
    return Table(
        collection,
        *PURCHASE,
        *more,
        v3=collection,
        root=root,
        verbs="list one create update delete",
        filters=filters(),
        queries={"one": WITH_ANALYSIS, "list": NEWEST_FIRST},
        expands=("one",),
        known=known,
        plans={
            "list": in_full(listing),
            "one": in_full(read),
            "create": in_full(create),
            "update": in_full(update),
            "delete": in_full(withdraw),
        },
        notes="DELETE voids; v3.1 does not show what is void. One more read shows the lines' ledger accounts in full",
    )


TABLES = (
    purchase(
        "purchase_invoices",
        "purchase_invoice",
        Field("due_date", codec=DATE, required="invalid date"),
        line_items("invoice_lines", PURCHASE_LINE, "purchase_invoice_lines", PURCHASE_KEPT),
        known="client-seen",
    ),
    purchase(
        "purchase_credit_notes",
        "purchase_credit_note",
        line_items("credit_note_lines", PURCHASE_LINE, "purchase_credit_note_lines", PURCHASE_KEPT),
    ),
)

"""`sales_invoices` (v2.md §6.22)."""

from __future__ import annotations

from gateway.resources._customers import create_for_customer
from gateway.resources._document_addresses import ADDRESS_PARTS, ADDRESSES
from gateway.resources._documents import (
    CARRIAGE,
    CUSTOMER,
    HEAD,
    NEWEST_FIRST,
    OWED,
    STATUS,
    UNMARKED,
    filters,
    full_number,
    line_items,
    numbered,
)
from gateway.resources._lines import SALES_KEPT, SALES_LINE, document_text
from gateway.resources._voids import void
from gateway.translate.codecs import DATE
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Field

TABLES = (
    Table(
        "sales_invoices",
        *HEAD,
        *numbered("invoice_number"),
        Computed("invoice_number", of=("invoice_number", "invoice_number_prefix"), told=full_number),
        STATUS,
        *OWED,
        Field("due_date", codec=DATE),
        Field("terms_and_conditions", codec=document_text(2000)),
        *CARRIAGE,
        *ADDRESSES,
        *CUSTOMER,
        line_items("invoice_lines", SALES_LINE, "sales_invoice_lines", SALES_KEPT),
        v3="sales_invoices",
        root="sales_invoice",
        verbs="list one create update delete",
        filters=filters(),
        queries={"one": UNMARKED, "list": NEWEST_FIRST},
        expands=("one",),
        parts=ADDRESS_PARTS,
        plans={"create": create_for_customer, "delete": void},
        pdf=True,
        serial=True,
        notes="DELETE voids",
        known="client-seen",
    ),
)

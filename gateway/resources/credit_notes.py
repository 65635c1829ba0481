"""`sales_credit_notes` (v2.md §6.26). Its amounts are positive, in v3.1 as in v2."""

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
    line_items,
    numbered,
)
from gateway.resources._lines import SALES_KEPT, SALES_LINE, document_text
from gateway.resources._voids import void
from gateway.translate.resource import Table
from gateway.translate.rules import Field

TABLES = (
    Table(
        "sales_credit_notes",
        *HEAD,
        *numbered("credit_note_number"),
        STATUS,
        *OWED,
        Field("terms_and_conditions", codec=document_text(65535)),
        *CARRIAGE,
        *ADDRESSES,
        *CUSTOMER,
        line_items("credit_note_lines", SALES_LINE, "sales_credit_note_lines", SALES_KEPT),
        v3="sales_credit_notes",
        root="sales_credit_note",
        verbs="list one create update delete",
        filters=filters(),
        queries={"one": UNMARKED, "list": NEWEST_FIRST},
        expands=("one",),
        parts=ADDRESS_PARTS,
        plans={"create": create_for_customer, "delete": void},
        pdf=True,
        serial=True,
        notes="DELETE voids",
    ),
)

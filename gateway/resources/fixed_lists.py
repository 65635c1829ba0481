"""Lists whose rows never change: the gateway serves them itself, without a v3.1 call."""

from __future__ import annotations

from gateway.resources._parts import PERIOD_TYPES, STATUSES
from gateway.resources._regions import PAYMENT_TYPES
from gateway.translate.codecs import Codes
from gateway.translate.plans import FIXED
from gateway.translate.resource import Table
from gateway.translate.rules import Identity, ReadOnly

ROW = (Identity(), ReadOnly("name"))

ALL_CONTACT_TYPES = Codes(
    "contact_types",
    (
        (1, "CUSTOMER", "Customer"),
        (2, "VENDOR", "Supplier"),
        (3, "BANK", "Bank"),
        (4, "ACCOUNTS", "Accounts"),
        (5, "SALES", "Sales"),
        (6, "PURCHASING", "Purchasing"),
    ),
    name="all_contact_types",
)
"""v2.md §6.6; v3.1 keeps 3 to 6 as contact-person and address types."""

SERVED_HERE = "served by the gateway itself: the list is fixed"


def fixed(path: str, rows: Codes, *, verbs: str = "list one", v3: str = "", kind: str = "") -> Table:
    """A table of fixed rows."""
    return Table(
        path,
        *ROW,
        v3=v3,
        kind=kind or path,
        verbs=verbs,
        local=rows,
        plans=FIXED,
        paged=False,
        legacy=False,
        notes=SERVED_HERE,
    )


TABLES = (
    fixed("contact_types", ALL_CONTACT_TYPES, v3="contact_types"),
    fixed("artefact_statuses", STATUSES, v3="artefact_statuses"),
    fixed("period_types", PERIOD_TYPES),
    fixed("payment_types", PAYMENT_TYPES, verbs="list"),
)

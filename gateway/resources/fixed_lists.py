"""Lists whose rows never change: the gateway serves them itself, without a v3.1 call."""

from __future__ import annotations

from collections.abc import Callable

from gateway.resources._parts import ACCOUNT_TYPES, PERIOD_TYPES, STATUSES
from gateway.translate.calls import Call
from gateway.translate.codecs import Codes
from gateway.translate.plans import FIXED, Plan
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

EXPENSE_METHODS = Codes(
    "expense_methods", ((1, "BP", "Bank Payment"), (4, "CP", "Cash Payment"), (6, "CCP", "Credit Card Payment"))
)
INCOME_METHODS = Codes(
    "income_methods", ((2, "BR", "Bank Receipt"), (5, "CR", "Cash Receipt"), (10, "CIH", "Cheque In Hand"))
)
"""v2.md §6.12 (recorded), with the codes that v1 showed."""

ALL_PAYMENT_TYPES = Codes(
    "payment_types",
    tuple(sorted((*EXPENSE_METHODS.rows, *INCOME_METHODS.rows))),
    name="payment_types",
)
"""Every number that a payment, an expense or an income may show as its payment type, and takes (v2.md §6.39,
inferred)."""

SERVED_HERE = "served by the gateway itself: the list is fixed"


def fixed(
    path: str,
    rows: Codes,
    *,
    v3: str = "",
    kind: str = "",
    aliases: tuple[str, ...] = (),
    known: str = "v1-recorded",
) -> Table:
    """A table of fixed rows."""
    return Table(
        path,
        *ROW,
        v3=v3,
        aliases=aliases,
        kind=kind or path,
        local=rows,
        plans=FIXED,
        paged=False,
        legacy=False,
        known=known,
        notes=SERVED_HERE,
    )


def methods(path: str, rows: Codes) -> Table:
    """A table of fixed rows whose codes are v2's own, shown beside their names."""

    def coded(plan: Callable[[Call], Plan]) -> Callable[[Call], Plan]:
        def shown(call: Call) -> Plan:
            reply = yield from plan(call)
            for row in reply.body["$resources"] if call.verb == "list" else [reply.body]:
                row["code"] = rows.code[str(row["id"])]
            return reply

        return shown

    return Table(
        path,
        *ROW,
        ReadOnly("code"),
        kind=path,
        local=rows,
        plans={verb: coded(plan) for verb, plan in FIXED.items()},
        paged=False,
        legacy=False,
        known="v1-recorded",
        notes=SERVED_HERE,
    )


TABLES = (
    fixed("contact_types", ALL_CONTACT_TYPES, v3="contact_types", known="client-seen"),
    fixed("artefact_statuses", STATUSES, v3="artefact_statuses", aliases=("payment_statuses",)),
    fixed("account_types", ACCOUNT_TYPES, v3="bank_account_types", kind="bank_account_types"),
    fixed("period_types", PERIOD_TYPES),
    fixed("payment_types", ALL_PAYMENT_TYPES, known="inferred"),
    methods("expense_methods", EXPENSE_METHODS),
    methods("income_methods", INCOME_METHODS),
)

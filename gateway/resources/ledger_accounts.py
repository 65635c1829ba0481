"""`ledger_accounts` (v2.md §6.17), and the two lists of its accounts that v2 had: `income_types` and `expense_types`
(v2.md §6.10, §6.14), whose ids are ledger accounts' own."""

from __future__ import annotations

from typing import Any

from gateway.resources._accounts import GROUP
from gateway.resources._missing import Needed, complete
from gateway.resources._order import by_number, whole
from gateway.resources._parts import LEDGER_ACCOUNT_TYPES, rate_name
from gateway.translate.calls import Call
from gateway.translate.codecs import FLAG, STAMP, WHOLE, text
from gateway.translate.plans import Plan, create
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Field, Identity, ReadOnly, Reference, Unsupported
from gateway.translate.writing import Writing

REQUIRED = "This field is required."
TYPES = ("ledger_account_type_id", "category_id", "ledger_account_type", "category")
NAMES = ("name", "ledger_name", "display_name")
NEEDED = (
    Needed(TYPES, (("ledger_account_type", REQUIRED),)),
    Needed(NAMES, (("name", REQUIRED), ("display_name", REQUIRED))),
    Needed(("nominal_code",), (("nominal_code", REQUIRED), ("nominal_code", "is not a number"))),
    Needed(TYPES, (("ledger_account_type_id", REQUIRED),)),
)
"""v2.md §4.4, recorded; that one of the names is enough is ours."""


def is_bank(kind: dict[str, Any] | None) -> bool:
    """Whether an account stands for a bank account: by its type."""
    return bool(kind) and kind is not None and kind.get("id") == "BANK"


def given_name(writing: Writing) -> Any:
    """v3.1 wants both names; v2 clients may send one."""
    return writing.take("name") or writing.take("display_name")


def create_account(call: Call) -> Plan:
    """POST; what is missing is told all at once."""
    complete(call.sent, NEEDED)
    return (yield from create(call))


TAX = Reference("tax_code", "tax_rate", to="tax_rates", aliases=("tax_rate",), name=rate_name)


def types(path: str, area: str) -> Table:
    """The ledger accounts that may be chosen in an area of the books."""
    return Table(
        path,
        Identity(),
        ReadOnly("name"),
        ReadOnly("nominal_code", codec=WHOLE),
        TAX,
        v3="ledger_accounts",
        queries={"list": (("visible_in", area),)},
        plans={"list": whole(by_number())},
        paged=False,
        known="v1-recorded",
        notes=f"the ledger accounts that are visible in {area}",
    )


TABLES = (
    Table(
        "ledger_accounts",
        Identity(),
        Field("name", codec=text(200), aliases=("ledger_name",), default=given_name, required=REQUIRED),
        Field("display_name", codec=text(200), default=given_name, required=REQUIRED),
        Field("nominal_code", codec=WHOLE, required=REQUIRED),
        Field("included_in_chart", codec=FLAG, default=lambda _: True),
        ReadOnly("last_updated", "updated_at", STAMP),
        TAX,
        Reference(
            "ledger_account_type",
            to=LEDGER_ACCOUNT_TYPES,
            aliases=("category",),
            name="displayed_as",
            required=REQUIRED,
        ),
        GROUP,
        Computed("is_bank_account", of=("ledger_account_type",), told=is_bank),
        Unsupported("coa_account", "v3.1 does not say which account of the chart's template this is", {"$key": None}),
        v3="ledger_accounts",
        root="ledger_account",
        verbs="list one create update",
        paged=False,
        plans={"list": whole(by_number()), "create": create_account},
        known="v1-recorded",
    ),
    types("income_types", "sales"),
    types("expense_types", "expenses"),
)

"""`ledger_accounts` (v2.md §6.17)."""

from __future__ import annotations

from typing import Any

from gateway.resources._parts import LEDGER_ACCOUNT_TYPES, rate_name
from gateway.translate.codecs import FLAG, STAMP, WHOLE, text
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Field, Identity, ReadOnly, Reference, Unsupported
from gateway.translate.writing import Writing


def is_bank(kind: dict[str, Any] | None) -> bool:
    """Whether an account stands for a bank account: by its type."""
    return bool(kind) and kind is not None and kind.get("id") == "BANK"


def given_name(writing: Writing) -> Any:
    """v3.1 wants both names; v2 clients may send one."""
    return writing.take("name") or writing.take("display_name")


TABLES = (
    Table(
        "ledger_accounts",
        Identity(),
        Field(
            "name",
            codec=text(200),
            aliases=("ledger_name",),
            default=given_name,
            required="This field is required.",
        ),
        Field("display_name", codec=text(200), default=given_name, required="This field is required."),
        Field("nominal_code", codec=WHOLE, required="This field is required."),
        Field("included_in_chart", codec=FLAG, default=lambda _: True),
        ReadOnly("last_updated", "updated_at", STAMP),
        Reference("tax_code", "tax_rate", to="tax_rates", aliases=("tax_rate",), name=rate_name),
        Reference(
            "ledger_account_type",
            to=LEDGER_ACCOUNT_TYPES,
            aliases=("category",),
            name="displayed_as",
            required="This field is required.",
        ),
        Reference(
            "category_group",
            "ledger_account_group",
            to="ledger_account_groups",
            name="displayed_as",
            read_only=True,
        ),
        Computed("is_bank_account", of=("ledger_account_type",), told=is_bank),
        Unsupported("coa_account", "v3.1 does not say which account of the chart's template this is", {"$key": None}),
        v3="ledger_accounts",
        root="ledger_account",
        verbs="list one create",
        paged=False,
    ),
)

"""Ledger accounts and entries as v2 showed them, wherever they are shown in full (v2.md §6.17, §6.19)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from gateway.messages import Record
from gateway.resources._parts import LEDGER_ACCOUNT_TYPES, rate_name
from gateway.translate.codecs import DAY, FLAG, MONEY, STAMP, WHOLE
from gateway.translate.draft import Draft
from gateway.translate.plans import every
from gateway.translate.rules import Identity, Nested, ReadOnly, Reference, Rule

GROUP = Reference(
    "category_group", "ledger_account_group", to="ledger_account_groups", name="displayed_as", read_only=True
)

SHOWN: tuple[Rule, ...] = (
    Identity(),
    ReadOnly("name", aliases=("ledger_name",)),
    ReadOnly("display_name"),
    ReadOnly("nominal_code", codec=WHOLE),
    ReadOnly("included_in_chart", codec=FLAG),
    ReadOnly("last_updated", "updated_at", STAMP),
    Reference("tax_code", "tax_rate", to="tax_rates", aliases=("tax_rate",), name=rate_name, read_only=True),
    Reference(
        "ledger_account_type",
        to=LEDGER_ACCOUNT_TYPES,
        aliases=("category",),
        name="displayed_as",
        read_only=True,
    ),
    GROUP,
)
ENTRY: tuple[Rule, ...] = (
    Identity(),
    ReadOnly("entry_date", "created_at", STAMP),
    ReadOnly("last_updated", "updated_at", STAMP),
    ReadOnly("transaction_date", "date", DAY),
    ReadOnly("credit", codec=MONEY),
    ReadOnly("debit", codec=MONEY),
    ReadOnly("deleted", codec=FLAG),
    Nested("ledger_account", of=SHOWN, holds="ledger_accounts"),
)
"""Recorded within v1's transactions."""

ASKED = "name,display_name,nominal_code,included_in_chart,updated_at,tax_rate,ledger_account_type,ledger_account_group"


def chart() -> Generator[Draft, Any, dict[str, Record]]:
    """Every ledger account in full, by modern id: v3.1 shows no more than an account's id in its lists of other things,
    and the chart is one page or two."""
    found = yield from every("ledger_accounts", [["attributes", ASKED], ["show_legacy_id", "true"]])
    return {account["id"]: account for account in found}


def in_full(record: Record, accounts: dict[str, Record]) -> Record:
    """A record with its ledger account in full."""
    account = record.get("ledger_account") or {}
    return {**record, "ledger_account": accounts.get(account.get("id", ""), account)}

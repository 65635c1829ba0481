"""`bank_accounts` (v2.md §6.4)."""

from __future__ import annotations

from gateway.resources._parts import ACCOUNT_TYPES, ADDRESS
from gateway.translate.codecs import MONEY
from gateway.translate.resource import Table
from gateway.translate.rules import Identity, Nested, ReadOnly, Reference

DETAILS = "bank_account_details"

TABLES = (
    Table(
        "bank_accounts",
        Identity(),
        ReadOnly("account_name", f"{DETAILS}.account_name"),
        ReadOnly("account_number", f"{DETAILS}.account_number"),
        ReadOnly("sort_code", f"{DETAILS}.sort_code"),
        ReadOnly("telephone", "main_contact_person.telephone"),
        ReadOnly("email", "main_contact_person.email"),
        Nested("address", "main_address", of=ADDRESS, holds="addresses"),
        Reference("account_type", "bank_account_type", to=ACCOUNT_TYPES, read_only=True),
        Reference("ledger_account", to="ledger_accounts", read_only=True),
        ReadOnly("balance", codec=MONEY),
        v3="bank_accounts",
        root="bank_account",
        expands=("list", "one"),
    ),
)

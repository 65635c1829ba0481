"""The charts of accounts that v3.1 offers: one, Britain's (v2.md §7.4). Its id is made up: none is published."""

from __future__ import annotations

from gateway.sandbox.accounts import GROUPS
from gateway.sandbox.books import Record, Ref, Shelf
from gateway.sandbox.seed.rows import rows

TEMPLATE = "GB_SMALL_BUSINESS"

CONTROL = {1100: "TRADE_DEBTORS", 2100: "TRADE_CREDITORS", 2200: "VAT_ON_SALES", 2201: "VAT_ON_PURCHASES"}
"""Nominal code -> the control account that it is."""

RATE_IDS = ("GB_STANDARD", "GB_LOWER", "GB_ZERO", "GB_EXEMPT", "GB_NO_TAX")
"""In the order of their legacy ids 1-5."""


def charts(start: str) -> dict[str, Shelf]:
    """The template and its accounts."""
    template: Record = {"id": TEMPLATE, "legacy_id": 2, "name": "Small Business", "country": Ref("countries", "GB")}
    stamps = {"created_at": start, "updated_at": start}
    accounts = [_account(place, *row) for place, row in enumerate(rows("chart.txt"))]
    return {
        "coa_templates": {TEMPLATE: {**template, **stamps}},
        "coa_accounts": {one["id"]: {**one, **stamps} for one in accounts},
    }


def _account(place: int, code: str, name: str, kind: str, tax: str) -> Record:
    group = GROUPS.get(kind, "ASSET")
    return {
        "id": f"{TEMPLATE}_{code}",
        "legacy_id": 101 + place,
        "coa_template": Ref("coa_templates", TEMPLATE),
        "name": name,
        "nominal_code": int(code),
        "control_name": CONTROL.get(int(code)),
        "ledger_account_type": Ref("ledger_account_types", kind),
        "ledger_account_group": Ref("ledger_account_groups", group),
        "ledger_account_classification": Ref("ledger_account_classifications", group),
        "tax_rate": Ref("tax_rates", RATE_IDS[int(tax) - 1]) if tax else None,
        "fixed_tax_rate": False,
    }

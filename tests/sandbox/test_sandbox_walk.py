"""Every list of the seeded books is read whole, then every record that anything in it points at."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gateway.sandbox import Sandbox, Spec
    from tests.sandbox.conftest import Api

PATHLESS = {"payments_on_account", "sales_artefact_addresses"}
"""Shown with a path, though the spec has none to read them by."""

EMPTY = {
    "analysis_type_categories",
    "analysis_types",
    "bank_deposits",
    "bank_reconciliations",
    "bank_transfers",
    "business_activity_types",
    "business_types",
    "contact_opening_balances",
    "corrective_reason_codes",
    "countries_of_registration",
    "eu_sales_descriptions",
    "hosted_artefact_payment_settings",
    "journal_code_types",
    "journal_codes",
    "ledger_account_opening_balances",
    "legal_form_types",
    "migration_tax_returns",
    "opening_balance_journals",
    "purchase_corrective_invoices",
    "purchase_quick_entries",
    "sales_corrective_invoices",
    "sales_quick_entries",
    "stock_items",
    "stock_movements",
    "unallocated_artefacts",
}
"""Lists of which no v2 row makes use: nothing is seeded there."""


def lists(spec: Spec) -> Iterator[str]:
    """Those of a business that can be read without a filter."""
    for template in spec.templates:
        found = spec.operation("GET", template)
        if found is None or not found.answer.endswith("Collection") or template == "/businesses":
            continue
        if not any(parameter.must for parameter in found.query.values()):
            yield template


def paths(value: Any) -> Iterator[str]:
    """Every `$path` and `$file_path` in an answer, however deep."""
    if isinstance(value, list):
        for item in value:
            yield from paths(item)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in ("$path", "$file_path") and inner:
                yield inner
            else:
                yield from paths(inner)


async def whole(api: Api, template: str) -> list[Any]:
    """All records of a list with all they have, following $next."""
    found, step = [], "items_per_page=200"
    query = api.sandbox.spec.query("GET", template)
    step += "".join(f"&{name}={text}" for name, text in FULL.items() if name in query)
    path = f"{template}?{step}"
    while path:
        body = await api.get(path)
        found += body["$items"]
        path = body["$next"]
    assert len(found) == body["$total"]
    return found


FULL = {
    "attributes": "all",
    "show_legacy_id": "true",
    "show_payments_allocations": "true",
    "show_balance": "true",
}


@pytest.mark.usefixtures("no_violations")
@pytest.mark.parametrize("business", ["Harbour Ltd", "Second Business Ltd"])
async def test_everything_that_is_pointed_at_is_there(api: Api, spec: Spec, sandbox: Sandbox, business: str) -> None:
    """A walk from the lists over every path ends without a 404, and each list but those of no use has records."""
    api.business = sandbox.business(business).id
    seen: set[str] = set()
    empty = set()
    for template in lists(spec):
        records = await whole(api, template)
        if not records:
            empty.add(template[1:])
        seen.update(paths(records))
    for settings in ("financial_settings", "invoice_settings", "business_settings", "email_settings"):
        seen.update(paths(await api.get(f"/{settings}")))
    assert empty == EMPTY
    todo = sorted(seen)
    while todo:
        path = todo.pop()
        if path.split("/")[1] in PATHLESS:
            continue
        quiet = "?mark_as_sent=false" if path.startswith(("/sales_invoices/", "/sales_credit_notes/")) else ""
        accept = "application/octet-stream" if path.endswith("/file") else "application/json"
        reply = await api.call("GET", path + quiet, Accept=accept)
        assert reply.status == 200, path
        found = set(paths(reply.body)) - seen if isinstance(reply.body, dict) else set()
        seen |= found
        todo += found


async def test_legacy_ids_of_a_list_are_its_own(api: Api, spec: Spec) -> None:
    """No number twice in a list; those that never had one show none."""
    for template in lists(spec):
        records = await whole(api, template)
        numbers = [record["legacy_id"] for record in records if "legacy_id" in record]
        assert len(numbers) == len(set(numbers)), template
        if template in ("/attachments", "/exchange_rates", "/business_exchange_rates"):
            assert records
            assert numbers == []


async def test_the_trial_balance_is_nought(api: Api) -> None:
    """Over all entries, and over each transaction's."""
    sums: dict[str, Decimal] = {}
    for entry in await whole(api, "/ledger_entries"):
        key = entry["transaction"]["id"]
        sums[key] = sums.get(key, Decimal(0)) + Decimal(entry["debit"]) - Decimal(entry["credit"])
    assert len(sums) > 60
    assert set(sums.values()) == {Decimal(0)}


async def test_what_contacts_owe_is_on_the_control_accounts(api: Api) -> None:
    """Debtors and creditors are the sums of the contacts' balances; banks have their accounts' balances."""
    owed = {"CUSTOMER": Decimal(0), "VENDOR": Decimal(0)}
    for contact in await whole(api, "/contacts"):
        owed[contact["contact_types"][0]["id"]] += Decimal(contact["balance"])
    query = "show_balance_details=true&from_date=2000-01-01&to_date=2099-01-01&attributes=all&items_per_page=200"
    accounts = (await api.get(f"/ledger_accounts?{query}"))["$items"]
    nets = {
        account["id"]: Decimal(account["balance_details"]["debits"]) - Decimal(account["balance_details"]["credits"])
        for account in accounts
    }
    by_code = {account["nominal_code"]: nets[account["id"]] for account in accounts}
    assert (by_code[1100], by_code[2100]) == (owed["CUSTOMER"], -owed["VENDOR"])
    assert sum(nets.values()) == 0
    for bank in await whole(api, "/bank_accounts"):
        assert Decimal(bank["balance"]) == nets[bank["ledger_account"]["id"]]

"""Products, services, banks, ledger accounts and the reference lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

pytestmark = pytest.mark.usefixtures("no_violations")


async def account(api: Api, name: str) -> str:
    found = await api.get(f"/ledger_accounts?search={name}")
    return str(found["$items"][0]["id"])


async def test_a_product_has_a_price_of_every_type(api: Api) -> None:
    """Prices that are sent replace the list."""
    body: dict[str, Any] = {
        "description": "Jug",
        "item_code": "JUG",
        "sales_ledger_account_id": await account(api, "Sales%20Type"),
        "purchase_ledger_account_id": await account(api, "goods"),
    }
    made = await api.post("/products", {"product": body})
    assert made["displayed_as"] == "Jug (JUG)"
    assert [price["price_name"] for price in made["sales_prices"]] == ["Sales Price", "Trade", "Wholesale"]
    first = made["sales_prices"][0]
    sent = [{"id": first["id"], "price": "9.5", "price_includes_tax": True, "price_name": "Sales Price"}]
    changed = await api.put(made["$path"], {"product": {"sales_prices": sent}})
    (price,) = changed["sales_prices"]
    assert (price["id"], price["price"], price["price_includes_tax"]) == (first["id"], "9.5", True)
    assert price["product_sales_price_type"] == first["product_sales_price_type"]
    (item,) = await api.refused("POST", "/products", {"product": body})
    assert item["$source"] == "item_code"
    assert (await api.call("DELETE", made["$path"])).status == 204


async def test_a_service_has_rates(api: Api) -> None:
    """sales_rates; the search finds by code."""
    body = {"description": "Glazing", "sales_ledger_account_id": await account(api, "Sales%20Type")}
    rates = [{"rate_name": "Rate", "rate": "20", "rate_includes_tax": False}]
    made = await api.post("/services", {"service": {**body, "sales_rates": rates}})
    assert made["sales_rates"][0]["rate"] == "20.0"
    found = await api.get("/services?search=tuition&attributes=sales_rates")
    assert found["$items"][0]["sales_rates"][0]["rate"] == "35.0"


async def test_an_item_in_use_cannot_be_deleted(api: Api) -> None:
    """deletable says so beforehand."""
    mug = (await api.get("/products?search=MUG-BL&attributes=deletable"))["$items"][0]
    assert mug["deletable"] is False
    await api.refused("DELETE", mug["$path"])


async def test_a_bank_account_brings_its_ledger_account(api: Api) -> None:
    """With the nominal code asked for; its address is a record of its own."""
    body = {
        "bank_account_type_id": "SAVINGS",
        "nominal_code": 1250,
        "bank_account_details": {"account_name": "Rainy day"},
        "main_address": {"city": "Hull"},
    }
    made = await api.post("/bank_accounts", {"bank_account": body})
    assert (made["nominal_code"], made["balance"]) == (1250, "0.0")
    ledger = await api.get(made["ledger_account"]["$path"])
    assert (ledger["name"], ledger["visible_in_banking"]) == ("Rainy day", True)
    assert (await api.get(made["main_address"]["$path"]))["bank_account"]["id"] == made["id"]
    changed = await api.put(made["$path"], {"bank_account": {"main_address": {"city": "York"}}})
    assert changed["main_address"]["id"] == made["main_address"]["id"]
    await api.refused("PUT", made["$path"], {"bank_account": {"currency_id": "EUR"}})
    await api.refused("POST", "/bank_accounts", {"bank_account": body})
    assert (await api.call("DELETE", made["$path"])).status == 204


async def test_a_bank_account_in_use_cannot_be_deleted(api: Api) -> None:
    """Payments went through it."""
    await api.refused("DELETE", (await api.get("/bank_accounts"))["$items"][0]["$path"])


async def test_ledger_accounts(api: Api) -> None:
    """Made with a free nominal code; shown with it padded; its group follows from its type."""
    body = {
        "ledger_account_type_id": "SALES",
        "included_in_chart": True,
        "name": "Gallery",
        "display_name": "Gallery",
        "nominal_code": 405,
        "visible_in_sales": True,
    }
    made = await api.post("/ledger_accounts", {"ledger_account": body})
    assert made["displayed_as"] == "Gallery (0405)"
    assert made["display_formatted"] == "0405 - Gallery"
    assert made["ledger_account_group"] == {"id": "INCOME", "displayed_as": "Income"}
    assert made["visible_scopes"] == ["sales", "journals", "reporting"]
    (item,) = await api.refused("POST", "/ledger_accounts", {"ledger_account": body})
    assert item["$source"] == "nominal_code"


async def test_balance_details_between_two_dates(api: Api) -> None:
    """From the ledger's entries, on request."""
    query = "visible_in=sales&attributes=balance_details&search=Sales%20Type&show_balance_details=true"
    found = await api.get(f"/ledger_accounts?{query}&from_date=2025-01-06&to_date=2025-01-06")
    details = found["$items"][0]["balance_details"]
    first = (await api.get("/sales_invoices?attributes=net_amount&sort=date"))["$items"][0]
    assert (details["credits"], details["debits"]) == (first["net_amount"], "0.0")
    assert details["credit_or_debit"] == "credit"
    for path in ("/ledger_accounts", found["$items"][0]["$path"]):
        (item,) = await api.refused("GET", f"{path}?show_balance_details=true&from_date=2025-01-06")
        assert item["$source"] == "to_date"


REFERENCE = {
    "contact_types": {"CUSTOMER": 1, "VENDOR": 2},
    "artefact_statuses": {"UNPAID": 1, "PART_PAID": 2, "PAID": 3, "VOID": 4, "DRAFT": 5},
    "bank_account_types": {"CHECKING": 1, "CASH_IN_HAND": 5},
    "tax_rates": {"GB_STANDARD": 1, "GB_LOWER": 2, "GB_ZERO": 3, "GB_EXEMPT": 4, "GB_NO_TAX": 5},
    "countries": {"GB": 218, "LB": 116, "TL": 60, "CD": 231, "AN": 149, "PT": 169},
    "currencies": {"GBP": 10},
    "ledger_account_types": {"SALES": 1, "BANK": 9, "EQUITY": 12},
    "address_types": {"DELIVERY": 1, "SALES": 3},
    "country_groups": {"ALL": 1, "GBIE": 4},
}


@pytest.mark.parametrize("collection", REFERENCE)
async def test_reference_lists_have_their_legacy_ids(api: Api, collection: str) -> None:
    """As v2.md and v31_resources.md state them."""
    body = await api.get(f"/{collection}?show_legacy_id=true&items_per_page=200")
    known = {item["id"]: item["legacy_id"] for item in body["$items"]}
    assert {name: known[name] for name in REFERENCE[collection]} == REFERENCE[collection]


async def test_payment_methods(api: Api) -> None:
    """Four, whose legacy ids nobody knows."""
    body = await api.get("/payment_methods?show_legacy_id=true")
    assert [item["id"] for item in body["$items"]] == ["CREDIT_DEBIT", "CASH", "CHECK", "ELECTRONIC"]
    assert all("legacy_id" not in item for item in body["$items"])


async def test_countries_are_displayed_with_their_code(api: Api) -> None:
    """191 of them."""
    assert (await api.get("/countries/GB"))["displayed_as"] == "United Kingdom (GB)"
    assert (await api.get("/countries"))["$total"] == 191


async def test_tax_rates_have_percentages(api: Api) -> None:
    """As strings."""
    body = await api.get("/tax_rates?attributes=percentage,name")
    assert [(item["name"], item["percentage"]) for item in body["$items"]] == [
        ("STANDARD", "20.0"),
        ("LOWER", "5.0"),
        ("ZERO", "0.0"),
        ("EXEMPT", "0.0"),
        ("NO_TAX", "0.0"),
    ]


async def test_settings_are_read_and_written(api: Api) -> None:
    """A PUT changes what it names."""
    before = await api.get("/invoice_settings")
    after = await api.put("/invoice_settings", {"invoice_settings": {"customer_credit_days": 10}})
    assert after["customer_credit_days"] == 10
    assert before["next_invoice_number"] == 28
    assert after["sales_invoice_number_prefix"] == before["sales_invoice_number_prefix"] == "SI-"


async def test_an_attachment_is_kept_as_a_file(api: Api) -> None:
    """base64 in, bytes out."""
    body = {"file": "aGVsbG8=", "file_name": "a.txt", "mime_type": "text/plain"}
    made = await api.post("/attachments", {"attachment": body})
    reply = await api.call("GET", f"{made['$path']}/file", Accept="application/octet-stream")
    assert (reply.status, reply.body) == (200, b"hello")


async def test_an_expense_is_an_other_payment(api: Api) -> None:
    """Its lines add up to its total; the bank's balance falls, and rises again when it is deleted."""
    bank = (await api.get("/bank_accounts?attributes=balance"))["$items"][0]
    line = {
        "ledger_account_id": await account(api, "General"),
        "total_amount": "12",
        "tax_amount": "2",
        "tax_rate_id": "GB_STANDARD",
    }
    body = {
        "transaction_type_id": "OTHER_PAYMENT",
        "date": "2025-06-01",
        "bank_account_id": bank["id"],
        "total_amount": "12.00",
        "payment_lines": [line],
    }
    made = await api.post("/other_payments", {"other_payment": body})
    assert (made["net_amount"], made["tax_amount"], made["total_amount"]) == ("10.0", "2.0", "12.0")
    assert made["payment_lines"][0]["net_amount"] == "10.0"
    assert float((await api.get(bank["$path"]))["balance"]) == pytest.approx(float(bank["balance"]) - 12)
    found = await api.get("/other_payments?transaction_type_id=OTHER_PAYMENT")
    assert found["$items"][-1]["id"] == made["id"]
    others = await api.get("/other_payments?transaction_type_id=OTHER_RECEIPT")
    assert made["id"] not in {item["id"] for item in others["$items"]}
    (item,) = await api.refused("PUT", made["$path"], {"other_payment": {"total_amount": "13"}})
    assert item["$source"] == "total_amount"
    assert (await api.call("DELETE", made["$path"])).status == 204
    assert (await api.get(bank["$path"]))["balance"] == bank["balance"]


async def test_a_journal_must_balance(api: Api) -> None:
    """Debits equal credits, or 422."""
    lines = [{"ledger_account_id": await account(api, "Stock"), "debit": "5", "credit": "4"}]
    body = {"journal": {"date": "2025-06-01", "reference": "J1", "journal_lines": lines}}
    (item,) = await api.refused("POST", "/journals", body)
    assert item["$source"] == "base"


async def test_a_journal_is_reissued(api: Api) -> None:
    """The old one goes, its copy has another id and a posting of its own."""
    ledger = await account(api, "Stock")
    lines = [
        {"ledger_account_id": ledger, "debit": "5", "credit": "0"},
        {"ledger_account_id": await account(api, "Corrections"), "debit": "0", "credit": "5"},
    ]
    body = {"journal": {"date": "2025-06-01", "reference": "J1", "journal_lines": lines}}
    made = await api.post("/journals", body)
    again = await api.post(f"{made['$path']}/reissue")
    assert again["id"] != made["id"]
    assert again["transaction"]["id"] != made["transaction"]["id"]
    assert (await api.get(made["transaction"]["$path"]))["deleted"] is True
    await api.refused("GET", made["$path"], status=404)


async def test_a_chart_of_accounts_is_offered(api: Api) -> None:
    """Britain's, with the accounts that a new business gets."""
    (template,) = (await api.get("/coa_templates?country_id=GB&attributes=all"))["$items"]
    assert (template["name"], template["country"]["id"]) == ("Small Business", "GB")
    assert (await api.get("/coa_templates?country_id=CA"))["$total"] == 0
    found = await api.get(f"/coa_accounts?coa_template_id={template['id']}&attributes=all&items_per_page=200")
    first = found["$items"][0]
    assert (found["$total"], first["displayed_as"]) == (68, "Assets - Cost (0001)")
    assert first["ledger_account_group"] == {"id": "ASSET", "displayed_as": "Asset"}

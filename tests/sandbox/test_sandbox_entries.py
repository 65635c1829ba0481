"""Other payments, journals and what they post: transactions, ledger entries, balances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

pytestmark = pytest.mark.usefixtures("no_violations")


async def account(api: Api, name: str) -> str:
    found = await api.get(f"/ledger_accounts?search={name}")
    return str(found["$items"][0]["id"])


@pytest.fixture
async def bank(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/bank_accounts?attributes=all"))["$items"][0]
    return found


async def paid(api: Api, bank: dict[str, Any], kind: str, total: str = "12", **fields: Any) -> dict[str, Any]:
    line = {
        "ledger_account_id": await account(api, "General"),
        "total_amount": total,
        "tax_amount": "1.99",
        "tax_rate_id": "GB_STANDARD",
    }
    body = {
        "transaction_type_id": kind,
        "date": "2025-06-01",
        "bank_account_id": bank["id"],
        "total_amount": total,
        "payment_lines": [line],
        **fields,
    }
    return {"other_payment": body}


@pytest.mark.parametrize(
    ("kind", "moved", "tax"),
    [
        ("OTHER_PAYMENT", -12, "VAT on Purchases (2201)"),
        ("OTHER_PAYMENT_REFUND", 12, "VAT on Purchases (2201)"),
        ("OTHER_RECEIPT", 12, "VAT on Sales (2200)"),
        ("OTHER_RECEIPT_REFUND", -12, "VAT on Sales (2200)"),
    ],
)
async def test_an_other_payment_moves_the_bank(api: Api, bank: dict[str, Any], kind: str, moved: int, tax: str) -> None:
    """Payments out, receipts in, refunds the other way; tax as sent goes to its control account."""
    made = await api.post("/other_payments", await paid(api, bank, kind))
    assert (made["net_amount"], made["tax_amount"]) == ("10.01", "1.99")
    (breakdown,) = made["payment_lines"][0]["tax_breakdown"]
    assert (breakdown["tax_rate"]["id"], breakdown["percentage"], breakdown["amount"]) == (
        "GB_STANDARD",
        "20.0",
        "1.99",
    )
    now = await api.get(bank["$path"])
    assert round(float(now["balance"]) - float(bank["balance"]), 2) == moved
    entries = await api.get(f"/ledger_entries?transaction_id={made['transaction']['id']}&attributes=all")
    amounts = {
        entry["ledger_account"]["displayed_as"]: float(entry["debit"]) - float(entry["credit"])
        for entry in entries["$items"]
    }
    sign = moved / 12
    assert amounts == {"Current (1200)": moved, "General Expenses (8200)": -sign * 10.01, tax: -sign * 1.99}


async def test_what_an_other_payment_cannot_be_without(api: Api, bank: dict[str, Any]) -> None:
    """A bank account, lines that add up, a transaction type of its own."""
    body = await paid(api, bank, "OTHER_PAYMENT", bank_account_id=None)
    assert [item["$source"] for item in await api.refused("POST", "/other_payments", body)] == ["bank_account_id"]
    body = await paid(api, bank, "OTHER_PAYMENT", total_amount="13")
    assert [item["$source"] for item in await api.refused("POST", "/other_payments", body)] == ["total_amount"]
    body = await paid(api, bank, "CUSTOMER_RECEIPT")
    assert [item["$source"] for item in await api.refused("POST", "/other_payments", body)] == ["transaction_type_id"]
    made = await api.post("/other_payments", await paid(api, bank, "OTHER_PAYMENT"))
    sources = [i["$source"] for i in await api.refused("PUT", made["$path"], {"other_payment": {"payment_lines": []}})]
    assert sources == ["payment_lines"]


async def test_a_deleted_other_payment_is_gone_but_for_deleted_since(api: Api, bank: dict[str, Any]) -> None:
    """204, then 404; the transaction stays, marked as deleted."""
    made = await api.post("/other_payments", await paid(api, bank, "OTHER_PAYMENT"))
    assert (await api.call("DELETE", made["$path"])).status == 204
    await api.refused("GET", made["$path"], status=404)
    await api.refused("DELETE", made["$path"], status=404)
    gone = await api.get("/other_payments?deleted_since=2025-06-01T00:00:00Z&attributes=deleted_at")
    assert [item["id"] for item in gone["$items"]] == [made["id"]]
    assert gone["$items"][0]["deleted_at"]
    assert (await api.get(made["transaction"]["$path"]))["deleted"] is True
    assert (await api.get(bank["$path"]))["balance"] == bank["balance"]


async def test_a_changed_other_payment_posts_anew(api: Api, bank: dict[str, Any]) -> None:
    """Under the same transaction; a contact and another bank may come with a PUT."""
    made = await api.post("/other_payments", await paid(api, bank, "OTHER_PAYMENT"))
    body = await paid(api, bank, "OTHER_PAYMENT", "30")
    changed = await api.put(made["$path"], {"other_payment": body["other_payment"]})
    assert changed["transaction"]["id"] == made["transaction"]["id"]
    assert (await api.get(made["transaction"]["$path"]))["total"] == "30.0"
    assert round(float(bank["balance"]) - float((await api.get(bank["$path"]))["balance"]), 2) == 30


async def test_other_payments_are_filtered_and_sorted(api: Api) -> None:
    """By type, bank, contact and dates; sort takes date, created_at, updated_at."""
    query = "attributes=date,bank_account,contact&items_per_page=200"
    everything = (await api.get(f"/other_payments?{query}&sort=date:desc"))["$items"]
    dates = [item["date"] for item in everything]
    assert dates == sorted(dates, reverse=True)
    first = everything[0]
    for name in ("bank_account", "contact"):
        key = next(item[name]["id"] for item in everything if item[name])
        found = (await api.get(f"/other_payments?{name}_id={key}&{query}"))["$items"]
        assert {item["id"] for item in found} == {i["id"] for i in everything if i[name] and i[name]["id"] == key}
    found = await api.get(f"/other_payments?from_date={first['date']}&to_date={first['date']}")
    assert [item["id"] for item in found["$items"]] == [first["id"]]


JOURNAL = {"date": "2025-06-01", "reference": "J1"}


async def test_a_journal_shows_its_accounts_whole(api: Api) -> None:
    """With their balances, though no flag asked for them; it has no PUT."""
    debit, credit = await account(api, "Stock"), await account(api, "Corrections")
    lines = [
        {"ledger_account_id": debit, "debit": "5.50", "credit": "0", "details": "Counted"},
        {"ledger_account_id": credit, "debit": "0", "credit": "5.50"},
    ]
    made = await api.post("/journals", {"journal": {**JOURNAL, "journal_lines": lines}})
    assert (made["total"], made["transaction_type"]["id"]) == ("5.5", "JOURNAL")
    first = made["journal_lines"][0]
    assert (first["details"], first["ledger_account"]["nominal_code"]) == ("Counted", 1000)
    assert first["ledger_account"]["balance_details"]["debits"] == "5.5"
    assert (await api.call("DELETE", made["$path"])).status == 204
    query = "show_balance_details=true&from_date=2025-06-01&to_date=2025-06-01"
    assert (await api.get(f"/ledger_accounts/{debit}?{query}"))["balance_details"]["balance"] == "0.0"


async def test_a_journal_that_does_not_balance_posts_nothing(api: Api) -> None:
    """422 on base."""
    before = (await api.get("/transactions"))["$total"]
    lines = [{"ledger_account_id": await account(api, "Stock"), "debit": "5", "credit": "4"}]
    (item,) = await api.refused("POST", "/journals", {"journal": {**JOURNAL, "journal_lines": lines}})
    assert item["$source"] == "base"
    assert (await api.get("/transactions"))["$total"] == before


async def test_transactions_are_filtered(api: Api) -> None:
    """By type, by date, by the day of their last change."""
    journals = await api.get("/transactions?transaction_type_id=JOURNAL&attributes=all")
    assert [item["reference"] for item in journals["$items"]] == ["DEPN 01", "ACCR 02"]
    assert {item["displayed_as"] for item in journals["$items"]} == {None}
    day = journals["$items"][1]["date"]
    for names in (("from_date", "to_date"), ("updated_from_date", "updated_to_date")):
        query = "&".join(f"{name}={day}" for name in names)
        found = await api.get(f"/transactions?{query}&attributes=reference")
        assert "ACCR 02" in {item["reference"] for item in found["$items"]}
        assert "DEPN 01" not in {item["reference"] for item in found["$items"]}


async def test_a_transactions_origin_is_expanded_on_request(api: Api) -> None:
    """Currency, due date, status: only with expand_origin."""
    invoice = (await api.get("/sales_invoices?status_id=UNPAID&attributes=all"))["$items"][0]
    path = invoice["transaction"]["$path"]
    assert set((await api.get(path))["origin"]) == {"id", "displayed_as", "$path"}
    origin = (await api.get(f"{path}?expand_origin=true"))["origin"]
    assert (origin["due_date"], origin["outstanding_amount"]) == (invoice["due_date"], invoice["outstanding_amount"])
    assert origin["status"]["id"] == "UNPAID"


async def test_ledger_entries_are_filtered(api: Api) -> None:
    """By account, transaction, type and date."""
    stock = await account(api, "Trade%20Debtors")
    found = await api.get(f"/ledger_entries?ledger_account_id={stock}&attributes=all&items_per_page=200")
    assert found["$total"] > 20
    assert {entry["ledger_account"]["id"] for entry in found["$items"]} == {stock}
    journals = await api.get("/ledger_entries?transaction_type_id=JOURNAL&attributes=description")
    assert [entry["description"] for entry in journals["$items"]] == ["Depreciation for January"] * 2 + [
        "Accountant's fee"
    ] * 2
    day = await api.get("/ledger_entries?from_date=2025-01-31&to_date=2025-01-31&attributes=date")
    assert {entry["date"] for entry in day["$items"]} == {"2025-01-31"}


async def test_a_bank_opens_with_a_balance(api: Api, bank: dict[str, Any]) -> None:
    """One opening balance for each bank account, posted against the control account for them."""
    found = await api.get(f"/bank_opening_balances?bank_account_id={bank['id']}&attributes=all")
    (opening,) = found["$items"]
    assert (opening["debit"], opening["credit"]) == ("1520.4", "0.0")
    body = {"bank_account_id": bank["id"], "date": "2025-01-01", "debit": "1", "credit": "0"}
    await api.refused("POST", "/bank_opening_balances", {"bank_opening_balance": body})
    await api.refused("PUT", opening["$path"], {"bank_opening_balance": {"credit": "1"}})
    assert (await api.call("DELETE", opening["$path"])).status == 204
    now = float((await api.get(bank["$path"]))["balance"])
    assert round(float(bank["balance"]) - now, 2) == 1520.4
    await api.post("/bank_opening_balances", {"bank_opening_balance": {**body, "debit": "20.40"}})
    assert round(float((await api.get(bank["$path"]))["balance"]) - now, 2) == 20.4


async def test_a_discount_is_posted(api: Api, bank: dict[str, Any]) -> None:
    """What a payment forgives leaves debtors too."""
    invoice = (await api.get("/sales_invoices?status_id=UNPAID&attributes=all"))["$items"][0]
    part = {"artefact_id": invoice["id"], "amount": "1.00", "discount": "0.25"}
    body = {
        "transaction_type_id": "CUSTOMER_RECEIPT",
        "contact_id": invoice["contact"]["id"],
        "bank_account_id": bank["id"],
        "date": "2025-06-12",
        "total_amount": "1.00",
        "allocated_artefacts": [part],
    }
    made = await api.post("/contact_payments", {"contact_payment": body})
    entries = await api.get(f"/ledger_entries?transaction_id={made['transaction']['id']}&attributes=all")
    amounts = {
        entry["ledger_account"]["displayed_as"]: (entry["debit"], entry["credit"]) for entry in entries["$items"]
    }
    assert amounts == {
        "Current (1200)": ("1.0", "0.0"),
        "Sales Discounts (4009)": ("0.25", "0.0"),
        "Trade Debtors (1100)": ("0.0", "1.25"),
    }

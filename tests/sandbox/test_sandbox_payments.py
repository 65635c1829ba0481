"""Payments and allocations change what is outstanding; nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

pytestmark = pytest.mark.usefixtures("no_violations")


@pytest.fixture
async def owed(api: Api) -> dict[str, Any]:
    """An unpaid invoice."""
    found: dict[str, Any] = (await api.get("/sales_invoices?status_id=UNPAID&attributes=all"))["$items"][0]
    return found


@pytest.fixture
async def bank(api: Api) -> str:
    return str((await api.get("/bank_accounts"))["$items"][0]["id"])


def payment(invoice: dict[str, Any], bank: str, amount: str, **fields: Any) -> dict[str, Any]:
    return {
        "contact_payment": {
            "transaction_type_id": "CUSTOMER_RECEIPT",
            "contact_id": invoice["contact"]["id"],
            "bank_account_id": bank,
            "date": "2025-06-12",
            "total_amount": amount,
            "allocated_artefacts": [{"artefact_id": invoice["id"], "amount": amount}],
            **fields,
        }
    }


async def state(api: Api, invoice: dict[str, Any]) -> tuple[str, str, str]:
    now = await api.get(f"{invoice['$path']}?mark_as_sent=false")
    return now["status"]["id"], now["outstanding_amount"], now["total_paid"]


async def test_a_payment_pays_and_its_deletion_restores(api: Api, owed: dict[str, Any], bank: str) -> None:
    """Part paid, paid, and back."""
    total = owed["total_amount"]
    first = await api.post("/contact_payments", payment(owed, bank, "1.00"))
    assert first["payment_method"]["id"] == "ELECTRONIC"
    assert first["allocated_artefacts"][0]["artefact"]["displayed_as"] == owed["displayed_as"]
    rest = str(round(float(total) - 1, 2))
    assert await state(api, owed) == ("PART_PAID", rest, "1.0")
    second = await api.post("/contact_payments", payment(owed, bank, rest))
    assert await state(api, owed) == ("PAID", "0.0", total)
    assert (await api.call("DELETE", second["$path"])).status == 204
    assert (await api.call("DELETE", first["$path"])).status == 204
    assert await state(api, owed) == ("UNPAID", total, "0.0")


async def test_the_banks_balance_follows(api: Api, owed: dict[str, Any], bank: str) -> None:
    """A receipt raises it, its deletion lowers it again."""
    before = (await api.get(f"/bank_accounts/{bank}"))["balance"]
    made = await api.post("/contact_payments", payment(owed, bank, "1.00"))
    assert float((await api.get(f"/bank_accounts/{bank}"))["balance"]) == pytest.approx(float(before) + 1)
    await api.call("DELETE", made["$path"])
    assert (await api.get(f"/bank_accounts/{bank}"))["balance"] == before


async def test_too_much_is_refused(api: Api, owed: dict[str, Any], bank: str) -> None:
    """More than outstanding, more than the total, a paid invoice, another contact's."""
    await api.refused("POST", "/contact_payments", payment(owed, bank, "99999"))
    (item,) = await api.refused("POST", "/contact_payments", payment(owed, bank, "2", total_amount="1"))
    assert item["$source"] == "total_amount"
    paid = (await api.get("/sales_invoices?status_id=PAID&attributes=contact"))["$items"][0]
    (item,) = await api.refused("POST", "/contact_payments", payment(paid, bank, "1"))
    assert item["$message"] == "You can only pay unpaid or part-paid invoices."
    other = (await api.get("/contacts?search=LIGHT"))["$items"][0]["id"]
    await api.refused("POST", "/contact_payments", payment(owed, bank, "1", contact_id=other))
    assert await state(api, owed) == ("UNPAID", owed["total_amount"], "0.0")


async def test_a_surplus_is_a_payment_on_account(api: Api, owed: dict[str, Any], bank: str) -> None:
    """It has an id of its own; clearing the allocations moves all of it there."""
    made = await api.post("/contact_payments", payment(owed, bank, "1", total_amount="5"))
    assert made["payment_on_account"]["outstanding_amount"] == "4.0"
    cleared = await api.put(made["$path"], {"contact_payment": {"allocated_artefacts": []}})
    assert cleared["payment_on_account"]["outstanding_amount"] == "5.0"
    assert cleared["payment_on_account"]["id"] == made["payment_on_account"]["id"]
    assert await state(api, owed) == ("UNPAID", owed["total_amount"], "0.0")


async def test_a_payment_can_be_changed(api: Api, owed: dict[str, Any], bank: str) -> None:
    """What it had paid counts as free again."""
    total = owed["total_amount"]
    made = await api.post("/contact_payments", payment(owed, bank, total))
    body = {"total_amount": "1", "allocated_artefacts": [{"artefact_id": owed["id"], "amount": "1"}]}
    await api.put(made["$path"], {"contact_payment": body})
    assert (await state(api, owed))[0] == "PART_PAID"
    body = {"total_amount": total, "allocated_artefacts": [{"artefact_id": owed["id"], "amount": total}]}
    await api.put(made["$path"], {"contact_payment": body})
    assert (await state(api, owed))[0] == "PAID"


async def test_an_allocation_sets_a_credit_against_an_invoice(api: Api, owed: dict[str, Any]) -> None:
    """The signed amounts must cancel out."""
    line = {
        "description": "Broken",
        "ledger_account_id": owed["invoice_lines"][0]["ledger_account"]["id"],
        "unit_price": "2",
        "tax_rate_id": "GB_ZERO",
    }
    note = {"contact_id": owed["contact"]["id"], "date": "2025-06-11", "credit_note_lines": [line]}
    credit = await api.post("/sales_credit_notes", {"sales_credit_note": note})
    parts = [{"artefact_id": owed["id"], "amount": "2"}, {"artefact_id": credit["id"], "amount": "-2"}]
    body = {
        "transaction_type_id": "CUSTOMER_ALLOCATION",
        "contact_id": owed["contact"]["id"],
        "allocated_artefacts": parts,
    }
    await api.refused(
        "POST", "/contact_allocations", {"contact_allocation": {**body, "allocated_artefacts": parts[:1]}}
    )
    made = await api.post("/contact_allocations", {"contact_allocation": body})
    assert (await state(api, owed))[0] == "PART_PAID"
    now = await api.get(f"{credit['$path']}?mark_as_sent=false")
    assert (now["status"]["id"], now["outstanding_amount"]) == ("PAID", "0.0")
    await api.call("DELETE", made["$path"])
    assert (await state(api, owed))[0] == "UNPAID"


async def test_payments_are_filtered(api: Api, owed: dict[str, Any], bank: str) -> None:
    """By contact, bank, type and date."""
    made = await api.post("/contact_payments", payment(owed, bank, "1"))
    query = f"contact_id={owed['contact']['id']}&bank_account_id={bank}&from_date=2025-06-12"
    found = await api.get(f"/contact_payments?{query}&transaction_type_id=CUSTOMER_RECEIPT")
    assert [item["id"] for item in found["$items"]] == [made["id"]]


async def test_a_payment_on_account_is_allocated_later(api: Api, owed: dict[str, Any], bank: str) -> None:
    """Under its own id; then the payment cannot be deleted before the allocation is."""
    body = payment(owed, bank, "5", allocated_artefacts=[])
    made = await api.post("/contact_payments", body)
    assert made["payment_on_account"]["outstanding_amount"] == "5.0"
    parts = [
        {"artefact_id": owed["id"], "amount": "3"},
        {"artefact_id": made["payment_on_account"]["id"], "amount": "-3"},
    ]
    allocation = {
        "transaction_type_id": "CUSTOMER_ALLOCATION",
        "contact_id": owed["contact"]["id"],
        "allocated_artefacts": parts,
    }
    allocated = await api.post("/contact_allocations", {"contact_allocation": allocation})
    assert (await state(api, owed))[0] == "PART_PAID"
    assert (await api.get(made["$path"]))["payment_on_account"]["outstanding_amount"] == "2.0"
    await api.refused("DELETE", made["$path"])
    await api.call("DELETE", allocated["$path"])
    assert (await api.get(made["$path"]))["payment_on_account"]["outstanding_amount"] == "5.0"
    assert (await api.call("DELETE", made["$path"])).status == 204


async def test_a_transaction_names_its_origin(api: Api, owed: dict[str, Any]) -> None:
    """The document it was posted for, as a stub."""
    shown = await api.get(owed["transaction"]["$path"])
    assert shown["origin"]["id"] == owed["id"]
    assert shown["transaction_type"]["id"] == "SALES_INVOICE"
    entries = await api.get(f"/ledger_entries?transaction_id={shown['id']}&attributes=debit,credit")
    debits = sum(float(entry["debit"]) for entry in entries["$items"])
    assert debits == pytest.approx(sum(float(entry["credit"]) for entry in entries["$items"]))
    assert debits == pytest.approx(float(owed["total_amount"]))

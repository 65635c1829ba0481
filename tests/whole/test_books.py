"""The books through the whole gateway: what is changed is as if it had been booked so at once."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from tests.whole.conftest import Whole, row

SHOWN = (
    "description",
    "quantity",
    "unit_price",
    "unit_price_includes_tax",
    "discount_percentage",
    "net_amount",
    "tax_amount",
    "tax_rate",
    "ledger_account",
)
DOCUMENTS = {
    "purchase_invoices": ("purchase_invoice", 53220, {"due_date": "2025-09-01"}, "expense_types"),
    "purchase_credit_notes": ("purchase_credit_note", 53220, {}, "expense_types"),
    "sales_invoices": ("sales_invoice", 53117843, {}, "income_types"),
    "sales_credit_notes": ("sales_credit_note", 53117843, {}, "income_types"),
    "sales_quotes": ("sales_quote", 53117843, {"expiry_date": "2025-09-01"}, "income_types"),
}
QUANTITIES = ("1", "3", "0", "-2", "0.333", "7")
PRICES = ("9.99", "0.005", "0", "12.345", "1000000.01", "-3.33")
DISCOUNTS = ("0", "10", "12.5", "100", "33.33")


def line(chance: random.Random, accounts: list[int], sales: bool) -> dict[str, Any]:
    """A line as a client sends it."""
    made = {
        "description": f"d{chance.randrange(99)}",
        "quantity": chance.choice(QUANTITIES),
        "unit_price": chance.choice(PRICES),
        "tax_rate_id": chance.choice((1, 2, 3, 4)),
        "unit_price_includes_tax": chance.choice((True, False)),
        "ledger_account_id": chance.choice(accounts),
    }
    return {**made, "discount_percentage": chance.choice(DISCOUNTS)} if sales else made


def seen(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [{name: one.get(name) for name in SHOWN} for one in document["line_items"]]


async def sent(whole: Whole, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    status, shown = await whole.call(method, path, body)
    assert status in (200, 201), (path, body, shown)
    return dict(shown)


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_a_changed_line_is_as_if_it_had_been_booked_so(whole: Whole, path: str):
    """Whatever is changed of one line, alone or in all that was read sent back: its amounts, tax and account are those
    of a document made so at once, and the other lines are untouched."""
    root, contact, dates, types = DOCUMENTS[path]
    _, listed = await whole.call("GET", types)
    accounts, chance = [one["id"] for one in listed["$resources"]], random.Random(path)  # noqa: S311 - no secret
    for _ in range(12):
        before = [line(chance, accounts, path.startswith("sales")) for _ in range(3)]
        other = line(chance, accounts, path.startswith("sales"))
        change = {name: other[name] for name in chance.sample(sorted(other), chance.choice((1, 2)))}
        head = {"contact_id": contact, "date": "2025-08-01", **dates}
        lines = [before, before, [before[0], {**before[1], **change}, before[2]]]
        one, two, wanted = [
            await sent(whole, "POST", path, {root: {**head, "line_items_attributes": rows}}) for rows in lines
        ]
        least = {"line_items_attributes": {"0": {"id": one["line_items"][1]["id"], **change}}}
        most = copy.deepcopy(two)
        most["line_items"][1] |= change
        for made, body in ((one, least), (two, most)):
            changed = await sent(whole, "PUT", f"{path}/{made['id']}", {root: body})
            assert seen(changed) == seen(wanted), (before[1], change)


async def test_an_account_is_known_as_soon_as_it_is_made(whole: Whole):
    """A journal that was refused for an unknown nominal code is booked once the account is there."""
    lines = [
        {"ledger_account": {"nominal_code": 99123}, "credit": "5", "debit": "0"},
        {"ledger_account": {"nominal_code": 5000}, "credit": "0", "debit": "5"},
    ]
    journal = {"journal": {"date": "2025-08-02", "description": "d", "journal_lines": lines}}
    assert (await whole.call("POST", "journals", journal))[0] == 422
    account = {"name": "New", "display_name": "New", "nominal_code": 99123, "ledger_account_type_id": 4}
    await sent(whole, "POST", "ledger_accounts", {"ledger_account": account})
    made = await sent(whole, "POST", "journals", journal)
    assert [one["ledger_account"]["nominal_code"] for one in made["journal_lines"]] == [99123, 5000]


async def test_a_payment_into_two_banks_is_refused(whole: Whole):
    """The bank by its id and another by its ledger account: nothing is paid."""
    _, listed = await whole.call("GET", "bank_accounts")
    one, two = listed["$resources"][:2]
    invoice = await whole.invoice()
    payment = {"date": "2025-08-05", "amount": "10", "payment_type_id": 1, "bank_account_id": one["id"]}
    payment["destination_id"] = two["ledger_account"]["id"]
    path = f"sales_invoices/{invoice['id']}"
    status, said = await whole.call("POST", f"{path}/payments", {"sales_invoice_payment": payment})
    assert (status, said["$diagnoses"][0]["$source"]) == (422, "destination_id")
    assert (await whole.call("GET", path))[1]["outstanding"] == invoice["outstanding"]


async def test_an_empty_reference_takes_no_tax_away(whole: Whole):
    """A new line's tax rate under one of its names, and nothing under the other, as copied from a line without tax."""
    rate = {"tax_rate_id": None, "tax_rate": {"$key": None}, "tax_code": {"id": 1}}
    made = await whole.invoice({**row("A", "100"), **rate})
    assert made["line_items"][0]["tax_amount"] == "20.0"


async def test_a_document_with_an_empty_contact_finds_its_customer(whole: Whole):
    """An empty reference is no contact."""
    customer = {"contact_id": None, "contact": {"$key": None}, "customer_company": "Cape Foods Ltd"}
    made = await whole.invoice(row("A", "100"), **customer)
    assert made["contact_name"].startswith("Cape Foods Ltd")

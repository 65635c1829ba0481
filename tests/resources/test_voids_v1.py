"""v1's reply to a void is the recorded one: the raw columns, wrapped (v2.md §6.22)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.exchange import exchange
from gateway.messages import Caller, V2Request
from tests.echo import Echo, NamedFacts

RECORDED = Path(__file__).parents[1] / "data" / "real_v1_server.jsonl"


def recorded_void() -> dict[str, Any]:
    """The body that the real server gave."""
    (found,) = [
        json.loads(line)["body"]
        for line in RECORDED.read_text().splitlines()
        if json.loads(line)["method"] == "DELETE" and "sales_invoices" in json.loads(line)["target"]
    ]
    return dict(json.loads(found))


INVOICE = {
    "contact": {"id": "contacts-5"},
    "invoice_number": "SI-12",
    "invoice_number_prefix": "SI-",
    "shipping_tax_rate": {"id": "tax_rates-3"},
    "main_address_free_form": "Main Address",
    **dict.fromkeys(("created_at", "updated_at"), "2014-12-31T14:46:47+00:00"),
    **dict.fromkeys(("date", "due_date"), "2014-12-31"),
    **dict.fromkeys(("reference", "contact_name"), "Foo"),
}


@pytest.mark.parametrize("legacy", [{}, {"legacy_id": 7}])
@pytest.mark.parametrize("corrected", [{}, {("sales_invoices", "sales_invoices-7"): 900}])
async def test_it_has_the_recorded_keys_and_types(legacy: dict[str, int], corrected: dict[tuple[str, str], int]):
    """No more and no less, whether v3.1 shows the invoice's number, or it is looked up or corrected."""
    upstream = Echo({"sales_invoices": {**INVOICE, **legacy}})
    call = V2Request("DELETE", "/accounts/v1/sales_invoices/7")
    made = await exchange(call, Caller(business="b-130"), NamedFacts(corrected), upstream)
    body, recorded = json.loads(json.dumps(made.reply.body)), recorded_void()
    number = 900 if legacy and corrected else 7
    assert (made.reply.status, body["$key"], body["sales_invoice"]["$key"], body["sales_invoice"]["id"]) == (
        200,
        *(number, number, number),
    )
    assert body.keys() == recorded.keys()
    types = {name: type(value) for name, value in recorded["sales_invoice"].items()}
    assert {name: type(value) for name, value in body["sales_invoice"].items()} == types
    assert body["sales_invoice"]["business_id"] == 130
    assert body["sales_invoice"]["carriage_tax_code_id"] == 3


@pytest.mark.parametrize("root", ["purchase_invoice", "purchase_credit_note", "sales_credit_note"])
async def test_other_documents_are_wrapped_likewise(root: str):
    """Under their own root key; a purchase has no number (v2.md §6.25)."""
    upstream = Echo()
    call = V2Request("DELETE", f"/accounts/v1/{root}s/7")
    made = await exchange(call, Caller(business="b-130"), NamedFacts(), upstream)
    assert made.reply.body.keys() == {root, "$key"}
    raw = made.reply.body[root]
    assert (raw["id"], raw["status_id"]) == (7, 4)
    assert raw["artefact_number"] == ("" if root.startswith("sales") else None)
    assert ("due_date" in raw) == (root == "purchase_invoice")

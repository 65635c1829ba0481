"""Purchases, credit notes, quotes, and what pays, refunds or allocates them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

pytestmark = pytest.mark.usefixtures("no_violations")

ROOTS = {
    "sales_invoices": ("sales_invoice", "invoice_lines"),
    "purchase_invoices": ("purchase_invoice", "invoice_lines"),
    "sales_credit_notes": ("sales_credit_note", "credit_note_lines"),
    "purchase_credit_notes": ("purchase_credit_note", "credit_note_lines"),
    "sales_quotes": ("sales_quote", "quote_lines"),
    "sales_estimates": ("sales_estimate", "estimate_lines"),
}
BACK = {"sales": "CUSTOMER_REFUND", "purchase": "VENDOR_REFUND"}
FORTH = {"sales": "CUSTOMER_RECEIPT", "purchase": "VENDOR_PAYMENT"}


@pytest.fixture
async def bank(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/bank_accounts?attributes=all"))["$items"][0]
    return found


async def contact(api: Api, collection: str) -> str:
    found = await api.get(f"/contacts?search={'CLAY' if collection.startswith('purchase') else 'PIKE'}")
    return str(found["$items"][0]["id"])


async def document(api: Api, collection: str, price: str = "50", **fields: Any) -> dict[str, Any]:
    """A new document of one line at 20 % tax."""
    root, lines = ROOTS[collection]
    account = (await api.get("/ledger_accounts?search=General"))["$items"][0]["id"]
    line = {
        "description": "Mug",
        "ledger_account_id": account,
        "quantity": "2",
        "unit_price": price,
        "tax_rate_id": "GB_STANDARD",
        "tax_amount": str(float(price) * 0.4),
    }
    body = {"contact_id": await contact(api, collection), "date": "2025-06-10", lines: [line], **fields}
    due = {"purchase_invoices": "due_date", "sales_quotes": "expiry_date", "sales_estimates": "expiry_date"}
    if collection in due:
        body.setdefault(due[collection], "2025-07-10")
    made: dict[str, Any] = await api.post(f"/{collection}", {root: body})
    return made


def payment(of: dict[str, Any], bank: dict[str, Any], kind: str, amount: str, **fields: Any) -> dict[str, Any]:
    body = {
        "transaction_type_id": kind,
        "contact_id": of["contact"]["id"],
        "bank_account_id": bank["id"],
        "date": "2025-06-12",
        "total_amount": amount,
        "allocated_artefacts": [{"artefact_id": of["id"], "amount": amount}],
        **fields,
    }
    return {"contact_payment": body}


async def state(api: Api, of: dict[str, Any]) -> tuple[str, str]:
    now = await api.get(of["$path"])
    return now["status"]["id"], now["outstanding_amount"]


@pytest.mark.parametrize(
    ("collection", "kind", "moved"),
    [
        ("purchase_invoices", "VENDOR_PAYMENT", -120),
        ("purchase_credit_notes", "VENDOR_REFUND", 120),
        ("sales_credit_notes", "CUSTOMER_REFUND", -120),
    ],
)
async def test_a_document_is_paid_in_two_parts(
    api: Api, bank: dict[str, Any], collection: str, kind: str, moved: int
) -> None:
    """Vendors are paid, credit notes refunded; the document tells what is left, and so does its contact."""
    owing = f"/contacts/{await contact(api, collection)}?show_balance=true"
    before = float((await api.get(owing))["balance"])
    made = await document(api, collection)
    assert (made["status"]["id"], made["outstanding_amount"]) == ("UNPAID", "120.0")
    sign = -1 if "credit" in collection else 1
    assert float((await api.get(owing))["balance"]) == pytest.approx(before + sign * 120)
    await api.post("/contact_payments", payment(made, bank, kind, "20"))
    assert await state(api, made) == ("PART_PAID", "100.0")
    second = await api.post("/contact_payments", payment(made, bank, kind, "100"))
    assert await state(api, made) == ("PAID", "0.0")
    assert float((await api.get(owing))["balance"]) == pytest.approx(before)
    now = float((await api.get(bank["$path"]))["balance"])
    assert now - float(bank["balance"]) == pytest.approx(moved)
    shown = await api.get(f"{made['$path']}?show_payments_allocations=true")
    assert [part["amount"] for part in shown["payments_allocations"]] == ["20.0", "100.0"]
    assert shown["payments_allocations"][1]["contact_payment"]["id"] == second["id"]
    await api.refused("DELETE", f"{made['$path']}{'?void_reason=x' if collection.startswith('sales') else ''}")
    assert (await api.call("DELETE", second["$path"])).status == 204
    assert await state(api, made) == ("PART_PAID", "100.0")


@pytest.mark.parametrize("side", ["sales", "purchase"])
async def test_money_flows_the_right_way(api: Api, bank: dict[str, Any], side: str) -> None:
    """Credit notes are not paid, invoices not refunded, and a refund leaves no surplus."""
    invoice, credit = await document(api, f"{side}_invoices"), await document(api, f"{side}_credit_notes")
    await api.refused("POST", "/contact_payments", payment(credit, bank, FORTH[side], "1"))
    await api.refused("POST", "/contact_payments", payment(invoice, bank, BACK[side], "1"))
    await api.refused("POST", "/contact_payments", payment(credit, bank, BACK[side], "1", total_amount="2"))
    await api.refused("POST", "/contact_payments", payment(invoice, bank, FORTH[side], "-1", total_amount="1"))


async def test_a_document_named_twice_counts_twice(api: Api, bank: dict[str, Any]) -> None:
    """The parts together may not be more than is outstanding."""
    made = await document(api, "purchase_invoices")
    half = {"artefact_id": made["id"], "amount": "60"}
    body = payment(made, bank, "VENDOR_PAYMENT", "120", allocated_artefacts=[half, half])
    await api.post("/contact_payments", body)
    assert await state(api, made) == ("PAID", "0.0")
    other = await document(api, "purchase_invoices")
    part = {"artefact_id": other["id"], "amount": "61"}
    body = payment(other, bank, "VENDOR_PAYMENT", "122", allocated_artefacts=[part, part])
    (item,) = await api.refused("POST", "/contact_payments", body)
    assert item["$source"] == "allocated_artefacts.amount"


@pytest.mark.parametrize(("side", "kind", "sign"), [("sales", "CUSTOMER", 1), ("purchase", "VENDOR", -1)])
async def test_allocations_have_signs(api: Api, side: str, kind: str, sign: int) -> None:
    """A customer's invoice is positive, a vendor's negative; the transaction moves nothing."""
    invoice, credit = await document(api, f"{side}_invoices"), await document(api, f"{side}_credit_notes", "10")

    def body(sign: int) -> dict[str, Any]:
        parts = [
            {"artefact_id": invoice["id"], "amount": str(sign * 24)},
            {"artefact_id": credit["id"], "amount": str(-sign * 24)},
        ]
        return {
            "contact_allocation": {
                "transaction_type_id": f"{kind}_ALLOCATION",
                "contact_id": invoice["contact"]["id"],
                "allocated_artefacts": parts,
            }
        }

    await api.refused("POST", "/contact_allocations", body(-sign))
    made = await api.post("/contact_allocations", body(sign))
    assert [await state(api, one) for one in (invoice, credit)] == [("PART_PAID", "96.0"), ("PAID", "0.0")]
    assert made["transaction_type"]["id"] == f"{kind}_ALLOCATION"
    entries = await api.get(f"/ledger_entries?transaction_id={made['transaction']['id']}")
    assert entries["$total"] == 0
    assert (await api.call("DELETE", made["$path"])).status == 204
    assert [(await state(api, one))[0] for one in (invoice, credit)] == ["UNPAID", "UNPAID"]


async def test_a_payment_on_account_that_is_used_cannot_shrink(api: Api, bank: dict[str, Any]) -> None:
    """Below what was allocated from it."""
    invoice = await document(api, "purchase_invoices")
    made = await api.post("/contact_payments", payment(invoice, bank, "VENDOR_PAYMENT", "30", allocated_artefacts=[]))
    parts = [
        {"artefact_id": invoice["id"], "amount": "-20"},
        {"artefact_id": made["payment_on_account"]["id"], "amount": "20"},
    ]
    body = {
        "transaction_type_id": "VENDOR_ALLOCATION",
        "contact_id": invoice["contact"]["id"],
        "allocated_artefacts": parts,
    }
    await api.post("/contact_allocations", {"contact_allocation": body})
    await api.refused("PUT", made["$path"], {"contact_payment": {"total_amount": "19"}})
    changed = await api.put(made["$path"], {"contact_payment": {"total_amount": "21"}})
    assert (changed["net_amount"], changed["payment_on_account"]["outstanding_amount"]) == ("21.0", "1.0")


async def test_a_paid_document_keeps_its_contact(api: Api, bank: dict[str, Any]) -> None:
    """Its payments are that contact's."""
    made = await document(api, "purchase_invoices")
    await api.post("/contact_payments", payment(made, bank, "VENDOR_PAYMENT", "1"))
    other = (await api.get("/contacts?search=TIDE"))["$items"][0]["id"]
    (item,) = await api.refused("PUT", made["$path"], {"purchase_invoice": {"contact_id": other}})
    assert item["$source"] == "contact_id"


@pytest.mark.parametrize("collection", ["purchase_invoices", "purchase_credit_notes", "sales_credit_notes"])
async def test_a_draft_owes_nothing_until_released(api: Api, collection: str) -> None:
    """No transaction, nothing on the contact's balance."""
    owing = f"/contacts/{await contact(api, collection)}?show_balance=true"
    before = (await api.get(owing))["balance"]
    made = await document(api, collection, status_id="DRAFT")
    assert (made["transaction"], (await api.get(owing))["balance"]) == (None, before)
    released = await api.post(f"{made['$path']}/release")
    assert released["status"]["id"] == "UNPAID"
    assert released["transaction"] is not None
    assert (await api.get(owing))["balance"] != before


@pytest.mark.parametrize(
    "collection", ["purchase_invoices", "purchase_credit_notes", "sales_quotes", "sales_estimates"]
)
async def test_what_is_not_voided_is_deleted(api: Api, collection: str) -> None:
    """204, then 404."""
    made = await document(api, collection)
    assert (await api.call("DELETE", made["$path"])).status == 204
    await api.refused("GET", made["$path"], status=404)
    if collection.startswith("purchase"):
        gone = await api.get(f"/{collection}?deleted_since=2025-06-12T00:00:00Z")
        assert made["id"] in {item["id"] for item in gone["$items"]}


@pytest.mark.parametrize("collection", list(ROOTS))
async def test_tax_is_broken_down_on_lines(api: Api, collection: str) -> None:
    """The rate, its percentage and the amount as sent, in both currencies."""
    (line,) = (await document(api, collection))[ROOTS[collection][1]]
    for name in ("tax_breakdown", "base_currency_tax_breakdown"):
        (part,) = line[name]
        assert (part["tax_rate"]["id"], part["percentage"], part["amount"]) == ("GB_STANDARD", "20.0", "20.0")


@pytest.mark.parametrize("collection", ["sales_invoices", "sales_credit_notes", "sales_quotes", "sales_estimates"])
async def test_sales_documents_come_as_pdf(api: Api, collection: str) -> None:
    """By Accept; an invoice or credit note is marked as sent unless told not to."""
    made = await document(api, collection)
    quiet = "?mark_as_sent=false" if "mark_as_sent" in api.sandbox.spec.query("GET", f"/{collection}/{{key}}") else ""
    for query, sent in ((quiet, False), ("", bool(quiet))):
        reply = await api.call("GET", made["$path"] + query, Accept="application/pdf")
        assert (reply.status, reply.headers["Content-Type"], reply.body[:5]) == (200, "application/pdf", b"%PDF-")
        assert (await api.get(made["$path"] + quiet))["sent"] is sent


@pytest.mark.parametrize("collection", ["sales_quotes", "sales_estimates"])
async def test_an_offer_becomes_an_invoice(api: Api, collection: str) -> None:
    """By original_quote_estimate_id; the offer is then invoiced, and names its invoice."""
    offer = await document(api, collection)
    invoice = await document(api, "sales_invoices", original_quote_estimate_id=offer["id"])
    assert invoice["original_quote_estimate"]["$path"] == offer["$path"]
    now = await api.get(offer["$path"])
    assert (now["status"]["id"], now["invoice"]["id"]) == ("INVOICED", invoice["id"])


async def test_a_foreign_invoice_is_posted_in_the_businesss_currency(api: Api, bank: dict[str, Any]) -> None:
    """At the rate in effect; the entries balance to the penny, and so do those of its payment."""
    made = await document(api, "sales_invoices", "33.33", currency_id="EUR")
    assert (made["exchange_rate"], made["total_amount"], made["base_currency_total_amount"]) == (
        "1.17",
        "79.99",
        "68.37",
    )
    paid = await api.post("/contact_payments", payment(made, bank, "CUSTOMER_RECEIPT", "79.99", currency_id="EUR"))
    assert paid["base_currency_total_amount"] == "68.37"
    for record in (made, paid):
        entries = await api.get(f"/ledger_entries?transaction_id={record['transaction']['id']}&attributes=all")
        total = sum(round(100 * (float(one["debit"]) - float(one["credit"]))) for one in entries["$items"])
        assert (total, len(entries["$items"]) > 1) == (0, True)
    transaction = await api.get(made["transaction"]["$path"])
    assert (transaction["total"], transaction["total_in_transaction_currency"]) == ("68.37", "79.99")


SEEDED = {
    "purchase_invoices": (6, {"UNPAID", "PART_PAID", "PAID", "DRAFT"}),
    "purchase_credit_notes": (4, {"UNPAID", "PAID", "DRAFT"}),
    "sales_credit_notes": (5, {"UNPAID", "PAID", "VOID", "DRAFT"}),
    "sales_quotes": (4, {"PENDING", "ACCEPTED", "DECLINED", "DRAFT"}),
    "sales_estimates": (2, {"PENDING"}),
}


@pytest.mark.parametrize("collection", SEEDED)
async def test_the_seed_has_every_state(api: Api, collection: str) -> None:
    """Documents of every kind, and some that were deleted."""
    found = await api.get(f"/{collection}?attributes=status&items_per_page=200")
    assert (found["$total"], {item["status"]["id"] for item in found["$items"]}) == SEEDED[collection]

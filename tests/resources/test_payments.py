"""Payments under an invoice: v3.1's contact payments, as far as they pay it (v2.md §6.23)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.exchange import exchange
from gateway.messages import Caller, Exchange, V2Request
from tests.echo import Echo, NamedFacts

PATH = "/accounts/v2/sales_invoices/7/payments"
BODY = b"&".join(
    b"sales_invoice_payment" + field for field in (b"[date]=2016-03-01", b"[amount]=12.30", b"[bank_account_id]=4")
)


def paying(*shares: tuple[int, str], total: str | None = None, **more: Any) -> dict[str, Any]:
    """A receipt that pays these invoices."""
    parts: list[dict[str, Any]] = [
        {"artefact": {"id": f"sales_invoices-{n}"}, "amount": amount} for n, amount in shares
    ]
    return {"allocated_artefacts": parts, "total_amount": total or (shares[0][1] if shares else "1.0"), **more}


async def made(method: str, path: str, *receipts: dict[str, Any], body: bytes = b"") -> tuple[Exchange, Echo]:
    upstream = Echo({"sales_invoices": {"contact": {"id": "contacts-5"}}})
    for n, receipt in enumerate(receipts, 8):
        upstream.store(f"/contact_payments/contact_payments-{n}", receipt)
    reply = await exchange(V2Request(method, path, (), body), Caller(), NamedFacts(), upstream)
    assert upstream.violations == []
    return reply, upstream


async def test_a_payment_is_allocated_whole():
    """To the invoice of the path, from that invoice's contact."""
    shown, upstream = await made("POST", PATH, body=BODY)
    (written,) = [request.body for request in upstream.sent if request.method == "POST"]
    assert written == {
        "contact_payment": {
            "transaction_type_id": "CUSTOMER_RECEIPT",
            "date": "2016-03-01",
            "total_amount": "12.3",
            "bank_account_id": "bank_accounts-4",
            "contact_id": "contacts-5",
            "allocated_artefacts": [{"artefact_id": "sales_invoices-7", "amount": "12.3"}],
        }
    }
    assert (shown.reply.status, shown.reply.body["amount"], shown.reply.body["voided"]) == (201, "12.3", False)


async def test_a_payment_shows_what_it_pays_of_this_invoice():
    """A receipt that pays others too shows its share here; one that does not pay it is not there."""
    shown, _ = await made("GET", f"{PATH}/8", paying((7, "1.5"), (9, "4.0"), (7, "0.25"), total="5.75"))
    assert shown.reply.body["amount"] == "1.75"
    for receipt in (paying((9, "1.0")), {"allocated_artefacts": None}, {"allocated_artefacts": [{"artefact": None}]}):
        assert (await made("GET", f"{PATH}/8", receipt))[0].reply.status == 404


async def test_the_payments_of_an_invoice_are_listed():
    """In their window, counted as far as they pay this invoice."""
    receipts = [paying((7, "1.0")), paying((9, "2.0")), paying((7, "3.0")), paying((7, "4.0"))]
    listed, upstream = await made("GET", f"{PATH}?$startIndex=1&$itemsPerPage=1", *receipts)
    body = listed.reply.body
    assert [row["amount"] for row in body["$resources"]] == ["3.0"]
    assert (body["$totalResults"], body["$startIndex"], body["$itemsPerPage"]) == (3, 1, 1)
    assert ("contact_id", "contacts-5") in upstream.sent[-1].query


@pytest.mark.parametrize("deleted", [None, "2016-03-02T00:00:00Z"])
async def test_a_payment_that_is_deleted_is_shown_voided(deleted: str | None):
    """It was read before, since afterwards it could not be shown."""
    gone, upstream = await made("DELETE", f"{PATH}/8", paying((7, "1.0"), deleted_at=deleted))
    assert (gone.reply.status, gone.reply.body["voided"], gone.reply.body["amount"]) == (200, True, "1.0")
    assert upstream.sent[-1].method == "DELETE"


async def test_a_receipt_that_pays_more_is_not_deleted():
    """v3.1 could only delete it whole, and would take the money off other invoices."""
    kept, upstream = await made("DELETE", f"{PATH}/8", paying((7, "1.0"), (9, "2.0"), total="3.0"))
    assert kept.reply.status == 422
    assert {request.method for request in upstream.sent} == {"GET"}

"""DELETE of an invoice voids it, and answers with it as it was (v2.md §6.22)."""

from __future__ import annotations

import json

import pytest

from gateway.exchange import exchange
from gateway.messages import Caller, V2Request
from tests.echo import Echo, NamedFacts

INVOICE = {
    "contact": {"id": "contacts-5"},
    "invoice_number": "SI-117",
    "invoice_number_prefix": "SI-",
    "shipping_tax_rate": {"id": "tax_rates-3"},
}


@pytest.mark.parametrize("legacy", [{}, {"legacy_id": 7}])
@pytest.mark.parametrize("corrected", [{}, {("sales_invoices", "sales_invoices-7"): 900}])
async def test_a_void_shows_the_invoice_and_its_raw_columns(
    legacy: dict[str, int], corrected: dict[tuple[str, str], int]
):
    """Both have the number that clients know, whether v3.1 showed it, or it was looked up or corrected."""
    upstream = Echo({"sales_invoices": {**INVOICE, **legacy}})
    call = V2Request("DELETE", "/accounts/v2/sales_invoices/7")
    made = await exchange(call, Caller(), NamedFacts(corrected), upstream)
    body = json.loads(json.dumps(made.reply.body))
    number = 900 if legacy and corrected else 7
    assert (made.reply.status, body["id"], body["$key"]) == (200, number, number)
    assert body["status"]["id"] == 4
    assert body["sales_invoice"]["id"] == number
    assert (body["sales_invoice"]["contact_id"], body["sales_invoice"]["carriage_tax_code_id"]) == (5, 3)
    assert body["sales_invoice"]["artefact_number"] == 117


@pytest.mark.parametrize(
    ("target", "body", "reason"),
    [
        ("?void_reason=twice", b"", "twice"),
        ("", b"void_reason=twice", "twice"),
        ("", b"sales_invoice[void_reason]=twice", "twice"),
        ("?void_reason=+", b"", "no void reason supplied"),
        ("", b"", "no void reason supplied"),
    ],
)
async def test_a_void_gives_its_reason_twice(target: str, body: bytes, reason: str):
    """In the query, as the spec has it, and in the body, as the guide has it (v31.md §12)."""
    upstream = Echo()
    call = V2Request("DELETE", f"/accounts/v2/sales_invoices/7{target}", (), body)
    made = await exchange(call, Caller(), NamedFacts(), upstream)
    assert upstream.sent[-1].query == (("void_reason", reason),)
    assert upstream.sent[-1].body == {"void_reason": reason}
    assert made.reply.body["void_reason"] == reason


async def test_a_void_reason_is_a_text():
    """Anything else is refused before v3.1 is asked."""
    upstream = Echo()
    call = V2Request("DELETE", "/accounts/v2/sales_invoices/7?void_reason[a]=b")
    made = await exchange(call, Caller(), NamedFacts(), upstream)
    assert (made.reply.status, upstream.sent) == (422, [])

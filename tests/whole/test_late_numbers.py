"""A record goes by the number that clients know, even if Sage gives it one later."""

from __future__ import annotations

from tests.whole.conftest import Whole


async def test_a_line_that_sage_numbers_late_is_changed_by_the_number_that_clients_know(whole: Whole):
    """The line was shown under a minted number; Sage has given it one since; the minted one still finds it."""
    made = await whole.invoice()
    known = made["line_items"][0]["id"]
    record = list(whole.sandbox.business("Harbour Ltd").books.live("sales_invoices"))[-1]
    record["invoice_lines"][0]["legacy_id"] = 778899
    path = f"sales_invoices/{made['id']}"
    _, seen = await whole.call("GET", path)
    assert seen["line_items"][0]["id"] == known
    change = {"sales_invoice": {"line_items_attributes": [{"id": known, "unit_price": "60"}]}}
    status, after = await whole.call("PUT", path, change)
    assert (status, after["line_items"][0]["unit_price"], after["line_items"][0]["id"]) == (200, "60.0", known)

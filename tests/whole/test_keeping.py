"""What v3.1 has no place for, through the whole gateway and its store."""

from __future__ import annotations

import pytest

from tests.whole.conftest import Whole

LONG = "an order number of more than 25 characters"


async def product_and_invoice(whole: Whole) -> tuple[str, str]:
    """What is read of a product's `extra_info` and of an invoice's long reference, once written."""
    _, product = await whole.call("POST", "products", {"product": {"description": "Mug", "extra_info": "shelf 4"}})
    invoice = await whole.invoice(reference=LONG)
    _, product = await whole.call("GET", f"products/{product['id']}")
    _, listed = await whole.call("GET", "sales_invoices?$itemsPerPage=100")
    (found,) = [each for each in listed["$resources"] if each["id"] == invoice["id"]]
    return product["extra_info"], found["reference"]


async def test_it_comes_back(whole: Whole) -> None:
    """Alone and in lists; v3.1 itself has only what it can hold."""
    assert await product_and_invoice(whole) == ("shelf 4", LONG)
    held = {each.get("reference") for each in whole.sandbox.business("Harbour Ltd").books.live("sales_invoices")}
    assert LONG[:25] in held


@pytest.mark.parametrize("whole", [{"store.keep": "false"}], indirect=True)
async def test_it_is_left_out_where_keeping_is_off(whole: Whole) -> None:
    """`store.keep = false`: the calls succeed, and what v3.1 cannot hold is gone."""
    assert await product_and_invoice(whole) == ("", LONG[:25])


async def test_what_was_changed_in_sage_wins(whole: Whole) -> None:
    """A reference that somebody changed in Sage's own pages is shown as it is there; what v3.1 has no place for
    stays."""
    made = await whole.invoice(reference=LONG, vat_exemption_reason_id=10)
    books = whole.sandbox.business("Harbour Ltd").books
    (record,) = [each for each in books.live("sales_invoices") if each.get("reference") == LONG[:25]]
    record["reference"] = "another"
    _, shown = await whole.call("GET", f"sales_invoices/{made['id']}")
    assert (shown["reference"], shown["vat_exemption_reason_id"]) == ("another", 10)

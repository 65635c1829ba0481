"""Sales invoices: totals, numbers, life cycle; and that the other documents are made the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.sandbox import Sandbox
from gateway.sandbox.books import Ref
from gateway.sandbox.postings import balance

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

pytestmark = pytest.mark.usefixtures("no_violations")

JESSICA = "cbb711e2da304720beb4cc4a5d8309af"


@pytest.fixture
async def sales(api: Api) -> str:
    """The id of the sales ledger account."""
    found = await api.get("/ledger_accounts?search=Sales%20Type%20A")
    return str(found["$items"][0]["id"])


def line(account: str, **fields: Any) -> dict[str, Any]:
    return {
        "description": "Mugs",
        "ledger_account_id": account,
        "quantity": "2",
        "unit_price": "7.50",
        "tax_rate_id": "GB_STANDARD",
        "tax_amount": "3.00",
        **fields,
    }


def invoice(account: str, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"contact_id": JESSICA, "date": "2025-06-10", "invoice_lines": list(lines) or [line(account)]}
    return {"sales_invoice": {**body, **fields}}


async def test_totals_are_reckoned_from_the_lines(api: Api, sales: str) -> None:
    """Net is quantity by price less discount, tax is what was sent, shipping is added."""
    made = await api.post(
        "/sales_invoices",
        invoice(
            sales,
            line(sales, discount_percentage="10", tax_amount="2.70"),
            line(sales, unit_price="10", discount_amount="1", tax_amount="3.80"),
            line(sales, quantity=1, unit_price="12", unit_price_includes_tax=True, tax_amount="2.00"),
            shipping_net_amount="5",
            shipping_tax_amount="1",
            shipping_tax_rate_id="GB_STANDARD",
        ),
    )
    lines = made["invoice_lines"]
    assert [one["net_amount"] for one in lines] == ["13.5", "19.0", "10.0"]
    assert [one["discount_amount"] for one in lines] == ["1.5", "1.0", "0.0"]
    assert [one["total_amount"] for one in lines] == ["16.2", "22.8", "12.0"]
    assert made["net_amount"] == "47.5"
    assert made["tax_amount"] == "9.5"
    assert made["total_amount"] == made["outstanding_amount"] == made["base_currency_total_amount"] == "57.0"
    assert made["shipping_total_amount"] == "6.0"
    assert made["total_quantity"] == "5.0"
    assert made["total_discount_amount"] == "2.5"
    assert made["tax_analysis"][0]["net_amount"] == "47.5"


async def test_a_missing_tax_amount_is_zero(api: Api, sales: str) -> None:
    """It is not reckoned from the rate: that is the client's work in v3.1."""
    one = line(sales)
    del one["tax_amount"]
    made = await api.post("/sales_invoices", invoice(sales, one))
    assert (made["tax_amount"], made["total_amount"]) == ("0.0", "15.0")


async def test_a_price_of_forty_digits_has_its_pence(api: Api, sales: str) -> None:
    """No amount that a client may send is too large to be rounded."""
    made = await api.post("/sales_invoices", invoice(sales, line(sales, unit_price="1E+40", quantity="1")))
    assert made["invoice_lines"][0]["net_amount"] == f"1{'0' * 40}.0"


async def test_a_put_without_lines_keeps_discounts(api: Api, sales: str) -> None:
    """Reckoning again changes nothing."""
    made = await api.post("/sales_invoices", invoice(sales, line(sales, discount_amount="1", tax_amount="2.8")))
    changed = await api.put(made["$path"], {"sales_invoice": {"notes": "thanks"}})
    assert (changed["total_amount"], made["total_amount"]) == ("16.8", "16.8")
    assert changed["invoice_lines"] == made["invoice_lines"]


async def test_what_an_invoice_shows(api: Api, sales: str) -> None:
    """Contact and status as stubs, lines in full, due date by credit days, the next number."""
    made = await api.post("/sales_invoices", invoice(sales, reference="PO 9"))
    assert made["displayed_as"] == made["invoice_number"] == "SI-28"
    assert made["invoice_number_prefix"] == "SI-"
    assert made["contact"] == {
        "id": JESSICA,
        "displayed_as": "Jessica B. Hill (Cust #12345)",
        "$path": f"/contacts/{JESSICA}",
    }
    assert made["status"]["id"] == "UNPAID"
    assert made["due_date"] == "2025-07-10"
    assert made["contact_name"] == "Jessica B. Hill (Cust #12345)"
    assert made["main_address"]["city"] == "Newcastle upon Tyne"
    assert made["sent"] is False
    assert made["transaction"]["$path"].startswith("/transactions/")
    assert made["created_at"] == "2025-06-15T15:06:40Z"
    listed = (await api.get("/sales_invoices?attributes=invoice_lines&items_per_page=200"))["$items"][-1]
    assert listed["invoice_lines"] == made["invoice_lines"]


async def test_numbers(api: Api, sales: str) -> None:
    """The next free one; one that is sent must be free."""
    first = await api.post("/sales_invoices", invoice(sales, invoice_number="40"))
    assert first["invoice_number"] == "SI-40"
    assert (await api.post("/sales_invoices", invoice(sales)))["invoice_number"] == "SI-41"
    items = await api.refused("POST", "/sales_invoices", invoice(sales, invoice_number="SI-40"))
    assert items[0]["$source"] == "invoice_number"
    own = await api.put(first["$path"], {"sales_invoice": {"invoice_number": "SI-40"}})
    assert own["invoice_number"] == "SI-40"


async def test_what_is_refused(api: Api, sales: str) -> None:
    """A supplier, no lines, a missing price, an unknown tax rate: 422 with the attribute."""
    vendor = (await api.get("/contacts?search=CLAY"))["$items"][0]["id"]
    (item,) = await api.refused("POST", "/sales_invoices", invoice(sales, contact_id=vendor))
    assert (item["$message"], item["$source"]) == ("Couldn't find Customer.", "")
    (item,) = await api.refused("POST", "/sales_invoices", invoice(sales, contact_id="nobody"))
    assert (item["$message"], item["$source"]) == ("Couldn't find Customer.", "")
    (item,) = await api.refused("POST", "/sales_invoices", invoice(sales, invoice_lines=[]))
    assert (item["$message"], item["$source"]) == ("This field is required.", "invoice_lines")
    one = line(sales)
    del one["unit_price"]
    (item,) = await api.refused("POST", "/sales_invoices", invoice(sales, one))
    assert item["$source"] == "invoice_lines.unit_price"
    (item,) = await api.refused("POST", "/sales_invoices", invoice(sales, line(sales, tax_rate_id="GB_X")))
    assert item["$source"] == "invoice_lines.tax_rate_id"
    (item,) = await api.refused("POST", "/sales_invoices", invoice(sales, status_id="PAID"))
    assert item["$source"] == "status_id"
    (item,) = await api.refused("POST", "/sales_invoices", invoice(sales, date="2009-12-31"))
    assert item["$source"] == "date"
    assert (await api.get("/sales_invoices"))["$total"] == 30


@pytest.mark.parametrize("name", ["quantity", "unit_price"])
async def test_a_line_cannot_be_reckoned_from_nothing(api: Api, sales: str, name: str) -> None:
    """A quantity or a price that is null is refused, in a POST and in a PUT; so is a PUT's line without a price."""
    blank = line(sales, **{name: None})
    made = await api.post("/sales_invoices", invoice(sales))
    tries = [("POST", "/sales_invoices", invoice(sales, blank)), ("PUT", made["$path"], invoice(sales, blank))]
    if name == "unit_price":
        del (bare := line(sales))[name]
        tries.append(("PUT", made["$path"], {"sales_invoice": {"invoice_lines": [line(sales), bare]}}))
    for method, path, body in tries:
        (item,) = await api.refused(method, path, body)
        assert (item["$message"], item["$source"]) == ("This field is required.", f"invoice_lines.{name}")
    assert (await api.get(f"{made['$path']}?mark_as_sent=false")) == made


async def test_a_line_without_a_quantity_is_of_one(api: Api, sales: str) -> None:
    """Where none is sent."""
    del (one := line(sales))["quantity"]
    assert (await api.post("/sales_invoices", invoice(sales, one)))["invoice_lines"][0]["quantity"] == "1.0"


async def test_analysis_types_of_lines_are_shown_where_asked_for(api: Api, sales: str, sandbox: Sandbox) -> None:
    """Only on a single read with its flag (v31.md §5); a write, another read and a list do not show them."""
    books = sandbox.business("Harbour Ltd").books
    category = books.add("analysis_type_categories", {**books.fresh(), "name": "North"})["id"]
    made = await api.post("/sales_invoices", invoice(sales, line(sales, analysis_type_categories=[category])))
    path = f"{made['$path']}?mark_as_sent=false"
    changed = await api.put(made["$path"], {"sales_invoice": {"notes": "thanks"}})
    listed = (await api.get("/sales_invoices?attributes=invoice_lines&items_per_page=200"))["$items"][-1]
    for one in (made, changed, listed, await api.get(path), await api.get(f"{path}&show_analysis_types=false")):
        assert "analysis_type_categories" not in one["invoice_lines"][0]
    (shown,) = (await api.get(f"{path}&show_analysis_types=true"))["invoice_lines"][0]["analysis_type_categories"]
    assert shown["id"] == category
    quote = {"contact_id": JESSICA, "date": "2025-06-10", "expiry_date": "2025-07-10"}
    lines = [line(sales, analysis_type_categories=[category])]
    made = await api.post("/sales_quotes", {"sales_quote": {**quote, "quote_lines": lines}})
    assert (await api.get(made["$path"]))["quote_lines"][0]["analysis_type_categories"][0]["id"] == category


async def test_lines_in_a_put_replace_all_lines(api: Api, sales: str) -> None:
    """A known id keeps its line's id and legacy id; an unmentioned line is gone; one without id is new."""
    body = await api.get("/sales_invoices?attributes=all&show_legacy_id=true&status_id=UNPAID")
    before = next(item for item in body["$items"] if len(item["invoice_lines"]) > 1)
    old = before["invoice_lines"][0]
    await api.put(
        before["$path"],
        {"sales_invoice": {"invoice_lines": [line(sales, id=old["id"]), line(sales, description="New")]}},
    )
    after = await api.get(f"{before['$path']}?show_legacy_id=true&mark_as_sent=false")
    kept, new = after["invoice_lines"]
    assert (kept["id"], kept["legacy_id"]) == (old["id"], old["legacy_id"])
    assert (kept["description"], kept["product"]) == ("Mugs", None)
    assert new["id"] not in {one["id"] for one in before["invoice_lines"]}
    assert "legacy_id" not in new
    assert after["total_amount"] == "36.0"


async def test_a_refused_put_changes_nothing(api: Api, sales: str) -> None:
    """Neither the record nor its lines."""
    made = await api.post("/sales_invoices", invoice(sales))
    await api.refused(
        "PUT", made["$path"], {"sales_invoice": {"invoice_lines": [line(sales, quantity="9")], "status_id": "PAID"}}
    )
    assert await api.get(f"{made['$path']}?mark_as_sent=false") == made


async def test_reading_marks_as_sent_unless_told_not_to(api: Api, sales: str) -> None:
    """The default of mark_as_sent is true, for JSON and for PDF."""
    one = await api.post("/sales_invoices", invoice(sales))
    assert (await api.get(f"{one['$path']}?mark_as_sent=false"))["sent"] is False
    assert (await api.get(one["$path"]))["sent"] is True
    two = await api.post("/sales_invoices", invoice(sales))
    await api.call("GET", two["$path"], Accept="application/pdf")
    assert (await api.get(f"{two['$path']}?mark_as_sent=false"))["sent"] is True


async def test_an_invoice_as_pdf(api: Api) -> None:
    """By Accept; a real file."""
    first = (await api.get("/sales_invoices?items_per_page=1"))["$items"][0]["$path"]
    reply = await api.call("GET", f"{first}?mark_as_sent=false", Accept="application/pdf")
    assert reply.headers["Content-Type"] == "application/pdf"
    assert reply.body.startswith(b"%PDF-1.4")
    assert reply.body.endswith(b"%%EOF\n")
    assert b"SI-1" in reply.body
    start = int(reply.body.split(b"startxref\n")[1].split(b"\n")[0])
    assert reply.body[start:].startswith(b"xref")


async def test_a_draft_posts_nothing_until_released(api: Api, sales: str) -> None:
    """No number, no transaction; release answers 201 with a numbered, unpaid invoice."""
    made = await api.post("/sales_invoices", invoice(sales, status_id="DRAFT"))
    assert (made["invoice_number"], made["transaction"]) == ("SI-DRAFT", None)
    released = await api.post(f"{made['$path']}/release")
    assert (released["status"]["id"], released["invoice_number"]) == ("UNPAID", "SI-28")
    assert released["transaction"] is not None
    await api.refused("POST", f"{made['$path']}/release")
    await api.refused("PUT", made["$path"], {"sales_invoice": {"status_id": "DRAFT"}})


async def test_a_void_answers_with_the_record(api: Api, sales: str) -> None:
    """200, VOID, nothing outstanding; the reason from the body or the query; a second time is refused."""
    for query, body in (("?void_reason=wrong", None), ("", {"void_reason": "wrong"})):
        made = await api.post("/sales_invoices", invoice(sales))
        reply = await api.call("DELETE", made["$path"] + query, body)
        assert reply.status == 200
        assert reply.body["status"]["id"] == "VOID"
        assert reply.body["void_reason"] == "wrong"
        assert reply.body["outstanding_amount"] == "0.0"
        await api.refused("DELETE", f"{made['$path']}?void_reason=again")
        await api.refused("PUT", made["$path"], {"sales_invoice": {"notes": "x"}})
        assert (await api.get(f"{made['$path']}?mark_as_sent=false"))["status"]["id"] == "VOID"


async def test_a_void_needs_a_reason(api: Api, sales: str, sandbox: Sandbox) -> None:
    """Unless the switch says otherwise."""
    made = await api.post("/sales_invoices", invoice(sales))
    (item,) = await api.refused("DELETE", made["$path"])
    assert item["$source"] == "void_reason"
    sandbox.switches.strict_void_reason = False
    assert (await api.call("DELETE", made["$path"])).status == 200


async def test_a_paid_invoice_cannot_be_voided(api: Api) -> None:
    """Its payments must go first."""
    paid = (await api.get("/sales_invoices?status_id=PAID"))["$items"][0]
    await api.refused("DELETE", f"{paid['$path']}?void_reason=x")
    assert (await api.get(f"{paid['$path']}?mark_as_sent=false"))["status"]["id"] == "PAID"


async def test_the_ledger_balances(api: Api, sales: str, sandbox: Sandbox) -> None:
    """Debits equal credits, and a void takes its posting back."""
    books = sandbox.business("Harbour Ltd").books
    account = Ref("ledger_accounts", sales)
    before = balance(books, account)
    made = await api.post("/sales_invoices", invoice(sales))
    assert balance(books, account)[1] == before[1] + 15
    entries = [entry for entry in books.live("ledger_entries") if not entry["deleted"]]
    assert sum(entry["debit"] for entry in entries) == sum(entry["credit"] for entry in entries)
    await api.call("DELETE", f"{made['$path']}?void_reason=x")
    assert balance(books, account) == before


async def test_a_quote_and_a_purchase_are_documents_too(api: Api, sales: str) -> None:
    """One declaration each: numbers, totals, roles; DELETE deletes."""
    quote = {
        "contact_id": JESSICA,
        "date": "2025-06-10",
        "expiry_date": "2025-07-10",
        "quote_lines": [line(sales)],
    }
    made = await api.post("/sales_quotes", {"sales_quote": quote})
    assert (made["quote_number"], made["status"]["id"], made["total_amount"]) == ("SQ-4", "PENDING", "18.0")
    assert "$path" not in made["status"]
    vendor = (await api.get("/contacts?search=QUAY"))["$items"][0]["id"]
    purchase = {
        "contact_id": vendor,
        "date": "2025-06-10",
        "due_date": "2025-07-10",
        "invoice_lines": [line(sales)],
    }
    (item,) = await api.refused("POST", "/purchase_invoices", {"purchase_invoice": {**purchase, "contact_id": JESSICA}})
    assert item["$message"] == "Couldn't find Supplier."
    made = await api.post("/purchase_invoices", {"purchase_invoice": purchase})
    assert made["outstanding_amount"] == "18.0"
    assert (await api.get(f"/contacts/{vendor}?show_balance=true"))["balance"] == "18.0"
    assert (await api.call("DELETE", made["$path"])).status == 204

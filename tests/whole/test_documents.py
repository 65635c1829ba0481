"""Purchase invoices, credit notes and quotes through the whole gateway: the money is right, and each ends as in v2."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from tests.whole.conftest import Whole

SUPPLIER, CUSTOMER = 53220, 53117843
DOCUMENTS = {
    "purchase_invoices": ("purchase_invoice", SUPPLIER, {"due_date": "2025-09-01"}),
    "purchase_credit_notes": ("purchase_credit_note", SUPPLIER, {}),
    "sales_credit_notes": ("sales_credit_note", CUSTOMER, {}),
    "sales_quotes": ("sales_quote", CUSTOMER, {"expiry_date": "2025-09-01"}),
}
LINES: tuple[tuple[str, str, str, int, dict[str, str]], ...] = (
    ("Plain", "3", "9.99", 1, {}),
    ("Half a penny", "1", "12.50", 2, {}),
    ("Tax within", "1", "17.00", 1, {"unit_price_includes_tax": "true"}),
    ("Back", "-1", "2.50", 2, {}),
    ("No tax", "2", "0.05", 3, {}),
)
NET = ["29.97", "12.5", "14.17", "-2.5", "0.1"]
TAX = ["5.99", "0.63", "2.83", "-0.13", "0.0"]


def lines() -> list[dict[str, Any]]:
    return [
        {"description": text, "quantity": quantity, "unit_price": price, "tax_rate_id": rate, **more}
        for text, quantity, price, rate, more in LINES
    ]


async def made(whole: Whole, path: str, *rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A new document as v2 shows it."""
    root, contact, dates = DOCUMENTS[path]
    sent = {"contact_id": contact, "date": "2025-08-01", **dates, "line_items_attributes": rows or lines(), **more}
    status, shown = await whole.call("POST", path, {root: sent})
    assert status == 201, shown
    return dict(shown)


def total(amounts: list[str]) -> Decimal:
    return sum(map(Decimal, amounts), Decimal(0))


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_the_money_is_right(whole: Whole, path: str):
    """Line by line and in all, to the cent, halves up, positive for credit notes too: read, listed and in the books."""
    shown = await made(whole, path)
    assert [line["net_amount"] for line in shown["line_items"]] == NET
    assert [line["tax_amount"] for line in shown["line_items"]] == TAX
    assert Decimal(shown["total_net_amount"]) == total(NET)
    assert Decimal(shown["total_tax_amount"]) == total(TAX)
    if path != "sales_quotes":
        assert Decimal(shown["outstanding_amount"]) == total(NET) + total(TAX)
    assert (await whole.call("GET", f"{path}/{shown['id']}"))[1] == shown
    _, listed = await whole.call("GET", f"{path}?from_date=2025-08-01&to_date=2025-08-01&$itemsPerPage=100")
    rows = [row for row in listed["$resources"] if row["id"] == shown["id"]]
    assert [row["line_items"] for row in rows] == [shown["line_items"]]
    record = list(whole.sandbox.business("Harbour Ltd").books.live(path))[-1]
    assert (record["net_amount"], record["tax_amount"]) == (total(NET), total(TAX))


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_an_update_changes_one_line_and_no_other(whole: Whole, path: str):
    """Its tax follows; the others keep theirs, even one that no rate explains."""
    root = DOCUMENTS[path][0]
    shown = await made(
        whole, path, *({**line, "tax_amount": "0.77"} if n == 0 else line for n, line in enumerate(lines()))
    )
    first, second, *_ = shown["line_items"]
    change = {root: {"line_items": [{"id": second["id"], "quantity": "3"}]}}
    status, after = await whole.call("PUT", f"{path}/{shown['id']}", change)
    assert status == 200, after
    assert [line["id"] for line in after["line_items"]] == [line["id"] for line in shown["line_items"]]
    assert (after["line_items"][0]["tax_amount"], first["tax_amount"]) == ("0.77", "0.77")
    half_up = (Decimal("37.5") / 20).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert Decimal(after["line_items"][1]["tax_amount"]) == half_up == Decimal("1.88")
    assert [line["tax_amount"] for line in after["line_items"][2:]] == TAX[2:]


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_what_is_read_and_sent_back_whole_changes_nothing(whole: Whole, path: str):
    """Ledger accounts in full, addresses, statuses and all; blank text may be null or empty."""
    root = DOCUMENTS[path][0]
    shown = await made(whole, path, notes="before")
    status, after = await whole.call("PUT", f"{path}/{shown['id']}", {root: {**shown, "notes": "after"}})
    assert status == 200, after
    changing = ("notes", "updated_at", "lock_version")
    rest = [
        {name: None if value == "" else value for name, value in one.items() if name not in changing}
        for one in (shown, after)
    ]
    assert rest[0] == rest[1]
    assert after["notes"] == "after"


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_a_deleted_document_comes_back_once_more(whole: Whole, path: str):
    """Void, but for a quote; afterwards v3.1 shows purchases and quotes no more."""
    shown = await made(whole, path)
    status, gone = await whole.call("DELETE", f"{path}/{shown['id']}")
    assert (status, gone["id"], gone["line_items"]) == (200, shown["id"], shown["line_items"])
    if path != "sales_quotes":
        assert (gone["status"]["id"], gone["outstanding_amount"]) == (4, "0.0")
    status, after = await whole.call("GET", f"{path}/{shown['id']}")
    if path == "sales_credit_notes":
        assert (status, after["status"]["id"], after["void_reason"]) == (200, 4, "no void reason supplied")
    else:
        assert status == 404


async def test_purchase_lines_show_their_accounts_in_full(whole: Whole):
    """As the ledger accounts themselves are shown."""
    shown = await made(whole, "purchase_invoices")
    account = shown["line_items"][0]["ledger_account"]
    _, itself = await whole.call("GET", f"ledger_accounts/{account['id']}")
    names = ("id", "$key", "display_name", "nominal_code", "ledger_account_type", "tax_code")
    assert {name: account[name] for name in names} == {name: itself[name] for name in names}
    assert type(account["nominal_code"]) is int


async def test_a_purchase_invoice_is_paid_and_the_payment_taken_back(whole: Whole):
    """What is owed follows; while it is paid, v3.1 does not let it be deleted."""
    shown = await made(whole, "purchase_invoices")
    path, owed = f"purchase_invoices/{shown['id']}", Decimal(shown["outstanding_amount"])
    _, banks = await whole.call("GET", "bank_accounts")
    bank = banks["$resources"][0]
    sent = {"date": "2025-08-05", "amount": "10.00", "bank_account_id": bank["id"], "payment_type_id": 1}
    status, paid = await whole.call("POST", f"{path}/payments", {"purchase_invoice_payment": sent})
    assert (status, paid["amount"], paid["source"]) == (
        201,
        "10.0",
        {"id": bank["ledger_account"]["id"], "$key": bank["ledger_account"]["id"]},
    )
    _, now = await whole.call("GET", path)
    assert (Decimal(now["outstanding_amount"]), now["status"]["name"]) == (owed - 10, "Part Paid")
    assert (await whole.call("DELETE", path))[0] == 422
    _, listed = await whole.call("GET", f"{path}/payments")
    assert [row["id"] for row in listed["$resources"]] == [paid["id"]]
    status, gone = await whole.call("DELETE", f"{path}/payments/{paid['id']}")
    assert (status, gone["voided"]) == (200, True)
    _, now = await whole.call("GET", path)
    assert (Decimal(now["outstanding_amount"]), now["status"]["name"]) == (owed, "Unpaid")


async def test_a_quotes_status_is_changed_and_found(whole: Whole):
    """v3.1 filters by it too."""
    shown = await made(whole, "sales_quotes")
    status, after = await whole.call("PUT", f"sales_quotes/{shown['id']}", {"sales_quote": {"status_id": 4}})
    assert (status, after["status"]) == (200, {"id": 4, "name": "Declined", "$key": 4})
    _, declined = await whole.call("GET", "sales_quotes?status=4&$itemsPerPage=100")
    assert shown["id"] in [row["id"] for row in declined["$resources"]]
    assert {row["status"]["id"] for row in declined["$resources"]} == {4}


@pytest.mark.parametrize("path", ["sales_credit_notes", "sales_quotes"])
async def test_reading_marks_nothing_as_sent(whole: Whole, path: str):
    """Neither as JSON nor as PDF."""
    shown = await made(whole, path)
    record = list(whole.sandbox.business("Harbour Ltd").books.live(path))[-1]
    await whole.call("GET", f"{path}/{shown['id']}")
    headers = {"Authorization": "Bearer TestToken", "Accept": "application/pdf"}
    async with whole.session.get(f"{whole.url}/accounts/v2/{path}/{shown['id']}", headers=headers) as reply:
        assert (reply.status, (await reply.read())[:5]) == (200, b"%PDF-")
    assert record["sent"] is False

"""Collections: envelope, pages, attributes, nested records, filters, order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api, Clock

pytestmark = pytest.mark.usefixtures("no_violations")

JESSICA = "cbb711e2da304720beb4cc4a5d8309af"


async def names(api: Api, path: str) -> list[str]:
    join = "&" if "?" in path else "?"
    return [item["displayed_as"] for item in (await api.get(f"{path}{join}items_per_page=200"))["$items"]]


async def test_a_list_is_an_envelope_of_stubs(api: Api) -> None:
    """20 a page by default; items have id, displayed_as and $path only."""
    body = await api.get("/sales_invoices")
    items = body.pop("$items")
    assert body == {
        "$total": 30,
        "$page": 1,
        "$next": "/sales_invoices?page=2&items_per_page=20",
        "$back": None,
        "$itemsPerPage": 20,
    }
    assert len(items) == 20
    assert all(list(item) == ["id", "displayed_as", "$path"] for item in items)


async def test_links_keep_the_other_parameters(api: Api) -> None:
    """$next and $back are relative to the base and carry the rest of the query."""
    body = await api.get("/sales_invoices?items_per_page=10&page=2&attributes=date&sort=date:asc")
    assert body["$next"] == "/sales_invoices?page=3&items_per_page=10&attributes=date&sort=date:asc"
    assert body["$back"] == "/sales_invoices?page=1&items_per_page=10&attributes=date&sort=date:asc"
    assert (await api.get(body["$next"]))["$page"] == 3


async def test_a_page_beyond_the_end_is_the_last_one_again(api: Api) -> None:
    """The paging trap: one who loops until an empty page never ends."""
    last = await api.get("/sales_invoices?items_per_page=20&page=2")
    beyond = await api.get("/sales_invoices?items_per_page=20&page=99")
    assert beyond == last
    assert (beyond["$page"], beyond["$next"], len(beyond["$items"])) == (2, None, 10)


async def test_an_empty_list_is_one_empty_page(api: Api) -> None:
    """Total 0, page 1, no links."""
    assert await api.get("/bank_transfers?page=3") == {
        "$total": 0,
        "$page": 1,
        "$next": None,
        "$back": None,
        "$itemsPerPage": 20,
        "$items": [],
    }


async def test_attributes_choose_what_is_shown(api: Api) -> None:
    """Named attributes join the three that are always there; `all` brings everything."""
    item = (await api.get("/contacts?attributes=name,reference&items_per_page=1"))["$items"][0]
    assert list(item) == ["id", "displayed_as", "$path", "name", "reference"]
    item = (await api.get("/contacts?attributes=all&items_per_page=1"))["$items"][0]
    assert {"name", "main_address", "tax_treatment", "credit_days"} <= set(item)
    one = await api.get(f"/contacts/{JESSICA}?attributes=name")
    assert list(one) == ["id", "displayed_as", "$path", "name"]


async def test_a_single_read_has_everything_but_nested_records_are_stubs(api: Api) -> None:
    """Without nested_attributes an address is three words; parts of the record come in full."""
    one = await api.get(f"/contacts/{JESSICA}")
    assert list(one["main_address"]) == ["id", "displayed_as", "$path"]
    assert one["tax_treatment"]["home_tax"] is True


async def test_nested_attributes_open_one_level(api: Api) -> None:
    """Named or all; what lies deeper stays a stub."""
    one = await api.get(f"/contacts/{JESSICA}?nested_attributes=city")
    assert list(one["main_address"]) == ["id", "displayed_as", "$path", "city"]
    one = await api.get(f"/contacts/{JESSICA}?nested_attributes=all")
    assert one["main_address"]["postal_code"] == "NE1 4AB"
    assert list(one["main_address"]["country"]) == ["id", "displayed_as", "$path"]
    listed = (await api.get("/contacts?attributes=main_address&nested_attributes=city&page=3&items_per_page=1"))[
        "$items"
    ][0]
    assert listed["main_address"]["city"] == "Newcastle upon Tyne"


async def test_flags_add_attributes(api: Api) -> None:
    """balance and payments_allocations are there only when asked for."""
    assert "balance" not in await api.get(f"/contacts/{JESSICA}")
    assert "balance" in await api.get(f"/contacts/{JESSICA}?show_balance=true")
    first = (await api.get("/sales_invoices?items_per_page=1"))["$items"][0]["$path"]
    assert "payments_allocations" not in await api.get(f"{first}?mark_as_sent=false")
    flagged = await api.get(f"{first}?mark_as_sent=false&show_payments_allocations=true")
    assert flagged["payments_allocations"][0]["amount"] == flagged["total_amount"]


async def test_legacy_ids_come_first_and_only_when_asked_for(api: Api) -> None:
    """show_legacy_id=true adds the number to the record, to nested records and to lines."""
    assert "legacy_id" not in await api.get(f"/contacts/{JESSICA}")
    one = await api.get(f"/contacts/{JESSICA}?show_legacy_id=true")
    assert next(iter(one)) == "legacy_id"
    assert one["legacy_id"] == 53117843
    assert one["contact_types"][0]["legacy_id"] == 1
    invoice = (await api.get("/sales_invoices?show_legacy_id=true&attributes=all&items_per_page=1"))["$items"][0]
    assert isinstance(invoice["legacy_id"], int)
    assert isinstance(invoice["invoice_lines"][0]["legacy_id"], int)
    assert invoice["contact"]["legacy_id"] == 53117843


async def test_the_legacy_flag_can_be_ignored(api: Api, sandbox: Sandbox) -> None:
    """The switch plays today's reference, which omits the flag."""
    sandbox.switches.show_legacy_id = False
    assert "legacy_id" not in await api.get(f"/contacts/{JESSICA}?show_legacy_id=true")


async def test_schemas_without_a_legacy_id_never_show_one(api: Api) -> None:
    """Settings have none, what they point at has."""
    settings = await api.get("/financial_settings?show_legacy_id=true")
    assert "legacy_id" not in settings
    assert settings["base_currency"]["legacy_id"] == 10
    assert settings["$path"] == "/financial_settings"


async def test_contacts_are_filtered(api: Api) -> None:
    """By role, system, email of any person, and free text on name and reference."""
    assert await names(api, "/contacts?contact_type_id=VENDOR&exclude_system=true") == [
        "Clay & Glaze Supplies (CLAY)",
        "Tidewater Freight (TIDE)",
        "Yorkshire Power (POWER)",
        "Quayside Lettings (QUAY)",
        "Stationery Direct",
    ]
    assert await names(api, "/contacts?email=ZOE@cafe.example") == ["Café Zoë (ZOE)"]
    assert await names(api, "/contacts?search=books") == ["Northgate Books (NORTH)"]
    assert await names(api, "/contacts?search=cust%20%2312345") == ["Jessica B. Hill (Cust #12345)"]
    assert await names(api, "/contacts?search=nobody") == []


async def test_invoices_are_filtered_and_sorted(api: Api) -> None:
    """By contact, status and date; sorted either way."""
    assert await names(api, f"/sales_invoices?contact_id={JESSICA}") == ["SI-1", "SI-9", "SI-17", "SI-25"]
    assert await names(api, "/sales_invoices?status_id=VOID") == ["SI-12", "SI-20"]
    assert await names(api, "/sales_invoices?from_date=2025-01-11&to_date=2025-01-16") == ["SI-2", "SI-3"]
    assert (await names(api, "/sales_invoices?sort=date:desc"))[-1] == "SI-1"
    assert await names(api, "/sales_invoices?search=PO%20103") == ["SI-4"]


async def test_ledger_accounts_are_filtered_by_area(api: Api) -> None:
    """visible_in and not_visible_in."""
    sales = await names(api, "/ledger_accounts?visible_in=sales")
    assert "Sales Type A (4000)" in sales
    assert "General Expenses (8200)" not in sales
    assert "General Expenses (8200)" in await names(api, "/ledger_accounts?not_visible_in=sales")
    assert await names(api, "/ledger_accounts?visible_in=banking") == [
        "Current (1200)",
        "Cash in Hand (1210)",
        "Reserve account (1220)",
    ]


async def test_what_changed_since(api: Api, clock: Clock) -> None:
    """updated_or_created_since is inclusive."""
    clock.forward(60)
    await api.put(f"/contacts/{JESSICA}", {"contact": {"notes": "met in May"}})
    assert await names(api, "/contacts?updated_or_created_since=2025-06-15T15:07:40Z") == [
        "Jessica B. Hill (Cust #12345)"
    ]
    assert await names(api, "/contacts?updated_or_created_since=2025-06-15T15:07:41Z") == []


async def test_deleted_records_show_only_when_asked_for(api: Api, clock: Clock) -> None:
    """deleted_since is exclusive and shows the deleted ones alone, with deleted_at."""
    made = await api.post("/contacts", {"contact": {"name": "Gone", "contact_type_ids": ["CUSTOMER"]}})
    assert (await api.call("DELETE", made["$path"])).status == 204
    assert "Gone" not in await names(api, "/contacts")
    assert (await api.call("GET", made["$path"])).status == 404
    gone = await api.get("/contacts?deleted_since=2025-06-15T00:00:00Z&attributes=deleted_at")
    assert [(item["displayed_as"], item["deleted_at"]) for item in gone["$items"]] == [("Gone", "2025-06-15T15:06:40Z")]
    assert (await api.get("/contacts?deleted_since=2025-06-15T15:06:40Z"))["$total"] == 0

"""Settings, short lists and the core records, through the whole gateway."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.whole.conftest import Whole

LISTS = ["bank_accounts", "countries", "currencies", "exchange_rates", "ledger_account_types"]
LISTS += ["tax_offices", "tax_profiles", "tax_rates", "vat_schemes"]


async def core(whole: Whole, path: str, method: str = "GET", body: Any = None) -> Any:
    """The body of a successful reply below `/core/v2`."""
    headers = {"Authorization": "Bearer TestToken", "Content-Type": "application/json"}
    data = None if body is None else msgspec.json.encode(body)
    async with whole.session.request(method, f"{whole.url}/core/v2/{path}", data=data, headers=headers) as reply:
        assert reply.status == 200, path
        return msgspec.json.decode(await reply.read())


async def read(whole: Whole, path: str) -> Any:
    """The body of a successful read below `/accounts/v2`."""
    status, body = await whole.call("GET", path)
    assert status == 200, (path, body)
    return body


@pytest.mark.parametrize("path", LISTS)
async def test_every_record_of_a_list_is_read_by_its_number(whole: Whole, path: str):
    """Of each list at least one record is there, each has a number of its own, and reads the same alone."""
    rows = (await read(whole, f"{path}?$itemsPerPage=200"))["$resources"]
    numbers = [row["id"] for row in rows]
    assert rows
    assert len(set(numbers)) == len(numbers)
    assert all(type(number) is int and row["$key"] == number for number, row in zip(numbers, rows, strict=True))
    for row in rows[:12]:
        assert await read(whole, f"{path}/{row['id']}") == row


async def test_a_business_has_one_number(whole: Whole):
    """Its settings, its chart, me and the user's relationships name it alike; and so they do the next time."""
    business = await core(whole, "business")
    me = await core(whole, "me")
    assert me["business"] == {"id": business["id"], "name": business["name"], "$key": business["id"]}
    assert (me["id"], me["country"]) == ((await core(whole, "user"))["id"], "gb")
    for path in ("financial_settings", "invoice_settings", "coa_structure", "financial_settings"):
        assert (await read(whole, path))["$key"] == business["id"]
    related = (await core(whole, "business_relationships"))["$resources"]
    assert [row["business"]["name"] for row in related if row["id"] == business["id"]] == [business["name"]]
    assert len({row["id"] for row in related}) == len(related)


async def test_settings_are_changed_one_by_one(whole: Whole):
    """v3.1's settings hold what was sent, and all else as it was."""
    books = whole.sandbox.business("Harbour Ltd").books
    before = {name: dict(found) for name, found in books.singletons.items()}
    status, made = await whole.call("PUT", "financial_settings", {"financial_settings": {"tax_number": "GB999"}})
    assert (status, made["tax_number"]) == (200, "GB999")
    status, made = await whole.call("PUT", "invoice_settings", {"invoice_settings": {"customer_credit_days": "21"}})
    assert (status, made["customer_credit_days"]) == (200, 21)
    for name, changed in (("financial_settings", "tax_number"), ("invoice_settings", "customer_credit_days")):
        after = books.singletons[name]
        assert {key for key in after if after[key] != before[name].get(key)} <= {changed, "updated_at"}


async def test_the_current_scheme_is_the_settings(whole: Whole):
    """The scheme by itself is the one that the settings show."""
    shown = (await read(whole, "financial_settings"))["tax_scheme"]
    assert await read(whole, "current_vat_scheme") == shown


async def test_the_charts(whole: Whole):
    """Templates come as an array, each with its accounts by code; the business's chart is its ledger accounts, by
    number, under its country's template."""
    (template,) = await read(whole, "coa_templates")
    codes = [account["nominal_code"] for account in template["coa_accounts"]]
    assert (template["id"], template["country"]["name"]) == (2, "United Kingdom")
    assert codes == sorted(codes)
    assert codes
    chart = await read(whole, "coa_structure")
    assert chart["template"] == {name: template[name] for name in chart["template"]}
    numbers = [account["id"] for account in chart["ledger_accounts"]]
    listed = (await read(whole, "ledger_accounts"))["$resources"]
    assert sorted(numbers) == sorted(account["id"] for account in listed)
    assert numbers == sorted(numbers)


async def test_a_bank_account_is_opened_changed_and_closed(whole: Whole):
    """It is one account in v3.1, has a ledger account of its own, and is gone at the end."""
    sent = {"account_name": "Reserve", "account_type_id": "2", "sort_code": "20-11-47", "telephone": "01482 1"}
    status, made = await whole.call("POST", "bank_accounts", {"bank_account": sent})
    assert (status, made["account_name"], made["account_type"]["id"]) == (201, "Reserve", 2)
    assert type(made["ledger_account"]["id"]) is int
    path = f"bank_accounts/{made['id']}"
    status, after = await whole.call("PUT", path, {"bank_account": {"sort_code": "20-11-48"}})
    assert (status, after) == (200, {**made, "sort_code": "20-11-48"})
    assert await read(whole, path) == after
    status, gone = await whole.call("DELETE", path)
    assert (status, gone["id"]) == (200, made["id"])
    assert (await whole.call("GET", path))[0] == 404

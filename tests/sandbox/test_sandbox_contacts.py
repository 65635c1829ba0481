"""Contacts, their addresses and their persons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

pytestmark = pytest.mark.usefixtures("no_violations")

HMRC = "f909acd78be748ad96e824b35af9749d"


def contact(**fields: Any) -> dict[str, Any]:
    return {"contact": {"name": "Dock Café", "contact_type_ids": ["CUSTOMER"], **fields}}


FULL = {
    "reference": "DOCK",
    "main_address": {"address_line_1": "3 Dock", "city": "Hull", "country_id": "GB"},
    "main_contact_person": {"name": "Mia", "email": "mia@dock.example"},
    "default_sales_tax_rate_id": "GB_STANDARD",
    "credit_limit": "1500",
}


async def test_a_new_contact_has_a_random_id_and_no_legacy_id(api: Api, sandbox: Sandbox) -> None:
    """32 hexadecimal digits; a legacy id only by the switch."""
    made = await api.post("/contacts", contact())
    assert len(made["id"]) == 32
    assert "legacy_id" not in await api.get(f"{made['$path']}?show_legacy_id=true")
    sandbox.switches.new_records_get_legacy_id = True
    second = await api.post("/contacts", contact(name="Two"))
    assert (await api.get(f"{second['$path']}?show_legacy_id=true"))["legacy_id"] >= 900_000_000


async def test_ids_go_in_and_records_come_out(api: Api) -> None:
    """x_id is written, x is shown; addresses and persons become records of their own."""
    made = await api.post("/contacts", contact(**FULL))
    assert made["displayed_as"] == "Dock Café (DOCK)"
    assert made["contact_types"] == [{"id": "CUSTOMER", "displayed_as": "Customer", "$path": "/contact_types/CUSTOMER"}]
    assert made["default_sales_tax_rate"]["id"] == "GB_STANDARD"
    assert made["credit_limit"] == "1500.0"
    assert made["email"] == "mia@dock.example"
    address = await api.get(made["main_address"]["$path"])
    assert (address["city"], address["contact"]["id"]) == ("Hull", made["id"])
    assert address["displayed_as"] == "3 Dock\nHull\nUnited Kingdom (GB)"
    person = await api.get(made["main_contact_person"]["$path"])
    assert person["address"]["id"] == address["id"]
    listed = await api.get(f"/contact_persons?contact_id={made['id']}")
    assert [item["id"] for item in listed["$items"]] == [person["id"]]


async def test_a_put_leaves_what_it_does_not_mention(api: Api) -> None:
    """PUT is partial on the top level."""
    made = await api.post("/contacts", contact(**FULL))
    changed = await api.put(made["$path"], {"contact": {"notes": "new"}})
    same = ("name", "reference", "main_address", "main_contact_person", "credit_limit", "created_at")
    assert {name: changed[name] for name in same} == {name: made[name] for name in same}
    assert changed["notes"] == "new"


async def test_a_part_in_a_put_replaces_the_part_under_its_old_id(api: Api) -> None:
    """What a written address does not mention is gone."""
    made = await api.post("/contacts", contact(**FULL))
    changed = await api.put(made["$path"], {"contact": {"main_address": {"city": "York"}}})
    assert changed["main_address"]["id"] == made["main_address"]["id"]
    address = await api.get(changed["main_address"]["$path"])
    assert (address["city"], address["address_line_1"], address["country"]) == ("York", None, None)


async def test_a_seeded_address_keeps_its_legacy_id_when_replaced(api: Api) -> None:
    """The record stays the same one."""
    jessica = "/contacts/cbb711e2da304720beb4cc4a5d8309af"
    query = "?show_legacy_id=true"
    before = (await api.get(jessica + query))["main_address"]
    await api.put(jessica, {"contact": {"main_address": {"city": "York"}}})
    after = (await api.get(jessica + query))["main_address"]
    assert (after["id"], after["legacy_id"]) == (before["id"], before["legacy_id"])


async def test_an_address_written_by_itself_becomes_the_contacts(api: Api) -> None:
    """is_main_address and DELIVERY decide which."""
    made = await api.post("/contacts", contact())
    fields = {"name": "Yard", "contact_id": made["id"], "city": "Goole"}
    await api.post("/addresses", {"address": {**fields, "address_type_id": "DELIVERY", "is_main_address": False}})
    main = await api.post("/addresses", {"address": {**fields, "address_type_id": "ACCOUNTS", "is_main_address": True}})
    shown = await api.get(f"{made['$path']}?nested_attributes=city")
    assert shown["delivery_address"]["city"] == "Goole"
    assert shown["main_address"]["id"] == main["id"]
    person = {
        "address_id": main["id"],
        "name": "Pat",
        "contact_person_type_ids": ["ACCOUNTS"],
        "is_main_contact": True,
    }
    pat = await api.post("/contact_persons", {"contact_person": person})
    assert (await api.get(made["$path"]))["main_contact_person"]["id"] == pat["id"]
    assert (await api.call("DELETE", main["$path"])).status == 204
    assert (await api.get(made["$path"]))["main_address"] is None
    assert (await api.get(made["$path"]))["main_contact_person"] is None


async def test_one_role_and_a_unique_reference(api: Api) -> None:
    """Two types, or a reference in use whatever its case, are refused."""
    items = await api.refused("POST", "/contacts", contact(contact_type_ids=["CUSTOMER", "VENDOR"]))
    assert items[0]["$source"] == "contact_type_ids"
    items = await api.refused("POST", "/contacts", contact(reference="pike"))
    assert (items[0]["$source"], items[0]["$dataCode"]) == ("reference", "RecordInvalid")
    pike = (await api.get("/contacts?search=PIKE"))["$items"][0]
    await api.put(pike["$path"], {"contact": {"reference": "PIKE"}})


async def test_a_contact_in_use_cannot_be_deleted(api: Api) -> None:
    """Nor one of the system's; deletable says so."""
    for key in ("cbb711e2da304720beb4cc4a5d8309af", HMRC):
        assert (await api.get(f"/contacts/{key}"))["deletable"] is False
        items = await api.refused("DELETE", f"/contacts/{key}")
        assert items[0]["$source"] == "base"


async def test_deleting_a_contact_deletes_its_addresses_and_persons(api: Api) -> None:
    """204 without a body; the nested records go along."""
    made = await api.post("/contacts", contact(**FULL))
    reply = await api.call("DELETE", made["$path"])
    assert (reply.status, reply.body) == (204, b"")
    for path in (made["$path"], made["main_address"]["$path"], made["main_contact_person"]["$path"]):
        await api.refused("GET", path, status=404)


async def test_a_contacts_balance_is_what_is_outstanding(api: Api) -> None:
    """Invoices less payments."""
    path = "/contacts/cbb711e2da304720beb4cc4a5d8309af"
    invoices = (await api.get(f"/sales_invoices?contact_id={path[10:]}&attributes=outstanding_amount"))["$items"]
    owed = sum(float(item["outstanding_amount"]) for item in invoices)
    assert float((await api.get(f"{path}?show_balance=true"))["balance"]) == pytest.approx(owed)


async def test_an_unknown_reference_is_refused_with_its_attribute(api: Api) -> None:
    """Nothing is stored of it."""
    before = (await api.get("/contacts"))["$total"]
    items = await api.refused("POST", "/contacts", contact(currency_id="XXX", main_address={"country_id": "ZZ"}))
    assert [item["$source"] for item in items] == ["currency_id", "main_address.country_id"]
    assert (await api.get("/contacts"))["$total"] == before

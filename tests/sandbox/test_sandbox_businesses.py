"""Several businesses, and users who see only theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

pytestmark = pytest.mark.usefixtures("no_violations")

JESSICA = "/contacts/cbb711e2da304720beb4cc4a5d8309af"


async def test_every_answer_names_its_business(api: Api, sandbox: Sandbox) -> None:
    """The lead business without X-Business; a changed lead shows in the answer."""
    harbour, second = sandbox.business("Harbour Ltd").id, sandbox.business("Second Business Ltd").id
    assert (await api.call("GET", "/contacts")).headers["X-Business"] == harbour
    assert (await api.call("GET", "/contacts/nobody")).headers["X-Business"] == harbour
    assert (await api.call("GET", "/contacts", X_Business=second)).headers["X-Business"] == second
    sandbox.lead_business = second
    assert (await api.call("GET", "/contacts")).headers["X-Business"] == second
    assert (await api.get("/businesses/lead"))["name"] == "Second Business Ltd"


async def test_books_are_separate(api: Api, sandbox: Sandbox) -> None:
    """A record of one business is 404 in the other, though legacy ids overlap."""
    api.business = sandbox.business("Second Business Ltd").id
    await api.refused("GET", JESSICA, status=404)
    await api.refused("PUT", JESSICA, {"contact": {"name": "Mine"}}, status=404)
    await api.refused("DELETE", JESSICA, status=404)
    (first,) = (await api.get("/contacts?items_per_page=1&show_legacy_id=true"))["$items"]
    assert first["legacy_id"] == 53117843
    assert first["displayed_as"] == "HMRC Reclaimed (HMRC Rec)"
    made = await api.post("/contacts", {"contact": {"name": "Two", "contact_type_ids": ["CUSTOMER"]}})
    api.business = None
    await api.refused("GET", made["$path"], status=404)


async def test_a_foreign_record_cannot_be_referred_to(api: Api, sandbox: Sandbox) -> None:
    """Its id is as good as unknown."""
    api.business = sandbox.business("Second Business Ltd").id
    account = (await api.get("/ledger_accounts?visible_in=sales"))["$items"][0]["id"]
    line = {"description": "x", "ledger_account_id": account, "unit_price": "1"}
    body = {"contact_id": JESSICA[10:], "date": "2025-06-01", "invoice_lines": [line]}
    (item,) = await api.refused("POST", "/sales_invoices", {"sales_invoice": body})
    assert item["$message"] == "Couldn't find Customer."


async def test_a_foreign_or_unknown_business_is_403(api: Api, sandbox: Sandbox) -> None:
    """An array, without X-Business."""
    for key in (sandbox.business("Elsewhere Ltd").id, "nonsense"):
        api.business = key
        (item,) = await api.refused("GET", "/contacts", status=403)
        assert item["$dataCode"] == "MultiUserAccessDenied"
        assert "X-Business" not in (await api.call("GET", "/contacts")).headers


async def test_a_stranger_sees_only_his_own(anonymous: Api, sandbox: Sandbox) -> None:
    """His lead is his only business."""
    await anonymous.sign_in("stranger")
    body = await anonymous.get("/businesses")
    assert [item["name"] for item in body["$items"]] == ["Elsewhere Ltd"]
    await anonymous.refused("GET", f"/businesses/{sandbox.business('Harbour Ltd').id}", status=404)
    assert (await anonymous.call("GET", "/contacts")).headers["X-Business"] == sandbox.business("Elsewhere Ltd").id
    await anonymous.refused("GET", JESSICA, status=404)


async def test_businesses_have_an_envelope_of_their_own(api: Api) -> None:
    """$items_per_page, everything on one page, no X-Business."""
    reply = await api.call("GET", "/businesses")
    items = reply.body.pop("$items")
    assert reply.body == {
        "$total": 2,
        "$page": 1,
        "$next": None,
        "$back": None,
        "$items_per_page": 2147483647,
    }
    assert [item["name"] for item in items] == ["Harbour Ltd", "Second Business Ltd"]
    assert items[0]["country"] == {"id": "GB", "displayed_as": "United Kingdom (GB)"}
    assert "X-Business" not in reply.headers


async def test_a_business_and_a_user_are_changed(api: Api, sandbox: Sandbox) -> None:
    """PUT answers with the record."""
    key = sandbox.business("Harbour Ltd").id
    changed = await api.put(f"/businesses/{key}", {"business": {"city": "Goole"}})
    assert (changed["city"], changed["name"]) == ("Goole", "Harbour Ltd")
    assert (await api.get("/user"))["email"] == "jo@harbour.example"
    changed = await api.put("/user", {"user": {"last_name": "Smith"}})
    assert (changed["first_name"], changed["last_name"]) == ("Jo", "Smith")


async def test_only_the_owner_changes_a_business(api: Api, sandbox: Sandbox) -> None:
    """403 for the others."""
    key = sandbox.business("Second Business Ltd").id
    sandbox.users["owner"].owns.remove(key)
    await api.refused("PUT", f"/businesses/{key}", {"business": {"city": "X"}}, status=403)


async def test_a_lapsed_subscription_is_401(api: Api, sandbox: Sandbox) -> None:
    """Which must not start a refresh loop: AuthorizationFailure."""
    sandbox.business("Harbour Ltd").active = False
    (item,) = await api.refused("GET", "/contacts", status=401)
    assert (item["$dataCode"], item["$message"], item["$source"]) == (
        "AuthorizationFailure",
        "No active subscription. (MSE)",
        "",
    )

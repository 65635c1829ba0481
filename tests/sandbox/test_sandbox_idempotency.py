"""`idempotency_id` (v31.md §9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api, Clock

KEY = "0123456789abcdef0123456789ABCDEF"
WEEK = 7 * 24 * 3600


def contact(name: str = "Once") -> dict[str, Any]:
    return {"contact": {"name": name, "contact_type_ids": ["CUSTOMER"], "idempotency_id": KEY}}


async def test_the_same_id_gives_the_first_result(api: Api) -> None:
    """Nothing is created a second time, even if the body differs; letter case does not matter."""
    first = await api.post("/contacts", contact())
    assert await api.post("/contacts", contact()) == first
    other = contact("Other")
    other["contact"]["idempotency_id"] = KEY.lower()
    assert await api.post("/contacts", other) == first
    assert (await api.get("/contacts"))["$total"] == 16
    assert "idempotency_id" not in await api.get(first["$path"])


async def test_it_works_on_put(api: Api) -> None:
    """The first result of the change, though the record has changed again since."""
    made = await api.post("/contacts", {"contact": {"name": "A", "contact_type_ids": ["CUSTOMER"]}})
    body = {"contact": {"name": "B", "idempotency_id": KEY}}
    first = await api.put(made["$path"], body)
    await api.put(made["$path"], {"contact": {"name": "C"}})
    assert await api.put(made["$path"], body) == first
    assert (await api.get(made["$path"]))["name"] == "C"


async def test_another_entity_type_is_refused(api: Api) -> None:
    """IdempotencyResourceMismatch, and nothing is written."""
    await api.post("/contacts", contact())
    account = (await api.get("/ledger_accounts?visible_in=sales"))["$items"][0]["id"]
    body = {"service": {"description": "x", "sales_ledger_account_id": account, "idempotency_id": KEY}}
    (item,) = await api.refused("POST", "/services", body)
    assert (item["$dataCode"], item["$message"]) == ("IdempotencyResourceMismatch", "Entity type mismatch")
    assert (await api.get("/services"))["$total"] == 6


async def test_it_is_forgotten_after_seven_days(api: Api, clock: Clock) -> None:
    """Then the same id makes another record."""
    first = await api.post("/contacts", contact())
    clock.forward(WEEK)
    await api.sign_in()
    assert await api.post("/contacts", contact()) == first
    clock.forward(1)
    assert (await api.post("/contacts", contact()))["id"] != first["id"]


async def test_a_refusal_is_not_kept(api: Api) -> None:
    """The same id works once the body is right."""
    wrong = contact()
    wrong["contact"]["reference"] = "PIKE"
    await api.refused("POST", "/contacts", wrong)
    assert (await api.post("/contacts", contact()))["name"] == "Once"


async def test_each_business_has_its_own(api: Api, sandbox: Sandbox) -> None:
    """The same id in another business is another write."""
    first = await api.post("/contacts", contact())
    api.business = sandbox.business("Second Business Ltd").id
    assert (await api.post("/contacts", contact()))["id"] != first["id"]


async def test_an_answer_lost_on_the_way_is_given_again(api: Api, sandbox: Sandbox) -> None:
    """The point of it all."""
    sandbox.faults.add("POST", "/contacts", status=503, times=1)
    assert (await api.call("POST", "/contacts", contact())).status == 503
    await api.post("/contacts", contact())
    await api.post("/contacts", contact())
    assert (await api.get("/contacts"))["$total"] == 16

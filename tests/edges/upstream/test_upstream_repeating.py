"""A repeated call: the same nonce and body get the first answer, since the same bytes are sent."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from gateway.edges import upstream as upstream_module
from gateway.errors import TableWrong, Throttled, UpstreamFailed
from gateway.messages import V2Request, V3Request

CALL = V2Request("PUT", "/accounts/v2/sales_invoices/7", (), b"sales_invoice[line_items][0][quantity]=1")


def merged(*lines: str) -> V3Request:
    """A merging update: what is sent depends on what was read before."""
    return V3Request("PUT", "/sales_invoices/i7", body={"sales_invoice": {"invoice_lines": [{"id": x} for x in lines]}})


@pytest.fixture(autouse=True)
def any_answer(world: Any, replied: Callable[..., bytes]) -> None:
    """Every request is answered with a record."""
    world.wire.default = (replied(200, {"id": "i7"}),)


async def test_a_merging_update_is_remembered(world: Any) -> None:
    """A repeated call sends the bytes of the first one, though the record has changed in between."""
    upstream = world.upstream()
    await upstream.bind(world.tenant, CALL, "n1").send(merged("a", "b"))
    await upstream.bind(world.tenant, CALL, "n1").send(merged("a", "b", "b again"))
    first, second = world.wire.seen
    assert first.body == second.body
    assert b"b again" not in second.body


@pytest.mark.parametrize("what", ["nonce", "body", "target", "method", "tenant"])
async def test_another_call_is_not_a_repetition(world: Any, what: str) -> None:
    """A call that differs in its nonce, body, target, method or tenant is sent for itself."""
    upstream = world.upstream()
    await upstream.bind(world.tenant, CALL, "n1").send(merged("a"))
    call = {
        "body": structs.replace(CALL, body=b"other"),
        "target": structs.replace(CALL, target="/accounts/v2/sales_invoices/8"),
        "method": structs.replace(CALL, method="POST"),
    }.get(what, CALL)  # fmt: skip
    tenant = replace(world.tenant, id=2, business="b1") if what == "tenant" else world.tenant
    await upstream.bind(tenant, call, "n2" if what == "nonce" else "n1").send(merged("a", "b"))
    first, second = world.wire.seen
    assert json.loads(second.body)["sales_invoice"]["invoice_lines"] == [{"id": "a"}, {"id": "b"}]
    assert first.id != second.id


async def test_without_a_nonce_nothing_is_remembered(world: Any) -> None:
    """Without a client's nonce, or with an empty one, two equal calls are two writes with ids of their own."""
    upstream = world.upstream()
    for nonce in (None, None, ""):
        await upstream.bind(world.tenant, CALL, nonce).send(merged("a"))
    assert len({seen.id for seen in world.wire.seen}) == 3
    assert len(upstream.sent) == 0


async def test_a_create_needs_no_memory(world: Any) -> None:
    """After a restart a repeated POST still carries the same id, and so gets v3.1's first answer."""
    request = V3Request("POST", "/contacts", body={"contact": {"name": "A"}})
    call = V2Request("POST", "/accounts/v2/contacts", (), b"contact[name]=A")
    for _ in range(2):
        await world.upstream().bind(world.tenant, call, "n1").send(request)
    first, second = world.wire.seen
    assert first.body == second.body


async def test_two_equal_writes_in_one_call(world: Any) -> None:
    """Two equal writes of one call are two: their ids differ, and a repetition repeats both."""
    request = V3Request("POST", "/contact_payments", body={"contact_payment": {"total": "1.0"}})
    upstream = world.upstream()
    for _ in range(2):
        bound = upstream.bind(world.tenant, CALL, "n1")
        await bound.send(request)
        await bound.send(request)
    one, two, one_again, two_again = (seen.id for seen in world.wire.seen)
    assert one != two
    assert (one, two) == (one_again, two_again)


async def test_a_write_that_came_second_may_come_first(world: Any) -> None:
    """When a repetition finds what the first call made, the later write is still the same one."""
    contact = V3Request("POST", "/contacts", body={"contact": {"name": "A"}})
    invoice = V3Request("POST", "/sales_invoices", body={"sales_invoice": {"contact_id": "c"}})
    upstream = world.upstream()
    first = upstream.bind(world.tenant, CALL, "n1")
    await first.send(contact)
    await first.send(invoice)
    await upstream.bind(world.tenant, CALL, "n1").send(invoice)
    assert world.wire.seen[1].body == world.wire.seen[2].body


async def test_a_refused_write_is_forgotten(world: Any) -> None:
    """Once v3.1 has refused a write, a repeated call is merged afresh."""
    upstream = world.upstream()
    world.wire.answer(422, [{"$message": "no"}])
    await upstream.bind(world.tenant, CALL, "n1").send(merged("a"))
    await upstream.bind(world.tenant, CALL, "n1").send(merged("a", "b"))
    assert b'"b"' in world.wire.seen[1].body


async def test_a_lost_write_is_remembered(world: Any, acts: dict[str, object]) -> None:
    """After an ambiguous failure a repeated call sends the same bytes."""
    upstream = world.upstream()
    world.wire.then(acts["reset"])
    world.wire.then(acts["reset"])
    with pytest.raises(UpstreamFailed):
        await upstream.bind(world.tenant, CALL, "n1").send(merged("a"))
    await upstream.bind(world.tenant, CALL, "n1").send(merged("a", "b"))
    assert len({seen.body for seen in world.wire.seen}) == 1


async def test_a_write_that_may_be_done_is_remembered_whatever_refuses_it(world: Any, acts: dict[str, object]) -> None:
    """No refusal, then or at a repetition, undoes an attempt whose answer was lost: the bytes stay the same."""
    upstream = world.upstream()
    world.wire.then(acts["reset"])
    world.wire.answer(409, [{"$message": "busy"}])
    world.wire.answer(409, [{"$message": "busy"}])
    for lines in ("a", "ab"):
        with pytest.raises(UpstreamFailed, match="It is not known whether the change was made"):
            await upstream.bind(world.tenant, CALL, "n1").send(merged(*lines))
    assert (await upstream.bind(world.tenant, CALL, "n1").send(merged("a", "b", "c"))).status == 200
    assert len(world.wire.seen) == 4
    assert len({seen.body for seen in world.wire.seen}) == 1


async def test_a_write_that_was_made_is_not_refused_afterwards(world: Any) -> None:
    """A refused repetition does not say that the change was not made, and is not forgotten."""
    upstream = world.upstream()
    await upstream.bind(world.tenant, CALL, "n1").send(merged("a"))
    world.wire.answer(403, [{"$message": "no"}])
    with pytest.raises(UpstreamFailed, match="It is not known whether the change was made"):
        await upstream.bind(world.tenant, CALL, "n1").send(merged("a", "b"))
    await upstream.bind(world.tenant, CALL, "n1").send(merged("a", "b"))
    assert len({seen.body for seen in world.wire.seen}) == 1


async def test_what_never_arrived_may_be_refused_later(world: Any) -> None:
    """A write that was throttled and is refused when repeated was surely not made."""
    upstream = world.upstream()
    world.wire.answer(429, Retry_After="1")
    with pytest.raises(Throttled) as throttled:
        await upstream.bind(world.tenant, CALL, "n1").send(merged("a"))
    assert "not known" not in str(throttled.value)
    world.wire.answer(422, [{"$message": "no"}])
    assert (await upstream.bind(world.tenant, CALL, "n1").send(merged("a"))).status == 422


async def test_the_same_call_twice_at_once(world: Any, replied: Callable[..., bytes]) -> None:
    """Two equal calls at one time send one after the other, and the second sends the bytes of the first."""
    held = asyncio.Event()
    world.wire.then(held, replied(200, {"id": "i7"}))
    upstream = world.upstream()
    calls = [asyncio.create_task(upstream.bind(world.tenant, CALL, "n1").send(merged(*lines))) for lines in ("a", "ab")]
    await world.wire.received(1)
    assert world.wire.running == 1
    held.set()
    await asyncio.gather(*calls)
    assert world.wire.most_running == 1
    assert len({seen.body for seen in world.wire.seen}) == 1


async def test_memory_ends(world: Any) -> None:
    """A write is remembered for a day."""
    upstream = world.upstream()
    await upstream.bind(world.tenant, CALL, "n1").send(merged("a"))
    world.now += upstream_module.MEMORY_SECONDS + 1
    await upstream.bind(world.tenant, CALL, "n1").send(merged("a", "b"))
    assert b'"b"' in world.wire.seen[1].body


async def test_ids_are_a_tenants_own(world: Any) -> None:
    """The same write of two businesses has two ids."""
    request = V3Request("POST", "/contacts", body={"contact": {"name": "A"}})
    upstream = world.upstream()
    world.wire.answer(201, {"id": "1"})
    await upstream.bind(world.tenant, CALL, "n1").send(request)
    await upstream.bind(replace(world.tenant, business="b2"), CALL, "n1").send(request)
    first, second = world.wire.seen
    assert first.id != second.id
    assert (first.headers["x-business"], second.headers["x-business"]) == ("b1", "b2")


@pytest.mark.parametrize("body", [None, {}, {"contact": {}, "other": {}}, {"contact": []}])
async def test_a_listed_write_without_one_root(world: Any, body: Any) -> None:
    """A listed write whose body has no place for the id is a mistake of ours, and is not sent."""
    with pytest.raises(TableWrong):
        await world.bound().send(V3Request("POST", "/contacts", body=body))
    assert world.wire.seen == []

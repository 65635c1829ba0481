"""Writes to one record take turns, and a call that comes again gets its first answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.whole.conftest import Whole, row


def lines(invoice: dict[str, Any]) -> list[str]:
    return [line["description"] for line in invoice["line_items"]]


def adding(description: str, **more: Any) -> dict[str, Any]:
    return {"sales_invoice": {"line_items_attributes": [row(description, "10")], **more}}


async def test_two_updates_at_once_lose_no_line(whole: Whole):
    """Each of two clients adds a line at the same moment: both lines are there."""
    made = await whole.invoice()
    whole.sandbox.faults.add("PUT", "/sales_invoices", kind="delay", seconds=0.05, times=2)
    path = f"sales_invoices/{made['id']}"
    replies = await asyncio.gather(whole.call("PUT", path, adding("B")), whole.call("PUT", path, adding("C")))
    assert [status for status, _ in replies] == [200, 200]
    _, after = await whole.call("GET", path)
    assert sorted(lines(after)) == ["A", "B", "C"]


@pytest.mark.parametrize("verb", ["adds a line", "takes a line away", "sends a lock version", "voids"])
async def test_a_repeated_write_gets_its_first_answer(whole: Whole, verb: str):
    """The same nonce and bytes once more: the same reply, and nothing happens a second time."""
    made = await whole.invoice(row("A", "50"), row("B", "10"))
    path, method = f"sales_invoices/{made['id']}", "DELETE" if verb == "voids" else "PUT"
    body: Any = {
        "adds a line": adding("C"),
        "takes a line away": {
            "sales_invoice": {"line_items_attributes": [{"id": made["line_items"][1]["id"], "_destroy": 1}]}
        },
        "sends a lock version": adding("C", lock_version=made["lock_version"]),
        "voids": None,
    }[verb]
    replies = [await whole.call(method, path, body, nonce="n" * 32) for _ in range(3)]
    assert replies[0][0] == 200
    assert replies[1:] == [replies[0]] * 2
    written = [seen for seen in whole.sandbox.requests if seen.method == method]
    assert len(written) == 1


async def test_another_body_or_nonce_is_another_call(whole: Whole):
    """Only the very same call is a repetition: two equal sales with nonces of their own are two."""
    sale = {"product": {"description": "Mug"}}
    first = await whole.call("POST", "products", sale, nonce="a" * 32)
    again = await whole.call("POST", "products", sale, nonce="a" * 32)
    other = await whole.call("POST", "products", {"product": {"description": "Cup"}}, nonce="a" * 32)
    second = await whole.call("POST", "products", sale, nonce="b" * 32)
    unsigned = [await whole.call("POST", "products", sale) for _ in range(2)]
    assert again == first
    ids = [body["id"] for _, body in (first, other, second, *unsigned)]
    assert len(set(ids)) == 5


async def test_a_refused_write_may_be_repeated(whole: Whole):
    """What was refused is tried anew: its reason may be mended by now."""
    product = {"product": {"description": "Mug", "ledger_account_id": 4}}
    assert (await whole.call("POST", "products", product, nonce="a" * 32))[0] == 422
    whole.sandbox.faults.add("POST", "/products", status=422, body=[{"$message": "no", "$source": "base"}])
    sound = {"product": {"description": "Mug"}}
    statuses = [(await whole.call("POST", "products", sound, nonce="b" * 32))[0] for _ in range(2)]
    assert statuses == [422, 201]

"""Attachments: base64 in, bytes out, found by what they hang on."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gateway.sandbox import Sandbox
    from tests.sandbox.conftest import Api

LARGEST = 2_621_440


@pytest.fixture
async def payment(api: Api) -> dict[str, Any]:
    """An other payment that nothing hangs on."""
    query = "transaction_type_id=OTHER_PAYMENT&has_attachments=false&attributes=all&show_legacy_id=true"
    found: dict[str, Any] = (await api.get(f"/other_payments?{query}"))["$items"][0]
    return found


def attachment(content: bytes = b"%PDF-1.4", **fields: Any) -> dict[str, Any]:
    file = base64.b64encode(content).decode()
    return {"attachment": {"file": file, "file_name": "till.pdf", "mime_type": "application/pdf", **fields}}


def on(payment: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    return {"attachment_context_type_id": "OTHER_PAYMENT", "attachment_context_id": key or payment["id"]}


async def test_an_attachment_hangs_on_a_record(api: Api, payment: dict[str, Any], sandbox: Sandbox) -> None:
    """Its size and extension are told; its id has hyphens and no number; its file comes back as bytes."""
    made = await api.post("/attachments", attachment(**on(payment), description="Till receipt"))
    assert (made["file_size"], made["file_extension"], made["is_public"]) == (8, ".pdf", False)
    assert made["attachment_context"]["$path"] == payment["$path"]
    assert made["transaction"]["id"] == payment["transaction"]["id"]
    assert [len(part) for part in made["id"].split("-")] == [8, 4, 4, 4, 12]
    sandbox.switches.new_records_get_legacy_id = True
    read = await api.get(f"{made['$path']}?show_legacy_id=true")
    assert (read["displayed_as"], read["$file_path"]) == (None, f"{made['$path']}/file")
    assert "legacy_id" not in read
    reply = await api.call("GET", read["$file_path"], Accept="application/octet-stream")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/octet-stream")
    assert reply.body == b"%PDF-1.4"
    assert sandbox.violations == []


async def test_a_file_is_only_for_who_accepts_bytes(api: Api, payment: dict[str, Any], sandbox: Sandbox) -> None:
    """Accept: application/octet-stream, whatever the real type."""
    made = await api.post("/attachments", attachment(**on(payment)))
    await api.refused("GET", made["$file_path"], status=406)
    assert len(sandbox.violations) == 1


@pytest.mark.usefixtures("no_violations")
async def test_attachments_are_found_by_their_parent(api: Api, payment: dict[str, Any]) -> None:
    """By the parent's id or its transaction's, by its legacy id; each filter goes with its type."""
    made = await api.post("/attachments", attachment(**on(payment)))
    for query in (
        f"attachment_context_id={payment['id']}&attachment_context_type_id=OTHER_PAYMENT",
        f"attachment_context_id={payment['transaction']['id']}&attachment_context_type_id=OTHER_PAYMENT",
        f"legacy_attachment_context_id={payment['legacy_id']}&legacy_attachment_context_type=OTHER_PAYMENT",
        f"legacy_attachment_context_id={payment['legacy_id']}&legacy_attachment_context_type=OtherPayment",
    ):
        found = await api.get(f"/attachments?{query}")
        assert [item["id"] for item in found["$items"]] == [made["id"]]
    wrong = f"attachment_context_id={payment['id']}&attachment_context_type_id=JOURNAL"
    assert (await api.get(f"/attachments?{wrong}"))["$total"] == 0
    for name, missing in (
        ("attachment_context_id=x", "attachment_context_type_id"),
        ("attachment_context_type_id=JOURNAL", "attachment_context_id"),
        ("legacy_attachment_context_id=1", "legacy_attachment_context_type"),
    ):
        (item,) = await api.refused("GET", f"/attachments?{name}")
        assert item["$source"] == missing


@pytest.mark.usefixtures("no_violations")
async def test_a_parent_tells_of_its_attachments(api: Api, payment: dict[str, Any]) -> None:
    """has_attachments on documents, payments and transactions; transactions count them."""
    await api.post("/attachments", attachment(**on(payment)))
    found = await api.get("/other_payments?has_attachments=true&items_per_page=200")
    assert payment["id"] in {item["id"] for item in found["$items"]}
    transaction = await api.get(payment["transaction"]["$path"])
    assert transaction["number_of_attachments"] == "1"
    found = await api.get("/transactions?has_attachments=true")
    assert transaction["id"] in {item["id"] for item in found["$items"]}


@pytest.mark.usefixtures("no_violations")
async def test_the_transaction_may_stand_for_the_parent(api: Api, payment: dict[str, Any], sandbox: Sandbox) -> None:
    """As attachment_context_id, or as transaction_id alone; by a switch it is what is shown too."""
    transaction = payment["transaction"]["id"]
    made = await api.post("/attachments", attachment(**on(payment, transaction)))
    assert made["attachment_context"]["id"] == payment["id"]
    made = await api.post("/attachments", attachment(transaction_id=transaction))
    assert made["attachment_context"]["id"] == payment["id"]
    assert made["attachment_context_type"]["id"] == "OTHER_PAYMENT"
    sandbox.switches.attachments_name_transactions = True
    assert (await api.get(made["$path"]))["attachment_context"]["id"] == transaction


async def test_what_an_attachment_cannot_be(api: Api, payment: dict[str, Any]) -> None:
    """Too large, no base64, on nothing: 422."""
    await api.post("/attachments", attachment(b"x" * LARGEST, **on(payment)))
    for body, source in (
        (attachment(b"x" * (LARGEST + 1), **on(payment)), "file_size"),
        (attachment(file_size=LARGEST + 1), "file_size"),
        (attachment(file="%%%"), "file"),
        (attachment(**on(payment, "0" * 32)), "attachment_context_id"),
        (attachment(attachment_context_id=payment["id"]), "attachment_context_type_id"),
        (attachment(attachment_context_type_id="DRAWING"), "attachment_context_type_id"),
        (attachment(mime_type=""), "mime_type"),
    ):
        (item,) = await api.refused("POST", "/attachments", body)
        assert item["$source"] == source


@pytest.mark.usefixtures("no_violations")
async def test_an_attachment_is_changed_and_deleted(api: Api, payment: dict[str, Any]) -> None:
    """A PUT may leave the file out; a deleted one shows under deleted_since."""
    made = await api.post("/attachments", attachment(**on(payment)))
    changed = await api.put(made["$path"], {"attachment": {"file_name": "receipt.pdf"}})
    assert (changed["id"], changed["file_name"], changed["file"]) == (made["id"], "receipt.pdf", made["file"])
    assert (await api.call("DELETE", made["$path"])).status == 204
    await api.refused("GET", made["$file_path"], status=404)
    gone = await api.get("/attachments?deleted_since=2025-01-01T00:00:00Z")
    assert [item["id"] for item in gone["$items"]] == [made["id"]]

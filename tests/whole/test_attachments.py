"""A file goes through the whole gateway and comes back the same, and hangs where it was hung."""

from __future__ import annotations

import io
from base64 import b64decode, b64encode
from typing import Any

import aiohttp
import msgspec

from tests.whole.conftest import Whole

CONTENT = bytes(range(256)) * 8192
"""2 MiB: more than any other call may have."""


async def attach(whole: Whole, sent: dict[str, Any]) -> tuple[int, Any]:
    """A call that is sent as a stream, since it is large."""
    headers = {"Authorization": "Bearer TestToken", "Content-Type": "application/json"}
    body = io.BytesIO(msgspec.json.encode({"attachment": sent}))
    async with whole.session.post(f"{whole.url}/accounts/v2/attachments", data=body, headers=headers) as reply:
        return reply.status, await reply.json(content_type=None)


async def test_an_attachment_lives_its_whole_life(whole: Whole):
    """Made, listed by its invoice, read as JSON and as bytes, renamed, deleted."""
    invoice = await whole.invoice()
    sent = {"file": b64encode(CONTENT).decode(), "file_name": "note.pdf"}
    sent |= {"attachment_context_type_id": "3", "attachment_context_id": str(invoice["id"])}
    status, made = await attach(whole, sent)
    assert status == 201, made
    owner = {"id": invoice["id"], "$key": invoice["id"]}
    assert (made["attachment_context"], made["file_size"], made["mime_type"]) == (
        owner,
        len(CONTENT),
        "application/pdf",
    )
    listed = f"attachments?attachment_context_type_id=3&attachment_context_id={invoice['id']}"
    _, found = await whole.call("GET", listed)
    assert found["$resources"] == [made]
    _, read = await whole.call("GET", f"attachments/{made['id']}")
    assert b64decode(read.pop("file")) == CONTENT
    assert read == made
    headers = {"Authorization": "Bearer TestToken", "Accept": "application/pdf"}
    async with whole.session.get(f"{whole.url}/accounts/v2/attachments/{made['id']}", headers=headers) as reply:
        assert (reply.content_type, await reply.read()) == ("application/pdf", CONTENT)
    _, changed = await whole.call("PUT", f"attachments/{made['id']}", {"attachment": {"description": "Signed"}})
    assert (changed["description"], changed["file_name"], changed["id"]) == ("Signed", "note.pdf", made["id"])
    status, gone = await whole.call("DELETE", f"attachments/{made['id']}")
    assert (status, gone["id"]) == (200, made["id"])
    assert (await whole.call("GET", f"attachments/{made['id']}"))[0] == 404
    assert b"note.pdf" not in whole.log.getvalue()


async def test_a_form_of_parts_is_an_attachment_too(whole: Whole):
    """As PHP's curl and browsers send it."""
    invoice = await whole.invoice()
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("attachment[attachment_context_type_id]", "3")
    form.add_field("attachment[attachment_context_id]", str(invoice["id"]))
    form.add_field("attachment[file]", io.BytesIO(CONTENT), filename='sc"an é.png', content_type="image/png")
    headers = {"Authorization": "Bearer TestToken"}
    async with whole.session.post(f"{whole.url}/accounts/v2/attachments", data=form, headers=headers) as reply:
        made = await reply.json(content_type=None)
    assert reply.status == 201, made
    assert (made["file_name"], made["file_size"], made["mime_type"]) == ('sc"an é.png', len(CONTENT), "image/png")


async def test_a_file_that_is_too_large_is_refused_before_v31(whole: Whole):
    """With a sentence that says how large it may be."""
    content = b64encode(bytes(2_621_441)).decode()
    sent = {"file": content, "file_name": "a.pdf", "attachment_context_type_id": 3, "attachment_context_id": 1}
    status, said = await attach(whole, sent)
    assert (status, said["$diagnoses"][0]["$source"]) == (422, "file")
    assert "2,621,440 bytes" in said["$diagnoses"][0]["$message"]


async def test_a_summary_is_kept_until_the_next_write(whole: Whole):
    """Asked twice, v3.1 is asked once; an invoice made meanwhile counts at once."""
    _, before = await whole.call("GET", "sales_invoices/summary")
    asked = len(whole.sandbox.requests)
    assert (await whole.call("GET", "sales_invoices/summary"))[1] == before
    assert len(whole.sandbox.requests) == asked
    await whole.invoice()
    _, after = await whole.call("GET", "sales_invoices/summary")
    assert after["unpaid_count"] == before["unpaid_count"] + 1
    status, business = await whole.call("GET", "summary")
    assert (status, business["$key"]) == (200, after["$key"])

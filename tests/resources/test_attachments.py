"""Attachments: the content of a file comes and goes whole, however clients write it, and never in a list."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadCall
from gateway.exchange import exchange
from gateway.messages import Caller, Exchange, V2Request
from gateway.resources._attached import KIND_OF, TYPES, seen
from gateway.resources._files import LARGEST_FILE, base64_up, extension_of, mime_type_of, size_of
from gateway.resources.attachments import LARGEST_REQUEST
from gateway.resources.registry import KINDS, body_limit
from gateway.translate.rack import MAX_BYTES
from tests.echo import Echo, NamedFacts

PATH = "/accounts/v2/attachments"
ONE = f"{PATH}/7"
OWNER = {"attachment_context_type_id": 3, "attachment_context_id": 5}


async def made(
    method: str, path: str, sent: Any = None, *records: dict[str, Any], lookup: Any = None, **headers: str
) -> tuple[Exchange, Echo]:
    upstream = Echo()
    for n, record in enumerate(records, 7):
        upstream.store(f"/attachments/attachments-{n}", record)
    body = sent if isinstance(sent, bytes) else msgspec.json.encode({"attachment": sent}) if sent else b""
    call = V2Request(method, path, tuple(headers.items()), body)
    done = await exchange(call, Caller(business="b-1"), lookup or NamedFacts(), upstream)
    assert upstream.violations == []
    return done, upstream


def wrapped(text: str) -> str:
    """As mail programs break lines."""
    return "".join(f"{text[n : n + 76]}\r\n " for n in range(0, len(text), 76))


@given(st.binary(min_size=1, max_size=300))
def test_base64_is_read_in_every_form_that_clients_write(content: bytes):
    """Broken lines, the alphabet for URLs, no padding, a data URL, and a `+` that a form made a blank."""
    plain, safe = b64encode(content).decode(), urlsafe_b64encode(content).decode()
    forms = [plain, wrapped(plain), safe, safe.rstrip("="), f" {plain}\n", plain.rstrip("=")]
    forms += [f"data:image/png;base64,{plain}", f"DATA:;Base64,{safe}"]
    if not plain.startswith("+"):  # a blank at an end is no part of a text
        forms.append(plain.replace("+", " ") if not plain.endswith("+") else plain)
    assert {base64_up(form, "file") for form in forms} == {plain}
    assert size_of(plain) == len(content)


def test_clean_base64_is_not_copied():
    """Millions of characters are passed on as they are."""
    text = "QUJD" * 1000
    assert base64_up(text, "file") is text


@pytest.mark.parametrize(
    "text", ["%", "a", "ab=c", "a===", "abcd=", "data:image/png;base64", "data:,abcd", "QUJD\u0661"]
)
def test_what_is_no_base64_is_refused(text: str):
    """So nothing is stored that is not the file."""
    with pytest.raises(BadCall, match="is not base64"):
        base64_up(text, "file")


@pytest.mark.parametrize("text", ["", " \r\n", None, "data:;base64,"])
def test_a_blank_file_is_none(text: str | None):
    """It is refused as blank where one is required."""
    assert base64_up(text, "file") is None


def test_a_file_has_two_and_a_half_mebibytes_at_most():
    """At the limit it is taken; one byte more is a clear 422."""
    assert base64_up(b64encode(bytes(LARGEST_FILE)).decode(), "file") is not None
    with pytest.raises(BadCall, match="is larger than 2,621,440 bytes") as refused:
        base64_up(b64encode(bytes(LARGEST_FILE + 1)).decode(), "file")
    assert refused.value.diagnoses[0].source == "file"


async def test_the_largest_file_goes_up_in_a_form():
    """Escaped, it is far over the limit of other calls."""
    content = b64encode(bytes(range(256)) * (LARGEST_FILE // 256)).decode()
    fields = {**OWNER, "file_name": "a.pdf", "file": content}
    body = "&".join(f"attachment[{name}]={quote(str(value), safe='')}" for name, value in fields.items()).encode()
    assert MAX_BYTES < len(body) < LARGEST_REQUEST
    done, upstream = await made("POST", PATH, body)
    assert done.reply.status == 201
    assert upstream.sent[0].body["attachment"]["file"] == content  # type: ignore[index]


async def test_a_multipart_file_goes_up_unchanged():
    """Every byte, in any order."""
    content = bytes(range(256)) + b"\r\n--x\r\n"
    parts = [f'name="attachment[{name}]"\r\n\r\n{value}'.encode() for name, value in OWNER.items()]
    parts.append(b'name="attachment[file]"; filename="C:\\a b.PNG"\r\nContent-Type: image/png\r\n\r\n' + content)
    body = b"".join(b"--XyZ\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--XyZ--\r\n"
    done, upstream = await made("POST", PATH, body, **{"Content-Type": "multipart/form-data; boundary=XyZ"})
    assert done.reply.status == 201
    assert upstream.sent[0].body == {
        "attachment": {
            "file": b64encode(content).decode(),
            "file_name": "a b.PNG",
            "mime_type": "image/png",
            "file_extension": ".png",
            "file_size": len(content),
            "attachment_context_type_id": "SALES_INVOICE",
            "attachment_context_id": "sales_invoices-5",
        }
    }


@pytest.mark.parametrize("media", ["application/pdf", "application/octet-stream"])
async def test_who_asks_for_bytes_gets_the_file(media: str):
    """By octets, or by its own type."""
    record = {"file": b64encode(b"%PDF\xff").decode(), "mime_type": "application/pdf"}
    done, _ = await made("GET", ONE, None, record, Accept=media)
    assert (done.reply.status, done.reply.body, done.reply.headers) == (200, b"%PDF\xff", (("Content-Type", media),))


@pytest.mark.parametrize("accept", ["*/*", "application/json, application/pdf;q=0.5", "image/png", "text/html"])
async def test_all_others_get_json(accept: str):
    """Also for a type that the file is not."""
    record = {"file": "eA==", "mime_type": "application/pdf"}
    done, _ = await made("GET", ONE, None, record, Accept=accept)
    assert done.reply.body["file"] == "eA=="


async def test_content_that_is_not_in_the_record_is_read_as_bytes():
    """v3.1's own path for it."""
    done, upstream = await made("GET", ONE, None, {"file_name": "a.pdf"})
    assert [request.path for request in upstream.sent] == [
        "/attachments/attachments-7",
        "/attachments/attachments-7/file",
    ]
    assert done.reply.body["file"] == b64encode(b"%PDF-1.4").decode()


async def test_a_list_neither_reads_nor_shows_content():
    """200 files would be half a gigabyte."""
    done, upstream = await made("GET", PATH, None, {"file_name": "a.pdf", "file": "eA=="})
    assert "file" not in dict(upstream.sent[0].query)["attributes"].split(",")
    assert "file" not in done.reply.body["$resources"][0]


async def test_an_owner_that_clients_know_by_another_number_keeps_it():
    """In a list and in one, whatever number Sage gave it later (reliability.md G6)."""
    record = {
        "file": "eA==",
        "attachment_context_type": {"id": "SALES_INVOICE"},
        "attachment_context": {"id": "i", "legacy_id": 4},
    }
    known = {("sales_invoices", "i"): 1_500_000_009}
    listed, _ = await made("GET", PATH, None, record, lookup=NamedFacts(known))
    read, _ = await made("GET", ONE, None, record, lookup=NamedFacts(known))
    owners = [listed.reply.body["$resources"][0]["attachment_context"], read.reply.body["attachment_context"]]
    assert [owner["id"] for owner in owners] == [1_500_000_009] * 2
    assert read.reply.body["file"] == "eA=="


def test_an_owner_without_a_number_or_of_an_unknown_type_is_no_pair():
    """Nor is a transaction that stands for it."""
    owner, kind = {"id": "i", "legacy_id": 4}, {"id": "JOURNAL"}
    assert seen({"attachment_context": owner, "attachment_context_type": kind}) == [("journals", "i", 4)]
    assert seen({}) == seen({"attachment_context": owner, "attachment_context_type": {"id": "X"}}) == []
    assert seen({"attachment_context": owner, "attachment_context_type": kind, "transaction": {"id": "i"}}) == []


@pytest.mark.parametrize("sent", [{"attachment_context_id": 5}, {"attachment_context_type_id": 3}])
async def test_a_change_names_a_record_whole_or_not_at_all(sent: dict[str, int]):
    """Its number and its type."""
    done, upstream = await made("PUT", ONE, sent, {})
    assert (done.reply.status, upstream.sent) == (422, [])


def test_every_type_of_record_has_a_kind_with_ids():
    """The numbers that clients send are looked up in it."""
    assert set(KIND_OF) == set(TYPES.number)
    assert set(KIND_OF.values()) - KINDS.keys() == set()


def test_a_name_says_what_a_file_is():
    """By a fixed table; a name without an extension says nothing."""
    said = {name: (extension_of(name), mime_type_of(name)) for name in ("a.PDF", "a.b.jpg", "a.xyz", "a", ".pdf", "a.")}
    octets = "application/octet-stream"
    assert said == {
        "a.PDF": (".pdf", "application/pdf"),
        "a.b.jpg": (".jpg", "image/jpeg"),
        "a.xyz": (".xyz", octets),
        "a": (None, octets),
        ".pdf": (None, octets),
        "a.": (None, octets),
    }
    assert mime_type_of(None) == octets


def test_only_a_write_of_an_attachment_may_be_large():
    """The edge asks before it reads a body."""
    assert body_limit("POST", PATH, 500) == body_limit("PUT", ONE, 500) == LARGEST_REQUEST == 8 * 1024 * 1024
    assert body_limit("POST", PATH, LARGEST_REQUEST + 1) == LARGEST_REQUEST + 1
    for method, path in (("GET", PATH), ("POST", ONE), ("POST", "/accounts/v2/contacts"), ("POST", "/nowhere")):
        assert body_limit(method, path, 500) == 500

"""What `attachments` do: they hang on a record of one of several kinds, and their content comes in base64."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from gateway.errors import BadCall, UpstreamFailed
from gateway.messages import Record, V3Response
from gateway.resources._files import BASE64
from gateway.translate.calls import Call
from gateway.translate.codecs import Codes
from gateway.translate.draft import Hole, ReplyDraft, RequestDraft, corrected
from gateway.translate.headers import OCTETS, wants
from gateway.translate.pages import Window, window
from gateway.translate.plans import Plan, down, down_all, gather, get, up
from gateway.translate.queries import Filter, given
from gateway.translate.rules import Reference
from gateway.translate.rules.reference import NO_RECORD, legacy_key

TYPES = Codes(
    "attachment_context_types",
    (
        (1, "PURCHASE_INVOICE", "Purchase Invoice"),
        (2, "PURCHASE_CREDIT_NOTE", "Purchase Credit Note"),
        (3, "SALES_INVOICE", "Sales Invoice"),
        (4, "SALES_CREDIT_NOTE", "Sales Credit Note"),
        (5, "SALES_QUOTE", "Sales Quote"),
        (6, "OTHER_PAYMENT", "Other Payment"),
        (7, "OTHER_RECEIPT", "Other Receipt"),
        (8, "JOURNAL", "Journal"),
    ),
)
"""What an attachment hangs on: 3 from v2.md's example, the other numbers (inferred); the codes are those of
v31_resources.md, of which PURCHASE_INVOICE and OTHER_PAYMENT are seen in use."""

KIND_OF = MappingProxyType(
    {
        "PURCHASE_INVOICE": "purchase_invoices",
        "PURCHASE_CREDIT_NOTE": "purchase_credit_notes",
        "SALES_INVOICE": "sales_invoices",
        "SALES_CREDIT_NOTE": "sales_credit_notes",
        "SALES_QUOTE": "sales_quotes",
        "OTHER_PAYMENT": "other_payments",
        "OTHER_RECEIPT": "other_receipts",
        "JOURNAL": "journals",
    }
)
"""The kind whose ids a context has, by its type."""

CONTEXT, CONTEXT_TYPE = "attachment_context_id", "attachment_context_type_id"


def context(type_sent: Any, sent: Any, root: str = "") -> tuple[Hole, str]:
    """The hole for the record that an attachment hangs on, and the v2 field that names it.

    v3.1 takes the two together (v31_resources.md). Raises BadCall where one is missing, or the type is none of TYPES.
    """
    for value, name in ((type_sent, CONTEXT_TYPE), (sent, CONTEXT)):
        if value in (None, ""):
            raise BadCall("blank", root + name)
    code = Reference("type", to=TYPES).modern(bare(type_sent), root + CONTEXT_TYPE)
    if code not in KIND_OF:
        raise BadCall("no such type of record", root + CONTEXT_TYPE)
    return Hole(KIND_OF[code], legacy_key(bare(sent), root + CONTEXT), by="legacy_id"), root + CONTEXT


def bare(value: Any) -> Any:
    """The id of `{id: 1}`, which some clients send in place of 1."""
    return value.get("id", value.get("$key")) if isinstance(value, dict) else value


def either(sent: Record, name: str) -> Any:
    """What was sent as `x_id`, or as `x`."""
    value = sent.get(name)
    return sent.get(name.removesuffix("_id")) if value in (None, "") else value


@dataclass(frozen=True)
class OfContext(Filter):
    """The attachments of one record: its number and its type's, together."""

    def write(self, draft: RequestDraft, params: dict[str, Any]) -> None:
        type_sent, sent = given(params, CONTEXT_TYPE), given(params, CONTEXT)
        if type_sent in (None, "") and sent in (None, ""):
            return
        hole, source = context(type_sent, sent)
        pair: list[Any] = [CONTEXT, None]
        draft.query += [[CONTEXT_TYPE, Reference("type", to=TYPES).modern(type_sent, CONTEXT_TYPE)], pair]
        draft.place(pair, 1, hole, source)


def shown_context(record: Record | None, kind: Record | None, transaction: Record | None) -> Any:
    """What it hangs on: its number, or the hole for it. v3.1 may name the record's transaction in its place
    (v31_resources.md, from the guide); then that one's origin is meant."""
    code = (kind or {}).get("id", "")
    if not record or code not in KIND_OF:
        return NO_RECORD
    if transaction and transaction.get("id") == record["id"]:
        return Hole("transactions", record["id"], want="origin", then=lambda origin: of_origin(KIND_OF[code], origin))
    number = record.get("legacy_id")
    return Hole(KIND_OF[code], record["id"], want="legacy_id", then=numbered) if number is None else numbered(number)


def of_origin(kind: str, origin: Record | None) -> Any:
    """The reference to what a transaction was posted for."""
    return Hole(kind, origin["id"], want="legacy_id", then=numbered) if origin and origin.get("id") else NO_RECORD


def numbered(number: Any) -> Record:
    """A v2 reference."""
    return NO_RECORD if number is None else {"id": number, "$key": number}


def unpacked(call: Call) -> Call:
    """A file that came as a record, as multipart bodies have it, in the attributes that v3.1 wants: what the client
    says beside it wins over what the file says of itself."""
    file = call.sent.get("file")
    if not isinstance(file, dict):
        return call
    media = file.get("type")
    told = {"file_name": file.get("filename"), "mime_type": None if media == OCTETS else media}
    missing = {name: value for name, value in told.items() if value and call.sent.get(name) in (None, "")}
    return replace(call, sent={**call.sent, **missing, "file": file.get("content")})


def with_context(call: Call, draft: RequestDraft) -> RequestDraft:
    """The write, with the record that the file hangs on where the client names one."""
    type_sent, sent = either(call.sent, CONTEXT_TYPE), either(call.sent, CONTEXT)
    if draft.body is not None and (draft.method == "POST" or any(one not in (None, "") for one in (type_sent, sent))):
        hole, source = context(type_sent, sent)
        draft.place(draft.body, CONTEXT, hole, source)
    return draft


def glance(call: Call) -> RequestDraft:
    """The request for the record without its content."""
    request = get(call)
    request.query.insert(0, ["attributes", ",".join(call.table.attributes)])
    return request


def seen(record: Record) -> list[tuple[str, str, int]]:
    """The number that an answer shows of what the attachment hangs on."""
    owner, code = record.get("attachment_context") or {}, (record.get("attachment_context_type") or {}).get("id", "")
    number, transaction = owner.get("legacy_id"), record.get("transaction") or {}
    if number is None or code not in KIND_OF or transaction.get("id") == owner["id"]:
        return []
    return [(KIND_OF[code], owner["id"], number)]


def one(call: Call, record: Record, status: int = 200, content: str | None = None) -> ReplyDraft:
    """The reply with an attachment, and its content where that was read."""
    # No attachment has a legacy id, so that there is no use in reading it again for one.
    reply = down(call, record, status, asked=True)
    if call.verb == "one":
        reply.body["file"] = content
    reply.seen += seen(record)
    reply.again = lambda numbers: one(call, corrected(record, numbers), status, content)
    return reply


def many(call: Call, records: list[Record], place: tuple[int, int, int]) -> ReplyDraft:
    """The reply with a list of attachments."""
    reply = down_all(call, records, place)
    reply.seen += [pair for record in records for pair in seen(record)]
    reply.again = lambda numbers: many(call, corrected(records, numbers), place)
    return reply


def attachments(call: Call) -> Plan:
    """GET list."""
    start, size = window(call.params)
    rows = Window(start, size)
    yield from gather(call, rows)
    return many(call, rows.rows, (rows.total, start, size))


def attachment(call: Call) -> Plan:
    """GET one, with its content in `file`; the content alone where Accept asks for bytes, or for the file's own type.

    Raises UpstreamFailed where only bytes will do and v3.1 has none that can be read.
    """
    answer: V3Response = yield get(call)
    record = answer.body
    content = record.get("file")
    if not content:
        path = [call.table.v3, record["id"], "file"]
        data: V3Response | None = yield RequestDraft("GET", path, accept=OCTETS, optional=True)
        content = b64encode(octets(data.body)).decode() if data else None
    media = next((kind for kind in (OCTETS, record.get("mime_type")) if kind and wants(call.request.headers, kind)), "")
    if not media:
        return one(call, record, content=content)
    try:
        return ReplyDraft(200, b64decode(BASE64.up(content, "file") or "", validate=True), (("Content-Type", media),))
    except BadCall:
        raise UpstreamFailed("Sage's content of this attachment cannot be read") from None


def octets(body: Any) -> bytes:
    """The bytes of an answer; exchange files hold text."""
    return body if isinstance(body, bytes) else str(body).encode()


def attach(call: Call) -> Plan:
    """POST. v3.1's own answer is shown: to read it once more would fetch the file again."""
    call = unpacked(call)
    answer: V3Response = yield with_context(call, up(call, creating=True))
    return one(call, answer.body, 201)


def change(call: Call) -> Plan:
    """PUT (doubtful in v2, there in v3.1)."""
    call = unpacked(call)
    draft = with_context(call, up(call))
    answer: V3Response = yield draft if draft.body else glance(call)
    reply = one(call, answer.body)
    reply.notes += [] if draft.body else draft.notes
    return reply


def remove(call: Call) -> Plan:
    """DELETE: the record that was deleted, without its content."""
    answer: V3Response = yield glance(call)
    yield RequestDraft("DELETE", [call.table.v3, answer.body["id"]])
    return one(call, answer.body)

"""DELETE of a document: v2 voided it, and answered with it (v2.md §6.22, §6.25)."""

from __future__ import annotations

from gateway.messages import Record, V3Response
from gateway.translate.calls import Call
from gateway.translate.codecs import text_up
from gateway.translate.draft import Hole, ReplyDraft, RequestDraft, corrected
from gateway.translate.plans import Plan, down, get

NO_REASON = "no void reason supplied"
"""v2's own text where a client gave none (v2.md §6.22, recorded)."""

LONGEST_REASON = 200
"""Characters of a void reason (v31_resources.md, sales_invoices)."""


def reason_given(call: Call) -> str:
    """The reason that the client gave, or v2's own. Raises BadCall for what is no text."""
    sent = call.params.get("void_reason") or call.sent.get("void_reason")
    return text_up(sent, "void_reason").strip() or NO_REASON


def void(call: Call) -> Plan:
    """DELETE of a sales document, which v3.1 voids."""
    given = reason_given(call)
    reason = given[:LONGEST_REASON]
    answer: V3Response = yield get(call)
    record = answer.body
    request = RequestDraft(
        "DELETE", [call.table.v3, record["id"]], [["void_reason", reason]], {"void_reason": reason}, root=None
    )
    if given != reason:
        request.note("cut", "void_reason", f"v3.1 holds {LONGEST_REASON} characters; the rest was cut")
    yield request
    return down_void(call, voided(record, reason))


def withdraw(call: Call) -> Plan:
    """DELETE of a purchase document, which v3.1 takes out of the books and shows no more: shown as v2 showed a void."""
    given = reason_given(call)
    answer: V3Response = yield get(call)
    record = answer.body
    request = RequestDraft("DELETE", [call.table.v3, record["id"]])
    if given != NO_REASON:
        request.note("unsupported", "void_reason", "v3.1 keeps no reason of a purchase document's void")
    yield request
    return down_void(call, voided(record, given))


def voided(record: Record, reason: str) -> Record:
    """A document as it is once it is void."""
    status = {"id": "VOID", "displayed_as": "Void"}
    return {**record, "status": status, "outstanding_amount": "0.0", "void_reason": reason}


def down_void(call: Call, record: Record) -> ReplyDraft:
    """The reply to a void: v1 gave the document's raw columns under its root key; v2 clients get the document too."""
    reply = down(call, record)
    body = reply.body
    raw = raw_columns(body, record)
    wrapped = {call.table.root: raw, "$key": body["$key"]}
    carriage = body.get("carriage_tax_code")
    for container, name, hole, source in tuple(reply.gaps):
        if container is body and name in raw:
            reply.gap(raw, name, hole, source)
        if container is body and name == "$key":
            reply.gap(wrapped, name, hole, source)
        if container is carriage and name == "id":
            reply.gap(raw, "carriage_tax_code_id", hole, source)
    if call.version == "v1":
        reply.gap(raw, "business_id", Hole("businesses", call.caller.business, want="legacy_id", shown=True))
        reply.body = wrapped
    else:
        body[call.table.root] = raw
    reply.again = lambda numbers: down_void(call, corrected(record, numbers))
    return reply


RAW = (
    "$key",
    "artefact_number_prefix",
    "carriage",
    "carriage_tax_rate_percentage",
    "contact_id",
    "contact_name",
    "created_at",
    "delivery_address",
    "delivery_address_same_as_main",
    "id",
    "lock_version",
    "main_address",
    "notes",
    "outstanding_amount",
    "reference",
    "tax_scheme_period_id",
    "terms_and_conditions",
    "total_net_amount",
    "total_tax_amount",
    "updated_at",
    "void_reason",
)
"""The raw columns that v1 gave under the root key of a void (v2.md §6.22, recorded; a purchase's §6.25)."""


def raw_columns(body: Record, record: Record) -> Record:
    """What v1 wrapped in the root key when it voided: plain numbers and ISO dates, whatever the dialect."""
    shown = body.get("artefact_number")
    raw = {
        **{name: body[name] for name in RAW if name in body},
        "artefact_number": int(shown) if shown and shown.isascii() and shown.isdigit() else shown,
        "date": record.get("date"),
        "status_id": 4,
        "is_opening_balance": False,
        "email_to": None,
        "pdf_file_id": None,
    }
    if "carriage_tax_code" in body:
        raw["carriage_tax_code_id"] = body["carriage_tax_code"].get("id")
    if "due_date" in body:
        raw["due_date"] = record.get("due_date")
    return raw

"""`sales_invoices` (v2.md §6.22)."""

from __future__ import annotations

from typing import Any

from gateway.messages import Record, V3Response
from gateway.resources._countries import COUNTRIES
from gateway.resources._customers import create_invoice
from gateway.resources._lines import KEPT, LINE, document_text, rates_of
from gateway.resources._parts import (
    ADDRESS_TEXT,
    DATES,
    LOCK_VERSION,
    STAMPS,
    STATUSES,
    address_taken,
    address_text,
    tax_on,
)
from gateway.translate.calls import Call
from gateway.translate.codecs import DATE, MONEY, plain, text, text_up
from gateway.translate.draft import ReplyDraft, RequestDraft, corrected
from gateway.translate.plans import Plan, down, get
from gateway.translate.queries import Filter
from gateway.translate.resource import Table
from gateway.translate.rules import Aside, Computed, Field, Identity, Nested, ReadOnly, Reference, Unsupported

NO_REASON = "no void reason supplied"
"""v2's own text where a client gave none (v2.md §6.22, recorded)."""

LONGEST_REASON = 200
"""Characters of a void reason (v31_resources.md, sales_invoices)."""

MAIN = "main_address"


def bare_number(shown: Any, prefix: Any) -> str:
    """A document's number without its prefix: `117` of `SI-117`."""
    text_shown = plain(shown)
    return text_shown.removeprefix(prefix) if prefix else text_shown


def full_number(shown: Any, prefix: Any) -> str:
    """A document's number with its prefix, whether v3.1 showed it so or apart."""
    return f"{plain(prefix)}{bare_number(shown, prefix)}"


def same_text(free: Any, parts: Any, delivery_free: Any, delivery: Any) -> bool:
    """Whether goods go to the main address."""
    there = address_text(delivery_free, delivery)
    return there is not None and there == address_text(free, parts)


def void(call: Call) -> Plan:
    """DELETE: v2 voided, and answered with the invoice (v2.md §6.22)."""
    sent = call.params.get("void_reason") or call.sent.get("void_reason")
    given = text_up(sent, "void_reason").strip() or NO_REASON
    reason = given[:LONGEST_REASON]
    answer: V3Response = yield get(call)
    record = answer.body
    request = RequestDraft(
        "DELETE", [call.table.v3, record["id"]], [["void_reason", reason]], {"void_reason": reason}, root=None
    )
    if given != reason:
        request.note("cut", "void_reason", f"v3.1 holds {LONGEST_REASON} characters; the rest was cut")
    yield request
    voided = {
        **record,
        "status": {"id": "VOID", "displayed_as": "Void"},
        "outstanding_amount": "0.0",
        "void_reason": reason,
    }
    return down_void(call, voided)


def down_void(call: Call, voided: Record) -> ReplyDraft:
    """The reply to a void: the invoice, and its raw columns under the root key."""
    reply = down(call, voided)
    raw = raw_columns(reply.body, voided)
    carriage = reply.body["carriage_tax_code"]
    for container, name, hole, source in tuple(reply.gaps):
        if container is reply.body and name in raw:
            reply.gap(raw, name, hole, source)
        elif container is carriage and name == "id":
            reply.gap(raw, "carriage_tax_code_id", hole, source)
    reply.body[call.table.root] = raw
    reply.again = lambda numbers: down_void(call, corrected(voided, numbers))
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
"""The raw columns that v1 gave under the root key of a void (v2.md §6.22, recorded)."""


def raw_columns(body: Record, voided: Record) -> Record:
    """What v1 wrapped in the root key when it voided: plain numbers and ISO dates, whatever the dialect."""
    shown = body["artefact_number"]
    return {
        **{name: body[name] for name in RAW if name in body},
        "artefact_number": int(shown) if shown.isascii() and shown.isdigit() else shown,
        "carriage_tax_code_id": body["carriage_tax_code"].get("id"),
        "date": voided.get("date"),
        "due_date": voided.get("due_date"),
        "status_id": 4,
        "is_opening_balance": False,
        "email_to": None,
        "pdf_file_id": None,
    }


TABLES = (
    Table(
        "sales_invoices",
        Identity(),
        Computed("artefact_number", of=("invoice_number", "invoice_number_prefix"), told=bare_number),
        ReadOnly("artefact_number_prefix", "invoice_number_prefix"),
        Computed("invoice_number", of=("invoice_number", "invoice_number_prefix"), told=full_number),
        Reference("status", to=STATUSES, name="displayed_as"),
        Reference("contact", to="contacts", flat="contact_id", required="blank"),
        Field("contact_name", codec=text(255)),
        Field("date", codec=DATE, required="invalid date"),
        Field("due_date", codec=DATE),
        *STAMPS,
        Field("reference", codec=document_text(25)),
        ReadOnly("void_reason", codec=document_text()),
        ReadOnly("outstanding", "outstanding_amount", MONEY, aliases=("outstanding_amount",)),
        ReadOnly("total_net_amount", "net_amount", MONEY),
        ReadOnly("total_tax_amount", "tax_amount", MONEY),
        Unsupported("tax_scheme_period_id", "v3.1 does not number tax periods", 0),
        Field("carriage", "shipping_net_amount", MONEY),
        Reference("carriage_tax_code", "shipping_tax_rate", to="tax_rates", aliases=("carriage_tax_rate",)),
        Computed(
            "",
            "shipping_tax_amount",
            of=("shipping_net_amount", "shipping_tax_rate/percentage"),
            reckon=tax_on,
            was=("shipping_tax_rate",),
            on="date",
        ),
        Computed(
            "carriage_tax_rate_percentage",
            of=("shipping_tax_breakdown", "shipping_tax_rate", "shipping_tax_amount", "shipping_net_amount"),
            told=rates_of,
        ),
        Computed(
            "main_address",
            MAIN,
            of=("main_address_free_form", MAIN),
            told=address_text,
            codec=ADDRESS_TEXT,
            taken=address_taken(MAIN),
        ),
        Field("main_address_street_1", f"{MAIN}.address_line_1", text(50)),
        Field("main_address_street_2", f"{MAIN}.address_line_2", text(50)),
        Field("main_address_locality", f"{MAIN}.city", text(50)),
        Field("main_address_postcode", f"{MAIN}.postal_code", text(10)),
        Reference(
            "main_address_country",
            f"{MAIN}.country",
            to=COUNTRIES,
            codes=True,
            flat="main_address_country_id",
            flat_only=True,
        ),
        Computed(
            "delivery_address",
            "delivery_address",
            of=("delivery_address_free_form", "delivery_address"),
            told=address_text,
            codec=ADDRESS_TEXT,
            taken=address_taken("delivery_address"),
        ),
        Computed(
            "delivery_address_same_as_main",
            of=("main_address_free_form", MAIN, "delivery_address_free_form", "delivery_address"),
            told=same_text,
        ),
        Field("notes", codec=document_text(2000)),
        Field("terms_and_conditions", codec=document_text(2000)),
        Aside("customer_company", "finds or names the contact of an invoice that has none"),
        Aside("customer_tax_number", "finds or names the contact of an invoice that has none"),
        Unsupported("vat_exemption_reason_id", "v3.1 has no exemption reasons; the tax rate alone says it"),
        Nested(
            "line_items",
            "invoice_lines",
            of=LINE,
            holds="sales_invoice_lines",
            many=True,
            keep=KEPT,
            aliases=("invoice_lines",),
            required="blank",
        ),
        LOCK_VERSION,
        v3="sales_invoices",
        root="sales_invoice",
        verbs="list one create update delete",
        filters=(
            Filter("contact", "contact_id", to="contacts", aliases=("contact_id",)),
            Filter("status", "status_id", to=STATUSES, aliases=("status_id",)),
            Filter("search"),
            *DATES,
        ),
        queries={"one": (("mark_as_sent", "false"), ("show_analysis_types", "true")), "list": (("sort", "date:desc"),)},
        expands=("one",),
        parts={
            MAIN: ("region", "address_type_id", "country_group_id"),
            "delivery_address": ("country_id", "address_type_id", "country_group_id"),
        },
        plans={"create": create_invoice, "delete": void},
        pdf=True,
        serial=True,
        notes="DELETE voids",
    ),
)

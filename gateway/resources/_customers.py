"""The contact of a sales document that names none: Portuguese clients send the customer's data instead (v2.md §7.2)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from gateway.errors import BadCall
from gateway.messages import Note, Record, V3Response
from gateway.resources._missing import given
from gateway.translate.calls import Call
from gateway.translate.codecs import plain, text_up
from gateway.translate.draft import Draft, FactsDraft, Hole, RequestDraft
from gateway.translate.plans import Plan, create, every, up

LONGEST_NAME = 100
"""Characters of a contact's name (v31_resources.md, contacts)."""


def create_for_customer(call: Call) -> Plan:
    """POST; a document that names no contact gets the one that its customer's data find, or a new one."""
    if any(given(call.sent, name) for name in ("contact_id", "contact")):
        return (yield from create(call))
    yield rehearsal(call)
    contact, note = yield from customer(call)
    reply = yield from create(call, {"contact_id": contact})
    reply.notes.append(note)
    return reply


def rehearsal(call: Call) -> FactsDraft:
    """The document before its contact is known: what will be refused is refused before a contact is made for it."""
    draft = up(call, creating=True, known={"contact_id": ""})
    check = FactsDraft(draft.body)
    check.gaps = [gap for gap in draft.gaps if gap[2].then is None]
    return check


def customer(call: Call) -> Generator[Draft, Any, tuple[str, Note]]:
    """The contact, and how it was come by: the one with the exact tax number, else with the exact company name, else a
    new one; where nothing was sent the app's `cash_customer`. Raises BadCall where nothing says whose it is."""
    company, tax_number = (
        text_up(call.sent.get(name), name).strip() for name in ("customer_company", "customer_tax_number")
    )
    if not company and not tax_number:
        return (yield from cash_customer(call))
    company = company[:LONGEST_NAME].strip()
    namesake: str | None = None
    for search in searches(company, tax_number):
        query = [*search, ["contact_type_id", "CUSTOMER"], ["attributes", "name,tax_number"]]
        for row in (yield from every("contacts", query)):
            held = plain(row.get("tax_number")).strip()
            if tax_number and held == tax_number:
                return row["id"], FOUND
            if namesake is None and is_namesake(row, company, not (tax_number and held)):
                namesake = row["id"]
    if namesake is not None:
        return namesake, FOUND
    body: Record = {"name": company or tax_number[:LONGEST_NAME], "contact_type_ids": ["CUSTOMER"]}
    if tax_number:
        body["tax_number"] = tax_number
    answer: V3Response = yield RequestDraft("POST", ["contacts"], body=body, root="contact")
    return answer.body["id"], Note("contact_created", "contact_id", "no contact was sent; one was created")


def searches(company: str, tax_number: str) -> list[list[list[str]]]:
    """Where a customer is looked for, one after the other, until the tax number is met: the lists' filters.

    v3.1 does not say what `search` looks into (v31_openapi.json: "free-text filter"); tax numbers may not be among it.
    So no contact is made, or taken by its name, before all customers are read; but last, since that takes a page for
    each 200, and one who comes again comes under the same name mostly.
    """
    named = [[["search", words]] for words in dict.fromkeys(filter(None, (tax_number, company)))]
    return [*named, []] if tax_number else named


FOUND = Note("contact_found", "contact_id", "no contact was sent; the customer's was found")
CASH = Note("contact_found", "contact_id", "no contact was sent; the app's cash customer was taken")


def is_namesake(row: Record, company: str, unnumbered: bool) -> bool:
    """Whether a contact has the company's exact name, and no other tax number that stands against it."""
    return unnumbered and bool(company) and plain(row.get("name")).strip() == company


def cash_customer(call: Call) -> Generator[Draft, Any, tuple[str, Note]]:
    """The app's contact for sales to nobody in particular. Raises BadCall where it has none."""
    if call.caller.cash_customer is None:
        raise BadCall("blank", "contact_id")
    cash = FactsDraft([None])
    cash.gap(cash.message, 0, Hole("contacts", call.caller.cash_customer, by="legacy_id"), "contact_id")
    return (yield cash).message[0], CASH

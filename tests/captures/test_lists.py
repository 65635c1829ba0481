"""Recorded lists find what they ask for, in the window they ask for."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest

from gateway.sandbox.books import Books, Record, Ref
from tests.captures.capture_house import House, customer
from tests.captures.clients import CLIENTS, Client, client_of
from tests.captures.fitting import fit
from tests.captures.held import iso
from tests.captures.recorded import Capture, read_captures, read_refused

REFUSED = {line for entry in read_refused() for line in entry.lines}
WINDOW = {"$startIndex": 0, "$itemsPerPage": 20}


def asked(capture: Capture) -> dict[str, str]:
    """The parameters of a read, from its query and, as one client sends them, its body."""
    query = capture.message.target.partition("?")[2]
    return dict(parse_qsl(query) + parse_qsl(capture.message.body.decode()))


FILTERED = {"contacts", "sales_invoices"}
LISTS = [
    each
    for each in read_captures()
    if each.message.method == "GET" and each.line not in REFUSED and each.resource in FILTERED and asked(each)
]
named = pytest.mark.parametrize("capture", LISTS, ids=lambda each: each.name)


@pytest.fixture(scope="module")
def stocked(house: House) -> House:
    """Books in which each recorded filter finds something."""
    for client in (CLIENTS["gb_plain"], CLIENTS["pt_plain"]):
        for email in ("j@example.com", "a.b+c d@example.com"):
            house.fresh_contact(client, name="John Smith", company="", email=email)
        house.fresh_payment(client, house.fresh_invoice(client, house.customer(client))["id"])
    return house


def person(books: Books, contact: Record) -> Record:
    return books.at(contact.get("main_contact_person")) or {}


def found(house: House, client: Client, resource: str, wanted: dict[str, str]) -> list[Record]:
    """The records of the stand-in that meet every filter, found without asking it."""
    live = house.books(client).live(resource)
    return [each for each in live if all(meets(house, client, each, *pair) for pair in wanted.items())]


def meets(house: House, client: Client, record: Record, name: str, value: str) -> bool:
    """Whether a record of the stand-in meets one filter."""
    books = house.books(client)
    match name:
        case "email":
            return str(person(books, record).get("email", "")).casefold() == value.casefold()
        case "contact_type_id" | "contact[contact_type]":
            return Ref("contact_types", {"1": "CUSTOMER", "2": "VENDOR"}[value]) in record["contact_types"]
        case "contact":
            return bool(books.at(record["contact"]) == customer(books))
        case "status":
            return bool(record["status"] == Ref("artefact_statuses", {"2": "PART_PAID"}[value]))
        case "from_date" | "start_date":
            return str(record["date"]) >= iso(value)
        case "to_date":
            return str(record["date"]) <= iso(value)
        case _:
            return True


@named
def test_a_recorded_filter_finds_what_it_asks_for(stocked: House, capture: Capture) -> None:
    """All records that meet it, and no other: by e-mail, type, contact and dates."""
    client, wanted = client_of(capture), asked(capture)
    body = stocked.send(fit(capture, stocked).message).json
    rows = body if isinstance(body, list) else body["$resources"]
    if "search" in wanted:
        assert searched(rows, wanted["search"])
        return
    expected = found(stocked, client, capture.resource, wanted)
    assert (len(body) if isinstance(body, list) else body["$totalResults"]) == len(expected)
    assert expected or "email" in wanted
    shown = {row["company"] if capture.resource == "contacts" else row["reference"] for row in rows}
    key = "name" if capture.resource == "contacts" else "reference"
    assert shown <= {each[key] for each in expected}


def searched(rows: list[dict[str, Any]], words: str) -> bool:
    """Whether a search found those it should, and none where there is nobody."""
    if words.startswith("Nobody") or words in ("Smith Ltd", "Smith & Co"):
        return not rows
    return bool(rows) and all(words in row["name"] for row in rows)


@named
def test_a_recorded_window_is_served_as_asked(stocked: House, capture: Capture) -> None:
    """`$startIndex` is a row, `$itemsPerPage` a size: the same rows as in the whole list. A bare array has all."""
    client, wanted = client_of(capture), asked(capture)
    body = stocked.send(fit(capture, stocked).message).json
    if isinstance(body, list):
        assert wanted.keys() == {"contact_type_id"}
        return
    start, size = (int(wanted.get(name, usual)) for name, usual in WINDOW.items())
    assert (body["$startIndex"], body["$itemsPerPage"]) == (start, size)
    if wanted.keys() <= WINDOW.keys():
        path = f"/accounts/{capture.version}/{capture.resource}"
        assert body["$resources"] == stocked.ask(client, "GET", path)["$resources"][start : start + size]
        assert len(body["$resources"]) == min(size, body["$totalResults"] - start)

"""Every capture, of v1 and v2, sent byte for byte over a socket, works.

Only ids, some clients' tokens and, where these are signed, signatures differ from what was recorded.
"""

from __future__ import annotations

import copy
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from gateway.sandbox.books import Record, Ref
from tests.captures import held
from tests.captures.capture_house import COST, SALES, House, customer
from tests.captures.clients import Client
from tests.captures.fitting import Fitted, fit
from tests.captures.form import Sent, fields, sent
from tests.captures.recorded import Capture, read_captures, read_refused
from tests.captures.replayed import SHELVES, Replayed

CAPTURES = read_captures()
REFUSED = {line for entry in read_refused() for line in entry.lines}
SERVED = [each for each in CAPTURES if each.line not in REFUSED]


def those(method: str) -> Any:
    chosen = [each for each in SERVED if each.message.method == method and rooted(each)]
    return pytest.mark.parametrize("capture", chosen, ids=lambda each: each.name)


def rooted(capture: Capture) -> bool:
    """Whether it is a read, or its form is about its resource."""
    pairs = sent(capture.message.body)
    return capture.message.method != "POST" or any(key.startswith(capture.root) for key, _ in pairs)


def test_all_captures_are_replayed() -> None:
    """863 requests of legacy clients; none is left out but by its name in refused.toml."""
    assert len(CAPTURES) == 863
    assert len(SERVED) + len(REFUSED) == len(CAPTURES)
    assert {each.message.method for each in SERVED} == {"GET", "POST", "PUT", "DELETE"}


def test_the_gateway_answers_untouched_captures(house: House) -> None:
    """Where a capture names no id and its token is not another app's, its own bytes and signature are sent."""
    untouched = Counter(fit(each, house).original for each in SERVED if not each.path[-1].isdigit())
    assert untouched[True] == 376


@those("GET")
def test_a_recorded_read_works(house: House, capture: Capture) -> None:
    """200, what its client reads in the types it reads, and nothing in v3.1 has changed."""
    replayed = Replayed(house, capture, fit(capture, house))
    assert replayed.created | replayed.changed == set()
    if capture.pdf:
        assert replayed.reply.status == 200
        assert replayed.reply.headers["content-type"] == "application/pdf"
        assert replayed.reply.body.startswith(b"%PDF")
        return
    body = replayed.body()
    if replayed.fitted.path_ids:
        assert body.get("id", body["$key"]) == replayed.fitted.path_ids[-1]


@those("POST")
def test_a_recorded_create_works(house: House, capture: Capture) -> None:
    """Exactly 201; v3.1 holds what was typed, once; the reply's id reads the same record again."""
    fitted = fit(capture, house)
    make_room(house, fitted)
    replayed = Replayed(house, capture, fitted)
    body = replayed.body(201)
    record = replayed.made()
    pairs = sent(fitted.message.body)
    assert wrong_in(house, replayed, record, pairs) == {}
    path = fitted.message.target.partition("?")[0].removeprefix("/test").rstrip("/")
    assert house.ask(replayed.client, "GET", f"{path}/{body['id']}") == body


def make_room(house: House, fitted: Fitted) -> None:
    """The recorded clients all create a product `W1` and an account 1237, and all invoice customers of one tax number:
    in one set of books there is one of each at a time."""
    typed = fields(sent(fitted.message.body))
    code, company, tax_number = (
        typed.get(name) for name in ("product_code", "customer_company", "customer_tax_number")
    )
    books = house.books(fitted.client)
    for record in list(books.live("products")):
        if code and record.get("item_code") == code:
            books.delete(record)
    for record in list(books.live("ledger_accounts")):
        if typed.get("nominal_code") == str(record["nominal_code"]):
            books.delete(record)
    for record in books.live("contacts"):
        if tax_number and record.get("tax_number") == tax_number and record["name"] != company:
            record["tax_number"] = str(house.number())


def wrong_in(house: House, replayed: Replayed, record: Record, pairs: Sent) -> dict[str, Any]:
    """Where the new record is not what was typed, and what else changed."""
    books, client = replayed.books, replayed.client
    also = replayed.also(replayed.created - {(client.business, replayed.shelf, record["id"])})
    changed = replayed.also(replayed.changed)
    match replayed.capture.resource:
        case "contacts":
            wrong = held.contact(books, record, pairs)
        case "sales_invoices":
            owner = owner_of(replayed, pairs, also)
            wrong = held.invoice(record, pairs, owner)
        case "payments":
            paid = books.get("sales_invoices", record["allocated_artefacts"][0]["artefact"].id)
            bank = next(each for each in books.live("bank_accounts") if each["legacy_id"] == house.bank(client))
            wrong = held.payment(record, pairs, paid["id"], bank["id"], client.country)
            assert paid["outstanding_amount"] == paid["total_amount"] - record["total_amount"]
            assert changed.pop("sales_invoices") == 1
        case "products":
            wrong = held.product(record, pairs)
        case "services":
            wrong = held.service(record, pairs)
        case "purchase_invoices":
            wrong = held.purchase(record, pairs, customer(books, "VENDOR")["id"])
        case "incomes":
            wrong = held.money(books, record, pairs, "OTHER_RECEIPT", SALES)
        case "expenses":
            wrong = held.money(books, record, pairs, "OTHER_PAYMENT", COST)
        case "journals":
            wrong = held.journal(books, record, pairs)
        case _:
            wrong = held.ledger_account(record, pairs)
    return {**wrong, **also, **changed}


def owner_of(replayed: Replayed, pairs: Sent, also: Counter[str]) -> str:
    """The contact that the invoice must be for: the one named, the customer's, else the app's cash customer."""
    given = fields(pairs)
    books = replayed.books
    if "customer_company" in given:
        also.pop("contacts", None)
        wanted = {"name": given["customer_company"], "tax_number": given["customer_tax_number"]}
        (found,) = (each for each in books.live("contacts") if not held.differences(wanted, each))
        return str(found["id"])
    if replayed.fitted.contact is None:
        return str(customer(books)["id"])
    return str(next(each["id"] for each in books.live("contacts") if each.get("legacy_id") == replayed.fitted.contact))


@those("PUT")
def test_a_recorded_update_works(house: House, capture: Capture) -> None:
    """200; what was sent has changed, and all else of the record is as it was."""
    fitted = fit(capture, house)
    books, shelf = house.books(fitted.client), SHELVES.get(capture.resource, capture.resource)
    if capture.resource == "financial_settings":
        check_settings(house, capture, fitted)
        return
    before = copy.deepcopy(newest(house, fitted.client, shelf))
    replayed = Replayed(house, capture, fitted)
    body = replayed.body()
    assert body["id"] == fitted.path_ids[-1]
    assert replayed.also(replayed.created) == Counter()
    after = books.get(shelf, before["id"])
    pairs = sent(fitted.message.body)
    if not pairs:
        assert replayed.changed == set()
        return
    assert replayed.also(replayed.changed) in (Counter(), Counter({shelf: 1}))
    assert {key for _, found, key in replayed.changed if found == shelf} <= {before["id"]}
    assert updated(replayed, before, after, pairs) == {}


def check_settings(house: House, capture: Capture, fitted: Fitted) -> None:
    """The settings are one record, which only the day sent changes."""
    settings = house.books(fitted.client).singletons["financial_settings"]
    settings["year_end_date"] = "2015-03-31"
    expected = {**settings, "year_end_date": "2016-12-31"}
    replayed = Replayed(house, capture, fitted)
    assert replayed.body()["year_end_date"] == "2016-12-31"
    after = replayed.books.singletons["financial_settings"]
    assert held.differences({**expected, "updated_at": after["updated_at"]}, after) == {}
    assert replayed.created == set()
    assert replayed.changed == {(fitted.client.business, "", "")}


def newest(house: House, client: Client, shelf: str) -> Record:
    return list(house.books(client).shelf(shelf).values())[-1]


def updated(replayed: Replayed, before: Record, after: Record, pairs: Sent) -> dict[str, Any]:
    """Where the record is not what it was but for what was sent."""
    given = fields(pairs)
    if replayed.capture.resource == "contacts":
        wrong = held.contact(replayed.books, after, pairs, created=False)
        expected = {**before, "name": given.get("company_name") or before["name"]}
    else:
        expected, wrong = {**before}, {}
        expected |= {name: given[name] for name in ("reference", "date", "due_date", "description") if name in given}
        if "sales_price" in given:
            first, *rest = before["sales_prices"]
            expected["sales_prices"] = [{**first, "price": Decimal(given["sales_price"])}, *rest]
    for name in {"sales_prices", "sales_rates"} & expected.keys():
        both = zip(expected[name], after[name], strict=True)
        expected[name] = [old | {stamp: new[stamp] for stamp in ("created_at", "updated_at")} for old, new in both]
    return wrong | held.differences({**expected, "updated_at": after["updated_at"]}, after)


@those("DELETE")
def test_a_recorded_delete_works(house: House, capture: Capture) -> None:
    """200 with the record as it was; what was in the books is void, and says so."""
    fitted = fit(capture, house)
    target = newest(house, fitted.client, SHELVES.get(capture.resource, capture.resource))
    replayed = Replayed(house, capture, fitted)
    body = replayed.body()
    assert body["$key"] == fitted.path_ids[-1]
    match capture.resource:
        case "sales_invoices":
            check_void(capture, target, body)
        case "purchase_invoices":
            assert target["deleted_at"]
            wrapper = body["purchase_invoice"]
            assert (wrapper["status_id"], wrapper["outstanding_amount"]) == (4, "0.0")
        case "incomes" | "expenses":
            assert target["deleted_at"]
            assert body["voided"] is True
        case _:
            assert target["deleted_at"]


def check_void(capture: Capture, target: Record, body: dict[str, Any]) -> None:
    """An invoice is void, with the reason, in the wrapper that v1 gave it."""
    reason = "mistake" if "void_reason=mistake" in capture.message.target else "no void reason supplied"
    assert (target["status"], target["void_reason"]) == (Ref("artefact_statuses", "VOID"), reason)
    wrapper = body["sales_invoice"]
    assert (wrapper["id"], wrapper["status_id"], wrapper["void_reason"]) == (body["$key"], 4, reason)
    assert wrapper["outstanding_amount"] == "0.0"
    if capture.version == "v2":
        assert (body["status"]["id"], body["outstanding_amount"], body["void_reason"]) == (4, "0.0", reason)


FIRST_CREATES = {
    (each.client, each.resource): each
    for each in reversed(SERVED)
    if each.message.method == "POST" and rooted(each) and each.message.header("X-Nonce")
}
"""Of clients that send a nonce: without one, a repeat cannot be told from a second order."""


@pytest.mark.parametrize("capture", FIRST_CREATES.values(), ids=lambda each: each.name)
def test_a_recorded_create_that_comes_twice_happens_once(house: House, capture: Capture) -> None:
    """The same bytes again get the first answer: a client that lost it pays nothing twice."""
    fitted = fit(capture, house)
    make_room(house, fitted)
    first = house.send(fitted.message)
    again = Replayed(house, capture, fitted)
    assert again.created | again.changed == set()
    assert (again.reply.status, again.reply.body) == (first.status, first.body)


FOREIGN = [each for each in SERVED if not rooted(each)]


@pytest.mark.parametrize("capture", FOREIGN, ids=lambda each: each.name)
def test_the_signer_gems_specs_pass(house: House, capture: Capture) -> None:
    """Forms about nothing that v2 had, rightly signed below `/test`, get 200 and change nothing."""
    replayed = Replayed(house, capture, fit(capture, house))
    assert (replayed.reply.status, replayed.reply.json) == (200, {})
    assert replayed.created | replayed.changed == set()

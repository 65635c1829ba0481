"""What Sage's real v1 server answered, we answer: the same keys, types, forms, and values that no books decide.

Each difference is listed, with its reason, in tests/data/v1_differences.toml.
"""

from __future__ import annotations

import re

import pytest

from tests.captures.capture_house import House
from tests.captures.clients import CLIENTS
from tests.captures.fitting import Swap
from tests.captures.form import fields, sent
from tests.captures.real_server import FIXED_LISTS, Comparison, Difference, Real, read_differences, read_real
from tests.captures.wire import Reply

REAL = read_real()
LISTED = read_differences()
CLIENT = CLIENTS["gb_plain"]
CREATED = [each for each in REAL if (each.method, each.status) == ("POST", 201)]
MAKERS = {each.path[0]: each for each in reversed(CREATED)}
"""The recorded call that makes a record of a resource."""
DELETED = {each.path[0]: each for each in CREATED}
"""That which made the record that was then deleted: the last one."""
MADE = {"contacts", "incomes", "expenditures", "products", "sales_invoices"}
"""Resources whose recorded GET, PUT and DELETE are of a record that such a call made."""


def again(house: House, real: Real, number: int | None = None) -> Reply:
    """The same call, with numbers of records that are here."""
    swap = Swap(house, CLIENT, real.resource)
    for account in [each for each in house.books(CLIENT).live("ledger_accounts") if each["nominal_code"] == 1237]:
        house.books(CLIENT).delete(account)
    target = real.target if number is None else re.sub(r"/\d+$", f"/{number}", real.target)
    return house.call(CLIENT, real.method, target, swap.text(real.sent))


def number_for(house: House, real: Real) -> int | None:
    """The number in the call's path here: a fixed list's own, an account's, or that of a record made for it."""
    if not real.path[-1].isdigit() or real.path[0] in FIXED_LISTS:
        return None
    if real.path[0] not in MADE:
        return house.account(CLIENT)
    made = again(house, (DELETED if real.method == "DELETE" else MAKERS)[real.path[0]])
    assert made.status == 201, made
    number = made.json["id"]
    assert isinstance(number, int)
    return number


def compared(house: House, real: Real) -> tuple[Reply, set[Difference]]:
    """Our reply to the recorded call, and how it differs."""
    reply = again(house, real, number_for(house, real))
    fixed = real.status >= 400 or real.path[0] in FIXED_LISTS
    only = fields(sent(real.sent)) if real.method == "PUT" else {}
    comparison = Comparison(real.endpoint, fixed, real.method != "GET", frozenset(only))
    return reply, set(comparison.of([real.body], reply.json))


@pytest.mark.parametrize("real", REAL, ids=lambda each: each.name)
def test_the_real_servers_answer_is_ours_too(house: House, real: Real) -> None:
    """Status, media type of a success, whether the body is bare, every key with its type; no unlisted difference."""
    reply, differences = compared(house, real)
    assert reply.status == real.status, reply
    if real.status < 400:
        assert reply.headers["content-type"] == real.kind
    assert sorted(differences - LISTED.keys()) == []


def test_every_listed_difference_is_still_there(house: House) -> None:
    """What is cured is struck off the list."""
    found = set().union(*(compared(house, each)[1] for each in REAL))
    assert sorted(LISTED.keys() - found) == []


def test_every_difference_has_its_reason() -> None:
    """One that a reader can check."""
    assert [each for each, reason in LISTED.items() if len(reason) < 20] == []


@pytest.mark.parametrize(
    ("recorded", "ours", "field"),
    [
        ({"a": "1.0"}, {}, "a"),
        ({"a": "1.0"}, {"a": 1}, "a"),
        ({"a": "31/12/2014"}, {"a": "2014-12-31"}, "a"),
        ({"a": 0}, {"a": False}, "a"),
        ({"a": ""}, {"a": None}, "a"),
        ({"a": {"id": 1, "$key": 1}}, {"a": {"id": 1}}, "a.$key"),
        ([{"a": 1}], {"$resources": [{"a": 1}]}, ""),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {}], "a"),
    ],
)
def test_another_shape_is_a_difference(recorded: object, ours: object, field: str) -> None:
    """A missing key, another type, another form of a date, an envelope in place of an array."""
    assert [each.field.lstrip(".") for each in Comparison("GET /x").of([recorded], ours)] == [field]


def test_another_value_is_a_difference_only_where_no_books_decide_it() -> None:
    """Of a record written by the same call its texts are the same, its number another."""
    recorded, ours = {"id": 1, "$key": 1, "name": "Foo"}, {"id": 2, "$key": 2, "name": "Bar"}
    assert list(Comparison("GET /x").of([recorded], ours)) == []
    assert [each.field for each in Comparison("POST /x", written=True).of([recorded], ours)] == ["name"]
    assert [each.field for each in Comparison("GET /x", fixed=True).of([recorded], ours)] == ["$key", "id", "name"]

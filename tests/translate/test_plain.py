"""Plain records: the same reply as from JSON, or none."""

from __future__ import annotations

import json
import typing
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.edges.answers import read_answer
from gateway.exchange import exchange
from gateway.messages import Caller, V2Request, V3Request, V3Response
from gateway.resources.registry import TABLES
from gateway.translate.codecs import MONEY, text
from gateway.translate.draft import Draft, ReplyDraft, corrected
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Field, Identity, Nested, Reference
from gateway.translate.rules.expanded import Expanded
from gateway.translate.source import Plain
from tests.echo import NamedFacts

PLAIN = [table for table in TABLES if table.v3 and table.rules.plain]
WILD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from((0, 1, 10**20, -1.5, 1e3, "", "x", "é" * 49, "é" * 50, "2026-01-31T00:00:00Z", "CUSTOMER")),
    st.sampled_from(({}, [], [{}], {"id": "a"}, [{"id": "a", "legacy_id": 5}], [None])),
)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """JSON of a type, and now and then of another."""
    inner = [each for each in (typing.get_args(kind) or (kind,)) if each is not type(None)]
    if typing.get_origin(kind) is list:
        return st.lists(values(inner[0]), max_size=2)
    first = inner[0]
    if typing.get_origin(first) is list:
        sound = values(first)
    elif isinstance(first, type) and issubclass(first, msgspec.Struct):
        sound = records(first)
    elif first is int:
        sound = st.integers(1, 10**6)
    elif first is Any:
        sound = WILD
    else:
        sound = st.sampled_from(("a", "GB", "words", "é" * 9, "2026-01-31T10:00:00Z"))
    return st.integers(0, 19).flatmap(lambda n: sound if n else WILD)


def records(kind: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects of a type; what need not be there is sometimes not, and there is more that nobody reads."""
    fields = msgspec.structs.fields(kind)
    needed = {field.encode_name: values(field.type) for field in fields if field.required}
    others = {field.encode_name: values(field.type) for field in fields if not field.required}
    return st.fixed_dictionaries({**needed, "$path": st.just("/x")}, optional=others)


def shown(down: Any, record: Any, asked: bool) -> tuple[Any, ...]:
    """The reply of one record, its gaps and the pairs seen; what reads no such record, by its error."""
    draft = Draft()
    try:
        made = down(record, draft, asked)
    except Exception as error:  # noqa: BLE001 - a wrong shape may break any rule: both must break
        return (type(error),)
    gaps = [(key, hole.kind, hole.known, hole.want, hole.by, hole.shown) for _, key, hole, _ in draft.gaps]
    return made, gaps, draft.seen


@pytest.mark.parametrize("table", PLAIN, ids=lambda table: table.name)
def test_a_plain_record_is_shown_as_its_json_is(table):
    """All that can be decoded as a plain record becomes the same v2 record, with the same gaps."""
    plain = table.rules.plain

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(st.lists(records(plain.type), min_size=1, max_size=2), st.booleans())
    def law(rows, asked):
        raw = json.dumps({"$items": rows}).encode()
        read = [
            read_answer(200, (), raw, accept="application/json", empty=False, rows=kind).body["$items"]
            for kind in (None, plain.type)
        ]
        for record, row in zip(*read, strict=True):
            expected = shown(table.rules.down, record, asked)
            assert shown(table.rules.downs[type(row)], row, asked) == expected
            if type(row) is plain.type:
                assert shown(table.rules.down, corrected(row, {}), asked) == expected

    law()


def test_most_tables_have_plain_records():
    """A table falls out only because its plan, or something reckoned, reads a record both whole and by its members."""
    assert {"contacts", "tax_rates", "bank_accounts"} <= {table.name for table in PLAIN}


SMALL = Table(
    "contacts",
    Identity(),
    Field("company", "name", text(5)),
    Reference("country", to="countries", name="iso"),
    Reference("ledger_account", to="ledger_accounts", name=lambda record: record.get("code")),
    Reference("tags", to="tags", many=True),
    Nested("address", of=(Identity(), Field("town", "city")), holds="addresses"),
    Nested("nameless", of=(Field("town", "city"),), holds="addresses"),
    Nested("rows", of=(Identity(), Field("amount", "net", MONEY)), holds="rows", many=True),
    Expanded("bank", to="banks", of=(Field("title"),)),
    Field("email", "person.email"),
    Computed("both", of=("name", "person.email"), told=lambda *words: " ".join(filter(None, words))),
    v3="contacts",
)
ROW = {
    "id": "a",
    "legacy_id": 1,
    "name": "abcd",
    "country": {"id": "b", "legacy_id": 2, "iso": "GB"},
    "ledger_account": {"id": "c", "legacy_id": 3, "code": "X"},
    "tags": [{"id": "d", "legacy_id": 4}, {"id": "e"}],
    "address": {"id": "f", "legacy_id": 5, "city": "Hull"},
    "nameless": {"city": "Leeds"},
    "rows": [{"id": "g", "legacy_id": 6, "net": 1.50}],
    "bank": {"id": "h", "legacy_id": 7, "title": "B"},
    "person": {"email": "e@example"},
    "unread": {"of": "nobody"},
}


def plain_of_small() -> Plain:
    """The small table's plain records."""
    plain = SMALL.rules.plain
    assert plain is not None
    return plain


def page(*rows: Any) -> list[Any]:
    """What comes of an answer with these rows."""
    raw = json.dumps({"$items": rows, "$total": len(rows)}).encode()
    kind = plain_of_small().type
    found: list[Any] = read_answer(200, (), raw, accept="application/json", empty=False, rows=kind).body["$items"]
    return found


def test_every_word_of_the_tables_reads_plain_records():
    """References, parts, lists and what is reckoned: all is shown, and what nobody reads is not kept."""
    (row,) = page(ROW)
    assert type(row) is plain_of_small().type
    assert "nobody" not in repr(row)
    (again,) = read_answer(
        200, (), json.dumps({"$items": [ROW]}).encode(), accept="application/json", empty=False
    ).body["$items"]
    assert shown(plain_of_small().down, row, True) == shown(SMALL.rules.down, again, True)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "abcde"},
        {"name": 5},
        {"id": None},
        {"legacy_id": "1"},
        {"legacy_id": True},
        {"address": {}},
        {"address": []},
        {"country": {"iso": "GB"}},
        {"tags": [None]},
        {"person": "x"},
    ],
)
def test_what_is_out_of_the_ordinary_is_read_as_json(change):
    """A text as long as v3.1 allows may have been cut; the rest is no shape of v3.1's. One such row, and all are
    read as JSON."""
    assert [type(row) for row in page(ROW, {**ROW, **change})] == [dict, dict]


@pytest.mark.parametrize(
    "rules",
    [
        (Reference("x", to="xs"), Computed("y", of=("x",), told=str)),
        (Computed("y", of=("x",), told=str), Reference("x", to="xs")),
        (Reference("x", to="xs"), Reference("y", "x", to="xs", many=True)),
        (Field("x", codec=text(5)), Field("y", "x", text(6))),
        (Field("x", "a.0.b"),),
        (Field("x", "class"),),
        (Field("x", "not-a-name.b"),),
    ],
)
def test_a_record_that_is_read_in_two_ways_is_no_plain_one(rules):
    """Whole and by its members, as one and as many, or under a name that no attribute can have."""
    table = Table("xs", Identity(), *rules, v3="xs")
    assert table.rules.plain is None
    assert table.rules.downs == {dict: table.rules.down}


class Pages:
    """v3.1 with two pages, of which the second holds a row that is out of the ordinary."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.asked: list[V3Request] = []

    async def send(self, request: V3Request) -> V3Response:
        self.asked.append(request)
        page = int(dict(request.query)["page"])
        item = {"id": f"{page:032x}", "legacy_id": page, "name": "A" if page == 1 else "A" * 100, "contact_types": []}
        items = [{**deepcopy(item), "id": f"{page}{n:031x}", "legacy_id": page * 1000 + n} for n in range(200)]
        body = {"$items": items, "$total": 400, "$page": page, "$itemsPerPage": 200, "$next": None}
        if page == 1:
            body["$next"] = "/contacts?page=2"
        raw = json.dumps(body).encode()
        return read_answer(200, (), raw, accept=request.accept, empty=False, rows=request.rows)


async def test_pages_of_both_sorts_make_one_list():
    """Each row is shown by what reads it."""
    sage = Pages(next(table for table in TABLES if table.name == "contacts"))
    call = V2Request("GET", "/accounts/v2/contacts?$itemsPerPage=400")
    made = await exchange(call, Caller(), NamedFacts({}), sage)
    kinds = [type(step.answer.body["$items"][0]) for step in made.steps]
    assert len(kinds) == 2
    assert kinds[0] is not dict
    assert kinds[1] is dict
    assert [row["id"] for row in made.reply.body["$resources"]] == [*range(1000, 1200), *range(2000, 2200)]


def test_a_plain_record_is_corrected_as_its_json_is():
    """Where clients know another number, the record becomes JSON with it, and what it lacks is not made up."""
    (row,) = page({"id": "a", "legacy_id": 1, "rows": [{"id": "g", "net": 1.50}]})
    made = corrected([row], {"a": 9, "g": 8})
    assert made == [{"id": "a", "legacy_id": 9, "rows": [{"id": "g", "net": made[0]["rows"][0]["net"]}]}]
    assert str(made[0]["rows"][0]["net"]) == "1.5"
    assert SMALL.rules.down(made[0], ReplyDraft(200, None), True)["id"] == 9

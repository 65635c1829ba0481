"""Exchange files: what is written is what is read, and a difference is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.messages import Exchange, Note, Step, V2Request, V2Response, V3Request, V3Response
from gateway.translate.draft import Hole
from gateway.translate.exchange_compare import compare_reply, compare_request, differences
from gateway.translate.exchange_file import named, read_exchanges, write_exchange

WORDS = st.text("abcXYZ019_-.$,@/+", min_size=1, max_size=8)
TEXTS = st.one_of(
    st.text(max_size=10), st.sampled_from([">>> v2", "### x", "...", "a&b=c", "100%25", "x\n<<< v2\n200", "-"])
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.decimals(-(10**9), 10**9, places=3) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS.filter(lambda name: name != "..."), inner, max_size=3)
    ),
    max_leaves=6,
)
RECORDS = st.dictionaries(WORDS, JSON, max_size=3)
PAIRS = st.lists(st.tuples(WORDS, TEXTS).filter(lambda pair: pair != ("...", "")), max_size=3).map(tuple)
HOLES = st.builds(
    Hole,
    st.sampled_from(["contacts", "tax_rates"]),
    st.one_of(WORDS, TEXTS.filter(bool), st.sampled_from(["7", "contacts-7", "visible_in=sales", "a:b"])),
    want=st.sampled_from(["id", "legacy_id", "percentage", "ledger_account.id"]),
    by=st.sampled_from(["id", "legacy_id", "first", "any", "ledger_account.id"]),
)
CALLS = st.builds(
    V2Request,
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    WORDS.map(lambda path: f"/accounts/v2/{path}?$startIndex=3&a[b]=c"),
    st.lists(st.tuples(st.sampled_from(["Accept", "content-type"]), WORDS), max_size=2).map(tuple),
    st.one_of(st.binary(max_size=12), TEXTS.map(str.encode), st.just(b'{"a": 1}'), st.just(b"a=1\n&b=2")),
)
STEPS = st.builds(
    Step,
    st.builds(
        V3Request,
        st.just("PUT"),
        WORDS.map("/{}".format),
        PAIRS,
        st.none() | RECORDS,
        st.sampled_from(["application/json", "application/pdf"]),
    ),
    st.builds(V3Response, st.sampled_from([200, 201, 204, 422]), st.none() | JSON),
)
EXCHANGES = st.builds(
    Exchange,
    CALLS,
    st.lists(STEPS, max_size=2).map(tuple),
    st.builds(V2Response, st.sampled_from([200, 422]), RECORDS),
    st.lists(st.builds(Note, st.just("unmapped"), TEXTS, st.just("")), max_size=3).map(tuple),
    st.just("contacts"),
    st.dictionaries(HOLES, JSON.filter(lambda value: value is not None), max_size=3),
    st.lists(st.tuples(st.sampled_from(["contacts", "products"]), WORDS, RECORDS), max_size=2).map(tuple),
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(EXCHANGES, st.text(max_size=10))
def test_what_is_written_is_what_is_read(made: Exchange, title: str):
    """Bytes, digits, types and order, whatever clients and v3.1 put into them."""
    (read,) = read_exchanges(write_exchange(made, title))
    assert read.call == made.call
    assert [compare_request(step.request, one) for step, (one, _) in zip(made.steps, read.steps, strict=True)] == [
        [] for _ in made.steps
    ]
    assert [
        list(differences(step.answer.body, two.body)) for step, (_, two) in zip(made.steps, read.steps, strict=True)
    ] == [[] for _ in made.steps]
    assert [two.status for _, two in read.steps] == [step.answer.status for step in made.steps]
    assert compare_reply(made.reply, read.reply) == []
    assert read.kept == list(made.kept)
    assert read.notes == [(note.code, note.field) for note in made.notes]
    assert {hole: read.facts.get(hole, named(hole)) for hole in made.facts} == dict(made.facts)


def test_tokens_are_not_written():
    """Of the call's headers none that could hold a secret is in a file."""
    headers = (("Authorization", "Bearer secret"), ("X-Signature", "secret"), ("Cookie", "secret"), ("Accept", "x/y"))
    made = Exchange(V2Request("GET", "/accounts/v2/contacts", headers), (), V2Response(200, {}))
    text = write_exchange(made, "x")
    assert "secret" not in text
    assert "Accept: x/y" in text


def test_documents_are_not_written():
    """A PDF is told by its size alone."""
    step = Step(V3Request("GET", "/sales_invoices/a", (), None, "application/pdf"), V3Response(200, b"%PDF-1.4"))
    made = Exchange(V2Request("GET", "/x"), (step,), V2Response(200, b"%PDF-1.4"))
    (read,) = read_exchanges(write_exchange(made, "x"))
    assert read.steps[0][0].accept == "application/pdf"
    assert read.reply.body == read.steps[0][1].body == "8 bytes"


FILE = """Anything before the first title is prose.

### one contact
@ country: pt
@ odd
It says what it means.

>>> v2
PUT /accounts/v2/contacts/7
Content-Type: x/y

contact[name]=Ana
  &contact[email]=a@b

=== facts
contacts 8 = null
tax_rates first:"visible = yes" percentage = 20.0

>>> v3.1
GET /contacts/contacts-7?...

<<< v3.1
200
X-Request-Id: r1

{"id": "contacts-7", ...}

<<< v2
200
Content-Type: a/b

{"id": 7, "lines": [{"x": 1, ...}]}

=== notes
unmapped contact.colour
ledger_defaulted -
"""


def test_a_file_as_people_write_it():
    """Settings, prose, layout, headers, facts, open objects and notes."""
    (read,) = read_exchanges(FILE)
    assert (read.title, read.settings) == ("one contact", {"country": "pt", "odd": ""})
    assert read.call == V2Request(
        "PUT", "/accounts/v2/contacts/7", (("Content-Type", "x/y"),), b"contact[name]=Ana&contact[email]=a@b"
    )
    assert read.facts == {
        Hole("contacts", "8", by="legacy_id"): None,
        Hole("tax_rates", "visible = yes", by="first", want="percentage"): Decimal("20.0"),
    }
    ((request, answer),) = read.steps
    assert (request.path, request.query, answer.headers) == (
        "/contacts/contacts-7",
        (("...", ""),),
        (("X-Request-Id", "r1"),),
    )
    assert read.notes == [("unmapped", "contact.colour"), ("ledger_defaulted", "")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<<< v2\n", ""),
        (">>> v2\n", ""),
        ("<<< v3.1\n", ""),
        ("\n200\nContent-Type: a/b", "\nfine\nContent-Type: a/b"),
        ("Content-Type: x/y", "Content-Type"),
        ("contacts 8 = null", "contacts 8"),
        ('"lines": [', '"lines": '),
        ("contacts 8 = null", "contacts 8 = nothing"),
        ("@ odd", "@ body: base64"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(old: str, new: str):
    """The title of the exchange is told."""
    assert old in FILE
    with pytest.raises(Malformed, match="one contact: "):
        read_exchanges(FILE.replace(old, new))


def test_names_alone_say_ids():
    """The modern id of legacy 7 of contacts is `contacts-7`, and back; nothing else is guessed."""
    assert named(Hole("contacts", "7", by="legacy_id")) == "contacts-7"
    assert named(Hole("contacts", "contacts-7", want="legacy_id")) == 7
    assert named(Hole("addresses", "contacts-7", want="legacy_id")) is None
    assert named(Hole("contacts", "contacts-x", want="legacy_id")) is None
    assert named(Hole("tax_rates", "tax_rates-1", want="percentage")) is None


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "...": True}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"a": 1, "b": 2}, [".b is there: 2"]),
        ({"a": 1, "b": 2}, {"a": 1}, [".b is missing"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, [".a[1] is 3, not 2"]),
        ({"a": [1]}, {"a": [1, 3]}, [".a is [1, 3], not [1]"]),
        (1, True, [" is True, not 1"]),
        (Decimal("1.0"), 1, [" is 1, not Decimal('1.0')"]),
        ("1", 1, [" is 1, not '1'"]),
    ],
)
def test_differences(expected: Any, actual: Any, told: list[str]):
    """By value and type; an open object need only hold what it names."""
    assert list(differences(expected, actual)) == told


GET = V3Request("GET", "/contacts", (("page", "1"), ("search", "x")))


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        (V3Request("GET", "/contacts", (("search", "x"), ("page", "1"))), []),
        (V3Request("GET", "/contacts", (("page", "1"), ("...", ""))), []),
        (V3Request("GET", "/contacts", (("page", "2"), ("...", ""))), ["query is page=1&search=x, not page=2"]),
        (V3Request("GET", "/contacts", (("page", "1"),)), ["query is page=1&search=x, not page=1"]),
        (V3Request("POST", "/contacts", GET.query), ["request is GET /contacts, not POST /contacts"]),
        (V3Request("GET", "/contacts", GET.query, None, "a/b"), ["accept is application/json, not a/b"]),
        (V3Request("GET", "/contacts", GET.query, {}), ["request is None, not {}"]),
    ],
)
def test_requests_are_compared(expected: V3Request, told: list[str]):
    """The order of the query is free; an open query need only hold what it names."""
    assert compare_request(expected, GET) == told


def test_replies_are_compared():
    """Headers only where the file has them."""
    sent = V2Response(200, {"id": 7}, (("content-type", "a/b"), ("X", "y")))
    assert compare_reply(V2Response(200, {"id": 7}, (("Content-Type", "a/b"),)), sent) == []
    assert compare_reply(V2Response(201, {"id": 8}, (("Content-Type", "c"),)), sent) == [
        "status is 200, not 201",
        "header Content-Type is 'a/b', not 'c'",
        "reply.id is 7, not 8",
    ]

"""The driver of plans: whatever a client sends and v3.1 answers, the client gets a v2 reply."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import StoreFailed, Throttled, UpstreamFailed
from gateway.exchange import Journey, exchange, name_of, turn_of
from gateway.messages import Caller, Exchange, V2Request, V2Response, V3Request, V3Response
from gateway.resources.registry import TABLES, routed
from gateway.translate.draft import Hole
from gateway.translate.plans import MOST_PAGES
from gateway.translate.resource import Table
from gateway.translate.rules import Nested, RuleSet
from tests.echo import Echo, NamedFacts

CALLERS = [
    Caller(business="b-1", today="2016-06-01"),
    Caller("b-1", "pt", date_out="dmy", today="2016-02-29", cash_customer="5", sales_ledger_account="6"),
    Caller(business="b-1", today="2017-01-01", country="us", date_order="mdy"),
]
CLOSED = {200, 201, 400, 401, 403, 404, 409, 413, 422, 500, 502, 503, 504}
"""The statuses that a v2 client is ever given by the translation."""
FRESH: dict[str, dict[str, Any]] = {
    "sales_invoices": {"contact": {"id": "contacts-7"}, "invoice_lines": [{"id": "part-3", "legacy_id": 3}]},
    "purchase_invoices": {"contact": {"id": "contacts-7"}, "invoice_lines": [{"id": "part-3", "legacy_id": 3}]},
    "contact_payments": {"allocated_artefacts": [{"artefact": {"id": "sales_invoices-7"}, "amount": "1.0"}]},
}
QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def plain_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


def v2_shaped(reply: V2Response, call: V2Request) -> list[str]:
    """What is wrong with a reply's shape."""
    if isinstance(reply.body, bytes):
        return [] if reply.status == 200 else ["bytes are an error"]
    wrong = [] if reply.status in CLOSED else [f"status {reply.status}"]
    if "\n" in json.dumps(reply.body, default=plain_json):
        wrong.append("more than one line")
    if isinstance(reply.body, list):
        route = routed(call)
        return wrong if route and route.table.bare and reply.status == 200 else [*wrong, "an array"]
    if not isinstance(reply.body, dict):
        return [*wrong, "no object"]
    if reply.status >= 400 and "error" not in reply.body:
        for item in reply.body["$diagnoses"]:
            if set(item) != {"$severity", "$dataCode", "$message", "$source"}:
                wrong.append(f"a diagnosis has {sorted(item)}")
            if not all(isinstance(value, str) for value in item.values()):
                wrong.append("a diagnosis holds no text")
            if not item["$message"]:
                wrong.append("a diagnosis says nothing")
    return wrong


def writer_names(rules: RuleSet) -> list[str]:
    """Every v2 name that is understood, inside parts and lists too."""
    names = list(rules.writers)
    for rule in rules.rules:
        if isinstance(rule, Nested):
            for name in dict(rule.writers()):
                inner = [*rule.rules.writers, "_destroy"]
                names += [f"{name}][{one}" for one in inner] + [f"{name}][{n}][{one}" for one in inner for n in (0, 3)]
    return names


ODD = """
0 1 2 7 -1 --1 1.5 1e400 1e-400 NaN Infinity 0x1 \uff11\uff12 true 2016-03-01 31/02/2016 01/03/2016 2016-13-01 PT GB
0000-00-00 9999-99-99 ZZ contacts-7 ../user a/b null [] {} 99999999999999999999999999999999999999999999
"""
WILD = st.one_of(
    st.sampled_from(sorted(ODD.split())),
    st.sampled_from(["", "\x00", "é\r\n", "Line 1\nLine 2", "2016-03-01 00:00:00 UTC"]),
    st.text(max_size=12),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.integers(-5, 10**20).map(str),
)
JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False), WILD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | WILD, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def near_calls(draw: st.DrawFn) -> V2Request:
    """A call of some table that is nearly right."""
    table: Table = draw(st.sampled_from(TABLES))
    verb = draw(st.sampled_from(sorted(table.verbs)))
    method = {"list": "GET", "one": "GET", "create": "POST", "update": "PUT", "delete": "DELETE"}[verb]
    ids = st.sampled_from(["7", "007", "0"]) | st.text("0123456789-./%?#*=", max_size=25) | WILD.map(quote)
    words = [draw(ids) if word == "*" else word for word in table.path.split("/")]
    if verb in ("one", "update", "delete") and not table.singleton:
        words.append(draw(st.one_of(st.just("7"), ids)))
    filters = [name for f in table.filters for name in (f.v2, *f.aliases)] + [
        "$startIndex",
        "$itemsPerPage",
        "void_reason",
    ]
    pairs = draw(st.lists(st.tuples(st.sampled_from(filters), WILD), max_size=3))
    query = "&".join(f"{name}={quote(value)}" for name, value in pairs)
    target = f"/{table.family}/v2/{'/'.join(words)}" + (f"?{query}" if query else "")
    headers = (("Accept", draw(st.sampled_from(["application/json", "application/pdf", "*.*"]))),)
    if draw(st.booleans()):
        names = st.sampled_from(writer_names(table.rules) or ["x"]) | st.text(max_size=5)
        chosen = draw(st.lists(st.tuples(names, WILD), max_size=10))
        opening, closing = (f"{table.root}[", "]") if table.root else ("", "")
        body = "&".join(f"{opening}{name}{closing}={quote(value)}" for name, value in chosen)
        return V2Request(method, target, headers, body.encode("utf-8", "surrogatepass"))
    record = draw(st.dictionaries(st.sampled_from(list(table.rules.writers) or ["x"]), JSONS, max_size=6))
    text = json.dumps(record if table.root is None else {table.root: record}, default=plain_json)
    return V2Request(method, target, (*headers, ("Content-Type", "application/json")), text.encode())


RAW = st.builds(
    V2Request,
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "get", ""]) | st.text(max_size=5),
    st.one_of(
        st.text(st.characters(max_codepoint=255), max_size=40),
        st.sampled_from(["contacts", "sales_invoices/7", "sales_invoices/7/payments", "products", "//", ""]).map(
            lambda path: f"/accounts/v2/{path}?%%&a[b]=%ff&$startIndex=x"
        ),
    ),
    st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10)), max_size=3).map(tuple),
    st.binary(max_size=60),
)


class SomeFacts(NamedFacts):
    """A lookup that does not know every record."""

    def __init__(self, unknown: Collection[int], junk: Any = None) -> None:
        super().__init__()
        self.unknown = unknown
        self.junk = junk

    async def facts(self, holes: Collection[Hole]) -> dict[Hole, Any]:
        found = await super().facts([hole for n, hole in enumerate(holes) if n not in self.unknown])
        return found if self.junk is None else dict.fromkeys(found, self.junk)


@settings(QUICK, max_examples=400)
@given(call=near_calls(), caller=st.sampled_from(CALLERS), unknown=st.sets(st.integers(0, 4), max_size=2))
async def test_any_nearly_right_call_gets_a_v2_reply(call: V2Request, caller: Caller, unknown: set[int]):
    """With v3.1 in good order no call is answered with 5xx, and no request breaks the published spec's names."""
    upstream = Echo(FRESH)
    made = await exchange(call, caller, SomeFacts(unknown), upstream)
    assert v2_shaped(made.reply, made.call) == []
    assert made.reply.status < 500, made
    assert [problem for problem in upstream.violations if "does not exist" in problem] == []


@settings(QUICK, max_examples=300)
@given(call=RAW, caller=st.sampled_from(CALLERS))
async def test_any_bytes_get_a_v2_reply(call: V2Request, caller: Caller):
    """Nothing that can come over the wire is answered with anything but a v2 reply."""
    made = await exchange(call, caller, NamedFacts(), Echo(FRESH))
    assert v2_shaped(made.reply, made.call) == []
    assert made.reply.status < 500


class Answers:
    """An upstream that answers with what it was given, over and over."""

    def __init__(self, *answers: V3Response | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[V3Request] = []

    async def send(self, request: V3Request) -> V3Response:
        self.sent.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        assert len(self.sent) <= 2 * MOST_PAGES, "requests without end"
        return answer


SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["contacts-7", "part-3"]) | JSONS,
        "$items": st.lists(st.fixed_dictionaries({}, optional={"id": st.just("part-9") | JSONS}) | JSONS, max_size=3)
        | JSONS,
        "$total": JSONS,
        "$page": st.integers(-3, 3) | JSONS,
        "$next": JSONS,
        "$itemsPerPage": st.integers(-3, 300) | JSONS,
        "legacy_id": JSONS,
        "contact": st.just({"id": "contacts-7"}) | JSONS,
        "invoice_lines": st.lists(st.just({"id": "part-8", "legacy_id": 8}) | JSONS, max_size=2) | JSONS,
        "main_address": JSONS,
        "allocated_artefacts": JSONS,
        "created_at": JSONS,
        "balance": JSONS,
    },
)


@settings(QUICK, max_examples=400)
@given(
    call=near_calls(),
    bodies=st.lists(SHAPED | JSONS, min_size=1, max_size=4),
    status=st.sampled_from([200, 201, 204]),
    junk=st.none() | JSONS,
)
async def test_a_success_of_another_shape_becomes_502(call: V2Request, bodies: list[Any], status: int, junk: Any):
    """Answers without their keys, of other types, with nulls for records: the client gets a v2 reply all the same."""
    upstream = Answers(*(V3Response(status, body) for body in bodies))
    made = await exchange(call, CALLERS[0], SomeFacts((), junk), upstream)
    assert v2_shaped(made.reply, made.call) == []
    if any(note.code == "unreadable" for note in made.notes):
        assert made.reply.status == 502


ITEM = st.fixed_dictionaries(
    {},
    optional={"$message": JSONS, "$source": st.sampled_from(["", "base", "contact_id", "invoice_lines.0.x"]) | JSONS},
)


@settings(QUICK, max_examples=200)
@given(
    call=near_calls(),
    status=st.sampled_from([400, 401, 403, 404, 405, 409, 415, 418, 422, 429, 500, 503]),
    body=st.lists(ITEM | JSONS, max_size=3) | JSONS,
    wait=st.none() | st.text(max_size=5) | st.integers(-5, 10**10).map(str),
)
async def test_any_refusal_of_v31_is_a_v2_error(call: V2Request, status: int, body: Any, wait: str | None):
    """Whatever v3.1 says no with, the client gets diagnoses of text, or `invalid_token`."""
    headers = () if wait is None else (("Retry-After", wait),)
    upstream = Answers(V3Response(status, body, headers))
    made = await exchange(call, CALLERS[0], NamedFacts(), upstream)
    assert v2_shaped(made.reply, made.call) == []
    if upstream.sent:
        assert made.reply.status >= 400


async def test_a_break_before_anything_was_read_is_ours():
    """A lookup that breaks is not blamed on Sage: nothing of Sage's had been read."""

    class Broken(NamedFacts):
        async def facts(self, holes: Collection[Hole]) -> dict[Hole, Any]:
            raise TypeError("ours")

    with pytest.raises(TypeError, match="ours"):
        await exchange(V2Request("GET", "/accounts/v2/contacts/7"), CALLERS[0], Broken(), Echo())


async def got(method: str, path: str, *answers: V3Response | Exception, body: str = "") -> Exchange:
    call = V2Request(method, f"/accounts/v2/{path}", (), body.encode())
    return await exchange(call, CALLERS[0], NamedFacts(), Answers(*answers))


async def test_an_unreadable_answer_says_where_it_broke():
    """The note names the error and the place, and no value of the answer."""
    made = await got("GET", "contacts/7", V3Response(200, {"id": "contacts-7", "main_contact_person": "secret"}))
    assert made.reply.status == 502
    (note,) = made.notes
    assert note.code == "unreadable"
    assert "AttributeError in down_accounts_contacts" in note.text
    assert "secret" not in note.text


async def test_an_unreadable_answer_to_a_write_says_that_it_was_made():
    """The client should not try again what v3.1 has carried out."""
    made = await got("POST", "services", V3Response(201, []), body="service[description]=x")
    assert made.reply.status == 502
    assert made.reply.body["$diagnoses"][0]["$message"] == "Sage made the change, but its answer could not be read"


@pytest.mark.parametrize("legacy_id", ["580", Decimal("580.0"), True])
async def test_a_legacy_id_of_another_type_is_never_remembered(legacy_id: Any):
    """What is no whole number does not reach the store of ids."""
    lookup = NamedFacts()
    upstream = Answers(V3Response(200, {"id": "contacts-7", "legacy_id": legacy_id}))
    made = await exchange(V2Request("GET", "/accounts/v2/contacts/7"), CALLERS[0], lookup, upstream)
    assert made.reply.status == 502
    assert lookup.seen == []


async def test_a_failed_read_after_a_write_shows_the_answer_of_the_write():
    """The record was created; that it cannot be read once more does not make that undone."""
    created = V3Response(201, {"id": "services-7", "description": "x"})
    for failure in (V3Response(404, None), V3Response(422, []), UpstreamFailed("late"), Throttled("wait", 3)):
        made = await got("POST", "services", created, failure, body="service[description]=x")
        assert made.reply.status == 201
        assert made.reply.body["id"] == 7


async def test_a_refused_request_ends_the_call():
    """What v3.1 refuses is told once, and nothing follows."""
    refused = V3Response(422, [{"$message": "This field is required.", "$source": "description"}])
    made = await got("POST", "services", refused, body="service[description]=x")
    assert [step.answer.status for step in made.steps] == [422]
    assert made.reply.body["$diagnoses"][0]["$source"] == "description"


async def test_an_upstream_that_fails_is_the_reply():
    """Failures of the way to v3.1 keep their status; waiting times are told."""
    made = await got("GET", "contacts/7", Throttled("wait", 3))
    assert (made.reply.status, dict(made.reply.headers)["Retry-After"]) == (503, "3")
    assert (await got("GET", "contacts/7", UpstreamFailed("down"))).reply.status == 502


async def test_a_chain_of_facts_without_end_is_our_mistake():
    """A fact that leads to a fact that leads to a fact … ends with 500, not in a loop."""

    class Endless(NamedFacts):
        async def facts(self, holes: Collection[Hole]) -> dict[Hole, Any]:
            return {hole: Hole(hole.kind, f"{hole.known}1", by="legacy_id") for hole in holes}

    made = await exchange(V2Request("GET", "/accounts/v2/contacts/7"), CALLERS[0], Endless(), Echo())
    assert made.reply.status == 500


async def test_facts_are_asked_for_once():
    """What an exchange has looked up it does not look up again."""

    class Counting(NamedFacts):
        def __init__(self) -> None:
            super().__init__()
            self.asked: list[Hole] = []

        async def facts(self, holes: Collection[Hole]) -> dict[Hole, Any]:
            self.asked += holes
            return await super().facts(holes)

    lookup = Counting()
    await exchange(V2Request("DELETE", "/accounts/v2/contacts/7"), CALLERS[0], lookup, Echo())
    assert len(lookup.asked) == len(set(lookup.asked))


async def test_notes_are_told_once_where_a_reply_makes_do():
    """A reply that has to do without facts is settled twice; its notes are there once."""

    class Minting(NamedFacts):
        async def facts(self, holes: Collection[Hole]) -> dict[Hole, Any]:
            if any(hole.want == "legacy_id" and not hole.shown for hole in holes):
                raise UpstreamFailed("down")
            return await super().facts(holes)

    fields = ["[date]=2016-03-01", "[line_items][0][description]=x", "[line_items][0][unit_price]=1"]
    body = "&".join(f"sales_invoice{field}" for field in fields).encode()
    upstream = Echo({"sales_invoices": {"contact": {"id": "contacts-5"}}})
    made = await exchange(V2Request("POST", "/accounts/v2/sales_invoices", (), body), CALLERS[1], Minting(), upstream)
    assert made.reply.status == 201
    assert sorted(note.code for note in made.notes) == ["contact_found", "ledger_defaulted"]


async def test_a_store_that_fails_while_ids_are_kept_is_told():
    """An id that could not be remembered is not given out."""

    class Full(NamedFacts):
        async def keep(self, pairs: Sequence[tuple[str, str, int]]) -> dict[tuple[str, str], int]:
            raise StoreFailed("full")

    upstream = Answers(V3Response(200, {"id": "contacts-7", "legacy_id": 7}))
    made = await exchange(V2Request("GET", "/accounts/v2/contacts/7"), CALLERS[0], Full(), upstream)
    assert made.reply.status == 503


@pytest.mark.parametrize(
    ("method", "path", "turn"),
    [
        *(("POST", path, "create") for path in ("contacts", "products", "services", "sales_invoices")),
        ("POST", "ledger_accounts", "ledger_accounts"),
        *((method, "sales_invoices/7", "accounts/sales_invoices/7") for method in ("PUT", "DELETE")),
        ("PUT", "sales_invoices//007/", "accounts/sales_invoices/7"),
        ("POST", "sales_invoices/7/payments", "accounts/sales_invoices/7"),
        ("DELETE", "sales_invoices/7/payments/9", "accounts/sales_invoices/7"),
        *(("GET", path, "") for path in ("contacts", "contacts/7")),
        ("POST", "x", ""),
    ],
)
def test_which_calls_wait_their_turn(method: str, path: str, turn: str):
    """Numbered creates wait for each other, and writes to one record with its payments; reads never wait."""
    assert turn_of(method, routed(V2Request(method, f"/accounts/v2/{path}"))) == turn


def test_a_call_has_the_name_of_its_resource():
    """A call that v2 did not route has none."""
    assert name_of(routed(V2Request("GET", "/accounts/v2/sales_invoices/7/payments"))) == "sales_invoices.payments"
    assert name_of(routed(V2Request("GET", "/core/v2/user"))) == "core.user"
    assert name_of(routed(V2Request("GET", "/accounts/v9/contacts"))) == ""


async def test_a_journey_that_read_has_written_nothing():
    """Reads, and writes that were refused, leave nothing behind."""
    journey = Journey(NamedFacts(), Echo())
    assert not journey.wrote

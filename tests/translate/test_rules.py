"""The words of the tables: what each refuses, and what each does with odd values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.errors import BadCall, TableWrong
from gateway.messages import Caller
from gateway.translate.codecs import DATE, MONEY, NOTE, TEXT, WHOLE, Codec, Codes, text
from gateway.translate.draft import Hole, ReplyDraft, RequestDraft
from gateway.translate.plans import refuse
from gateway.translate.queries import Filter
from gateway.translate.resource import Table
from gateway.translate.rules import (
    Aside,
    Computed,
    Constant,
    Field,
    Identity,
    Nested,
    ReadOnly,
    Reference,
    Rule,
    RuleSet,
    Unsupported,
)
from gateway.translate.source import Source
from gateway.translate.writing import Writing, read_name, write_form

TYPES = Codes("contact_types", ((1, "CUSTOMER", "Customer"), (2, "VENDOR", "Supplier")))


def written(
    *rules: Rule,
    sent: dict[str, Any],
    creating: bool = True,
    current: dict[str, Any] | None = None,
    parts: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """(the v3.1 record, the notes) of what was sent."""
    draft = RequestDraft("POST", ["x"])
    writing = Writing(draft, sent, Caller(), creating=creating, current=current, parts=parts)
    RuleSet("test", rules, parts or {}).write(writing)
    return writing.body, [(note.code, note.field) for note in draft.notes]


def shown(*rules: Rule, record: dict[str, Any]) -> tuple[dict[str, Any], ReplyDraft]:
    """(the v2 record, its draft) of what v3.1 shows."""
    draft = ReplyDraft(200, None)
    return RuleSet("test", rules).down(record, draft, True), draft


# --- what is refused when a table is made


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ((Field("a"), Field("a")), "two rules take 'a'"),
        ((Field("a"), ReadOnly("b", aliases=("a",))), "two rules take 'a'"),
        ((Field("a"), Computed("b", told=str, aliases=("b",))), "two rules take 'b'"),
        ((Field("a"), Reference("b", to="x", flat="a")), "two rules show 'a'"),
        ((Reference("a", "bank/ledger", to="x"),), "a slash over 'bank'"),
        ((Computed("a", of=("rate/percentage",), reckon=str),), "a slash over 'rate'"),
    ],
)
def test_rules_that_contradict_each_other_are_refused(rules: tuple[Rule, ...], why: str):
    """A mistake in a table is found when it is made, not when a client calls."""
    with pytest.raises(TableWrong, match=why):
        RuleSet("test", rules)


def test_what_is_unsupported_has_a_reason():
    """The reason is noted when a client sends it, so it is mandatory."""
    with pytest.raises(TableWrong, match="colour is unsupported without a reason"):
        Unsupported("colour")


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (lambda: Table("x", v3="x", verbs="list fetch"), "unknown verb"),
        (lambda: Table("x"), "served neither by v3.1 nor here"),
        (lambda: Table("x", Field("a", "part.a"), v3="x", verbs="update"), r"cannot send back: \['part'\]"),
        (lambda: Table("x", verbs="delete", plans={"delete": refuse("never")}), "its ids have no kind"),
    ],
)
def test_tables_that_cannot_be_served_are_refused(table: Any, why: str):
    """Each with its path and what is wrong with it."""
    with pytest.raises(TableWrong, match=f"^x: .*{why}"):
        table()


# --- values, up


def test_an_attribute_that_nobody_knows_is_noted():
    """The real v2 ignored it; the call goes on, and the exchange says so."""
    assert written(Field("a"), sent={"a": "1", "b": "2"}) == ({"a": "1"}, [("unmapped", "b")])


def test_the_main_name_wins_over_an_alias():
    """Unless it is blank."""
    field = Field("company", "name", aliases=("company_name",))
    assert written(field, sent={"company_name": "alias", "company": "main"})[0] == {"name": "main"}
    assert written(field, sent={"company_name": "alias", "company": ""})[0] == {"name": "alias"}


def test_a_long_text_is_cut_with_a_note():
    """v3.1 would refuse it; v2 took it."""
    assert written(Field("a", codec=text(3)), sent={"a": "abcd"}) == ({"a": "abc"}, [("cut", "a")])
    assert written(Field("a", codec=text(3)), sent={"a": "abc"}) == ({"a": "abc"}, [])


def test_nothing_is_left_out_of_a_create_and_clears_in_an_update():
    """A blank amount or date means none."""
    for codec in (MONEY, DATE, WHOLE):
        assert written(Field("a", codec=codec), sent={"a": ""})[0] == {}
        assert written(Field("a", codec=codec), sent={"a": ""}, creating=False)[0] == {"a": None}


def test_defaults_and_what_is_required():
    """Of a create alone; a default comes before the complaint."""
    field = Field("a", default=lambda w: w.take("b"), required="blank")
    assert written(Field("b"), field, sent={"b": "x"})[0] == {"b": "x", "a": "x"}
    assert written(field, sent={}, creating=False)[0] == {}
    with pytest.raises(BadCall, match="blank"):
        written(field, sent={"a": ""})


def test_what_is_read_only_is_noted():
    """It goes no further; where another rule goes by it, it needs no note."""
    assert written(ReadOnly("a"), sent={"a": "1"}) == ({}, [("read_only", "a")])
    assert written(ReadOnly("a", heeded=True), sent={"a": "1"}) == ({}, [])
    assert written(Computed("a", told=str), sent={"a": "1"}) == ({}, [("computed", "a")])
    assert written(Computed("a", told=str, heeded=True), sent={"a": "1"}) == ({}, [])
    assert written(Unsupported("a", "none"), sent={"a": "1"}) == ({}, [("unsupported", "a")])
    assert written(Aside("a"), sent={"a": "1"}) == ({}, [])
    assert written(Identity(), sent={"id": "1", "$key": "2"}) == ({}, [])


def test_constants_are_said_on_create():
    """Of a record once; of a part wherever the part is written; None says nothing."""
    assert written(Constant("a", "x"), sent={})[0] == {"a": "x"}
    assert written(Constant("a", lambda _: None), sent={})[0] == {}
    assert written(Constant("a", "x"), sent={}, creating=False)[0] == {}
    assert written(Field("a"), Constant("a", "x"), sent={"a": "y"})[0] == {"a": "y"}


@pytest.mark.parametrize("sent", [{"a_id": "07"}, {"a": "7"}, {"a": 7}, {"a": {"id": "7"}}, {"a": {"$key": 7}}])
def test_references_as_clients_write_them(sent: dict[str, Any]):
    """By `x_id`, bare, or as a record."""
    assert written(Reference("a", to="as"), sent=sent)[0] == {"a_id": Hole("as", "7", by="legacy_id")}


def test_a_record_without_its_id_refers_to_nothing():
    """It may be what a client read and sends back; nothing is changed by it."""
    assert written(Reference("a", to="as"), sent={"a": {"name": "x"}})[0] == {}


@pytest.mark.parametrize("sent", ["x", "1.5", "-1", True, [], "9" * 19, "\uff11"])
def test_what_is_no_id_is_refused(sent: Any):
    """With the name that was sent."""
    with pytest.raises(BadCall) as refused:
        written(Reference("a", to="as"), sent={"a_id": sent})
    assert refused.value.diagnoses[0].source == "a_id"


def test_a_blank_reference_clears_in_an_update():
    """And says nothing in a create."""
    assert written(Reference("a", to="as"), sent={"a_id": ""})[0] == {}
    assert written(Reference("a", to="as"), sent={"a_id": ""}, creating=False)[0] == {"a_id": None}
    many = Reference("types", to=TYPES, many=True)
    assert written(many, sent={"type_id": ""}, creating=False)[0] == {"type_ids": []}


def test_codes_are_taken_up():
    """A number of the list is its code; another number is looked up; a code is taken as it is where that is allowed."""
    many = Reference("types", to=TYPES, many=True)
    assert written(many, sent={"type_id": "2"})[0] == {"type_ids": ["VENDOR"]}
    assert written(many, sent={"type_id": "9"})[0] == {"type_ids": [Hole("contact_types", "9", by="legacy_id")]}
    country = Reference("a", to=TYPES, codes=True)
    assert written(country, sent={"a_id": "vendor"})[0] == {"a_id": Hole("contact_types", "VENDOR")}


def test_codes_that_v31_calls_by_other_names_are_looked_for():
    """Which of them this business has, v3.1 must say."""
    codes = Codes("payment_methods", ((1, "CASH", "Cash"),), alike={"CASH": ("CASH_IN_HAND",)})
    assert written(Reference("a", to=codes), sent={"a_id": "1"})[0] == {
        "a_id": Hole("payment_methods", "CASH,CASH_IN_HAND", by="any")
    }


def test_what_is_behind_a_reference_finds_it():
    """A bank account by its ledger account: by its modern id, where that is known already, or after it is looked up."""
    rules = (Reference("bank", to="banks"), Reference("to", "bank/account", to="accounts"))
    body, _ = written(*rules, sent={"to_id": "7"})
    assert body == {"bank_id": Hole("accounts", "7", by="legacy_id")}
    hole = body["bank_id"]
    assert hole.then("a-7") == Hole("banks", "a-7", by="account.id")
    known = Reference("to", "bank/account", to=TYPES)
    assert written(rules[0], known, sent={"to_id": "1"})[0] == {"bank_id": Hole("banks", "CUSTOMER", by="account.id")}


def test_a_reference_that_is_required():
    """With v2's message and source, where it had its own; a default comes first."""
    with pytest.raises(BadCall, match="blank") as refused:
        written(Reference("a", to="as", required="blank"), sent={})
    assert refused.value.diagnoses[0].source == "a_id"
    with pytest.raises(BadCall, match="Must specify") as refused:
        written(Reference("a", to="as", required=("Must specify", "base")), sent={})
    assert refused.value.diagnoses[0].source == "base"
    assert written(Reference("a", to="as", default=lambda _: "as-1", required="blank"), sent={})[0] == {"a_id": "as-1"}
    assert written(Reference("a", to="as", read_only=True, required="blank"), sent={})[0] == {}


PART = Nested("part", of=(Field("x"), Field("y")), holds="parts", keep=("z_id",))
ITEMS = Nested("items", of=(Identity(), Field("x", required="blank")), holds="items", many=True, required="blank")


@pytest.mark.parametrize("sent", ["text", 5, ["x"]])
def test_a_part_is_given_by_its_parts(sent: Any):
    """Anything else is refused, by the name that was sent."""
    with pytest.raises(BadCall, match="by its parts") as refused:
        written(PART, sent={"part_attributes": sent})
    assert refused.value.diagnoses[0].source == "part_attributes"


def test_a_blank_part_changes_nothing():
    """Some clients send every name, blank."""
    assert written(PART, sent={"part": ""})[0] == written(PART, sent={"part": None})[0] == {}


def test_a_part_is_merged_with_what_v31_has():
    """Also where v3.1 has none, or something that is no part."""
    current = {"part": {"id": "p", "x": "1", "y": "2", "z": {"id": "z-1"}}}
    body, _ = written(PART, sent={"part": {"x": "9"}}, creating=False, current=current)
    assert body == {"part": {"x": "9", "y": "2", "z_id": "z-1"}}
    nothing: dict[str, Any]
    for nothing in ({}, {"part": None}, {"part": []}):
        assert written(PART, sent={"part": {"x": "9"}}, creating=False, current=nothing)[0] == {"part": {"x": "9"}}


def test_a_list_that_is_required():
    """At least one item, in a create; ids of its items mean nothing there."""
    with pytest.raises(BadCall, match="blank"):
        written(ITEMS, sent={"items": []})
    assert written(ITEMS, sent={"items": [{"id": "5", "x": "a"}]})[0] == {"items": [{"x": "a"}]}
    assert written(ITEMS, sent={"items": [{"x": "a"}, {"x": "b", "_destroy": "1"}]})[0] == {"items": [{"x": "a"}]}


def test_a_new_item_must_be_whole():
    """Also in an update; an item that is there need not."""
    current = {"items": [{"id": "i-1", "legacy_id": 1, "x": "a"}]}
    with pytest.raises(BadCall, match="blank"):
        written(ITEMS, sent={"items": [{}]}, creating=False, current=current)
    body, _ = written(ITEMS, sent={"items": [{"$key": 1}]}, creating=False, current=current)
    assert body == {"items": [{"x": "a", "id": "i-1"}]}


def total(inputs: dict[str, Any]) -> str | None:
    return None if inputs["a"] is None else f"{inputs['a']}+{inputs['b']}"


SUM = Computed("", "sum", of=("a", "b"), reckon=total)


def test_what_is_reckoned_goes_up_with_its_inputs():
    """All of them together, or none; None takes away what was there."""
    rules = (Field("a"), Field("b"), Field("c"), SUM)
    assert written(*rules, sent={"a": "1", "b": "2"})[0]["sum"] == "1+2"
    assert written(*rules, sent={"c": "1"})[0] == {"c": "1"}
    current = {"a": "1", "b": "2", "sum": "1+2"}
    assert written(*rules, sent={"b": "9"}, creating=False, current=current)[0] == {"b": "9", "a": "1", "sum": "1+9"}
    assert written(*rules, sent={"b": "9"}, creating=False, current={})[0] == {"b": "9"}


def test_what_was_sent_wins_over_what_is_reckoned():
    """A blank one is reckoned."""
    rules = (Field("a"), Field("b"), Computed("sum", "sum", of=("a", "b"), reckon=total))
    assert written(*rules, sent={"a": "1", "sum": "7"})[0]["sum"] == "7.0"
    assert written(*rules, sent={"a": "1", "b": "2", "sum": ""})[0]["sum"] == "1+2"


def test_parts_in_lists_are_made_from_what_v31_has():
    """The first price of a list is written; the others go back."""
    prices = {"prices": ("name", "type_id")}
    field = Field("price", "prices.0.price", MONEY)
    assert written(field, sent={"price": "1"}, parts=prices)[0] == {"prices": [{"price": "1.0"}]}
    current = {
        "prices": [{"id": "p1", "name": "one", "price": "3.0"}, {"id": "p2", "name": "two", "type": {"id": "t"}}]
    }
    parts = {"prices": ("price", "name", "type_id")}
    body, _ = written(field, sent={"price": "1"}, creating=False, current=current, parts=parts)
    assert body == {
        "prices": [{"price": "1.0", "name": "one", "id": "p1"}, {"name": "two", "type_id": "t", "id": "p2"}]
    }
    nothing: dict[str, Any]
    for nothing in ({"prices": []}, {"prices": None}, {}):
        body, _ = written(field, sent={"price": "1"}, creating=False, current=nothing, parts=parts)
        assert body == {"prices": [{"price": "1.0"}]}


def test_what_is_written_can_be_looked_at():
    """By dotted paths, into lists too; None for what is not there."""
    writing = Writing(RequestDraft("POST", []), {}, Caller(), creating=True, body={"a": {"b": 1}, "l": [{"x": 2}]})
    paths = ("a.b", "l.0.x", "l.1.x", "a.c", "a.b.c", "z")
    assert [writing.take(path) for path in paths] == [1, 2, None, None, None, None]


def test_the_write_form_of_what_was_read():
    """References become ids, lists of records lists of ids; nothing and records stay away."""
    read = {
        "country": {"id": "GB"},
        "types": [{"id": "A"}, {"name": "no id"}],
        "tags": ["x"],
        "name": "n",
        "empty": "",
        "gone": None,
        "part": {"id": "p"},
        "odd": "text",
    }
    names = ("country_id", "type_ids", "tags", "name", "empty", "gone", "part", "missing", "odd_id")
    assert write_form(read, names) == {
        "country_id": "GB",
        "type_ids": ["A"],
        "tags": ["x"],
        "name": "n",
        "empty": "",
    }
    assert [read_name(name) for name in names[:3]] == ["country", "types", "tags"]


# --- values, down


def test_every_name_is_always_shown():
    """With the codec's empty value where v3.1 has nothing."""
    rules = (Field("a", aliases=("b",)), Field("n", codec=NOTE), Field("m", codec=MONEY), Field("w", codec=WHOLE))
    body, _ = shown(*rules, record={})
    assert body == {"a": "", "b": "", "n": None, "m": "0.0", "w": None}
    zero = Codec("zero", WHOLE.up, WHOLE.down, 0, identity=True)
    assert shown(Field("z", codec=zero, aliases=("y",)), record={})[0] == {"z": 0, "y": 0}
    assert shown(Field("z", codec=zero), record={"z": 5})[0] == {"z": 5}
    assert shown(Field("a"), record={"a": 5})[0] == {"a": "5"}
    assert shown(Field("a", shown_at="there.x"), record={"there": {"x": "1"}})[0] == {"a": "1"}


def test_references_are_objects():
    """`{"$key": null}` for none; the number, and a name where v2 had one, else a hole."""
    rule = Reference("a", to="as", name="displayed_as", aliases=("b",))
    assert shown(rule, record={})[0] == {"a": {"$key": None}, "b": {"$key": None}}
    record = {"a": {"id": "as-1", "legacy_id": 7, "displayed_as": "A"}}
    body, draft = shown(rule, record=record)
    assert body["b"] == {"id": 7, "name": "A", "$key": 7}
    assert draft.seen == [("as", "as-1", 7)]
    body, draft = shown(rule, record={"a": {"id": "as-1"}})
    assert body["a"]["name"] == ""
    assert set(draft.holes) == {Hole("as", "as-1", want="legacy_id")}
    named = Reference("a", to="as", name=lambda record: record["id"].upper())
    assert shown(named, record={"a": {"id": "as-1", "legacy_id": 7}})[0]["a"]["name"] == "AS-1"


def test_flat_references_are_numbers():
    """Left out where there is none."""
    rule = Reference("a", to="as", flat="a_id", flat_only=True)
    assert shown(rule, record={})[0] == {}
    assert shown(rule, record={"a": {"id": "x", "legacy_id": 7}})[0] == {"a_id": 7}
    body, draft = shown(rule, record={"a": {"id": "x"}})
    assert isinstance(body["a_id"], Hole)
    assert len(draft.gaps) == 1


def test_codes_come_down_as_their_numbers():
    """Of another code v3.1's own legacy id is shown, else it is looked up."""
    rule = Reference("a", to=TYPES)
    assert shown(rule, record={"a": {"id": "VENDOR", "legacy_id": 99}})[0]["a"] == {"id": 2, "$key": 2}
    assert shown(rule, record={"a": {"id": "OTHER", "legacy_id": 99}})[0]["a"] == {"id": 99, "$key": 99}
    many = Reference("types", to=TYPES, many=True, single="type")
    assert shown(many, record={})[0] == {"types": [], "type": {"$key": None}}
    body, draft = shown(many, record={"types": [{"id": "VENDOR"}, {"id": "OTHER"}]})
    assert body["types"][0] == body["type"] == {"id": 2, "$key": 2}
    assert set(draft.holes) == {Hole("contact_types", "OTHER", want="legacy_id")}
    plain = Reference("rates", to="rates", many=True)
    assert shown(plain, record={"rates": [{"id": "r", "legacy_id": 3}]})[0] == {"rates": [{"id": 3, "$key": 3}]}


def test_what_is_behind_a_reference_is_shown():
    """With its own legacy id, one that is looked up, or none."""
    rules = (Reference("bank", to="banks"), Reference("to", "bank/account", to="accounts"))
    assert shown(*rules, record={})[0]["to"] == {"$key": None}
    hole = Hole("banks", "b-1", want="account")
    for fact, number in (({"id": "a", "legacy_id": 9}, 9), (None, None)):
        body, draft = shown(*rules, record={"bank": {"id": "b-1", "legacy_id": 1}})
        draft.fill({hole: fact})
        assert body["to"] == {"id": number, "$key": number}
    body, draft = shown(*rules, record={"bank": {"id": "b-1", "legacy_id": 1}})
    draft.fill({hole: {"id": "a-3"}})
    assert set(draft.holes) == {Hole("accounts", "a-3", want="legacy_id")}


def test_what_is_told_and_what_is_shown_as_it_is():
    """A computed value without a function shows v3.1's."""
    assert shown(Computed("a", "b", told=None), record={"b": "1.50"})[0] == {"a": "1.5"}
    assert shown(Computed("a", "b"), record={})[0] == {"a": "0.0"}
    assert shown(Computed("a", of=("b",), told=lambda b: f"<{b}>"), record={"b": 1})[0] == {"a": "<1>"}
    assert shown(Computed("", "b"), record={"b": 1})[0] == {}
    assert shown(Computed("a"), record={"b": 1})[0] == {}


def test_what_is_unsupported_shows_its_constant_or_nothing():
    """As v2 clients expect to find it."""
    rules = (Unsupported("a", "none", {"$key": None}, aliases=("b",)), Unsupported("c", "none"))
    assert shown(*rules, record={})[0] == {"a": {"$key": None}, "b": {"$key": None}}


def test_parts_of_lists_are_read_where_they_are():
    """`prices.0.price` of no list, or of an empty one, is nothing."""
    field = Field("price", "prices.0.price", MONEY)
    record: dict[str, Any]
    for record in ({}, {"prices": []}, {"prices": None}):
        assert shown(field, record=record)[0] == {"price": "0.0"}
    assert shown(field, record={"prices": [{"price": "2.0"}, {"price": "3.0"}]})[0] == {"price": "2.0"}


def test_an_identity_shows_its_number_or_leaves_a_hole():
    """A record that has no id at all, as a part may be, shows nothing."""
    assert shown(Identity(kind="as"), record={"id": "a", "legacy_id": 7})[0] == {"id": 7, "$key": 7}
    body, draft = shown(Identity(kind="as"), record={"id": "a"})
    assert isinstance(body["id"], Hole)
    assert [hole.shown for hole in draft.holes] == [True]
    body, draft = shown(Identity(kind="as"), record={})
    assert (body, draft.gaps) == ({"id": None, "$key": None}, [])


# --- the rest


def test_a_rule_of_nothing():
    """A word that only some of these concern does nothing in the others."""
    rule = Rule()
    assert (list(rule.writers()), list(rule.reads()), list(rule.writes()), rule.shown) == ([], [], [], ())
    assert (rule.binds(), list(rule.points()), list(rule.crosses()), rule.swapped({})) == (frozenset(), [], [], rule)


def test_a_dialect_swaps_by_name():
    """Codecs and codes that have a counterpart of the same name; everything else stays."""
    other = Codes("contact_types", ((5, "VENDOR", "Fornecedor"),))
    shout = Codec("text", TEXT.up, lambda value: str(value).upper())
    swap: dict[str, Codec | Codes] = {"text": shout, "contact_types": other, "money": other, "date": DATE}
    table = Table(
        "x",
        Field("a"),
        Reference("t", to=TYPES),
        Reference("p", to="xs"),
        Nested("n", of=(Field("b"),), holds="ns"),
        Computed("c", "c", codec=MONEY),
        Computed("d", "d", codec=TEXT),
        v3="xs",
        filters=(Filter("a"), Filter("t", "t_id", to=TYPES), Filter("p", to="xs", codec=MONEY)),
        local=TYPES,
    )
    spoken = table.speak(swap)
    draft = ReplyDraft(200, None)
    record = {"a": "x", "t": {"id": "VENDOR"}, "n": {"b": "y"}, "c": "1.0", "d": "z"}
    body = spoken.rules.down(record, draft, True)
    assert (body["a"], body["t"]["id"], body["n"]["b"], body["c"], body["d"]) == ("X", 5, "Y", "1.0", "Z")
    assert table.rules.down(record, draft, True)["a"] == "x"
    assert [(f.codec, f.to) for f in spoken.filters] == [(shout, ""), (shout, other), (MONEY, "xs")]
    assert (spoken.local, table.local) == (other, TYPES)
    assert Table("y", v3="ys").speak(swap).local is None
    assert Reference("t", to=TYPES).swapped({"contact_types": TEXT}) == Reference("t", to=TYPES)


def test_the_source_of_a_table_can_be_read():
    """Constants that are plain stand in it; anything else has a name, and one name only."""
    source = Source("down_x")
    assert [source.constant(value) for value in (None, True, 5, "x")] == ["None", "True", "5", "'x'"]
    shared = ["x"]
    assert source.constant(shared) == source.constant(shared)
    assert source.constant(["x"]) != source.constant(shared)
    with pytest.raises(TableWrong, match="two rules show 'a'"):
        source.member(("a", "a"), "None")

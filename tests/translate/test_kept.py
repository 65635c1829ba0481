"""What v3.1 has no place for, or no room, is kept beside the record and given back."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from gateway.errors import StoreFailed, TableWrong
from gateway.exchange import Journey, run
from gateway.messages import Caller, V2Request, V2Response, V3Request, V3Response
from gateway.translate.calls import Routes, read_call
from gateway.translate.codecs import BIT, text
from gateway.translate.resource import Table
from gateway.translate.rules import Field, Identity, Kept, Nested
from gateway.translate.writing import Inside, id_inside
from tests.echo import Echo, NamedFacts

THINGS = Table(
    "things",
    Identity(),
    Field("name", codec=text(5), aliases=("title",)),
    Kept("colour", aliases=("tint",), writes_as=("colour_name",)),
    Kept("shiny", BIT),
    Nested("lines", of=(Identity(), Field("text"), Kept("code")), holds="lines", many=True),
    Nested("part", of=(Identity(shows=("$key",)), Field("label", codec=text(3))), holds="parts"),
    v3="things",
    root="thing",
    verbs="list one create update delete",
)


class House:
    """The table over an upstream that echoes what is written."""

    def __init__(self, **caller: Any) -> None:
        self.facts = NamedFacts()
        self.upstream = Echo()
        self.caller = Caller(business="b-1", **caller)
        self.journey = Journey(self.facts, self.upstream)

    async def call(self, method: str, target: str, body: str = "") -> V2Response:
        request = V2Request(method, f"/accounts/v2/{target}", (), body.encode())
        route = Routes((THINGS,)).find(method, request.target)
        self.journey = Journey(self.facts, self.upstream)
        return await run(read_call(request, self.caller, route), self.journey)

    @property
    def notes(self) -> list[str]:
        return [note.code for note in self.journey.notes]


async def test_blank_is_nothing():
    """A blank that is sent back as it was read is not kept, and one that is written forgets what was kept."""
    house = House()
    reply = await house.call("POST", "things", "thing[name]=a&thing[colour]=&thing[lines][0][code]=")
    key = reply.body["id"]
    assert house.facts.kept == {}
    await house.call("PUT", f"things/{key}", "thing[colour]=red")
    reply = await house.call("PUT", f"things/{key}", "thing[colour]=")
    assert reply.body["colour"] == ""
    assert [set(values.values()) for values in house.facts.kept.values()] == [{None}]


async def test_it_comes_back():
    """What is written under any of its names is shown under all that v2 showed, by its codec."""
    house = House()
    reply = await house.call("POST", "things", "thing[name]=a&thing[colour_name]=red&thing[shiny]=true")
    assert [reply.body[name] for name in ("colour", "tint", "shiny")] == ["red", "red", 1]
    again = await house.call("GET", f"things/{reply.body['id']}")
    assert again.body == reply.body
    assert house.notes == []


async def test_nothing_kept_is_shown_as_nothing():
    """A record that another program made has the codec's empty value."""
    house = House()
    reply = await house.call("POST", "things", "thing[name]=a")
    assert [reply.body[name] for name in ("colour", "shiny")] == ["", 0]


async def test_an_update_of_kept_values_alone():
    """Such an update writes nothing to v3.1, and keeps what it does not name."""
    house = House()
    made = await house.call("POST", "things", "thing[name]=a&thing[colour]=red&thing[shiny]=1")
    reply = await house.call("PUT", f"things/{made.body['id']}", "thing[colour]=blue")
    assert (reply.status, reply.body["colour"], reply.body["shiny"]) == (200, "blue", 1)
    assert {step.request.method for step in house.journey.steps} == {"GET"}


async def test_text_over_the_limit_comes_back_whole():
    """v3.1 gets what it can hold."""
    house = House()
    made = await house.call("POST", "things", "thing[name]=a longer name")
    assert house.journey.steps[0].request.body == {"thing": {"name": "a lon"}}
    assert (made.body["name"], made.body["title"]) == ("a longer name", "a longer name")
    assert house.notes == ["kept"]


async def test_text_that_was_changed_in_v31_is_shown_as_it_is():
    """The whole text belongs to what was cut from it, and to nothing else."""
    house = House()
    made = await house.call("POST", "things", "thing[name]=a longer name")
    record = next(iter(house.upstream.records.values()))
    record["name"] = "12345"
    assert (await house.call("GET", f"things/{made.body['id']}")).body["name"] == "12345"
    record["name"] = "a lon"
    assert (await house.call("GET", f"things/{made.body['id']}")).body["name"] == "a longer name"


async def test_a_text_that_fits_takes_the_place_of_a_longer_one():
    """Even the very text that was cut from it."""
    house = House()
    made = await house.call("POST", "things", "thing[name]=a longer name")
    reply = await house.call("PUT", f"things/{made.body['id']}", "thing[name]=a lon")
    assert reply.body["name"] == "a lon"


async def test_text_of_a_part():
    """It is kept beside the part, which has an id of its own."""
    house = House()
    reply = await house.call("POST", "things", "thing[name]=a&thing[part][label]=abcdef")
    assert reply.body["part"]["label"] == "abcdef"
    assert house.notes == ["kept"]


LINES = (
    "thing[name]=a&thing[lines][0][text]=one&thing[lines][0][code]=A&thing[lines][1][text]=two&thing[lines][1][code]=B"
)


def codes(reply: V2Response) -> list[tuple[str, str]]:
    return [(line["text"], line["code"]) for line in reply.body["lines"]]


async def test_lines():
    """A new line's values are kept beside the line that v3.1 has made of it, a known one's beside itself."""
    house = House()
    made = await house.call("POST", "things", LINES)
    assert codes(made) == [("one", "A"), ("two", "B")]
    second = made.body["lines"][1]["id"]
    more = f"thing[lines][0][id]={second}&thing[lines][0][code]=C&thing[lines][1][text]=three&thing[lines][1][code]=D"
    changed = await house.call("PUT", f"things/{made.body['id']}", more)
    assert codes(changed) == [("one", "A"), ("two", "C"), ("three", "D")]
    await house.call("DELETE", f"things/{made.body['id']}")
    assert house.facts.kept == {}


@pytest.mark.parametrize(
    "shown", [None, [], [{"id": "x", "text": "one"}, {"id": "y", "text": "other"}], [{"id": "x", "text": "one"}]]
)
def test_lines_that_cannot_be_told_apart(shown: Any):
    """Where v3.1's lines are not those that were sent, it is not known which is which."""
    lines = [{"text": "one"}, {"text": "two"}]
    assert id_inside({"lines": lines}, Inside("lines", lines[0], "lines", {}), {"lines": shown}) is None


def test_lines_that_say_the_same():
    """Amounts are compared by what they amount to; what only one side says is not compared."""
    lines: list[dict[str, Any]] = [{"price": "1.0", "date": None}, {"price": "2.0"}]
    shown = [{"id": "x", "price": "1.00"}, {"id": "y", "price": "2", "note": "z"}]
    assert id_inside({"lines": lines}, Inside("lines", lines[1], "lines", {}), {"lines": shown}) == "y"


async def test_it_is_noted_where_v31_does_not_say_which_line_was_meant(monkeypatch: pytest.MonkeyPatch):
    """The write has happened, and counts; what was to be kept is lost. The read that follows a write may say it yet."""
    house = House()
    send = house.upstream.send

    async def without_lines(request: V3Request) -> V3Response:
        answer = await send(request)
        return replace(answer, body={"id": answer.body["id"]}) if request.method in methods else answer

    monkeypatch.setattr(house.upstream, "send", without_lines)
    methods = {"POST", "GET"}
    reply = await house.call("POST", "things", LINES)
    assert (reply.status, house.notes) == (201, ["not_kept", "not_kept"])
    methods = {"POST"}
    assert codes(await house.call("POST", "things", LINES)) == [("one", "A"), ("two", "B")]
    assert house.notes == []


async def test_switched_off():
    """Where keeping is switched off, what cannot be held is noted as lost."""
    house = House(keeps=False)
    reply = await house.call("POST", "things", "thing[name]=a longer name&thing[colour]=red")
    assert (reply.body["name"], reply.body["colour"]) == ("a lon", "")
    assert sorted(house.notes) == ["cut", "unsupported"]


async def test_a_deleted_record_loses_it():
    """The DELETE still shows it; then nothing is kept."""
    house = House()
    made = await house.call("POST", "things", "thing[name]=a&thing[colour]=red")
    reply = await house.call("DELETE", f"things/{made.body['id']}")
    assert reply.body["colour"] == "red"
    assert house.facts.kept == {}


async def test_a_store_that_fails_costs_no_more_than_what_it_keeps(monkeypatch: pytest.MonkeyPatch):
    """v3.1 has made the record, so the call succeeds; the loss is noted."""
    house = House()

    async def fail(*_: Any) -> None:
        raise StoreFailed("no disk")

    monkeypatch.setattr(house.facts, "retain", fail)
    reply = await house.call("POST", "things", "thing[name]=a&thing[colour]=red")
    assert (reply.status, reply.body["colour"]) == (201, "")
    assert house.notes == ["not_kept"]


def test_only_beside_a_record_with_an_id():
    """A table without an id cannot keep anything."""
    with pytest.raises(TableWrong):
        Table("things", Kept("colour"), v3="things")

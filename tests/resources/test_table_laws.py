"""The law of every table: what a client writes is what it reads, `down(echo(up(v2))) == v2`.

Echo knows v3.1's write and read convention and no table (`tests/echo.py`). Values are drawn in canonical form from
the rules themselves; ids follow the naming convention `kind-n`.
"""

from __future__ import annotations

import datetime
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import BadCall
from gateway.messages import Caller
from gateway.resources._parts import ADDRESS_TEXT
from gateway.resources._regions import REGIONS
from gateway.resources.registry import TABLES
from gateway.sandbox.checks import EMPTY
from gateway.translate.codecs import Codec, Codes
from gateway.translate.dialect import spoken
from gateway.translate.plans import down, up
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Field, Nested, ReadOnly, Reference, Rule
from tests.echo import SPEC, Echo, call_of, settled

WRITTEN = [table for table in TABLES if table.verbs & {"create", "update"} and table.rules.writes()]
CALLERS = [
    Caller(business="b-1"),
    Caller(business="b-1", country="pt", date_out="dmy"),
    Caller(business="b-1", country="us", date_order="mdy"),
]
Sent = dict[str, Any]

NUMBERS = st.integers(1, 10**9)
AMOUNTS = st.decimals(-(10**9), 10**9, places=2).map(lambda n: f"{n:f}".rstrip("0") if n % 1 else f"{n:.1f}")
LINES = st.lists(st.text("abc xyz,7", min_size=1, max_size=20).map(str.strip).filter(bool), min_size=1, max_size=5)


def named(table: Table) -> str:
    return table.name


@st.composite
def values(draw: st.DrawFn, codec: Codec) -> tuple[Any, Any]:
    """(what a client sends, what it reads) for one value."""
    if codec is ADDRESS_TEXT:
        address = "\n".join(draw(LINES))
        return address, address
    if codec.name == "base64":
        content = b64encode(draw(st.binary(min_size=1, max_size=20))).decode()
        return content, content
    if codec.name == "money":
        amount = draw(AMOUNTS)
        return amount, amount
    if codec.name == "whole":
        number = draw(NUMBERS)
        return str(number), number
    if codec.name in ("flag", "bit"):
        said = draw(st.booleans())
        return "true" if said else "false", codec.down(said)
    if codec.name in ("date", "day"):
        iso = draw(st.dates(datetime.date(1900, 1, 1))).isoformat()
        return iso, codec.down(iso)
    storable = st.characters(codec="utf-8", exclude_characters="\0")
    shown = draw(st.text(storable, min_size=1, max_size=min(codec.limit or 40, 40)))
    return shown, shown


@st.composite
def references(draw: st.DrawFn, rule: Reference) -> tuple[Sent, Sent]:
    """(what a client sends, what it reads) for one reference."""
    number = draw(st.sampled_from([row[0] for row in rule.to.rows])) if isinstance(rule.to, Codes) else draw(NUMBERS)
    written = draw(st.sampled_from([name for name, _ in rule.writers()]))
    sent: Any = str(number)
    if not written.endswith("_id"):
        sent = draw(st.sampled_from([str(number), {"id": str(number)}, {"$key": number}]))
    one = {"id": number, "$key": number}
    shown: Sent = {}
    for name in rule.shown:
        if name == rule.flat:
            shown[name] = number
        elif rule.many and name != rule.single:
            shown[name] = [one]
        else:
            shown[name] = one
    return {written: sent}, shown


@st.composite
def pairs(draw: st.DrawFn, rule: Rule) -> tuple[Sent, Sent]:
    """(what a client sends, what it reads) for one rule."""
    if isinstance(rule, Reference):
        return draw(references(rule))
    if isinstance(rule, Nested):
        written = draw(st.sampled_from([name for name, _ in rule.writers()]))
        if not rule.many:
            sent, shown = draw(records(rule.of))
            return {written: sent}, {rule.v2: shown}
        items = draw(st.lists(records(rule.of), min_size=1, max_size=3))
        return {written: [sent for sent, _ in items]}, {rule.v2: [shown for _, shown in items]}
    assert isinstance(rule, Field | Computed)
    sent, shown = draw(values(rule.codec))
    written = draw(st.sampled_from([name for name, _ in rule.writers()]))
    return {written: sent}, dict.fromkeys(rule.shown, shown)


def goes_both_ways(rule: Rule) -> bool:
    """Whether a rule takes up what it shows."""
    if isinstance(rule, ReadOnly):
        return False
    if isinstance(rule, Reference):
        return not rule.read_only
    if isinstance(rule, Computed):
        return bool(rule.v2 and rule.v3)
    return isinstance(rule, Field | Nested)


def overlaps(names: Iterable[str], others: Iterable[str]) -> bool:
    """Whether some name of one is that of the other, or a part of it."""
    return any(
        one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.") for one in names for other in others
    )


@st.composite
def records(draw: st.DrawFn, rules: tuple[Rule, ...]) -> tuple[Sent, Sent]:
    """(what a client sends, what it reads): the required rules and some of the others, none writing over another."""
    sent: Sent = {}
    shown: Sent = {}
    taken: list[str] = []
    both = [rule for rule in rules if goes_both_ways(rule)]
    for rule in draw(st.permutations(both)):
        required = getattr(rule, "required", "") or getattr(rule, "default", None)
        if overlaps(rule.writes(), taken) or not (required or draw(st.booleans())):
            continue
        taken += rule.writes()
        written, read = draw(pairs(rule))
        sent |= written
        shown |= read
    return sent, shown


def missing(expected: Any, actual: Any, where: str = "") -> list[str]:
    """Where what is read is not what is expected; it may hold more."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [line for name in expected for line in missing(expected[name], actual.get(name), f"{where}.{name}")]
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        both = zip(expected, actual, strict=True)
        return [line for n, (one, two) in enumerate(both) for line in missing(one, two, f"{where}[{n}]")]
    return [] if type(expected) is type(actual) and expected == actual else [f"{where} is {actual!r}, not {expected!r}"]


LAW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.country)
@pytest.mark.parametrize("table", WRITTEN, ids=named)
@settings(LAW)
@given(data=st.data())
def test_what_is_written_is_what_is_read(table: Table, caller: Caller, data: st.DataObject):
    """Of every attribute, under every name of it, in every dialect."""
    table = table.speak(spoken(caller, REGIONS))
    sent, shown = data.draw(records(table.rules.rules))
    creating = "create" in table.verbs
    draft = up(call_of(table, "create" if creating else "update", sent, caller=caller), creating=creating)
    assert [note for note in draft.notes if note.code == "unmapped"] == []
    body = next(iter(settled(draft).body.values()))
    record = {"id": f"{table.kind}-7", **Echo().read_form(body)}
    reply = settled(down(call_of(table, "one"), record, table=table))
    assert missing(shown, reply.body) == []


@pytest.mark.parametrize("table", [table for table in WRITTEN if "create" in table.verbs], ids=named)
@settings(LAW)
@given(data=st.data())
def test_what_v31_requires_is_supplied_or_refused_here(table: Table, data: st.DataObject):
    """A create that goes up has every attribute that the spec requires, whichever ones the client leaves out."""
    sent, _ = data.draw(records(table.rules.rules))
    for name in data.draw(st.sets(st.sampled_from(sorted(sent)))):
        del sent[name]
    for value in sent.values():
        if isinstance(value, list) and data.draw(st.booleans()):
            for name in data.draw(st.sets(st.sampled_from(sorted(value[0])))) if value[0] else ():
                del value[0][name]
    try:
        body = next(iter(settled(up(call_of(table, "create", sent), creating=True)).body.values()))
    except BadCall as refused:
        said = refused.diagnoses
        assert said[0].message
        return
    if table.name.endswith(".payments"):
        body["contact_id"] = "contacts-1"  # its plan reads whose invoice it is
    lacking = []
    for name in SPEC.required("POST", f"/{table.v3}"):
        part, _, inner = name.partition(".")
        items = body.get(part)
        holders = (items if isinstance(items, list) else [items] if items else []) if inner else [body]
        lacking += [name for holder in holders if holder.get(inner or part) in EMPTY]
    assert lacking == []

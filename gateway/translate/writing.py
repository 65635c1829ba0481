"""A v3.1 record in the making, from what a v2 client sent: the state that rules write into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from gateway.messages import Caller, Record
from gateway.translate.draft import Draft, Hole


def read_name(written: str) -> str:
    """How v3.1 shows what it takes as `country_id` or `contact_type_ids`: `country`, `contact_types`."""
    if written.endswith("_ids"):
        return f"{written[:-4]}s"
    return written.removesuffix("_id")


def write_form(read: Record, names: Iterable[str]) -> Record:
    """A part as v3.1 wants it written, from how v3.1 shows it: `country: {…}` becomes `country_id`.

    Only attributes that v3.1 showed with a value are there. A list of records becomes the list of their ids.
    """
    body: Record = {}
    for name in names:
        value = read.get(read_name(name))
        if name.endswith("_id"):
            value = value.get("id") if isinstance(value, dict) else None
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            value = [item["id"] for item in value if "id" in item]
        if value is not None and not isinstance(value, dict):
            body[name] = value
    return body


def value_at(value: Any, path: str) -> Any:
    """What a record holds at a dotted path, in which a number is a place in a list; None where it holds nothing."""
    for name in path.split("."):
        if isinstance(value, list):
            value = value[int(name)] if len(value) > int(name) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def same_value(shown: Any, sent: Any) -> bool:
    """Whether two values are the same: amounts by what they amount to, all else by type and value; blank is nothing."""
    if shown in (None, "") or sent in (None, ""):
        return shown in (None, "") and sent in (None, "")
    if isinstance(shown, str) and isinstance(sent, str) and shown != sent:
        try:
            return Decimal(shown) == Decimal(sent)
        except InvalidOperation:
            return False
    return type(shown) is type(sent) and bool(shown == sent)


class Inside(NamedTuple):
    """What is kept beside a record inside the one that is written: the path of its list or part, the record as it is
    written, its kind and the values."""

    path: str
    written: Record
    kind: str
    values: Record


def id_inside(sent: Record, inside: Inside, shown: Record) -> str | None:
    """The modern id of a record inside another one, from v3.1's answer to the write; None where that is not certain.

    A new line has an id only then. Lines come in the order sent, and are trusted to where all that both say is equal.
    """
    there = shown.get(inside.path)
    if isinstance(there, dict):
        return there.get("id")
    if "id" in inside.written:
        return str(inside.written["id"])
    lines = sent[inside.path]
    if not isinstance(there, list) or len(there) != len(lines) or not all(map(agree, lines, there)):
        return None
    place = next(n for n, line in enumerate(lines) if line is inside.written)
    found: str | None = there[place].get("id")
    return found


def agree(sent: Record, shown: Record) -> bool:
    """Whether v3.1 shows a line as it was sent, as far as both say the same things."""
    both = (name for name, value in sent.items() if isinstance(value, str) and isinstance(shown.get(name), str))
    return all(same_value(shown[name], sent[name]) for name in both)


class Writing:
    """What is known while one record is written.

    `sent` is the v2 record as sent; `body` the v3.1 record; `current` the record as v3.1 shows it now, where an
    update merges; `changed` the v3.1 names written so far with a value that
    v3.1 does not have; `kinds` what its references point at; `parts` names the
    attributes of each part written with dotted paths, all of which must go back when one changes. `above` is the
    record that this one is inside. `kept` is what v3.1 has no place for and the gateway keeps, by v2 name; None where
    nothing is to be kept any more; `keeps` says whether anything can be; `kept_inside` is that of records inside.
    """

    __slots__ = (
        "above",
        "body",
        "caller",
        "changed",
        "creating",
        "current",
        "draft",
        "keeps",
        "kept",
        "kept_inside",
        "kinds",
        "parts",
        "sent",
        "source",
    )

    def __init__(
        self,
        draft: Draft,
        sent: Record,
        caller: Caller,
        *,
        creating: bool,
        current: Record | None = None,
        parts: Mapping[str, tuple[str, ...]] | None = None,
        body: Record | None = None,
        source: str = "",
        above: Writing | None = None,
        keeps: bool = False,
    ) -> None:
        self.draft = draft
        self.sent = sent
        self.caller = caller
        self.creating = creating
        self.current = current
        self.parts = parts or {}
        self.body: Record = {} if body is None else body
        self.source = source
        self.above = above
        self.changed: set[str] = set()
        self.keeps = keeps
        self.kept: Record = {}
        self.kept_inside: list[Inside] = []
        self.kinds: Mapping[str, str] = {}

    def where(self, name: str) -> str:
        """The v2 field's full name, for errors and notes."""
        return f"{self.source}.{name}" if self.source else name

    def part(self, name: str) -> Record:
        """The part of the body with this name: made now, from what v3.1 has where an update merges.

        `sales_prices.0` is the first item of a list, all of which goes back.
        """
        name, _, place = name.partition(".")
        shown = self.current.get(name) if self.current else None
        names = self.parts.get(name, ())
        if name not in self.body:
            if place:
                items = shown if isinstance(shown, list) else []
                self.body[name] = [{**write_form(item, names), "id": item["id"]} for item in items] or [{}]
            else:
                self.body[name] = write_form(shown, names) if isinstance(shown, dict) else {}
        made: Record = self.body[name][int(place)] if place else self.body[name]
        return made

    def put(self, path: str, value: Any, source: str) -> None:
        """Write a value, or the hole that will become one, at a dotted path.

        A value that is itself a part goes into what is there of that part. A value that v3.1 has already changes
        nothing: of a part it is not even written.
        """
        if not self.echoes(path, value):
            self.changed.add(path)
        elif "." in path:
            return
        if isinstance(value, dict):
            self.part(path).update(value)
            return
        part, _, last = path.rpartition(".")
        container = self.part(part) if part else self.body
        self.draft.place(container, last, value, source)

    def day(self, name: str) -> str:
        """The date of the outermost record by this v3.1 name, as it is about to be or as v3.1 has it; "" for none."""
        outer = self
        while outer.above is not None:
            outer = outer.above
        value = outer.take(name) or (outer.current or {}).get(name) if name else None
        return value if isinstance(value, str) else ""

    def echoes(self, path: str, value: Any) -> bool:
        """Whether v3.1 shows this value there already: many clients send back all that they have read."""
        part, _, last = path.rpartition(".")
        shown = self.shown(part) if part else self.current
        if not isinstance(shown, dict):
            return False
        if isinstance(value, Hole):
            record = shown.get(read_name(last))
            return isinstance(record, dict) and value.by == "legacy_id" and str(record.get("legacy_id")) == value.known
        return same_value(write_form(shown, (last,)).get(last), value)

    def shown(self, path: str) -> Any:
        """What v3.1 shows at a dotted path; None where it shows nothing, or is not known."""
        return value_at(self.current, path)

    def lacks(self, path: str) -> bool:
        """Whether v3.1 is known to show nothing at a dotted path: there is nothing to clear."""
        return self.current is not None and self.shown(path) is None

    def take(self, path: str) -> Any:
        """What is written at a dotted path so far, or None."""
        return value_at(self.body, path)

"""Takes a write body into a record: ids become references, text becomes amounts, items become parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.problems import Problem
from gateway.sandbox.spec import Spec, Type
from gateway.sandbox.targets import SEVERAL, singular, target
from gateway.sandbox.values import decimal


@dataclass(slots=True)
class Taker:
    """Takes one body. `old` is the record that a PUT changes; `problems` collects what does not exist.

    `also` receives sentences about ids of items that the record does not have.
    """

    books: Books
    spec: Spec
    old: Record = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    """What v3.1 calls a record that is missing, by reference name: `contact` -> `Customer`."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """References that point elsewhere than their name tells."""
    problems: list[Problem] = field(default_factory=list)
    also: list[str] = field(default_factory=list)

    def fields(self, incoming: Mapping[str, Any], body: Type, schema: str, prefix: str = "") -> Record:
        """The stored form of the attributes that were sent, by v3.1's read names."""
        read = self.spec.readable(schema)
        taken: Record = {}
        for name, value in incoming.items():
            found = body.attributes.get(name)
            if found is None or name == "idempotency_id":
                continue
            source = prefix + name
            single, several = name.removesuffix("_id"), name.removesuffix("_ids")
            plural = next((p for p in read if singular(p) == several), several + "s")
            if several != name:
                taken[plural] = [r for r in (self.reference(several, v, source) for v in value or ()) if r]
            elif single != name and target_or_several(single):
                taken[single] = self.reference(single, value, source)
            elif found.word == "array" and found.items is not None:
                shown = name if name in read else plural
                taken[shown] = self.items(name, value or [], found.items, read.get(shown), source)
            elif found.word == "object":
                part = read.get(name)
                taken[name] = None if value is None else self.part(value, found, part, source)
            else:
                taken[name] = decimal(value) if found.word == "decimal" and value is not None else value
        return taken

    def reference(self, name: str, key: Any, source: str) -> Ref | None:
        """The record that an id names; an unknown id is a problem."""
        if key in (None, ""):
            return None
        for collection in self.collections(name):
            if self.books.find(collection, str(key)) is not None:
                return Ref(collection, str(key))
        word = self.words.get(name)
        label = word or singular(self.collections(name)[0]).replace("_", " ").title()
        self.problems.append(Problem(f"Couldn't find {label}.", "" if word else source))
        return None

    def collections(self, name: str) -> tuple[str, ...]:
        return (self.targets[name],) if name in self.targets else target_or_several(name)

    def items(self, name: str, values: Sequence[Any], each: Type, read: Type | None, source: str) -> list[Any]:
        """The items of an array: references where ids are listed, else parts."""
        if each.word != "object":
            if target_or_several(name) and read is not None and read.items and read.items.word == "record":
                return [r for r in (self.reference(name, v, source) for v in values) if r]
            return list(values)
        schema = read.items.schema if read is not None and read.items is not None else ""
        known = {part["id"]: part for part in self.old.get(name) or () if isinstance(part, dict) and "id" in part}
        return [self.item(value, each, schema, source, known) for value in values]

    def item(
        self, value: Mapping[str, Any], each: Type, schema: str, source: str, known: Mapping[str, Record]
    ) -> Record:
        """One item: wholly what was sent, but a known `id` keeps its id and legacy id."""
        part = self.fields(value, each, schema, source + ".")
        key = str(value["id"]) if value.get("id") else None
        if key is not None and key in known:
            kept = {"id": key}
            if "legacy_id" in known[key]:
                kept["legacy_id"] = known[key]["legacy_id"]
            return {**kept, **part}
        if key is not None and self.old:
            self.also.append(f"{source}: the record has no item with the id {key}")
        return {**self.books.fresh(), **part}

    def part(self, value: Mapping[str, Any], found: Type, read: Type | None, source: str) -> Record:
        return self.fields(value, found, read.schema if read is not None else "", source + ".")


def target_or_several(name: str) -> tuple[str, ...]:
    """The collections a reference may point into; empty where its name tells none."""
    if name in SEVERAL:
        return SEVERAL[name]
    found = target(name)
    return (found,) if found else ()

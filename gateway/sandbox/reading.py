"""Shows a record as v3.1 does: stubs, chosen attributes, nested records, legacy ids (v31.md §4, §5, §8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.kinds import Kind
from gateway.sandbox.spec import Spec, Type
from gateway.sandbox.values import shown

ALWAYS = frozenset({"id", "displayed_as", "$path", "legacy_id"})
ANALYSIS = "AnalysisTypeLineItem"
UNLISTED = ("sales_artefact_addresses", "SalesArtefactAddress")
WHOLE = {("JournalLine", "ledger_account"): {"show_balance_details": "true"}}
"""References that are always shown whole, with the flags that go with them (v31_resources.md, journals)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which attributes were asked for."""

    names: frozenset[str] = frozenset()
    everything: bool = False

    @classmethod
    def read(cls, text: str | None, *, default: Choice) -> Choice:
        if not text:
            return default
        names = frozenset(name.strip() for name in text.split(","))
        return cls(names, "all" in names)

    def has(self, name: str) -> bool:
        return self.everything or name in self.names


NONE = Choice()
ALL = Choice(everything=True)


@dataclass(frozen=True, slots=True)
class Reader:
    """Shows records of one set of books; `legacy` adds their legacy ids."""

    books: Books
    spec: Spec
    kinds: Mapping[str, Kind]
    legacy: bool = False
    query: Mapping[str, str] = field(default_factory=dict)

    def record(
        self, collection: str, record: Record, schema: str, wanted: Choice = ALL, nested: Choice = NONE
    ) -> dict[str, Any]:
        """A record with the attributes wanted, in the spec's order."""
        kind = self.kinds.get(collection) or Kind(collection)
        answer: dict[str, Any] = {}
        for name, found in self.spec.readable(schema).items():
            if name in ALWAYS:
                self._always(answer, name, collection, record, kind)
            elif wanted.has(name) and self._flag(kind, name) and self._analysed(schema, found):
                answer[name] = self._opened(kind, schema, name, self._read(kind, name, record), nested, found)
        return answer

    def _opened(self, kind: Kind, schema: str, name: str, value: Any, nested: Choice, found: Type) -> Any:
        """What an attribute shows; some references come whole though nobody asked for nested attributes."""
        if (schema, name) in WHOLE:
            return replace(self, query=WHOLE[schema, name])._value(value, found, ALL)
        if name in kind.expanded and self.query.get(kind.expanded[name]) == "true":
            return self._value(value, found, ALL)
        return self._value(value, found, nested)

    def _flag(self, kind: Kind, name: str) -> bool:
        """Some attributes are shown only where a query flag asks for them."""
        return name not in kind.flagged or self.query.get(kind.flagged[name]) == "true"

    def _analysed(self, schema: str, found: Type) -> bool:
        """A line's analysis types are shown only where a single read asks for them; a quote's has no such flag."""
        flagged = found.items is not None and found.items.schema == ANALYSIS and schema != "SalesQuoteLineItem"
        return not flagged or self.query.get("show_analysis_types") == "true"

    def _read(self, kind: Kind, name: str, record: Record) -> Any:
        if name in kind.asked:
            return kind.asked[name](self.books, record, self.query)
        if name in kind.derived:
            return kind.derived[name](self.books, record)
        return record.get(name)

    def _always(self, answer: dict[str, Any], name: str, collection: str, record: Record, kind: Kind) -> None:
        if name == "legacy_id":
            if self.legacy and "legacy_id" in record:
                answer[name] = record["legacy_id"]
        elif name == "$path":
            answer[name] = f"/{collection}/{record['id']}" if "id" in record else f"/{collection}"
        elif name == "displayed_as":
            answer[name] = kind.title(self.books, record)
        elif name in record:
            answer[name] = record[name]

    def _value(self, value: Any, found: Type, nested: Choice) -> Any:
        if value is None:
            return [] if found.word == "array" else None
        if isinstance(value, Decimal):
            return shown(value)
        if isinstance(value, Ref):
            return self._reference(value, found.schema, nested)
        if isinstance(value, list):
            each = found.items or Type("any")
            return [self._value(item, each, nested) for item in value]
        if isinstance(value, dict):
            return self._part(value, found.schema)
        return value

    def _reference(self, ref: Ref, schema: str, nested: Choice) -> dict[str, Any] | None:
        record = self.books.at(ref)
        if record is None:
            return None
        return self.record(ref.collection, record, schema, nested)

    def _part(self, part: Record, schema: str) -> dict[str, Any]:
        """What belongs to one record alone comes in full; what it points at, as stubs."""
        owner = UNLISTED[0] if schema == UNLISTED[1] else str(part.get("_collection", "parts"))
        return self.record(owner, part, schema) if schema else {}

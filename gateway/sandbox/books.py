"""The state of the stand-in: one set of books for each business.

A record is a dict by v3.1's read names: plain values, Decimal for amounts, `Ref` where it points at another
record, dicts and lists of dicts for the parts that belong to it alone. Names with a leading underscore are
the stand-in's own and never shown.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gateway.sandbox.problems import no_record
from gateway.sandbox.switches import Switches
from gateway.sandbox.values import instant

Record: TypeAlias = dict[str, Any]
Shelf: TypeAlias = dict[str, Record]

FIRST_NEW_LEGACY_ID = 900_000_000


@dataclass(frozen=True, slots=True)
class Ref:
    """Points at a record: its collection (`contacts`) and its id."""

    collection: str
    id: str


@dataclass(slots=True)
class Remembered:
    """The first result of a write with an `idempotency_id`."""

    collection: str
    at: float
    status: int
    body: Any


@dataclass(slots=True)
class Books:
    """What one business owns. `shared` are the lists that all businesses read (countries, types)."""

    business: str
    clock: Callable[[], float]
    switches: Switches
    shared: Mapping[str, Shelf]
    shelves: dict[str, Shelf] = field(default_factory=dict)
    singletons: dict[str, Record] = field(default_factory=dict)
    remembered: dict[str, Remembered] = field(default_factory=dict)
    next_legacy_id: int = FIRST_NEW_LEGACY_ID
    mint: Callable[[], Record] | None = None
    """Names new records while the seed is planted."""

    def now(self) -> str:
        return instant(self.clock())

    def today(self) -> str:
        return self.now()[:10]

    def new_id(self) -> str:
        """32 hexadecimal digits, at random."""
        return secrets.token_hex(16)

    def shelf(self, collection: str) -> Shelf:
        """All records of a collection, deleted ones too, in order of creation."""
        if collection in self.shared:
            return self.shared[collection]
        return self.shelves.setdefault(collection, {})

    def live(self, collection: str) -> Iterator[Record]:
        return (record for record in self.shelf(collection).values() if not record.get("deleted_at"))

    def find(self, collection: str, key: str) -> Record | None:
        """The live record with this id."""
        record = self.shelf(collection).get(key)
        return None if record is None or record.get("deleted_at") else record

    def get(self, collection: str, key: str) -> Record:
        """Like `find`; a missing record is a 404."""
        record = self.find(collection, key)
        if record is None:
            raise no_record()
        return record

    def at(self, ref: Ref | None) -> Record | None:
        """The record that a reference points at, deleted or not."""
        return None if ref is None else self.shelf(ref.collection).get(ref.id)

    def add(self, collection: str, record: Record) -> Record:
        """Stores a new record; gives it an id, timestamps and, by the switch, a legacy id."""
        record = record if "id" in record else {**self.fresh(), **record}
        record.setdefault("created_at", self.now())
        record.setdefault("updated_at", record["created_at"])
        self.shelf(collection)[record["id"]] = record
        return record

    def fresh(self) -> Record:
        """The start of a new record, or of a part of one that has an id of its own."""
        if self.mint is not None:
            return self.mint()
        start: Record = {"id": self.new_id()}
        if self.switches.new_records_get_legacy_id:
            start["legacy_id"] = self.next_legacy_id
            self.next_legacy_id += 1
        return start

    def touch(self, record: Record) -> None:
        record["updated_at"] = self.now()

    def delete(self, record: Record) -> None:
        record["deleted_at"] = record["updated_at"] = self.now()


def pointing(records: Iterable[Record], name: str, key: str) -> Iterator[Record]:
    """Those records whose reference `name` is to the record with this id."""
    return (record for record in records if isinstance(ref := record.get(name), Ref) and ref.id == key)

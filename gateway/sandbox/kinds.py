"""What a collection does beyond being stored: one `Kind` each, most of them two or three lines long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gateway.sandbox.books import Books, Record

Title: TypeAlias = Callable[[Books, Record], str | None]
Settle: TypeAlias = Callable[[Books, Record, Record | None], None]
Derive: TypeAlias = Callable[[Books, Record], Any]
Asked: TypeAlias = Callable[[Books, Record, Mapping[str, str]], Any]
Filter: TypeAlias = Callable[[Books, Record, str], bool]
Remove: TypeAlias = Callable[[Books, Record, str], None]

TITLES = ("displayed_as", "name", "description", "price_name", "rate_name", "details", "reference")


def title(_books: Books, record: Record) -> str | None:
    """What most records are displayed as: the first of these that they have."""
    return next((record[name] for name in TITLES if record.get(name)), None)


def nothing(_books: Books, _record: Record, _old: Record | None) -> None:
    """Settles a record that needs no settling."""


def delete(books: Books, record: Record, _reason: str) -> None:
    books.delete(record)


@dataclass(frozen=True, slots=True)
class Kind:
    """The behaviour of one collection.

    `settle(books, new, old)` completes a record that is about to be stored, or refuses it; `old` is what it
    was before a PUT. `stored` runs once the record is on its shelf (postings need its id there).
    `remove(books, record, reason)` answers a DELETE; where the spec's DELETE answers with a record, it voids.
    `expanded` references are shown whole where their query flag asks for it.
    `derived` attributes are reckoned when read, `asked` ones from the request's query too; `flagged` ones
    are shown only with their query flag.
    `actions` are the POSTs below a record (`release`).
    """

    collection: str
    title: Title = title
    settle: Settle = nothing
    stored: Settle = nothing
    remove: Remove = delete
    derived: Mapping[str, Derive] = field(default_factory=dict)
    asked: Mapping[str, Asked] = field(default_factory=dict)
    flagged: Mapping[str, str] = field(default_factory=dict)
    expanded: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Query parameters that are sent only with these others."""
    searched: tuple[str, ...] = ("name", "reference", "description")
    words: Mapping[str, str] = field(default_factory=dict)
    """What v3.1 calls a record that a reference does not find: `contact` -> `Customer`."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """References that point elsewhere than their name tells."""
    actions: Mapping[str, Callable[[Books, Record], Record]] = field(default_factory=dict)

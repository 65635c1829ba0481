"""Lists: filters, sort, pages (v31.md §4, §6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from gateway.sandbox.attached import attached
from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.kinds import Kind
from gateway.sandbox.problems import Refusal, required
from gateway.sandbox.values import moment

PAGE_SIZE = 20


def check_needs(kind: Kind, query: Mapping[str, str]) -> None:
    """422 where a parameter lacks those that go with it."""
    for name, others in kind.needs.items():
        missing = [other for other in others if other not in query]
        if query.get(name, "false") != "false" and missing:
            raise Refusal(422, *map(required, missing))


def matching(books: Books, kind: Kind, query: Mapping[str, str]) -> list[Record]:
    """The records that pass every filter, in the order asked for (else in order of creation)."""
    if "deleted_since" in query:
        since = moment(query["deleted_since"])
        gone = (r for r in books.shelf(kind.collection).values() if r.get("deleted_at"))
        found = [r for r in gone if since is None or _at(r, "deleted_at") > since]
    else:
        found = list(books.live(kind.collection))
    for name, text in query.items():
        found = list(_filtered(books, kind, found, name, text))
    return _sorted(found, query.get("sort", ""))


def _filtered(books: Books, kind: Kind, found: list[Record], name: str, text: str) -> Iterable[Record]:
    own = kind.filters.get(name)
    if own is not None:
        return (record for record in found if own(books, record, text))
    if name == "search":
        return _search(books, kind, found, text)
    if name == "updated_or_created_since":
        return _since(found, text)
    if name in ("from_date", "to_date"):
        return _dated(found, name, text)
    if name.endswith("_id") and not name.startswith("show_"):
        return _pointing(found, name.removesuffix("_id"), text)
    if name == "has_attachments" and text in ("true", "false"):
        return (record for record in found if bool(attached(books, record)) is (text == "true"))
    if name == "active" and text in ("true", "false"):
        return (record for record in found if bool(record.get("active", True)) is (text == "true"))
    return found


def _search(books: Books, kind: Kind, found: Iterable[Record], text: str) -> Iterator[Record]:
    """Free text on names and references, letter case aside."""
    needle = text.strip().casefold()
    for record in found:
        texts = [kind.title(books, record), *(record.get(name) for name in kind.searched)]
        if any(needle in str(value).casefold() for value in texts if value):
            yield record


def _since(found: list[Record], text: str) -> Iterable[Record]:
    since = moment(text)
    return found if since is None else (r for r in found if _at(r, "updated_at") >= since)


def _dated(found: list[Record], name: str, text: str) -> Iterable[Record]:
    """By `date`, both ends included; a record without a date is not filtered."""
    bound = moment(text)
    if bound is None:
        return found
    limit = bound.date().isoformat()
    if name == "from_date":
        return (r for r in found if r.get("date", limit) >= limit)
    return (r for r in found if r.get("date", limit) <= limit)


def _pointing(found: list[Record], name: str, key: str) -> Iterator[Record]:
    for record in found:
        value = record.get(name, record.get(name + "s"))
        refs = value if isinstance(value, list) else [value]
        if any(isinstance(ref, Ref) and ref.id == key for ref in refs) or record.get(f"{name}_id") == key:
            yield record


def _at(record: Record, name: str) -> datetime:
    found = moment(record.get(name))
    assert found is not None  # noqa: S101 - every stored record has its timestamps
    return found


def _sorted(found: list[Record], order: str) -> list[Record]:
    if not order:
        return found
    name, _, direction = order.partition(":")
    return sorted(found, key=lambda record: str(record.get(name) or ""), reverse=direction == "desc")


def page(found: list[Record], path: str, pairs: Iterable[tuple[str, str]]) -> tuple[list[Record], dict[str, Any]]:
    """The records of the page asked for, and the envelope without its items.

    A page beyond the end is the last page again.
    """
    kept = list(pairs)
    query = dict(kept)
    size = int(query.get("items_per_page", PAGE_SIZE))
    last = max(1, -(-len(found) // size))
    number = min(max(1, int(query.get("page", 1))), last)
    others = [(n, v) for n, v in kept if n not in ("page", "items_per_page")]

    def link(to: int) -> str:
        tail = "".join(f"&{quote(n, safe='')}={quote(v, safe=':,')}" for n, v in others)
        return f"{path}?page={to}&items_per_page={size}{tail}"

    envelope = {
        "$total": len(found),
        "$page": number,
        "$next": link(number + 1) if number < last else None,
        "$back": link(number - 1) if number > 1 else None,
        "$itemsPerPage": size,
    }
    return found[(number - 1) * size : number * size], envelope

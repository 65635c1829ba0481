"""Numbers of documents: the next free one, or one that was sent and is free."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.sandbox.books import Books, Record
from gateway.sandbox.declared import Document
from gateway.sandbox.outstanding import status
from gateway.sandbox.problems import invalid

UNPOSTED = ("DRAFT", "PRO_FORMA")
"""Statuses of a document that is not in the ledger yet, and has no number."""


def choose_number(document: Document, books: Books, new: Record, old: Record | None) -> None:
    """The number sent, if it is free; the next free one where none is sent. Drafts have none yet."""
    if not document.number:
        return
    prefix = new.setdefault(f"{document.number}_prefix", prefix_of(document, books))
    sent = new.get(document.number)
    if old is not None and sent == old.get(document.number):
        return
    if not sent:
        new[document.number] = prefix + "DRAFT" if status(new) in UNPOSTED else next_number(document, books, prefix)
        return
    number = sent if sent.startswith(prefix) else prefix + sent
    if number in _numbers(document, books, new.get("id")):
        raise invalid("has already been taken", document.number)
    new[document.number] = number


def _numbers(document: Document, books: Books, but: Any = None) -> Iterator[str]:
    records = books.shelf(document.collection).values()
    return (str(r.get(document.number)) for r in records if r["id"] != but)


def prefix_of(document: Document, books: Books) -> str:
    """The prefix that the invoice settings state."""
    found = books.singletons.get("invoice_settings", {}).get(document.prefixed)
    return document.prefix if found is None else str(found)


def next_number(document: Document, books: Books, prefix: str) -> str:
    """One above the highest number in use with this prefix, but no lower than the invoice settings were told."""
    return f"{prefix}{_next(document, books, prefix)}"


def upcoming(document: Document, books: Books, _settings: Record) -> int:
    """What the invoice settings say of the number that comes next."""
    return _next(document, books, prefix_of(document, books))


def _next(document: Document, books: Books, prefix: str) -> int:
    tails = (number.removeprefix(prefix) for number in _numbers(document, books) if number.startswith(prefix))
    highest = max((int(tail) for tail in tails if tail.isdecimal()), default=0)
    told = books.singletons.get("invoice_settings", {}).get(document.upcoming) or 1
    return max(highest + 1, int(told))

"""`idempotency_id`: for seven days the same id gives the first result (v31.md §9)."""

from __future__ import annotations

from gateway.sandbox.books import Books, Remembered
from gateway.sandbox.problems import Problem, Refusal

KEPT = 7 * 24 * 3600
"""Seconds."""


def recall(books: Books, collection: str, key: str) -> Remembered | None:
    """The first result of this id; another entity type under the same id is refused."""
    found = books.remembered.get(key.lower())
    if found is None or books.clock() - found.at > KEPT:
        return None
    if found.collection != collection:
        raise Refusal(422, Problem("Entity type mismatch", "", "IdempotencyResourceMismatch"))
    return found


def remember(books: Books, collection: str, key: str, status: int, body: object) -> None:
    """Keeps a result. Only a success is kept: whether v3.1 keeps refusals is not documented."""
    books.remembered[key.lower()] = Remembered(collection, books.clock(), status, body)

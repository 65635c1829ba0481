"""Ids of seeded records: derived, so that they are the same on every start."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from gateway.sandbox.books import Books, Record


def derived_id(*parts: object) -> str:
    """32 hexadecimal digits from what is being named."""
    text = "/".join(map(str, parts))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class Mint:
    """Names the records of one business while it is seeded."""

    books: Books
    first: dict[str, int]
    """Collection -> the legacy id of its first record."""
    counts: dict[str, int] = field(default_factory=dict)
    parts: int = 0

    def part(self) -> Record:
        """The start of a part, or of a record that is made on the way (an address, a posting)."""
        self.parts += 1
        return {"id": derived_id(self.books.business, "part", self.parts), "legacy_id": 150_330 + self.parts}

    def start(self, collection: str) -> Record:
        """The start of the next record of a collection."""
        number = self.counts.get(collection, 0)
        self.counts[collection] = number + 1
        legacy = self.first.get(collection, 1) + number
        return {"id": derived_id(self.books.business, collection, number), "legacy_id": legacy}

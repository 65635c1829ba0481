"""Holes: facts a message still lacks, and drafts: messages still lacking them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Hole:
    """Reads: of `kind`, the record whose `by` is `known`: its `want`.

    `by` is `id` (the modern id) or `legacy_id`; `want` is `id`, `legacy_id` or an attribute of the v3.1 record
    (`percentage`). Two holes are equal without `then` and `shown`, so a batch has no doubles.
    `then` turns the fact into the value wanted, or into a further hole.
    `shown`: the answer that named this record was asked to show its legacy id and had none,
    so reading it once more would not help.
    """

    kind: str
    known: str
    want: str = "id"
    by: str = "id"
    then: Callable[[Any], Any] | None = field(default=None, compare=False)
    shown: bool = field(default=False, compare=False)


Facts = Mapping[Hole, Any]

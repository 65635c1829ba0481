"""Lists that come whole are sorted here, as v2 had them: v3.1 sorts none of these (v31.md §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.messages import Record
from gateway.translate.calls import Call
from gateway.translate.codecs import Codes
from gateway.translate.pages import Window
from gateway.translate.plans import Plan, down_all, gather, whole_size

LAST = 2**63
"""Where a record stands that shows no legacy id: behind all numbers, in v3.1's order."""


def by_number(codes: Codes | None = None) -> Callable[[Record], int]:
    """The rank of a record by v2's number: the fixed one, else its legacy id (v2.md §4.1, recorded)."""
    fixed = codes.number if codes else {}

    def rank(record: Record) -> int:
        number = fixed.get(record["id"]) or record.get("legacy_id")
        return LAST if number is None else number

    return rank


def whole(rank: Callable[[Record], Any]) -> Callable[[Call], Plan]:
    """The plan of a short list that comes whole, sorted by a rank of v3.1's records."""

    def plan(call: Call) -> Plan:
        rows = Window(0, 2000, 200)
        yield from gather(call, rows)
        found = sorted(rows.rows, key=rank)
        return down_all(call, found, (rows.total, 0, whole_size(call, len(found))))

    return plan

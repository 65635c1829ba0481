"""What clients read from a reply, with its types (captures/README.md §2, v2.md §4.2 and §6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.captures.checks import Shape, date, day_first, missing, whole
from tests.captures.recorded import Capture
from tests.captures.shapes import BARE, ENVELOPE, SHAPES, VOID

SDATA = "application/json;vnd.sage=sdata"


def unreadable(capture: Capture, body: Any) -> list[str]:
    """What the capture's client would stumble over in the body of a success."""
    shape = spoken(SHAPES[capture.resource], capture.version)
    if capture.version == "v1" and capture.message.method == "DELETE" and capture.resource.endswith("_invoices"):
        shape = {"$key": whole, capture.root: VOID}
    if arrays(capture):
        return ["the body is no array"] if not isinstance(body, list) else list(bad_rows(shape, body))
    if not isinstance(body, dict):
        return ["the body is no object"]
    if capture.message.method == "GET" and "$resources" in body:
        return [*missing(ENVELOPE, body), *bad_rows(shape, body["$resources"])]
    return [*missing(shape, body), *unequal(body)]


def arrays(capture: Capture) -> bool:
    """Whether v1 answered with a bare array (v2.md §4.1, recorded)."""
    typed = capture.version == "v1" and "contact_type_id=" in capture.message.target
    return capture.message.method == "GET" and (capture.resource in BARE or typed)


def bad_rows(shape: Shape, rows: list[Any]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield from (*missing(shape, row, f"{number}."), *unequal(row, f"{number}."))


def spoken(shape: Shape, version: str) -> Shape:
    """The shape with the dates of documents as a version of the API wrote them."""
    if version == "v2":
        return shape
    swapped: dict[str, Any] = {}
    for name, held in shape.items():
        if isinstance(held, list):
            swapped[name] = [spoken(held[0], version)]
        else:
            swapped[name] = (day_first if held is date else held) if callable(held) else spoken(held, version)
    return swapped


def unequal(row: Any, at: str = "") -> Iterator[str]:
    if "id" in row and row["id"] != row.get("$key"):
        yield f"{at}id is not $key"

"""What one value of a reply must be for the clients that read it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

Check: TypeAlias = Callable[[Any], bool]
Shape: TypeAlias = Mapping[str, "Check | Shape | list[Shape]"]


def whole(value: Any) -> bool:
    """Fits C#'s `int` and is no flag."""
    return type(value) is int and 0 <= value < 2**31


def text(value: Any) -> bool:
    return isinstance(value, str)


def maybe(value: Any) -> bool:
    """Text, or null for what was never supplied."""
    return value is None or isinstance(value, str)


def amount(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"-?\d+\.\d+", value))


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def bit(value: Any) -> bool:
    return type(value) is int and value in (0, 1)


def date(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value))


def day_first(value: Any) -> bool:
    """A date as v1 wrote those of its documents: `31/12/2014`."""
    return isinstance(value, str) and bool(re.fullmatch(r"\d\d/\d\d/\d{4}", value))


def iso_day(value: Any) -> bool:
    """A date that v1, too, wrote `2014-12-31`, or none."""
    return value is None or date(value)


def moment(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value))


def reference(value: Any) -> bool:
    """An object; empty ones have a null `$key` and no id."""
    if not isinstance(value, dict) or "$key" not in value:
        return False
    return "id" not in value if value["$key"] is None else whole(value["id"]) and value["id"] == value["$key"]


def known(value: Any) -> bool:
    """A reference that points at something."""
    return reference(value) and value["$key"] is not None


def reference_or_more(value: Any) -> bool:
    """A reference that may hold more than its id."""
    return isinstance(value, dict) and "$key" in value and value["$key"] == value.get("id")


def references(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(known, value))


def rows_of(shape: Shape) -> Check:
    """A list, of any length, of records of a shape."""
    return lambda value: isinstance(value, list) and not any([*missing(shape, row)] for row in value)


def address(value: Any) -> bool:
    """DEMO reads `$key` into an int; the Java connector reads the texts and stops where one is missing."""
    texts = ("street_one", "street_two", "town", "county", "postcode")
    if not isinstance(value, dict) or not whole(value.get("$key")) or not all(text(value.get(name)) for name in texts):
        return False
    return reference(value["country"]) and whole(value.get("country_id", 0))


def optional_address(value: Any) -> bool:
    return value == {"$key": None} or address(value)


def missing(shape: Shape, value: Any, at: str = "") -> Iterator[str]:
    """Each attribute that a client would not find, or not as it reads it."""
    for name, expected in shape.items():
        place = f"{at}{name}"
        if not isinstance(value, dict) or name not in value:
            yield f"{place} is missing"
        elif isinstance(expected, list):
            rows = value[name]
            if not isinstance(rows, list) or not rows:
                yield f"{place} is no list, or empty"
                continue
            for number, row in enumerate(rows):
                yield from missing(expected[0], row, f"{place}.{number}.")
        elif callable(expected):
            if not expected(value[name]):
                yield f"{place} is {value[name]!r}"
        else:
            yield from missing(expected, value[name], f"{place}.")

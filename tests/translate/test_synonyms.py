"""Of several names of one attribute: when do their values say the same?"""

from __future__ import annotations

from typing import Any

import pytest

from gateway.translate.rules.ruleset import alike, base


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("2", "2.0", True),
        ("2", "3", False),
        ("", None, True),
        ("1", {"id": 1, "name": "Standard", "$key": 1}, True),
        ("3", {"id": 1, "$key": 1}, False),
        ({"$key": None}, "", True),
        ({"street_one": "a"}, {"street_one": "a"}, True),
        ({"street_one": "a"}, "a", False),
        ([{"id": 1}], [{"id": 1}], True),
        ([{"id": 1}], "1", False),
    ],
)
def test_values_that_say_the_same(one: Any, two: Any, same: bool):
    """Amounts by what they amount to, a reference by its id, parts and lists as they are."""
    assert alike(one, two) is alike(two, one) is same


def test_the_name_that_a_reply_has():
    """Without what clients add to write it."""
    assert [base(name) for name in ("contact_id", "line_items_attributes", "notes")] == [
        "contact",
        "line_items",
        "notes",
    ]

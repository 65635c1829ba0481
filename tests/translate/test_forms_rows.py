"""What a member that is a list of records may look like."""

from __future__ import annotations

import pytest

from gateway.errors import BadCall
from gateway.translate.forms import as_rows


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        (None, []),
        ("", []),
        ([], []),
        ({}, []),
        ({"10": {"d": "d"}, "0": {"d": "a"}, "2": {"d": "c"}, "1": {"d": "b"}}, [{"d": d} for d in "abcd"]),
        ({"3": {"d": "c"}, "00": {"d": "a"}, "01": {"d": "b"}}, [{"d": d} for d in "abc"]),
        ({"9" * 5000: {"d": "b"}, "1": {"d": "a"}}, [{"d": "a"}, {"d": "b"}]),
        ({"description": "one", "quantity": "1"}, [{"description": "one", "quantity": "1"}]),
        ({"²": {"d": "a"}}, [{"²": {"d": "a"}}]),
        ([{"d": "b"}, {"d": "a"}], [{"d": "b"}, {"d": "a"}]),
    ],
)
def test_rows_come_in_the_order_meant(value, rows):
    """Lists as they are, numbered hashes by number with gaps, a hash without numbers as one row."""
    assert as_rows(value, "l") == rows


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("[object Object],[object Object]", "`l` must be a list of records."),
        (True, "`l` must be a list of records."),
        (["x"], "`l` must be a list of records, but one of its lines is none."),
        ([{"a": "1"}, None], "`l` must be a list of records, but one of its lines is none."),
        ({"0": "x"}, "`l` must be a list of records, but one of its lines is none."),
        ({"0": {}, "quantity": "1"}, "`l` mixes numbered lines with the attribute `quantity`."),
    ],
)
def test_what_is_no_list_of_records_is_a_bad_call(value, sentence):
    """422 at the attribute, since the text itself could be read."""
    with pytest.raises(BadCall) as caught:
        as_rows(value, "l")
    assert str(caught.value) == sentence
    assert caught.value.status == 422
    assert caught.value.diagnoses[0].source == "l"

"""The way back to form text, and what holds for any call."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadCall
from gateway.translate.forms import as_rows, body_pairs, build_nested, parse_nested, read_fields, read_params

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="[]"), min_size=1, max_size=8)
LEAVES = st.none() | st.text(max_size=12)
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        LEAVES | st.lists(LEAVES, min_size=1, max_size=3),
        lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(TREES)
def test_what_is_built_is_read_again(tree):
    """`parse(build(tree)) == tree`, as a body, as a query, and through the whole layer."""
    text = build_nested(tree)
    assert text.isascii()
    assert parse_nested(body_pairs(text.encode())) == tree
    assert read_params("GET", text, (), b"") == tree


ROWS = st.lists(st.dictionaries(NAMES, LEAVES, min_size=1, max_size=3), min_size=1, max_size=12)


@given(ROWS)
def test_rows_that_are_built_are_read_again(rows):
    """A list of records is written with indices."""
    assert as_rows(parse_nested(body_pairs(build_nested({"l": rows}).encode()))["l"], "l") == rows


def test_built_text_is_easy_to_read():
    """Brackets, dates and addresses stay as they are; numbers and booleans are text."""
    tree = {
        "contact": {
            "name": "Smith & Sons",
            "since": "01/02/2026",
            "email": "a@b.pt",
            "ids": ["1", None],
            "lines": [{"n": Decimal("1E+2")}, {"n": 5}],
            "ok": True,
            "nil": None,
        }
    }
    assert build_nested(tree) == (
        "contact[name]=Smith%20%26%20Sons&contact[since]=01/02/2026&contact[email]=a@b.pt"
        "&contact[ids][]=1&contact[ids][]&contact[lines][0][n]=100&contact[lines][1][n]=5"
        "&contact[ok]=true&contact[nil]"
    )
    assert build_nested({"a": False}) == "a=false"


@pytest.mark.parametrize("tree", [{"a": {}}, {"a": []}, {"a": [["x"]]}, {"": "x"}, {"a[b]": "x"}, {"a": {"b]": "x"}}])
def test_what_form_text_cannot_say_is_refused(tree):
    """Rather than lost."""
    with pytest.raises(ValueError, match="form"):
        build_nested(tree)


def test_a_float_is_no_value_of_a_form():
    """Money is text or Decimal."""
    with pytest.raises(TypeError, match="float is no value"):
        build_nested({"a": 1.5})


PIECES = st.lists(
    st.sampled_from(
        [*"ab01[]&;=% +\n{", "[]", "[0]", "]]", "a[b]", "%5B", "é", "a[b[0][c]]=1&", "a[l][0][x]=1&", '":1}']
    )
    | st.text(max_size=3),
    max_size=14,
).map("".join)


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "X"]),
    PIECES,
    st.sampled_from(["", "application/json", "multipart/form-data; boundary=a", "text/plain", "\xff"]),
    PIECES.map(str.encode) | st.binary(max_size=40),
)
def test_any_call_gives_parameters_or_one_of_our_errors(method, query, content_type, body):
    """Garbage never raises anything else, and what is read can be written as JSON."""
    for read in (read_params, lambda _, *rest: read_fields(rest[1], rest[0], rest[2])):
        try:
            found = read(method, query, (("Content-Type", content_type),), body)
        except BadCall as error:
            assert error.diagnoses[0].message  # noqa: PT017
        else:
            json.dumps(found, default=str).encode()
            for value in found.values():
                try:
                    as_rows(value, "x")
                except BadCall as error:
                    assert error.status == 422  # noqa: PT017

"""Bodies that are no form text: JSON and multipart/form-data."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadCall, Malformed, TooLarge
from gateway.translate.forms import as_rows, read_fields, read_params
from gateway.translate.rack import MAX_BYTES, MAX_PARAMS

JSON = (("Content-Type", "application/json; charset=utf-8"),)
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
MULTIPART = (("content-type", "Multipart/Form-Data; boundary=--XyZ"),)


def read(body: bytes | str, headers=JSON, query: str = ""):
    return read_params("POST", query, headers, body.encode() if isinstance(body, str) else body, "contact")


def test_json_has_the_same_shape_as_a_form():
    """The root key is the same; text, booleans, null and numbers stay what they are."""
    assert read('{"contact": {"name": "Zé", "ok": true, "no": null, "lines": [{"id": 1}]}}') == {
        "contact": {"name": "Zé", "ok": True, "no": None, "lines": [{"id": 1}]}
    }


def test_json_numbers_are_exactly_as_sent():
    """No float ever: cents, trailing zeros and long fractions survive."""
    tree = read('{"a": 0.1, "b": 10.50, "c": 12345678901234567890.1234, "d": 7, "e": -1e2, "f": 18446744073709551616}')
    assert {name: str(value) for name, value in tree.items()} == {
        "a": "0.1",
        "b": "10.50",
        "c": "12345678901234567890.1234",
        "d": "7",
        "e": "-1E+2",
        "f": "18446744073709551616",
    }
    assert {type(value) for value in tree.values()} == {Decimal, int}


@pytest.mark.parametrize("number", ["9" * 40, "-" + "9" * 40, "0." + "9" * 40, "1e40", "1e-40"])
def test_a_json_number_of_40_digits_is_read(number):
    """At the limit."""
    assert read(f'{{"a": {number}}}') == {"a": Decimal(number)}


@pytest.mark.parametrize(
    "number",
    [
        *("1" + "0" * 40, "-1" + "0" * 40, "9" * 5000, "1." + "9" * 40, "0.1" + "0" * 500),
        *("1e41", "1e-41", "1e400", "1e99999999999999999999999", "1e" + "9" * 5000),
        *("NaN", "Infinity", "-Infinity", "01", "1.", "+1", ".5"),
    ],
)
def test_a_json_number_over_40_digits_or_no_number_is_malformed(number):
    """Neither a five-thousand-digit integer nor 1e400 gets further (reliability.md finding 8)."""
    with pytest.raises(Malformed, match=r"JSON body .*\.$"):
        read(f'{{"a": [{number}]}}')


def test_a_json_name_given_twice_has_its_last_value():
    """As Ruby's parser had it."""
    assert read('{"a": 1, "b": 2, "a": 3}') == {"a": 3, "b": 2}


def test_json_nests_64_deep_and_no_deeper():
    """At the limit it is read, one more is malformed, and a hundred thousand brackets do no harm."""
    assert read('{"a": ' + "[" * 63 + "]" * 63 + "}")["a"]
    for depth in (64, 100_000):
        with pytest.raises(Malformed, match="nested deeper than 64"):
            read('{"a": ' + "[" * depth + "]" * depth + "}")


@pytest.mark.parametrize("body", ["[]", "1", "null", "[", '"x"', "contact[name]=x", '{"a": 1} x', '{"a": }', "{"])
def test_json_that_is_no_object_is_malformed(body):
    """The sentence says that it is the JSON body."""
    with pytest.raises(Malformed, match="JSON body"):
        read(body)


@pytest.mark.parametrize("text", [r"\ud800", r"\udc00x", r"\ud800\ud800", r"\ud800A"])
def test_a_lone_surrogate_is_malformed(text):
    """It could never be written again."""
    with pytest.raises(Malformed, match="JSON body"):
        read(f'{{"a": "{text}"}}')


@pytest.mark.parametrize("headers", [FORM, (), (("Content-Type", "text/plain"),), (("Content_Type", "x"),)])
def test_a_body_that_begins_with_a_brace_is_json_whatever_its_content_type(headers):
    """`curl -d '{…}'` says urlencoded."""
    assert read('{"a": 1}', headers) == {"a": 1}
    assert read('\ufeff \r\n{"a": 1}', headers) == {"a": 1}


def test_a_json_content_type_with_a_blank_body_has_no_parameters():
    """Clients send the header with every call."""
    assert read("", JSON, "a=1") == {"a": "1"}
    assert read(" \n", JSON, "a=1") == {"a": "1"}


def test_json_in_cp1252_is_read():
    """Bytes that are not UTF-8 are CP1252, as in forms."""
    assert read(b'{"a": "Jo\xe3o"}') == {"a": "João"}


def test_json_and_query_are_one_tree_and_the_body_wins():
    """Records are merged member by member."""
    body = '{"contact": {"name": "B", "main_address": {"town": "X"}}, "n": {"m": 1}}'
    query = "contact[name]=A&contact[main_address][street]=S&contact[email]=e&n=5&page=2"
    assert read(body, JSON, query) == {
        "contact": {"name": "B", "main_address": {"street": "S", "town": "X"}, "email": "e"},
        "n": {"m": 1},
        "page": "2",
    }


@given(st.binary(max_size=80))
def test_any_json_gives_parameters_or_one_of_our_errors(garbage):
    """Never another exception."""
    for body in (b"{" + garbage, b'{"' + garbage + b'": 1}', b'{"a": "' + garbage + b'"}'):
        try:
            read(body)
        except BadCall as error:
            assert error.diagnoses[0].message  # noqa: PT017


def multipart(*parts: bytes, end: bytes = b"----XyZ--\r\n") -> bytes:
    return b"".join(b"----XyZ\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + end


def test_a_multipart_token_call_is_read():
    """PHP's curl sends an array so (v2.md §1.3)."""
    body = multipart(
        b'name="client_id"\r\n\r\nabc',
        b"name=code\r\nContent-Type: text/plain\r\n\r\nx+%y\r\nz",
        b'name="file"; filename="a.txt"\r\n\r\nno field',
        b'name=""\r\n\r\nnobody',
    )
    assert read_fields(MULTIPART, "", body) == {"client_id": "abc", "code": "x+%y\r\nz", "": "nobody"}
    quoted = (("Content-Type", 'multipart/form-data; charset=utf-8; boundary="--XyZ"'),)
    assert read_fields(quoted, "", multipart(b'name="a"\r\n\r\nb')) == {"a": "b"}


def test_a_multipart_body_of_a_resource_call_is_nested_like_a_form():
    """Rails read it so."""
    body = multipart(b'name="contact[name]"\r\n\r\nJo\xc3\xa3o & Co', b'name="contact[a][]"\r\n\r\n1')
    assert read(body, MULTIPART) == {"contact": {"name": "João & Co", "a": ["1"]}}


@pytest.mark.parametrize(
    ("headers", "body", "sentence"),
    [
        ((("Content-Type", "multipart/form-data"),), b"x", "names no boundary"),
        (MULTIPART, b"a=1", "does not end with its boundary"),
        (MULTIPART, multipart(b'name="a"\r\n\r\n1', end=b""), "does not end with its boundary"),
        (MULTIPART, multipart(b"\r\n\r\n1"), "has no name"),
        (MULTIPART, multipart(b'name="a"'), "has no name"),
        (MULTIPART, multipart(b'name="a"\r\n\r\n', *([b'name="a"\r\n\r\n'] * MAX_PARAMS)), "too many parts"),
    ],
)
def test_a_broken_multipart_body_is_malformed(headers, body, sentence):
    """The sentence says what is missing."""
    with pytest.raises(Malformed, match=sentence):
        read_fields(headers, "", body)


def test_a_multipart_body_has_4096_parts_at_most():
    """At the limit it is read."""
    body = multipart(*(b'name="a%d"\r\n\r\n' % number for number in range(MAX_PARAMS)))
    assert len(read_fields(MULTIPART, "", body)) == MAX_PARAMS


@pytest.mark.parametrize(
    ("headers", "query", "body"),
    [
        (FORM, "", b"client_id=a&redirect_uri=https%3a%2f%2fh%2fx&state"),
        (
            (("Content-Type", "text/plain; charset=utf-8"),),
            "",
            b"client_id=a&redirect_uri=https://h/x&state=",
        ),
        ((), "client_id=a&redirect_uri=https%3A%2F%2Fh%2Fx&state=", b""),
        (FORM, "client_id=z&state=", b"client_id=a&redirect_uri=https://h/x"),
        (JSON, "client_id=z", b'{"client_id": "a", "redirect_uri": "https://h/x", "state": null}'),
    ],
)
def test_the_fields_of_a_token_call_are_the_same_in_every_encoding(headers, query, body):
    """Urlencoded, text/plain, query alone, query and body, JSON; the body wins (v2.md §1.3)."""
    assert read_fields(headers, query, body) == {"client_id": "a", "redirect_uri": "https://h/x", "state": ""}


def test_the_json_fields_of_a_token_call_become_text():
    """Numbers without an exponent, booleans as words; an object is malformed."""
    assert read_fields(JSON, "", b'{"a": 1, "b": true, "c": false, "d": 1e2}') == {
        "a": "1",
        "b": "true",
        "c": "false",
        "d": "100",
    }
    with pytest.raises(Malformed, match="`a` must be text"):
        read_fields(JSON, "", b'{"a": {}}')


def test_a_body_over_a_mebibyte_is_too_large_whatever_it_is():
    """At the limit it is read."""
    body = b'{"a": "' + b"x" * (MAX_BYTES - 9) + b'"}'
    assert len(body) == MAX_BYTES
    assert len(read(body)["a"]) == MAX_BYTES - 9
    for over in (body + b" ", b"a" * (MAX_BYTES + 1)):
        with pytest.raises(TooLarge, match="1048577 bytes"):
            read(over)
        with pytest.raises(TooLarge, match="1048577 bytes"):
            read_fields(JSON, "", over)


def test_json_lines_are_rows_like_those_of_forms():
    """An array, a hash with numbers and one record alone (captures: customersure)."""
    for lines in ('[{"id": 1}, {"id": 2}]', '{"1": {"id": 2}, "0": {"id": 1}}'):
        assert as_rows(read(f'{{"l": {lines}}}')["l"], "l") == [{"id": 1}, {"id": 2}]
    assert as_rows(read('{"l": {"id": 1}}')["l"], "l") == [{"id": 1}]

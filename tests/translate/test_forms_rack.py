"""The layer that is Rack's: text to pairs, pairs to nested values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadCall, Malformed, TooLarge
from gateway.translate.forms import body_pairs, is_raw, parse_nested, query_pairs, raw_chunks
from gateway.translate.rack import KEY_SPACE, MAX_BYTES, MAX_DEPTH, MAX_PARAMS, decode_text

# Written by scripts/compare_rack.py --write-corpus: what Debian's ruby-rack 2.2.22 answers under our limits.
CORPUS = Path(__file__).parents[1] / "data" / "rack_corpus.jsonl"


def corpus() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CORPUS.read_text(encoding="ascii").splitlines()]


def parse(body: str | bytes) -> dict[str, Any]:
    return parse_nested(body_pairs(body.encode() if isinstance(body, str) else body))


def ours(asked: dict[str, Any]) -> Any:
    """The nested values, or None where the text is refused."""
    try:
        if "body" in asked:
            return parse(asked["body"])
        return parse_nested(query_pairs(asked["query"].encode().decode("latin-1")))
    except BadCall:
        return None


def test_every_text_of_the_corpus_is_read_as_rack_reads_it():
    """Values and the order of keys are Rack's, and what Rack refuses is refused."""
    known = corpus()
    assert len(known) > 400
    assert sum("error" in one for one in known) > 100
    for one in known:
        assert (one, json.dumps(ours(one))) == (one, json.dumps(one.get("result")))


def test_a_query_is_split_on_semicolons_too_and_a_body_is_not():
    """`;` separates in a query, and is text in a body."""
    assert query_pairs("a=1;b=2&c=3") == [("a", "1"), ("b", "2"), ("c", "3")]
    assert body_pairs(b"a=1;b=2&c=3") == [("a", "1;b=2"), ("c", "3")]


def test_an_empty_query_or_body_has_no_pairs():
    """No text, no parameters; nor do separators alone make one."""
    assert query_pairs("") == []
    assert body_pairs(b"") == []
    assert body_pairs(b"&&") == []


def test_a_key_without_equals_is_none_and_with_it_empty():
    """`product[notes]` (nil) and `product[notes]=` (blank) stay apart."""
    assert body_pairs(b"a&b=&c=d=e") == [("a", None), ("b", ""), ("c", "d=e")]


@pytest.mark.parametrize("text", ["Jo%E3o", "Jo%e3o", "Jo%C3%A3o", "Jo\xe3o", "Jo\xc3\xa3o"])
def test_text_is_utf8_or_else_cp1252_both_raw_and_percent_encoded(text):
    """Apache HttpClient's `Jo%E3o` and .NET's raw UTF-8 bytes are the same name, in bodies and queries."""
    assert body_pairs(b"n=" + text.encode("latin-1")) == [("n", "João")]
    assert query_pairs("n=" + text) == [("n", "João")]


def test_cp1252_has_the_euro_and_its_undefined_bytes_become_controls():
    """No byte is refused: 0x80 is the euro, and the undefined 0x81 the control U+0081, as in browsers."""
    assert body_pairs(b"p=%80+10") == [("p", "€ 10")]
    assert body_pairs(b"p=%81%8D%8F%90%9D") == [("p", "\x81\x8d\x8f\x90\x9d")]


@given(st.binary())
def test_any_bytes_are_text_that_can_be_written_again(raw):
    """Decoding never fails and makes no lone surrogate."""
    decode_text(raw).encode()


@pytest.mark.parametrize("text", ["a[b]=1%", "a[b]=%4", "a[b]=%zz", "a%5Bb%5D=%%5B"])
def test_a_bad_percent_escape_is_malformed_and_named(text):
    """The sentence names the parameter."""
    for read in (lambda: body_pairs(text.encode()), lambda: query_pairs("x=1;" + text)):
        with pytest.raises(Malformed, match=r"in the parameter `a\[b\]`\.$") as caught:
            read()
        assert caught.value.diagnoses[0].source == "a[b]"


def test_a_query_that_is_no_bytes_is_malformed():
    """A target that an edge failed to hand over as latin-1 is refused, not guessed at."""
    with pytest.raises(Malformed, match="no bytes"):
        query_pairs("a=€")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("a=1&a[b]=2", "`a[b]` takes `a` for a record, but another parameter made it a plain value."),
        ("a[b]=1&a[]=2", "`a[]` takes `a` for a list, but another parameter made it a record."),
        ("a[]=1&a[b]=2", "`a[b]` takes `a` for a record, but another parameter made it a list."),
        ("a[]=1&a[b]]=2", "`a[b]]` takes `a` for a record, but another parameter made it a list."),
    ],
)
def test_names_that_disagree_on_the_kind_of_a_value_are_malformed(body, sentence):
    """Rack's ParameterTypeError, which Rails answered with 400."""
    with pytest.raises(Malformed) as caught:
        parse(body)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("tail", ["", "]"])
def test_names_nest_32_deep_and_no_deeper(tail):
    """At the limit they are read, one more is malformed; so on the short way as on Rack's own."""
    parse("a" + "[b]" * (MAX_DEPTH - 1) + tail + "=1")
    with pytest.raises(Malformed, match="nests names deeper than 32"):
        parse("a" + "[b]" * MAX_DEPTH + tail + "=1")


def test_a_hundred_thousand_brackets_do_no_harm():
    """Neither recursion nor time runs away (reliability.md finding 8)."""
    parse("a" + "[" * 100_000)
    parse("a" + "[]" * 100_000)
    for name in ("a[b" * 100_000, "[a]" * 100_000, "a[][b]" * 100_000):
        with pytest.raises(Malformed) as caught:
            parse(name)
        assert len(str(caught.value)) < 150


def test_4096_parameters_are_read_and_no_more():
    """Empty chunks count, as in Rack."""
    assert len(body_pairs(b"&".join(b"a%d=" % i for i in range(MAX_PARAMS)))) == MAX_PARAMS
    assert body_pairs(b"&" * (MAX_PARAMS - 1)) == []
    for read in (
        lambda: body_pairs(b"&" * MAX_PARAMS),
        lambda: query_pairs(";" * MAX_PARAMS),
        lambda: raw_chunks(b"a[b]= " + b"&" * MAX_PARAMS, "a"),
    ):
        with pytest.raises(TooLarge, match="4097 parameters; at most 4096"):
            read()


def test_a_mebibyte_is_read_and_no_more():
    """The limit is in bytes."""
    assert body_pairs(b"a=" + b"x" * (MAX_BYTES - 2))[0][0] == "a"
    with pytest.raises(TooLarge, match="1048577 bytes"):
        body_pairs(b"a=" + b"x" * (MAX_BYTES - 1))
    with pytest.raises(TooLarge, match="1048577 bytes"):
        raw_chunks(b"a[b]= " + b"x" * (MAX_BYTES - 5), "a")


@pytest.mark.parametrize("outer", ["{}", "a[{}]", "a[][{}]"])
def test_the_keys_of_one_hash_have_65536_characters_and_no_more(outer):
    """Rack's key space limit, on every level; several hashes may have more together."""
    parse(outer.format("k" * (KEY_SPACE - 1)) + "=1&" + outer.format("l") + "=2")
    parse("a[" + "k" * (KEY_SPACE - 1) + "]=1&b[]=1&c[" + "k" * 9 + "[=1")
    with pytest.raises(TooLarge, match="longer than 65536"):
        parse(outer.format("k" * KEY_SPACE) + "=1&" + outer.format("l") + "=2")


RAW = b"contact[name]=Smith & Sons + Co 100%=ok&contact[email]=a.b+c@example.com&contact[telephone]=+44 1"


def test_a_raw_body_keeps_its_ampersands_plus_and_percent_signs():
    """What .NET clients send without encoding is read as they meant it (captures/README.md §4, variant 4)."""
    assert is_raw(RAW, "contact")
    assert body_pairs(RAW, "contact") == [
        ("contact[name]", "Smith & Sons + Co 100%=ok"),
        ("contact[email]", "a.b+c@example.com"),
        ("contact[telephone]", "+44 1"),
    ]


def test_the_raw_split_loses_no_byte():
    """The chunks are the body's own bytes, for the signature's variant."""
    assert raw_chunks(RAW, "contact")[0] == b"contact[name]=Smith & Sons + Co 100%=ok"
    assert b"&".join(raw_chunks(RAW, "contact")) == RAW


@pytest.mark.parametrize(
    ("body", "root"),
    [
        (b"contact[name]=A+B%26C", "contact"),  # every encoder's work
        (b"contact[name]=A%zz&x", "contact"),  # no space, no foreign byte
        (b"x=1&contact[name]=A B", "contact"),  # the first chunk is another
        (b"contact=A B", "contact"),
        (b"contacts[name]=A B", "contact"),
        (b"contact[name]=A B", "product"),
        (b"contact[name]=A B", None),
        (b"", "contact"),
    ],
)
def test_a_body_is_raw_only_with_the_root_key_first_and_a_byte_that_no_encoder_leaves(body, root):
    """Anything else is read as encoded text."""
    assert not is_raw(body, root)


@pytest.mark.parametrize("bracket", ["[", "%5B", "%5b"])
def test_the_bracket_of_a_raw_body_may_be_encoded(bracket):
    """Names are unescaped, values are not."""
    body = f"contact{bracket}name]=São 5%20&Co".encode()
    assert is_raw(body, "contact")
    assert body_pairs(body, "contact") == [("contact[name]", "São 5%20&Co")]


def test_a_raw_body_in_cp1252_is_read_too():
    """Raw bytes that are not UTF-8 are CP1252."""
    assert body_pairs(b"contact[name]=Jo\xe3o", "contact") == [("contact[name]", "João")]


def test_a_raw_chunk_without_equals_takes_no_other_chunk():
    """There is no value that an `&` could belong to; a name in it is never refused."""
    body = b"contact[a%]&contact[b]&x=1&y=2 3&contact[c]=4"
    pairs = [("contact[a%]", None), ("contact[b]", None), ("x", "1&y=2 3"), ("contact[c]", "4")]
    assert body_pairs(body, "contact") == pairs


@given(st.binary(max_size=60), st.sampled_from(["", "contact[", "a[b]="]))
def test_any_bytes_give_pairs_or_one_of_our_errors(garbage, start):
    """Never another exception, raw or not."""
    body = start.encode() + garbage
    for read in (
        lambda: parse_nested(body_pairs(body, "contact")),
        lambda: parse_nested(body_pairs(body)),
        lambda: parse_nested(query_pairs(body.decode("latin-1"))),
    ):
        try:
            tree = read()
        except BadCall as error:
            assert error.diagnoses[0].message  # noqa: PT017
        else:
            json.dumps(tree).encode()

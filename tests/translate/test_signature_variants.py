"""The variants of real clients, one by one, and what each of them must not open."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.messages import V2Request
from gateway.translate.rack import body_pairs
from gateway.translate.signature import Verdict, verify
from gateway.translate.signature_variants import (
    MAX_TEXT_CHARS,
    MAX_TEXTS,
    RARE,
    VARIANTS,
    parameter_strings,
)
from gateway.translate.signature_wire import BODY_READINGS, Wire

HERE = "https://gateway.example"


def quoted(text: str) -> str:
    return quote(text, safe="")


def signed(method: str, target: str, body: str | bytes, text: str, *, path: str = "/x") -> V2Request:
    """A call with the signature of that parameter string, by hand."""
    base = "&".join((method, quoted(HERE + path), quoted(text), "n"))
    digest = hmac.digest(b"s&t", base.encode(), "sha1")
    headers = (("X-Nonce", "n"), ("X-Signature", base64.b64encode(digest).decode()))
    return V2Request(method, target, headers, body if isinstance(body, bytes) else body.encode())


def judged(call: V2Request, *, rare: bool = False) -> Verdict:
    return verify(call, "s", "t", [HERE], rare=rare)


def variant(call: V2Request, *, rare: bool = False) -> str | None:
    verdict = judged(call, rare=rare)
    return (verdict.variant or "published") if verdict.ok else None


def test_query_and_body_count_together_first():
    """By the published rule a pair in both counts twice."""
    assert variant(signed("POST", "/x?a=1", "a=1&b=2", "a=1&a=1&b=2")) == "published"


def test_a_pair_in_query_and_body_may_count_once():
    """Variant 1: appmixer sends each parameter twice and signs it once."""
    assert variant(signed("POST", "/x?a=1", "a=1&b=2", "a=1&b=2")) == "pair_once"
    assert variant(signed("PUT", "/x?a=1&c=3", "a=1&b=2", "a=1&b=2&c=3")) == "pair_once"


def test_a_pair_twice_in_the_body_never_counts_once():
    """Two lines may be alike: an added one breaks the signature, whatever the query has."""
    call = signed("POST", "/x?a=1", "l[][q]=1&l[][q]=1", "a=1&l%5B%5D%5Bq%5D=1")
    assert variant(call, rare=True) is None
    call = signed("POST", "/x?l[][q]=1", "l[][q]=1&l[][q]=1", "l%5B%5D%5Bq%5D=1")
    assert variant(call, rare=True) is None


def test_the_body_may_win_over_the_query():
    """Of one plain key in both, the body's value alone may be signed, as it alone is acted on."""
    assert variant(signed("POST", "/x?c[a]=9&d=4", "c[a]=1&b=2", "b=2&c%5Ba%5D=1&d=4")) == "body_wins"
    assert variant(signed("POST", "/x?c[a]=9&d=4", "c[a]=1&b=2", "b=2&c%5Ba%5D=9&d=4"), rare=True) is None


@pytest.mark.parametrize("key", ["c[l][]", "c[l][0]", "c[l][][q]", "c[l][10][q]", "c[l[0][q]]"])
def test_a_list_in_the_query_is_always_signed(key):
    """There both values would count, so the body does not hide the query's."""
    call = signed("POST", f"/x?{key}=9", f"{key}=1", f"{quoted(key)}=1")
    assert variant(call, rare=True) is None


def test_the_body_alone_never_suffices():
    """A query that is not in the body is signed under every variant."""
    assert variant(signed("POST", "/x?q=9", "a=1", "a=1"), rare=True) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_form_body_never_goes_unsigned(method):
    """Neither the query alone nor nothing at all is enough for a write with a form body."""
    assert variant(signed(method, "/x?q=9", "a=1", "q=9"), rare=True) is None
    assert variant(signed(method, "/x", "a=1", ""), rare=True) is None


def test_a_delete_counts_with_and_without_its_body():
    """Some clients sign `void_reason`, some do not."""
    assert variant(signed("DELETE", "/x?q=9", "a=1", "q=9")) == "published"
    assert variant(signed("DELETE", "/x?q=9", "a=1", "a=1&q=9")) == "form_body"
    assert variant(signed("DELETE", "/x?a=1", "a=1&b=2", "a=1&b=2")) == "form_body+pair_once"
    assert variant(signed("DELETE", "/x?a=9", "a=1", "a=1")) == "form_body+body_wins"
    assert variant(signed("DELETE", "/x?a=9", "a=1", "b=1"), rare=True) is None
    assert variant(signed("DELETE", "/x?b=2&a=9", "c=1", "b=2&a=9"), rare=True) == "as_sent"
    assert variant(signed("DELETE", "/x?b=2&a=9", "c=1", "b=2&a=9&c=1"), rare=True) == "form_body+as_sent"


def test_the_form_body_of_a_get_is_signed():
    """Variant 6: it is meant as the query, so it is never left out."""
    assert variant(signed("GET", "/x", "a=1", "a=1")) == "form_body"
    assert variant(signed("GET", "/x", "a=1", ""), rare=True) is None


def test_a_query_may_be_signed_undecoded():
    """Variant 2: `%40` as `%2540`, `+` as `%2B`; brackets and `$` as they stand."""
    call = signed("GET", "/x?email=j%40b&s=J+S&$i=1", "", "%24i=1&email=j%2540b&s=J%2BS")
    assert variant(call) == "raw_query"
    assert variant(signed("GET", "/x?a=%7E*~", "", "a=%257E*%7E")) is None
    java = "&".join(("GET", quoted(HERE + "/x"), "a%3D%25257E*%257E", "n"))
    digest = base64.b64encode(hmac.digest(b"s&t", java.encode(), "sha1")).decode()
    assert variant(V2Request("GET", "/x?a=%7E*~", (("X-Nonce", "n"), ("X-Signature", digest)))) == "raw_query+java"


def test_latin_1_bytes_may_be_signed_as_utf_8():
    """Variant 9, read as forms reads them: what is no UTF-8 is CP1252."""
    assert variant(signed("POST", "/x", "a=Jo%E3o", "a=Jo%C3%A3o")) == "latin1"
    assert variant(signed("POST", "/x", b"a=%80", "a=%E2%82%AC")) == "latin1"
    assert variant(signed("POST", "/x", b"a=%81", "a=%C2%81"), rare=True) is None
    assert variant(signed("POST", "/x", b"a=%81", "a=%81")) == "published"


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("as_sent", signed("POST", "/x?z=1", "b=2&a=%3a", "z=1&b=2&a=%3a")),
        ("as_sent", signed("GET", "/x?b=2&a=1", "", "b=2&a=1")),
        ("unencoded", signed("POST", "/x", "c[n]=A & B+%&c[o]= ", "c%5Bn%5D=A%20%26%20B%2B%25&c%5Bo%5D=%20")),
        ("as_written", signed("POST", "/x", "b=%3a&a=1+1", "a=1%2B1&b=%253a")),
        ("lower_url", signed("GET", "/X", "", "", path="/x")),
        ("tilde", signed("POST", "/x", "a=~*", "a=%7E%2A")),
        ("old_net", V2Request("POST", "/x", (), b"")),
        ("whole", signed("POST", "/x", "c[n]=A+%26+B%3D1", "%20B=1&c%5Bn%5D=A%20")),
        ("net_order", signed("GET", "/x?B=1&a=2&a-b=3&ab=4", "", "a=2&ab=4&a-b=3&B=1")),
        ("net_order", signed("GET", "/x?a=B&a=b&a=a", "", "a=a&a=b&a=B")),
        ("icu_order", signed("GET", "/x?a%5D=1&a_b=2&a-b=3", "", "a_b=2&a-b=3&a%5D=1")),
        (
            "array_order",
            signed(
                "POST", "/x", "z=1&l[][b]=2&l[][a]=1&l[][b]=3", "l%5B%5D%5Bb%5D=2&l%5B%5D%5Ba%5D=1&l%5B%5D%5Bb%5D=3&z=1"
            ),
        ),
        ("net", signed("GET", "/X?b=%40&B=1&a=2", "", "a=2&b=%2540&B=1", path="/x")),
    ],
)
def test_a_rarer_variant_needs_its_setting(name, call):
    """Unusual values verify with the setting only, and by the simplest variant."""
    if name == "old_net":
        base = "&".join(("POST", quoted(HERE + "/x"), "a%3D(!*')", "n"))
        digest = base64.b64encode(hmac.digest(b"s&t", base.encode(), "sha1")).decode()
        call = V2Request("POST", "/x", (("X-Nonce", "n"), ("X-Signature", digest)), b"a=(!*')")
    assert variant(call, rare=True) == name
    if name not in ("as_sent", "tilde"):
        assert variant(call) is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("c[n]=A&c[o]=B", "c%5Bn%5D=A%26c%5Bo%5D%3DB"),
        ("c[n]=%2B", "c%5Bn%5D=%252B"),
        ("c[n]=A%26c[o]%3DB", "c%5Bn%5D=A&c%5Bo%5D=B"),
        ("c[n]=A%26", "c%5Bn%5D=A"),
        ("c[n]=A%26B", "B=&c%5Bn%5D=A"),
    ],
)
def test_a_body_is_signed_only_as_it_is_read(body, text):
    """No variant lets one field become two, two one, or a value another: forms reads the body in one way."""
    assert variant(signed("POST", "/x", body, text), rare=True) is None


@pytest.mark.parametrize(
    ("body", "published"),
    [("c[n]=A%20B C", None), ("c[n]=A+B C", None), ("c[n]=A B", "published"), ("n=A+B C", "published")],
)
def test_the_published_rule_gives_way_where_values_are_taken_raw(body, published):
    """A raw space under a root key says that nothing was encoded: `+` and `%` then mean themselves."""
    text = body.replace("c[n]", "c%5Bn%5D").replace(" ", "%20").replace("+", "%20")
    assert variant(signed("POST", "/x", body, text)) == published


@given(st.lists(st.sampled_from(["c[a]", "c%5Bb%5D", "c", "=", "&", "+", " ", "%2B", "%E3", "ã", "[", "d=1"])))
def test_a_signed_reading_is_the_one_acted_on(pieces):
    """Of each body under a root key, the decoded and the unencoded reading are those of forms."""
    body = ("c[z]=" + "".join(pieces)).encode()
    try:
        read = [(key.encode(), (value or "").encode()) for key, value in body_pairs(body, "c")]
    except GatewayError:
        assume(False)
    readings = [BODY_READINGS[reading]("POST", body) for reading in ("form", "unencoded")]
    assert any(pairs is not None for pairs in readings)
    for pairs in readings:
        if pairs is not None:
            assert [(as_utf8(key), as_utf8(value)) for key, value in pairs] == read


def as_utf8(text: bytes) -> bytes:
    try:
        return text.decode().encode()
    except UnicodeDecodeError:
        return text.decode("cp1252").encode()


def test_the_names_are_a_closed_set():
    """Every variant's name is one of these, the published rule's is empty."""
    assert "" in VARIANTS
    assert {style.name for style in RARE} < VARIANTS
    assert all(name.replace("_", "").replace("+", "").isalnum() for name in VARIANTS - {""})


def strings(body: bytes, around: bytes = b"s*~!t") -> list[tuple[str, int]]:
    call = V2Request("POST", "/X?a=%41&a=1&l=*~-'&A=2", (), body)
    return [(name, len(text)) for name, _, text in parameter_strings(Wire(call), around, rare=True)]


def test_a_call_has_a_bounded_number_of_parameter_strings():
    """However it is made, each is another HMAC, and there are at most MAX_TEXTS."""
    assert len(strings(b"a=1&a=%E3%2B*~-'&A=2&l=1")) <= MAX_TEXTS


def test_an_encoder_that_changes_nothing_is_not_tried():
    """Neither in the pairs nor in the URL, secret, token or nonce."""
    call = V2Request("POST", "/x", (), b"a=1")
    names = [name for name, _, _ in parameter_strings(Wire(call), b"st", rare=True)]
    assert names == [""]


def test_a_large_body_is_not_tried_for_long():
    """After the published one, the parameter strings tried have at most MAX_TEXT_CHARS in all."""
    found = strings(b"a=1&A=1&c=" + b"%E3*~!" * 100_000)
    assert found[0][0] == ""
    assert sum(length for _, length in found[1:]) <= MAX_TEXT_CHARS
    assert len(found) < len(strings(b"a=1&A=1&c=" + b"%E3*~!"))

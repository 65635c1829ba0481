"""The v2 request signature: the published rule, and what is never accepted."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from authlib.oauth1.rfc5849.signature import normalize_parameters

from gateway.messages import Pairs, V2Request
from gateway.translate.signature import OLD_URL, Verdict, explain_mismatch, signature_of, verify
from gateway.translate.signature_variants import byte_order
from gateway.translate.signature_wire import MAX_PAIRS, encoded

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "v2_signing_vectors.json").read_text())
SECRET, TOKEN, NONCE = "TestSigningSecret", "TestToken", "00112233445566778899aabbccddeeff"
HERE = "https://gateway.example"
PUBLISHED = Verdict(ok=True, variant=None, reason="verified")
MISMATCH = Verdict(ok=False, variant=None, reason="mismatch")
FORM = "application/x-www-form-urlencoded"


def form(pairs: Pairs) -> str:
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs)


def signed(
    method: str,
    target: str,
    body: bytes = b"",
    *,
    pairs: Pairs = (),
    url: str | None = None,
    media: str | None = FORM,
    nonce: str = NONCE,
) -> V2Request:
    """A call whose signature covers `pairs` at `url`, whatever is in its target and body."""
    signature = signature_of(method, url or HERE + target, pairs, nonce, SECRET, TOKEN)
    content_type = (("Content-Type", media),) if media else ()
    return V2Request(method, target, (("X-Nonce", nonce), ("X-Signature", signature), *content_type), body)


def judged(call: V2Request, *urls: str, rare: bool = False) -> Verdict:
    return verify(call, SECRET, TOKEN, urls or (HERE,), rare=rare)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_every_vector_has_its_signature(vector):
    """The signature, parameter string and base string of each published and computed example are ours too."""
    pairs = tuple(map(tuple, vector["params"]))
    ours = signature_of(vector["method"], vector["url"], pairs, vector["nonce"], vector["secret"], vector["token"])
    assert ours == vector["signature"]
    base, _, path = vector["url"].partition("/accounts")
    query, body = (form(pairs), b"") if vector["method"] == "GET" else ("", form(pairs).encode())
    call = V2Request(
        vector["method"],
        f"/accounts{path}?{query}",
        (("X-Nonce", vector["nonce"]), ("X-Signature", ours)),
        body,
    )
    if base.endswith("/test"):
        base, call = (
            base.removesuffix("/test"),
            V2Request(call.method, "/test" + call.target, call.headers, body),
        )
    assert verify(call, vector["secret"], vector["token"], [base]) == PUBLISHED
    told = explain_mismatch(call, vector["secret"], vector["token"], [base])
    assert told["parameter_string"] == vector["parameter_string"]
    assert told["signature_base_string"] == vector["base_string"]
    assert told["base_url"] == vector["url"]


def test_a_bad_signature_is_explained_with_the_nine_keys():
    """The sandbox explains with v2's nine keys alone; without a public URL it names the old one."""
    call = V2Request("delete", "/accounts/v2/contacts/7?a=b", (("X-Nonce", " n "),), b"void_reason=x")
    assert explain_mismatch(call, SECRET, TOKEN, []) == {
        "error": "invalid_signature",
        "error_description": "The signature does not match the request.",
        "nonce": "n",
        "request_method": "DELETE",
        "token": TOKEN,
        "base_url": "https://api.sageone.com/accounts/v2/contacts/7",
        "parameter_string": "a=b",
        "signature_base_string": ("DELETE&https%3A%2F%2Fapi.sageone.com%2Faccounts%2Fv2%2Fcontacts%2F7&a%3Db&n"),
        "signing_secret": SECRET,
    }


def test_the_explanation_has_a_body_and_survives_an_absent_nonce():
    """A POST's form pairs are in the explained parameter string; no nonce is an empty one."""
    told = explain_mismatch(V2Request("POST", "/x?b=1", (), b"a[c]=J%20+K"), SECRET, TOKEN, [HERE])
    assert told["parameter_string"] == "a%5Bc%5D=J%20%20K&b=1"
    assert told["nonce"] == ""
    raw = explain_mismatch(V2Request("POST", "/x", (), b"a[c]=J + K"), SECRET, TOKEN, [HERE])
    assert raw["parameter_string"] == ""


def test_our_ordering_is_authlibs():
    """The published parameter string is RFC 5849's normalised one."""
    pairs = (("b", "2"), ("a[x]", "z y"), ("a", "~*"), ("a[x]", "é"), ("", ""))
    octets = [(key.encode(), value.encode()) for key, value in pairs]
    assert byte_order(encoded(octets)) == normalize_parameters(pairs)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("X-Nonce", NONCE),),
        (("X-Signature", "DcT1b62twwXpbDbSHXx7UUulMI4="),),
        (("X-Nonce", " "), ("X-Signature", "DcT1b62twwXpbDbSHXx7UUulMI4=")),
        (("X-Nonce", NONCE), ("X-Signature", " \n")),
    ],
)
def test_a_call_without_nonce_or_signature_is_missing_its_signature(headers):
    """Absent or blank, either of the two headers leaves the call unsigned."""
    assert judged(V2Request("GET", "/x", headers)) == Verdict(ok=False, variant=None, reason="missing")


@pytest.mark.parametrize(
    "signature", ["x", "DcT1b62twwXpbDbSHXx7UUulMI4", "DcT1b62t!!XpbDbSHXx7UUulMI4=", "DcT1", "é", "\udce9="]
)
def test_a_malformed_signature_is_a_mismatch(signature):
    """Text that is no base64 of 20 bytes does not verify and raises nothing."""
    assert judged(V2Request("GET", "/x", (("X-Nonce", NONCE), ("X-Signature", signature)))) == MISMATCH


def test_white_space_around_the_signature_is_trimmed():
    """Ruby's signer ends the signature in a newline."""
    call = signed("GET", "/accounts/v2/contacts")
    padded = tuple((name, f" {value}\n") for name, value in call.headers)
    assert judged(V2Request(call.method, call.target, padded)) == PUBLISHED


@pytest.mark.parametrize(("nonce", "verdict"), [("n" * 128, PUBLISHED), ("q+8/ab==", PUBLISHED), ("n" * 129, MISMATCH)])
def test_a_nonce_has_up_to_128_printable_characters(nonce, verdict):
    """Raw base64 is a nonce like any other; one of 129 characters is none."""
    assert judged(signed("GET", "/x", nonce=nonce)) == verdict


@pytest.mark.parametrize("nonce", ["a b", "a\x7fb", "é", "\udce9"])
def test_a_nonce_that_cannot_be_printed_is_a_mismatch(nonce):
    """Even with the right signature; nothing raises."""
    headers = (("X-Nonce", nonce), ("X-Signature", "DcT1b62twwXpbDbSHXx7UUulMI4="))
    assert judged(V2Request("GET", "/x", headers)) == MISMATCH


@pytest.mark.parametrize(
    "target",
    [
        "//oauth2/token",
        "/accounts/v2/contacts/",
        "/accounts/v2/contacts//7001",
        "/accounts/v2/tax_rates?",
        "/",
        "/;",
        "/é",
    ],
)
def test_the_path_is_signed_as_it_was_sent(target):
    """Doubled and trailing slashes, an empty query, raw bytes: nothing is folded."""
    assert judged(signed("GET", target)) == PUBLISHED
    assert judged(signed("GET", target, url=HERE + "/accounts/v2/contacts")) == MISMATCH


@pytest.mark.parametrize(
    ("public", "url"),
    [
        ("https://gateway.example", "https://gateway.example/x"),
        ("https://Gateway.Example/", "https://gateway.example/x"),
        ("https://gateway.example:443", "https://gateway.example/x"),
        ("http://gateway.example:80", "http://gateway.example/x"),
        ("http://gateway.example:8080", "http://gateway.example:8080/x"),
        ("https://gateway.example:80", "https://gateway.example:80/x"),
        ("https://gateway.example/sage", "https://gateway.example/sage/x"),
        ("https://gateway.example/sage/", "https://gateway.example/sage/x"),
        ("https://gateway.example", "https://api.sageone.com/x"),
        ("https://other.example", "https://api.sageone.com:443/x"),
    ],
)
def test_the_url_is_any_public_one_or_the_old_one(public, url):
    """The default port is left out and others are kept; a public URL may have a path prefix."""
    assert judged(signed("GET", "/x", url=url), "https://first.example", public) == PUBLISHED


@pytest.mark.parametrize(
    "url", ["https://evil.example/x", "http://gateway.example/x", "https://gateway.example:8443/x"]
)
def test_no_other_url_verifies(url):
    """Not the Host header, another scheme or port decides what was called, but the configured names."""
    call = signed("GET", "/x", url=url)
    hosted = V2Request(call.method, call.target, (*call.headers, ("Host", "evil.example")))
    assert judged(hosted, HERE, rare=True) == MISMATCH


def test_a_prefix_still_in_the_path_is_not_doubled():
    """Whether the proxy takes its prefix off or not, the URL is the one that the client called."""
    call = signed("GET", "/sage/x", url="https://gateway.example/sage/x")
    assert judged(call, "https://gateway.example/sage") == PUBLISHED


def test_the_old_url_needs_no_setting():
    """Clients behind a hosts override sign for api.sageone.com, with no public URL configured at all."""
    assert verify(signed("GET", "/x", url=OLD_URL + "/x"), SECRET, TOKEN, []) == PUBLISHED


def test_the_verb_is_signed():
    """A signed GET is no DELETE; the verb's case is that of the base string."""
    call = signed("GET", "/accounts/v2/contacts/7")
    assert judged(V2Request("DELETE", call.target, call.headers), rare=True) == MISMATCH
    assert judged(V2Request("get", call.target, call.headers)) == PUBLISHED


@pytest.mark.parametrize("media", [FORM, f"{FORM}; charset=utf-8", "text/plain", None, "application/jsn", "x"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_form_body_is_signed_whatever_its_content_type(method, media):
    """A POST or PUT whose form pairs are not under the signature never verifies."""
    body = b"contact[name]=Jo"
    pairs = (("contact[name]", "Jo"),)
    assert judged(signed(method, "/x", body, pairs=pairs, media=media)) == PUBLISHED
    assert judged(signed(method, "/x", body, media=media), rare=True) == MISMATCH


def test_a_json_body_is_not_covered():
    """No client signs JSON (v2.md §2.4): only the query's pairs enter."""
    call = signed("POST", "/x?a=1", b' {"contact": {}}', pairs=(("a", "1"),), media="application/json; charset=utf-8")
    assert judged(call) == PUBLISHED


@pytest.mark.parametrize(
    ("media", "body"),
    [("application/json", b"contact[name]=Jo"), (FORM, b'{"contact": {"name": "Jo"}}'), (None, b"[1]")],
)
def test_only_what_says_and_looks_json_goes_unsigned(media, body):
    """Neither the header nor the first byte alone takes a body out of the signature."""
    assert judged(signed("POST", "/x", body, media=media), rare=True) == MISMATCH


def test_a_multipart_body_never_verifies():
    """It would be read by other rules than it was signed by; real clients send it to the token URL only."""
    body = b"contact[name]=Jo"
    call = signed("POST", "/x", body, pairs=(("contact[name]", "Jo"),), media="multipart/form-data; boundary=b")
    assert judged(call, rare=True) == MISMATCH


@pytest.mark.parametrize("target", ["/x?a=1;b=2", "/x?a=1&&b=2&", "/x?b=2&a=%31"])
def test_a_query_is_split_as_the_server_reads_it(target):
    """Rack splits a query at `;` too, so a value cannot be turned into a pair of its own."""
    assert judged(signed("GET", target, pairs=(("a", "1"), ("b", "2")))) == PUBLISHED
    if ";" in target:
        assert judged(signed("GET", target, pairs=(("a", "1;b=2"),))) == MISMATCH


def test_both_ways_to_write_one_value_are_one_signature():
    """`+` and `%20`, `[` and `%5b`: the pairs are signed, not their spelling."""
    for body in (
        b"contact[name]=J+K",
        b"contact%5bname%5d=J%20K",
        b"contact[name]=J K",
        b"&contact[name]=J+K&",
    ):
        assert judged(signed("PUT", "/x", body, pairs=(("contact[name]", "J K"),))) == PUBLISHED


def test_too_many_pairs_are_not_verified():
    """Up to MAX_PAIRS pairs are; more cost no HMAC."""
    pairs = tuple((f"a{number}", "") for number in range(MAX_PAIRS))
    assert judged(signed("POST", "/x", form(pairs).encode(), pairs=pairs)) == PUBLISHED
    more = (*pairs, ("b", ""))
    assert judged(signed("POST", "/x", form(more).encode(), pairs=more)) == MISMATCH


def test_text_that_never_came_over_a_wire_raises_nothing():
    """Any text is a target, token and secret."""
    headers = (("X-Nonce", NONCE), ("X-Signature", "DcT1b62twwXpbDbSHXx7UUulMI4="))
    call = V2Request("GET", "/€\udce9?ł=\udce9", headers)
    assert verify(call, "\udce9€", "\udce9", [HERE], rare=True) == MISMATCH

"""Header fields: what is read of a client's, and what v3.1 is sent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.errors import Malformed
from gateway.messages import V3Request
from gateway.translate.headers import REPLY_HEADERS, bearer, outbound, read_headers, refuse_imitations, wants_pdf

GET = V3Request("GET", "/contacts")


def test_what_a_client_means_is_kept_in_order():
    """Token, nonce, signature, types and repeated fields come through as sent."""
    sent = (
        ("Authorization", "Bearer t"),
        ("X-Nonce", "n"),
        ("X-Signature", "s"),
        ("Accept", "*.*"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("content-length", "3"),
        ("Accept", "x"),
        ("charset", "utf-8"),
    )
    assert read_headers(sent) == sent


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "Keep-Alive",
        "proxy-authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "UPGRADE",
    ],
)
def test_fields_of_the_connection_are_dropped(name):
    """Hop-by-hop fields mean nothing beyond the connection that they came by."""
    assert read_headers(((name, "x"), ("Accept", "*/*"))) == (("Accept", "*/*"),)


def test_fields_named_in_connection_are_dropped():
    """Every option of every Connection field, in any case and spacing."""
    sent = (
        ("X-One", "1"),
        ("Connection", "close, x-one ,, X-TWO"),
        ("x-two", "2"),
        ("connection", "X-Three"),
        ("X-Three", "3"),
        ("X-Four", "4"),
    )
    assert read_headers(sent) == (("X-Four", "4"),)


def test_a_client_does_not_choose_the_business():
    """Its own X-Business is dropped."""
    assert read_headers((("x-business", "b"), ("Accept", "*/*"))) == (("Accept", "*/*"),)


def test_names_with_underscores_are_ignored():
    """Sage's PHP sample sends `Content_Type`: it neither counts nor harms."""
    sent = (("Content_Type", "application/json"), ("X_Signature", "s"), ("Accept", "*.*"))
    assert read_headers(sent) == (("Accept", "*.*"),)


@pytest.mark.parametrize(
    "name",
    [
        "Transfer_Encoding",
        "transfer_encoding",
        "Content_Length",
        "CONTENT_LENGTH",
        "_Content-Length",
        "Content-_Length",
    ],
)
def test_names_that_imitate_framing_are_refused(name):
    """A server before or behind that takes `_` for `-` would frame the message by them."""
    with pytest.raises(Malformed) as refused:
        read_headers((("Accept", "*/*"), (name, "5")))
    assert refused.value.status == 400
    with pytest.raises(Malformed):
        refuse_imitations((("Accept", "*/*"), (name, "5")))


def test_names_that_imitate_nothing_are_not_refused():
    """The real names and other underscores frame nothing twice."""
    refuse_imitations((("Content-Length", "5"), ("Transfer-Encoding", "chunked"), ("Content_Type", "x/y")))


def test_a_request_without_body_has_only_these_fields():
    """They are made from scratch, and none is a client's."""
    assert outbound(GET, token="t", business="b", via="1.1 sage-gateway") == {
        "Authorization": "Bearer t",
        "Accept": "application/json",
        "User-Agent": "sage-gateway",
        "Via": "1.1 sage-gateway",
        "X-Business": "b",
    }


def test_a_body_has_a_content_type():
    """A body is JSON, an empty object too."""
    for body in ({}, {"contact": {"credit_limit": Decimal("1.10")}}):
        request = V3Request("POST", "/contacts", (), body)
        assert outbound(request, token="t", business="b", via="v")["Content-Type"] == "application/json"


def test_no_business_where_the_route_takes_none():
    """`/user` and `/businesses` are asked without X-Business."""
    assert "X-Business" not in outbound(V3Request("GET", "/user"), token="t", business=None, via="v")


def test_a_pdf_is_asked_for():
    """Accept is the request's own."""
    request = V3Request("GET", "/sales_invoices/1", accept="application/pdf")
    assert outbound(request, token="t", business="b", via="v")["Accept"] == "application/pdf"


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\0b", "\n"])
@pytest.mark.parametrize("field", ["token", "business", "via", "accept"])
def test_a_line_break_in_a_value_is_refused(field, bad):
    """No value can add a field to the request; the message does not repeat it."""
    values = {"token": "t", "business": "b", "via": "v", field: bad}
    request = V3Request("GET", "/contacts", accept=values.pop("accept", "application/json"))
    with pytest.raises(Malformed) as refused:
        outbound(request, token=values["token"], business=values["business"], via=values["via"])
    assert bad not in str(refused.value)


@pytest.mark.parametrize(
    ("raw", "token"),
    [
        ((("Authorization", "Bearer abc"),), "abc"),
        ((("authorization", "bearer abc"),), "abc"),
        ((("Authorization", "  BEARER \t abc \n"),), "abc"),
        ((("Authorization", "Bearer to/k+e=n.~1*'()!-_"),), "to/k+e=n.~1*'()!-_"),
        ((("Authorization", "Bearer abc"), ("Authorization", "bearer abc")), "abc"),
        ((), None),
        ((("Authorization", ""),), None),
        ((("Authorization", "Bearer"),), None),
        ((("Authorization", "Bearer  "),), None),
        ((("Authorization", "Basic abc"),), None),
        ((("Authorization", "Bearerabc"),), None),
        ((("X-Authorization", "Bearer abc"),), None),
        ((("Authorization", "Bearer abc"), ("Authorization", "Bearer xyz")), None),
        ((("Authorization", "Bearer abc"), ("Authorization", "Basic xyz")), None),
    ],
)
def test_the_legacy_token_is_the_one_bearer_token(raw, token):
    """In any case of the scheme and trimmed; two fields that disagree are none."""
    assert bearer(raw) == token


@pytest.mark.parametrize(
    ("accepts", "pdf"),
    [
        ((), False),
        (("application/pdf",), True),
        (("Application/PDF; q=0.9",), True),
        (("text/html, application/pdf;q=0.5 , */*",), True),
        (("application/pdf;q=0",), False),
        (("application/pdf;q=0.000",), False),
        (("application/json, application/pdf;q=0.5",), False),
        (("application/json;q=0.5, application/pdf;q=0.5",), True),
        (("application/json", "application/pdf"), True),
        (("application/pdf;q=0.2, application/pdf",), True),
        (("application/pdf;q=high",), True),
        (("*/*",), False),
        (("*.*",), False),
        (("text/html, image/gif, image/jpeg, */*; q=0.2",), False),
        (("application/json; charset=utf-8",), False),
        ((",;q=,;;\udce9",), False),
        (("application/pdfx",), False),
    ],
)
def test_a_pdf_is_sent_only_where_accept_names_it(accepts, pdf):
    """At least as much as JSON, with a quality above nothing; all else means JSON and is never refused."""
    others = (("Content-Type", "application/pdf"),)
    assert wants_pdf((*others, *(("accept", value) for value in accepts))) is pdf


def test_replies_are_sdata_and_kept_by_no_cache():
    """A v2 success has Sage's media type; books are in no cache."""
    assert dict(REPLY_HEADERS) == {
        "Content-Type": "application/json;vnd.sage=sdata",
        "Cache-Control": "no-store",
    }

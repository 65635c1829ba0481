"""What need not be HTTP, and HTTP that need not make sense, on the wire of the real server."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.words import quick

TARGETS = (
    *("/", "*", "//", "/accounts/v2/contacts", "//accounts//v2//contacts//", "/accounts/v2/contacts/53117661"),
    *("/accounts/v2/../v2/contacts", "/accounts/v2/%2e%2e/contacts", "/accounts/v2/contacts%2f1", "/accounts/v2/%00"),
    *(
        "http://api.sageone.com/accounts/v2/contacts",
        "accounts/v2/contacts",
        "/accounts/v2/contacts#x",
        "/oauth2/token",
    ),
    *(
        "/oauth2/token",
        "/test/accounts/v2/contacts",
        "/test/accounts/v1/contacts",
        "/test/",
        "/metrics",
        "/healthz",
        "/é",
        "/\x80",
    ),
    *("/accounts/v2/contacts?" + "a=1&" * 900, "/" + "a" * 9000, "/accounts/v2/sales_invoices;x=1", "/core/v2/user"),
)
FIELDS = (
    *("Content-Length: 0", "Content-Length: 5", "Content-Length: -1", "Content-Length: 5, 5", "Content-Length: x"),
    *("Content-Length: 99999999999999999999", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked"),
    *("Transfer-Encoding: x", "Transfer_Encoding: chunked", "Content_Length: 7", "Content-Encoding: gzip"),
    *(
        "Expect: 100-continue",
        "Expect: x",
        "Connection: close",
        "Connection: keep-alive, X-Nonce",
        "Connection: upgrade",
    ),
    *(
        "Connection: upgrade",
        "Upgrade: websocket",
        "Upgrade: h2c",
        "Host: b",
        "Accept: application/pdf",
        "Accept: */*;q=x",
    ),
    *(
        "Authorization: Bearer TestToken",
        "Authorization: Bearer x",
        "Authorization: bearer  TestToken ",
        "Authorization:",
    ),
    *(
        "Authorization: Basic eDp5",
        "X-Signature: x",
        "X-Signature: AAAA",
        "X-Nonce: 1",
        "X-Business: other",
        ": x",
        "x",
    ),
    *("X-Business: other", ": x", "x"),
    *("X-Long: " + "x" * 9000, " folded", "\tfolded", "X-Null: \x00", "Name : x", "Cookie: a=b", "X-HTTP-Method: PUT"),
    *("Content-Type: application/json", "Content-Type: multipart/form-data", "Content-Type: text/plain; charset=utf-7"),
)
BODIES = (
    *(
        "",
        "a=1",
        "hello",
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhel",
        "zz\r\n",
        "FFFFFFFFFFFFFFFFF\r\nx",
        "-1\r\n",
    ),
    *("{}", "[]", '{"contact":', "contact[name]=x", "\x00\x01\x02", "%", "&&&&", "=" * 3000),
    "GET /accounts/v2/contacts HTTP/1.1\r\nHost: a\r\n\r\n",
)
methods = st.sampled_from(
    ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "PRI", "BREW", "G@T", "", "é")
)
versions = st.sampled_from((*["HTTP/1.1"] * 4, "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.9", "", "x"))
breaks = st.sampled_from(("\r\n", "\r\n", "\r\n", "\r\n", "\n"))
SIGNED_IN = ["Host: a", "Authorization: Bearer TestToken"]


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A request as a hostile or careless client might write it: each part sound or not."""
    lines = [f"{draw(methods)} {draw(st.sampled_from(TARGETS))} {draw(versions)}"]
    lines += SIGNED_IN if draw(st.booleans()) else []
    lines += draw(st.lists(st.sampled_from(FIELDS), max_size=5))
    end = draw(breaks)
    return (end.join(lines) + end + end + draw(st.sampled_from(BODIES))).encode("latin-1")


@quick
@given(st.lists(messages(), min_size=1, max_size=3).map(b"".join))
def test_any_request_on_the_wire_is_answered_in_v2s_shape(house, raw):
    """Framing that is wrong, doubled or unknown, one call behind the other: replies are whole, and of v2's shape."""
    house.check(raw)
    assert house.works()


@quick
@given(st.binary(max_size=300), st.booleans())
def test_bytes_that_are_no_request_do_no_harm(house, raw, ended):
    """Whatever arrives, what comes back is nothing or v2's error, and the next call is served."""
    house.check(raw + (b"\r\n\r\n" if ended else b""))
    assert house.works()


def changed(raw: bytes) -> st.SearchStrategy[bytes]:
    """A sound call with a few bytes lost, doubled or replaced."""
    places = st.integers(0, len(raw) - 1)
    edits: list[Callable[[bytes, int, bytes], bytes]] = [
        lambda text, at, more: text[:at] + more + text[at:],
        lambda text, at, more: text[:at] + more + text[at + len(more) :],
        lambda text, at, _: text[:at] + text[at + 1 :],
    ]
    edit = st.tuples(st.sampled_from(edits), places, st.binary(min_size=1, max_size=3))

    def apply(made: list[tuple[Callable[[bytes, int, bytes], bytes], int, bytes]]) -> bytes:
        text = raw
        for change, at, more in made:
            text = change(text, at, more)
        return text

    return st.lists(edit, min_size=1, max_size=4).map(apply)


SOUND = (
    b"POST /accounts/v2/contacts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TestToken\r\nConnection: close\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\n"
    b"contact[name]=A%20B&contact[contact_type_id]=1&x=1"
)


@quick
@given(changed(SOUND))
def test_a_damaged_call_is_answered_in_v2s_shape(house, raw):
    """A sound call with some bytes changed is carried out or refused."""
    house.check(raw)
    assert house.works()

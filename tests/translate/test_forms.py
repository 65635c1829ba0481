"""The form layer as its callers see it: what real clients send, repaired and nested."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Malformed, TooLarge
from gateway.translate.forms import as_rows, body_pairs, parse_nested, read_fields, read_params
from gateway.translate.rack import MAX_PARAMS

# A copy of ../shared/captures/requests.jsonl: calls of real clients (see captures/README.md there).
CAPTURES = Path(__file__).parents[1] / "data" / "requests.jsonl"
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)


def captured(wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    with CAPTURES.open(encoding="utf-8") as lines:
        return next(call for call in map(json.loads, lines) if wanted(call))


def params(call: dict[str, Any], root: str | None) -> dict[str, Any]:
    query = call["target"].partition("?")[2]
    body = (call["body"] or "").encode()
    return read_params(call["method"], query, tuple(map(tuple, call["headers"])), body, root)


def post(body: str, query: str = "", root: str | None = "a", headers=FORM) -> dict[str, Any]:
    return read_params("POST", query, headers, body.encode(), root)


def test_a_call_without_query_and_body_has_no_parameters():
    """Whatever its headers say."""
    assert read_params("GET", "", (("Content-Type", "application/json"),), b"") == {}


def test_the_raw_body_of_the_dama_client_keeps_ampersand_and_plus():
    """A customer named `Silva & Filhos + Cia`, sent raw with a charset in the content type."""
    call = captured(lambda call: "Silva & Filhos + Cia" in (call.get("body") or ""))
    invoice = params(call, "sales_invoice")["sales_invoice"]
    assert invoice["customer_company"] == "Silva & Filhos + Cia"
    assert invoice["main_address_street_2"] == ""
    assert [row["description"] for row in as_rows(invoice["line_items_attributes"], "")] == [
        "Caderno A5 (linhas)",
        "Saco de pano - Açores",
    ]


def test_the_raw_utf8_of_the_dama_client_is_read():
    """`João` as raw bytes."""
    call = captured(lambda call: "=João Sousa, Lda" in (call.get("body") or ""))
    assert params(call, "sales_invoice")["sales_invoice"]["customer_company"] == "João Sousa, Lda"


def test_the_raw_body_of_the_csharp_sample_keeps_percent_and_equals():
    """`Smith & Sons + Co 100%=ok`."""
    call = captured(lambda call: "100%=ok" in (call.get("body") or ""))
    assert params(call, "contact")["contact"] == {
        "name": "Smith & Sons + Co 100%=ok",
        "email": "a.b+c@example.com",
        "contact_type_id": "1",
        "telephone": "+44 1",
        "company_name": "",
    }


def test_the_iso_8859_1_of_the_java_client_is_read():
    """Apache HttpClient's default charset, percent-encoded."""
    call = captured(lambda call: "Jo%E3o+M%FCller" in (call.get("body") or ""))
    assert params(call, "contact")["contact"]["name"] == "João Müller Æ"


def test_the_nested_brackets_of_the_journal_are_read_as_the_real_server_did():
    """`journal[journal_lines[0][credit]]` got 201 (captures/README.md §3)."""
    call = captured(lambda call: "%5Bjournal_lines%5B0%5D%5Bcredit%5D%5D" in (call.get("body") or ""))
    journal = params(call, "journal")["journal"]
    assert as_rows(journal["journal_lines"], "journal_lines") == [
        {"credit": "50.0", "debit": "0.0", "details": "detail", "ledger_account": {"nominal_code": "1"}},
        {"credit": "0.0", "debit": "50.0", "details": "detail", "ledger_account": {"nominal_code": "9999"}},
    ]
    assert journal["reference"] == "ref001"


def test_eleven_lines_are_in_numeric_order():
    """The Ruby SDK sorts its keys as text: 0, 1, 10, 2, …"""
    call = captured(lambda call: "%5B10%5D%5Bdescription%5D=L11" in (call.get("body") or ""))
    rows = as_rows(params(call, "sales_invoice")["sales_invoice"]["line_items_attributes"], "")
    assert [row["description"] for row in rows] == [f"L{number}" for number in range(1, 12)]


def test_lines_with_empty_brackets_are_appended():
    """The klt client's one line, and the signer gem's two."""
    one = params(captured(lambda call: "invoice_lines%5D%5B%5D" in (call.get("body") or "")), "sales_invoice")
    assert one["sales_invoice"]["invoice_lines"] == [
        {"description": "Comissão — setembro", "net_amount": "123.45", "tax_rate_id": "1"}
    ]
    two = params(captured(lambda call: "[line_items_attributes][][" in (call.get("body") or "")), "sales_invoice")
    assert as_rows(two["sales_invoice"]["line_items_attributes"], "") == [
        {"description": "One", "quantity": "1"},
        {"description": "Two", "quantity": "2"},
    ]


def test_query_and_body_of_the_documented_example_are_one_list():
    """`?config_setting=foo` beside the body's contact."""
    call = captured(lambda call: "?config_setting=foo" in call["target"])
    assert params(call, "contact") == {
        "config_setting": "foo",
        "contact": {"contact_type_id": "1", "name": "My Customer"},
    }


def test_the_form_body_of_a_get_counts():
    """raliand sends its filter so."""
    call = captured(lambda call: call["method"] == "GET" and call["body"] == "email=j%40example.com")
    assert params(call, "contact") == {"email": "j@example.com"}


def test_the_text_plain_token_call_of_the_dama_client_is_read():
    """.NET's StringContent default."""
    call = captured(lambda call: ["Content-Type", "text/plain; charset=utf-8"] in call["headers"])
    fields = read_fields(tuple(map(tuple, call["headers"])), "", call["body"].encode())
    assert fields["grant_type"] == "authorization_code"
    assert fields["redirect_uri"] == "http://localhost:59793/callback.aspx"


def test_every_captured_call_can_be_read():
    """927 calls, none refused; a JSON token call among them."""
    with CAPTURES.open(encoding="utf-8") as lines:
        calls = [json.loads(line) for line in lines]
    assert len(calls) == 927
    for call in calls:
        root = (call["body"] or "").partition("%5B")[0].partition("[")[0]
        found = params(call, root)
        assert bool(found) == bool(call["body"] or call["target"].partition("?")[2])


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_only_a_post_or_put_has_a_raw_body(method):
    """The body of a GET or DELETE is encoded text."""
    assert read_params(method, "", (), b"a[b]=x y+z&c=1", "a") == {"a": {"b": "x y z"}, "c": "1"}
    for write in ("POST", "PUT"):
        assert read_params(write, "", (), b"a[b]=x y+z&c=1", "a") == {"a": {"b": "x y+z&c=1"}}


def test_the_body_of_a_delete_counts():
    """ryanmitchell's `void_reason`."""
    assert read_params("DELETE", "", (), b"void_reason=typo") == {"void_reason": "typo"}


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Content-Type", "text/plain; charset=utf-8"),),
        (("Content_Type", "application/x-www-form-urlencoded"),),
        (("Content-Type", "application/x-www-form-urlencode"),),
        (("Content-Type", "form"),),
        (("Content-Type", ""),),
    ],
)
def test_form_text_is_read_whatever_its_content_type(headers):
    """None, text/plain, misspelt, or PHP's header with an underscore."""
    assert post("a[b]=1+2", headers=headers) == {"a": {"b": "1 2"}}


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("a[b[0][c]]=1&a[b[0][d]]=2&a[b[1][c]]=3", "a[b][0][c]=1&a[b][0][d]=2&a[b][1][c]=3"),
        ("a[b[c]]=1", "a[b][c]=1"),
        ("a[b[]]=1&a[b[]]=2", "a[b][]=1&a[b][]=2"),
        ("a[b[][c]]=1&a[b[][c]]=2", "a[b][][c]=1&a[b][][c]=2"),
        ("a[b[0][c[d]]]=1", "a[b][0][c][d]=1"),
        ("a[b[0][c]]=1&a[b[0][d]]=2&a[b[0][c]]=3&a[e]=4", "a[b][0][c]=1&a[b][0][d]=2&a[b][1][c]=3&a[e]=4"),
    ],
)
def test_wrongly_nested_brackets_are_read_as_meant(wrong, right):
    """Also where Rack would lose the value (`a[b[]]`), and together with a repeated index."""
    assert post(wrong) == parse_nested(body_pairs(right.encode()))


def test_unbalanced_brackets_stay_racks_affair():
    """`a[b]]` is `a[b]` to Rack."""
    assert post("a[b]]=1") == {"a": {"b": "1"}}


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ("l[0][d]=A&l[0][q]=1&l[0][d]=B&l[0][q]=2", [{"d": "A", "q": "1"}, {"d": "B", "q": "2"}]),
        ("l[0][d]=A&l[0][q]=1&l[0][d]=A&l[0][q]=1", [{"d": "A", "q": "1"}] * 2),
        ("l[0][d]=A&l[0][q]=1&l[0][q]=2", [{"d": "A", "q": "1"}, {"q": "2"}]),
        ("l[0][d]=A&l[0][d]=B&l[0][d]=C", [{"d": "A"}, {"d": "B"}, {"d": "C"}]),
        ("l[7][t][id]=1&l[7][t][id]=2&l[7][q]=3", [{"t": {"id": "1"}}, {"t": {"id": "2"}, "q": "3"}]),
        # Two indices: the client counts, so a name given twice is Rack's: the last wins.
        ("l[0][d]=A&l[1][d]=B&l[0][d]=C", [{"d": "C"}, {"d": "B"}]),
        # Values of a list within a line are no second line.
        ("l[0][d]=A&l[0][t][]=1&l[0][t][]=1", [{"d": "A", "t": ["1", "1"]}]),
    ],
)
def test_an_index_repeated_for_every_line_makes_lines(body, rows):
    """A name that comes again starts a new line, unless the list has another index (captures: epeters)."""
    assert as_rows(post(body)["l"], "l") == rows


def test_a_repeated_index_in_a_nested_list_grows_the_innermost():
    """A repeated name of the outer line starts an outer line; within it the inner list begins anew."""
    body = "l[0][d]=A&l[0][c][0][x]=1&l[0][c][0][x]=2&l[0][d]=B&l[0][c][0][x]=3"
    lines = as_rows(post(body)["l"], "l")
    assert [(line["d"], as_rows(line["c"], "c")) for line in lines] == [
        ("A", [{"x": "1"}, {"x": "2"}]),
        ("B", [{"x": "3"}]),
    ]


def test_a_plain_name_given_twice_has_its_last_value():
    """Rack's rule; an index without members is such a name, too."""
    assert post("a[b]=1&a[b]=2&a[l][0]=x&a[l][0]=y") == {"a": {"b": "2", "l": {"0": "y"}}}


def test_a_pair_in_query_and_body_counts_once():
    """Appmixer sends everything twice; `[]` must not double."""
    text = "a[l][][x]=1&a[l][][y]=2&a[l][][x]=3&a[n]=N"
    assert post(text, query=text) == parse_nested(body_pairs(text.encode()))


def test_a_pair_repeated_in_the_body_alone_stays_repeated():
    """Two equal lines are two lines."""
    assert post("a[l][][x]=1&a[l][][x]=1", query="b=2") == {"b": "2", "a": {"l": [{"x": "1"}, {"x": "1"}]}}


@pytest.mark.parametrize(
    ("query", "body", "value"),
    [("a[n]=Q", "a[n]=B", "B"), ("a[n]=B&a[n]=Q", "a[n]=B", "B"), ("a[n]=Q", "a[m]=B", "Q")],
)
def test_the_body_wins_over_the_query(query, body, value):
    """Also where the query says the body's value first and then another."""
    assert post(body, query)["a"]["n"] == value


def test_a_line_in_query_and_body_is_one_line_and_the_body_wins():
    """An index in both is the same line, not a repeated one."""
    assert post("a[l][0][x]=2&a[l][0][y]=3", "a[l][0][x]=1&a[l][0][z]=4") == {
        "a": {"l": {"0": {"x": "2", "y": "3", "z": "4"}}}
    }


def test_query_and_body_have_4096_parameters_together_at_most():
    """At the limit they are read, one more is too large; shared ones count once."""
    half = MAX_PARAMS // 2
    query, body = ("&".join(f"{name}{number}=1" for number in range(half)) for name in "qb")
    assert len(post(body, query)) == MAX_PARAMS
    assert len(post(body, body)) == half
    with pytest.raises(TooLarge, match="4097 parameters"):
        post(body + "&x=1", query)


def test_a_name_with_too_many_indices_is_refused_in_time():
    """Renumbering does not look into a name that is too deep to be read."""
    name = "a" + "[0]" * 100_000 + "[x]"
    with pytest.raises(Malformed, match="deeper than 32"):
        post(f"{name}=1&{name}=2")

"""v1 and v2 share their tables: paths, further names, and dialects (v2.md §7.1)."""

from __future__ import annotations

import pytest

from gateway.errors import AccessDenied, TableWrong
from gateway.messages import Caller, V2Request
from gateway.resources.registry import ROUTES, find
from gateway.translate.calls import Routes, read_call
from gateway.translate.codecs import DAY, Codes
from gateway.translate.dialect import spoken
from gateway.translate.plans import FIXED, fixed_list
from gateway.translate.resource import Table
from gateway.translate.rules import Field, Identity, ReadOnly

SIZES = Codes("sizes", ((1, "S", "Small"), (2, "L", "Large")))
PLAIN = Table("sizes", Identity(), ReadOnly("name"), kind="sizes", local=SIZES, plans=FIXED, aliases=("measures",))
THING = Table("things", Identity(), Field("name"), v3="things", root="thing", roots=("object",), verbs="list create")


@pytest.mark.parametrize("path", ["/accounts/v1/contacts/7", "/api/v1/contacts/7", "//Accounts//V1/contacts/7/"])
def test_v1_paths(path: str):
    """v1's paths, its older prefix among them, lead to the same tables."""
    assert ROUTES.find("GET", path) == (ROUTES.find("GET", "/accounts/v2/contacts/7").table, "one", ("7",), "v1")


def test_core_v1():
    """v1's core is v2's."""
    assert ROUTES.find("GET", "/core/v1/user").table is ROUTES.find("GET", "/core/v2/user").table


@pytest.mark.parametrize("path", ["", "/", "//", "/accounts", "/accounts/v3/contacts", "/api/v2/contacts", "/core/v2"])
def test_other_prefixes(path: str):
    """No other prefix is routed."""
    with pytest.raises(AccessDenied):
        ROUTES.find("GET", path)


def test_aliases():
    """A table answers under each of its paths."""
    routes = Routes((PLAIN,))
    assert routes.find("GET", "/accounts/v2/measures/2") == routes.find("GET", "/accounts/v2/sizes/2")


@pytest.mark.parametrize("body", [b"thing[name]=Ink & pen", b"object[name]=Ink & pen", b"object%5Bname%5D=Ink & pen"])
def test_further_roots(body: bytes):
    """What is below any of a table's roots is what was sent; raw bodies are read by each of them."""
    request = V2Request("POST", "/accounts/v2/things", (), body)
    call = read_call(request, Caller(), Routes((THING,)).find("POST", "/accounts/v2/things"))
    assert call.sent == {"name": "Ink & pen"}


@pytest.mark.parametrize(
    ("version", "order", "sent", "shown"),
    [
        ("v2", "dmy", "2016-03-01", "2016-03-01"),
        ("v1", "dmy", "01/03/2016", "01/03/2016"),
        ("v1", "mdy", "01/03/2016", "01/03/2016"),
    ],
)
def test_dates(version: str, order: str, sent: str, shown: str):
    """v1 writes its documents' dates day first, and reads them so, even for an app that writes v2's month first; those
    of the newer resources are ISO there too."""
    swap = spoken(Caller(date_order=order), {}, version)
    date, day = swap["date"], swap["day"]
    assert not isinstance(date, Codes)
    assert not isinstance(day, Codes)
    assert (date.up(sent, "date"), date.down("2016-03-01")) == ("2016-03-01", shown)
    assert (day.up(sent, "date"), day.down("2016-03-01")) == ("2016-03-01", "2016-03-01")


def test_a_v1_table_is_made_once():
    """Calls of one dialect share a table."""
    request = V2Request("GET", "/accounts/v1/sales_invoices")
    assert find(request, Caller()).table is find(request, Caller(business="other")).table
    assert find(request, Caller()).table is not find(V2Request("GET", "/accounts/v2/sales_invoices"), Caller()).table


def bare_if_asked(call: object) -> bool:
    return "?" in call.request.target  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("bare", "target", "is_bare"), [(True, "", True), (bare_if_asked, "?a=1", True), (bare_if_asked, "", False)]
)
def test_bare_lists(bare: object, target: str, is_bare: bool):
    """A table's list comes as an array without envelope, always or for the calls that it says."""
    table = Table("sizes", Identity(), ReadOnly("name"), kind="sizes", local=SIZES, plans=FIXED, bare=bare)  # type: ignore[arg-type]
    request = V2Request("GET", f"/accounts/v2/sizes{target}")
    call = read_call(request, Caller(), Routes((table,)).find("GET", "/accounts/v2/sizes"))
    with pytest.raises(StopIteration) as done:
        next(fixed_list(call))
    body = done.value.value.message.body
    assert isinstance(body, list) == is_bare


def test_day_is_no_text():
    """What is no date is refused in every dialect."""
    assert DAY.up("", "date") is None


def test_a_list_that_comes_whole_says_its_order():
    """A table of such a list has a plan for it."""
    with pytest.raises(TableWrong):
        Table("sizes", Identity(), v3="sizes", paged=False)

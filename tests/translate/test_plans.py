"""What a call takes: the usual plans, driven through an exchange."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import AccessDenied, NotFound, Retired, TableWrong, UpstreamFailed
from gateway.exchange import exchange
from gateway.messages import Caller, Exchange, V2Request, V3Response
from gateway.resources.registry import KINDS, TABLES, find, kinds_of
from gateway.translate.plans import MOST_PAGES, every, lock_version, refuse
from gateway.translate.resource import Table
from gateway.translate.rules import Reference
from tests.echo import Echo, NamedFacts, call_of, table_at

CALLER = Caller(business="b-1")


async def made(
    method: str, target: str, body: str = "", *, upstream: Echo | None = None, accept: str = "", caller: Caller = CALLER
) -> Exchange:
    headers = (("Accept", accept),) if accept else ()
    call = V2Request(method, target, headers, body.encode())
    return await exchange(call, caller, NamedFacts(), upstream or Echo())


@pytest.mark.parametrize(("path", "rows"), [("contact_types", 6), ("artefact_statuses", 8), ("period_types", 7)])
async def test_fixed_lists_are_served_here(path: str, rows: int):
    """Whole, whatever size is asked for; v3.1 is not asked."""
    upstream = Echo()
    listed = await made("GET", f"/accounts/v2/{path}?$itemsPerPage=2&$startIndex=1", upstream=upstream)
    assert (listed.reply.body["$totalResults"], listed.reply.body["$itemsPerPage"]) == (rows, rows)
    row = listed.reply.body["$resources"][1]
    assert row["id"] == row["$key"] == 2
    one = await made("GET", f"/accounts/v2/{path}/002", upstream=upstream)
    assert one.reply.body == row
    assert (await made("GET", f"/accounts/v2/{path}/99")).reply.status == 404
    assert upstream.sent == []


async def test_payment_types_speak_the_callers_dialect():
    """Portugal's product had numbers of its own."""
    here = await made("GET", "/accounts/v2/payment_types")
    there = await made("GET", "/accounts/v2/payment_types", caller=Caller(country="pt"))
    assert [row["id"] for row in here.reply.body["$resources"]] == [1, 2, 4, 5, 6, 10]
    assert [row["id"] for row in there.reply.body["$resources"]] == [4, 5]


async def test_a_reference_list_comes_whole():
    """Its size is what it has, whatever was asked for."""
    upstream = Echo()
    for n in range(3):
        upstream.store(f"/tax_rates/tax_rates-{n}", {"displayed_as": f"Rate {n} 20.00%", "percentage": "20.0"})
    listed = await made("GET", "/accounts/v2/tax_rates?$itemsPerPage=1", upstream=upstream)
    assert listed.reply.body["$itemsPerPage"] == listed.reply.body["$totalResults"] == 3
    assert [row["name"] for row in listed.reply.body["$resources"]] == ["Rate 0", "Rate 1", "Rate 2"]


async def test_a_list_asks_for_every_attribute_that_it_shows():
    """And for legacy ids, in its window."""
    upstream = Echo()
    await made("GET", "/accounts/v2/contacts?$startIndex=30&$itemsPerPage=20&colour=red", upstream=upstream)
    (request,) = upstream.sent
    query = dict(request.query)
    assert set(query["attributes"].split(",")) >= {"name", "contact_types", "main_address", "created_at"}
    assert (query["show_legacy_id"], query["items_per_page"], query["page"]) == ("true", "25", "2")
    assert upstream.violations == []


async def test_a_parameter_that_v2_did_not_have_is_noted_once():
    """Although the list takes two pages."""

    class Long(Echo):
        async def send(self, request: Any) -> V3Response:
            page = int(dict(request.query)["page"])
            items = [{"id": f"contacts-{page}{n:03}"} for n in range(200)]
            return V3Response(200, {"$items": items, "$page": page, "$itemsPerPage": 200, "$total": 400, "$next": "x"})

    listed = await made("GET", "/accounts/v2/contacts?$itemsPerPage=400&colour=red", upstream=Long())
    assert len(listed.reply.body["$resources"]) == 400
    assert [(note.code, note.field) for note in listed.notes] == [("unmapped", "colour")]


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("contact=7", ("contact_id", "contacts-7")),
        ("contact_id=7", ("contact_id", "contacts-7")),
        ("contact[id]=7", ("contact_id", "contacts-7")),
        ("status=3", ("status_id", "PAID")),
        ("status=99", ("status_id", "artefact_statuses-99")),
        ("search=a+b", ("search", "a b")),
        ("from_date=01/03/2016", ("from_date", "2016-03-01T00:00:00Z")),
        ("start_date=2016-03-01", ("from_date", "2016-03-01T00:00:00Z")),
        ("to_date=2016-03-01", ("to_date", "2016-03-01T23:59:59Z")),
        ("contact=&contact_id=7", ("contact_id", "contacts-7")),
    ],
)
async def test_filters_of_invoices(query: str, sent: tuple[str, str]):
    """In v3.1's words, ids looked up."""
    upstream = Echo()
    await made("GET", f"/accounts/v2/sales_invoices?{query}", upstream=upstream)
    assert sent in upstream.sent[0].query
    assert upstream.violations == []


@pytest.mark.parametrize(
    ("query", "source"),
    [("contact=x", "contact"), ("status[]=1", "status"), ("from_date=x", "from_date"), ("contact[id][a]=1", "contact")],
)
async def test_filters_that_cannot_be_read(query: str, source: str):
    """422 by the name that was sent; v3.1 is not asked."""
    upstream = Echo()
    listed = await made("GET", f"/accounts/v2/sales_invoices?{query}", upstream=upstream)
    assert (listed.reply.status, upstream.sent) == (422, [])
    assert listed.reply.body["$diagnoses"][0]["$source"] == source


async def test_a_filter_of_nothing_is_no_filter():
    """A bracketed parameter without an id means nothing, as in v2."""
    upstream = Echo()
    await made("GET", "/accounts/v2/contacts?contact[x]=1&search=", upstream=upstream)
    assert {name for name, _ in upstream.sent[0].query} == {
        "attributes",
        "nested_attributes",
        "show_legacy_id",
        "items_per_page",
        "page",
    }


async def test_an_invoice_as_a_document():
    """By Accept; the bytes go through, and the invoice is not marked as sent."""
    upstream = Echo()
    shown = await made("GET", "/accounts/v2/sales_invoices/7", accept="application/pdf", upstream=upstream)
    assert (shown.reply.body, shown.reply.headers) == (b"%PDF-1.4", (("Content-Type", "application/pdf"),))
    assert ("mark_as_sent", "false") in upstream.sent[0].query
    listed = await made("GET", "/accounts/v2/contacts/7", accept="application/pdf")
    assert isinstance(listed.reply.body, dict)


async def test_a_payment_has_no_document():
    """v3.1 makes none: 422 with that reason."""
    upstream = Echo()
    shown = await made("GET", "/accounts/v2/sales_invoices/7/payments/8", accept="application/pdf", upstream=upstream)
    assert (shown.reply.status, shown.reply.body["$diagnoses"][0]["$dataCode"]) == (422, "NotSupported")
    assert upstream.sent == []


async def test_an_update_of_nothing_shows_the_record():
    """Nothing that v3.1 takes was sent, so nothing is written; the notes are there."""
    upstream = Echo({"services": {"description": "x"}})
    shown = await made("PUT", "/accounts/v2/services/7", "service[colour]=red", upstream=upstream)
    assert (shown.reply.status, shown.reply.body["description"]) == (200, "x")
    assert [request.method for request in upstream.sent] == ["GET"]
    assert [note.field for note in shown.notes] == ["colour"]


STAMPS = {"created_at": "2016-03-01T10:00:00Z", "updated_at": "2016-03-01T10:00:09.500Z"}


@pytest.mark.parametrize(("sent", "status"), [("9", 200), ("10", 200), ("8", 409), ("0", 409), ("x", 422), ("", 200)])
async def test_a_stale_lock_version_is_refused(sent: str, status: int):
    """The record has changed since the client read it; nothing is written (reliability.md G3)."""
    upstream = Echo({"services": {"description": "x", **STAMPS}})
    body = f"service[lock_version]={sent}&service[description]=y"
    shown = await made("PUT", "/accounts/v2/services/7", body, upstream=upstream)
    assert shown.reply.status == status
    assert (upstream.sent[-1].method != "GET" or len(upstream.sent) > 1) == (status == 200)


@pytest.mark.parametrize(
    ("created", "updated", "version"),
    [
        ("2016-03-01T10:00:00Z", "2016-03-01T10:00:09.500Z", 9),
        ("2016-03-01T10:00:00Z", "2016-03-01T09:00:00Z", 0),
        ("2016-03-01T10:00:00Z", "2016-03-01T10:00:00", 0),
        (None, "2016-03-01T10:00:00Z", 0),
        ("x", "y", 0),
    ],
)
def test_the_lock_version_grows_with_each_change(created: Any, updated: Any, version: int):
    """Seconds from creation to the last change; 0 where v3.1 does not say."""
    assert lock_version(created, updated) == version


async def test_a_delete_answers_with_what_was():
    """It is read first: afterwards nothing could be shown (v2.md §3.4)."""
    upstream = Echo({"contacts": {"name": "A"}})
    shown = await made("DELETE", "/accounts/v2/contacts/7", upstream=upstream)
    assert (shown.reply.status, shown.reply.body["company"]) == (200, "A")
    assert [request.method for request in upstream.sent] == ["GET", "DELETE"]


def rows_of(*answers: dict[str, Any]) -> list[Any]:
    """What `every` reads of these answers, one page each."""
    plan = every("contacts", [["search", "x"]])
    next(plan)
    try:
        for answer in answers:
            plan.send(V3Response(200, answer))
    except StopIteration as done:
        return list(done.value)
    raise AssertionError("wants more")


def test_every_row_of_a_list():
    """Page after page, until v3.1 names no next one."""
    assert rows_of({"$items": [1, 2], "$next": "x", "$page": 1}, {"$items": [3], "$next": None, "$page": 2}) == [
        1,
        2,
        3,
    ]


def test_a_page_that_is_repeated_is_left_out():
    """A list that shrinks while it is read answers with its last page again (v31.md §4)."""
    assert rows_of({"$items": [1], "$next": "x"}, {"$items": [1], "$next": None, "$page": 1}) == [1]


def test_a_list_without_end_fails():
    """A server that always names a next page is not followed for ever."""
    pages = [{"$items": [page], "$next": "x"} for page in range(MOST_PAGES)]
    with pytest.raises(UpstreamFailed, match="has no end"):
        rows_of(*pages)


@pytest.mark.parametrize("items", [[], "--1"])
def test_a_page_without_rows_names_no_next_one(items: Any):
    """An empty page that goes on, or rows that are no list: not followed."""
    with pytest.raises(UpstreamFailed, match="has no end"):
        rows_of({"$items": items, "$next": "x"})


async def test_a_text_that_a_create_says_twice_is_taken_once():
    """Nothing is booked by it: the first name's value is written, and a note says that the other was left out."""
    call = V2Request(
        "POST", "/accounts/v2/contacts", (), b"contact[company]=A&contact[company_name]=B&contact[contact_type_id]=1"
    )
    made = await exchange(call, Caller(), NamedFacts(), Echo())
    sent = made.steps[0].request.body
    assert sent is not None
    assert sent["contact"]["name"] == "A"
    assert [(note.code, note.field) for note in made.notes if note.code == "contested"] == [("contested", "company")]


async def test_a_part_that_a_create_says_twice_is_taken_once():
    """An address under two names is no amount either."""
    body = "&".join(
        f"contact[{name}]={value}"
        for name, value in {
            "company": "A",
            "contact_type_id": "1",
            "main_address[city]": "Hull",
            "main_address_attributes[city]": "Leeds",
        }.items()
    )
    made = await exchange(V2Request("POST", "/accounts/v2/contacts", (), body.encode()), Caller(), NamedFacts(), Echo())
    assert made.reply.status == 201
    assert "contested" in [note.code for note in made.notes]


def test_what_nothing_can_serve_says_why():
    """As a v2 error."""
    with pytest.raises(Retired, match="the reason"):
        next(refuse("the reason")(call_of(table_at("contacts"), "one")))


# --- routes and the registry


@pytest.mark.parametrize(
    "target",
    ["/accounts/v2/contacts/7", "//accounts//v2/contacts/7/", "/accounts/v2/CONTACTS/007", "/Accounts/V2/Contacts//7"],
)
def test_routes_are_folded(target: str):
    """Doubled and trailing slashes and letter case do not matter; an id loses its leading zeros."""
    call = find(V2Request("GET", target), CALLER)
    assert (call.table.name, call.verb, call.keys) == ("contacts", "one", ("7",))


def test_a_number_longer_than_any_id_is_404():
    """Not 422: there is no such record."""
    with pytest.raises(NotFound):
        find(V2Request("GET", f"/accounts/v2/contacts/{'1' * 19}"), CALLER)


@pytest.mark.parametrize("word", ["x", "-1", "1.5", "%37", "\uff11"])
def test_what_is_no_number_is_not_routed(word: str):
    """v2's other paths stand there, such as `summary`."""
    with pytest.raises(AccessDenied):
        find(V2Request("GET", f"/accounts/v2/contacts/{word}"), CALLER)


@pytest.mark.parametrize("body", [b"contact=text", b'{"contact": [1]}', b'{"contact": "x"}'])
async def test_a_root_that_is_no_record_is_refused(body: bytes):
    """A write without its attributes in brackets."""
    headers = (("Content-Type", "application/json"),) if body.startswith(b"{") else ()
    call = V2Request("POST", "/accounts/v2/contacts", headers, body)
    shown = await exchange(call, CALLER, NamedFacts(), Echo())
    assert (shown.reply.status, shown.reply.body["$diagnoses"][0]["$source"]) == (422, "contact")


def test_every_kind_that_is_referred_to_is_known():
    """A table that points at a kind which nothing serves is refused."""
    assert kinds_of(TABLES) == KINDS
    with pytest.raises(TableWrong, match=r"x refers to kinds that no table defines: \['unheard_of'\]"):
        kinds_of((Table("x", Reference("a", to="unheard_of"), v3="xs"),))


def test_dates_are_read_in_the_callers_order():
    """A setting of the app; the tables are the same."""
    american = Caller(date_order="mdy", date_out="dmy")
    body = b"sales_invoice[date]=03/01/2016"
    for caller, plain in ((american, False), (Caller(), True)):
        call = find(V2Request("POST", "/accounts/v2/sales_invoices", (), body), caller)
        assert (call.table is table_at("sales_invoices")) == plain

"""Purchase documents: accounts in full, what v3.1 cannot hold, and the books as v3.1 reckons them (v2.md §6.25)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import UpstreamFailed
from gateway.exchange import exchange
from gateway.messages import Caller, Exchange, V2Request, V3Request, V3Response
from gateway.resources._line_accounts import ACCOUNT, ASKED
from tests.echo import SPEC, Echo, NamedFacts

CALLER = Caller(business="b-1")
PATHS = [("purchase_invoices", "purchase_invoice"), ("purchase_credit_notes", "purchase_credit_note")]
LINES = {"purchase_invoices": "invoice_lines", "purchase_credit_notes": "credit_note_lines"}


def fields(root: str, **sent: str) -> bytes:
    """A create of one line, and more."""
    usual = {
        "[contact_id]": "5",
        "[date]": "2016-03-01",
        "[line_items][0][description]": "x",
        "[line_items][0][unit_price]": "1.99",
        "[line_items][0][ledger_account_id]": "6",
    }
    if root == "purchase_invoice":
        usual["[due_date]"] = "2016-03-31"
    return "&".join(f"{root}{name}={value}" for name, value in (usual | sent).items()).encode()


async def made(upstream: Echo, method: str, path: str, body: bytes = b"", facts: NamedFacts | None = None) -> Exchange:
    shown = await exchange(V2Request(method, f"/accounts/v2/{path}", (), body), CALLER, facts or NamedFacts(), upstream)
    assert upstream.violations == []
    return shown


def holding(collection: str, *accounts: int, legacy: bool = True) -> dict[str, Any]:
    """A document with a line on each of these ledger accounts."""
    return {
        LINES[collection]: [
            {
                "id": f"part-{n}",
                "legacy_id": n,
                "ledger_account": {"id": f"ledger_accounts-{n}", **({"legacy_id": n} if legacy else {})},
            }
            for n in accounts
        ]
    }


def with_chart(upstream: Echo, *numbers: int) -> Echo:
    for n in numbers:
        upstream.store(
            f"/ledger_accounts/ledger_accounts-{n}",
            {
                "legacy_id": n,
                "display_name": f"Account {n}",
                "nominal_code": 4000 + n,
                "ledger_account_type": {"id": "OVERHEADS", "displayed_as": "Overheads"},
                "tax_rate": {"id": "GB_STANDARD", "legacy_id": 1, "displayed_as": "Standard 20.00%"},
            },
        )
    return upstream


def charts(upstream: Echo) -> list[V3Request]:
    return [request for request in upstream.sent if request.path == "/ledger_accounts"]


def test_what_is_asked_of_the_chart_exists():
    """v3.1's ledger accounts have every attribute that is asked for and shown."""
    known = SPEC.readable("LedgerAccount")
    assert {name for name in ASKED.split(",") if name not in known} == set()
    assert {path.partition(".")[0] for path in ACCOUNT.reads()} - {"id", "legacy_id"} == set(ASKED.split(","))


@pytest.mark.parametrize("path", [path for path, _ in PATHS])
async def test_the_chart_is_read_once_for_a_whole_list(path: str):
    """However many documents, lines and accounts the reply shows."""
    upstream = with_chart(Echo(), *range(1, 30))
    for n in range(1, 20):
        upstream.store(f"/{path}/{path}-{n}", {"legacy_id": n, **holding(path, n, n + 1, n + 2)})
    shown = await made(upstream, "GET", path)
    accounts = [line["ledger_account"] for row in shown.reply.body["$resources"] for line in row["line_items"]]
    assert len(charts(upstream)) == 1
    assert len(accounts) == 57
    assert all(one["nominal_code"] == 4000 + one["id"] for one in accounts)
    assert accounts[0]["ledger_account_type"] == {"id": 4, "name": "Overheads", "$key": 4}
    assert accounts[0]["tax_code"] == accounts[0]["tax_rate"] == {"id": 1, "name": "Standard", "$key": 1}


@pytest.mark.parametrize("legacy", [True, False])
async def test_accounts_in_full_have_the_numbers_that_clients_know(legacy: bool):
    """A number that Sage gave later is shown neither in the line nor in its account."""
    upstream = with_chart(Echo(), 1)
    upstream.store("/purchase_invoices/purchase_invoices-7", {"legacy_id": 7, **holding("purchase_invoices", 1)})
    facts = NamedFacts({("ledger_accounts", "ledger_accounts-1"): 1_500_000_001} if legacy else {})
    shown = await made(upstream, "GET", "purchase_invoices/7", facts=facts)
    (line,) = shown.reply.body["line_items"]
    number = 1_500_000_001 if legacy else 1
    assert (line["ledger_account"]["id"], line["ledger_account"]["$key"]) == (number, number)
    assert line["ledger_account"]["display_name"] == "Account 1"
    assert len(charts(upstream)) == 1


async def test_an_account_that_shows_no_number_is_found_by_its_modern_id():
    """In the line; the chart shows it."""
    upstream = with_chart(Echo(), 1)
    upstream.store("/purchase_invoices/purchase_invoices-7", holding("purchase_invoices", 1, legacy=False))
    shown = await made(upstream, "GET", "purchase_invoices/7")
    (line,) = shown.reply.body["line_items"]
    assert (line["ledger_account"]["id"], line["ledger_account"]["display_name"]) == (1, "Account 1")


class Chartless(Echo):
    """An upstream whose chart cannot be reached."""

    async def send(self, request: V3Request) -> V3Response:
        if request.path == "/ledger_accounts":
            raise UpstreamFailed("Sage is late")
        return await super().send(request)


async def test_a_purchase_is_made_even_if_its_accounts_cannot_be_shown():
    """The chart is for show; the write has happened."""
    upstream = Chartless({"purchase_invoices": holding("purchase_invoices", 6)})
    shown = await made(upstream, "POST", "purchase_invoices", fields("purchase_invoice"))
    (line,) = shown.reply.body["line_items"]
    assert (shown.reply.status, line["ledger_account"]) == (201, {"id": 6, "$key": 6})


class Endless(Echo):
    """An upstream whose chart repeats its first page, as v3.1 does past the end."""

    async def send(self, request: V3Request) -> V3Response:
        answer = await super().send(request)
        if request.path == "/ledger_accounts":
            return V3Response(200, {**answer.body, "$next": "/ledger_accounts?page=2"})
        return answer


async def test_a_page_past_the_end_of_the_chart_ends_it():
    """v3.1 answers it with the last page that there is (v31.md §4)."""
    upstream = with_chart(Endless(), 1)
    upstream.store("/purchase_invoices/purchase_invoices-7", holding("purchase_invoices", 1))
    shown = await made(upstream, "GET", "purchase_invoices/7")
    assert shown.reply.body["line_items"][0]["ledger_account"]["nominal_code"] == 4001
    assert len(charts(upstream)) == 2


@pytest.mark.parametrize(("path", "root"), PATHS)
@pytest.mark.parametrize("name", ["[line_items][0][discount_percentage]", "[carriage]"])
@pytest.mark.parametrize(
    ("sent", "status"), [("", 201), ("0", 201), ("0.00", 201), ("5", 422), ("-1", 422), ("0.01", 422), ("x", 422)]
)
async def test_an_amount_that_v31_cannot_book_is_refused(path: str, root: str, name: str, sent: str, status: int):
    """A discount on a line, and carriage: left out, the books would be wrong; nought says nothing."""
    upstream = Echo()
    shown = await made(upstream, "POST", path, fields(root, **{name: sent}))
    assert shown.reply.status == status
    assert bool(upstream.records) == (status == 201)
    assert [note for note in shown.notes if note.code == "unsupported"] == []


@pytest.mark.parametrize(("path", "root"), PATHS)
async def test_a_purchase_needs_its_supplier(path: str, root: str):
    """Not even the app's cash customer stands in: there is no cash supplier."""
    upstream = Echo()
    call = V2Request("POST", f"/accounts/v2/{path}", (), fields(root, **{"[contact_id]": ""}))
    shown = await exchange(call, Caller(business="b-1", cash_customer="9"), NamedFacts(), upstream)
    assert (shown.reply.status, upstream.sent) == (422, [])
    assert shown.reply.body["$diagnoses"][0]["$source"] == "contact_id"


async def test_a_payment_of_a_purchase_goes_to_its_supplier():
    """Allocated whole, from the bank account that is named by id or by its ledger account."""
    for bank in ("[bank_account_id]", "[source_id]"):
        upstream = Echo({"purchase_invoices": {"contact": {"id": "contacts-5"}}})
        sent = {"[date]": "2016-03-01", "[amount]": "12.30", bank: "4"}
        body = "&".join(f"purchase_invoice_payment{name}={value}" for name, value in sent.items()).encode()
        shown = await made(upstream, "POST", "purchase_invoices/7/payments", body)
        (written,) = [request.body for request in upstream.sent if request.method == "POST"]
        assert written is not None
        assert written["contact_payment"] == {
            "transaction_type_id": "VENDOR_PAYMENT",
            "date": "2016-03-01",
            "total_amount": "12.3",
            "bank_account_id": "bank_accounts-4",
            "contact_id": "contacts-5",
            "allocated_artefacts": [{"artefact_id": "purchase_invoices-7", "amount": "12.3"}],
        }
        assert shown.reply.status == 201
        assert shown.reply.body["source"] == {"id": 4, "$key": 4}
        assert shown.reply.body["destination"] == {"$key": None}


@pytest.mark.parametrize("document", ["sales_invoices", "purchase_invoices"])
async def test_only_payments_of_the_right_type_are_listed(document: str):
    """Receipts for sales, payments for purchases."""
    upstream = Echo({document: {"contact": {"id": "contacts-5"}}})
    await made(upstream, "GET", f"{document}/7/payments")
    kind = {"sales_invoices": "CUSTOMER_RECEIPT", "purchase_invoices": "VENDOR_PAYMENT"}[document]
    assert ("transaction_type_id", kind) in upstream.sent[-1].query

"""The summaries agree with a brute-force sum over the stand-in's own books, whatever is in them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.exchange import exchange
from gateway.messages import Caller, V2Request, V3Request, V3Response
from gateway.resources._sums import year_start
from gateway.sandbox import Sandbox
from gateway.sandbox.books import Books, Record
from gateway.sandbox.checks import Verdict, check_query
from gateway.sandbox.verbs import Collections
from gateway.sandbox.wire import Incoming
from tests.echo import SPEC, NamedFacts

TODAY, YEAR = "2025-07-01", "2025-01-01"
CENT = Decimal("0.01")
SALES, PURCHASES = ("sales_invoices", "sales_credit_notes"), ("purchase_invoices", "purchase_credit_notes")


class Stand:
    """v3.1 for one business, without a network; `sent` are the paths of the requests."""

    def __init__(self) -> None:
        sandbox = Sandbox(seed=False, clock=lambda: 1_751_328_000.0)
        self.books: Books = next(iter(sandbox.businesses.values())).books
        self.books.singletons["financial_settings"].pop("accounts_start_date", None)
        self.violations: list[str] = []
        self.collections = Collections(self.books, SPEC, sandbox.switches, self.violations)
        self.sent: list[str] = []
        ledger = {one["nominal_code"]: one["id"] for one in self.books.live("ledger_accounts")}
        self.accounts = {"sales": ledger[4000], "purchase": ledger[5000]}
        self.contacts = {
            side: self.post("contacts", "contact", name=side, contact_type_ids=[kind])
            for side, kind in (("sales", "CUSTOMER"), ("purchase", "VENDOR"))
        }

    async def send(self, request: V3Request) -> V3Response:
        self.sent.append(request.path)
        found = SPEC.match(request.path)
        assert found is not None
        operation = SPEC.operation(request.method, found[0])
        assert operation is not None
        verdict = Verdict("")
        check_query(operation, request.query, verdict)
        self.violations += verdict.violations
        answer = self.collections.answer(
            operation, found[1], Incoming(request.method, request.path, request.query), None
        )
        return V3Response(answer.status, msgspec.json.decode(answer.content(), strict=True))

    def post(self, collection: str, root: str, **body: Any) -> str:
        """Make a record as v3.1 would; its id."""
        operation = SPEC.operation("POST", f"/{collection}")
        assert operation is not None
        answer = self.collections.answer(operation, "", Incoming("POST", f"/{collection}"), body)
        assert answer.status == 201, (root, answer.body)
        return str(answer.body["id"])

    def document(self, collection: str, cents: int, day: str, draft: bool, rate: str | None) -> str:
        """A document of one line with 20 % tax."""
        side = collection.partition("_")[0]
        net = Decimal(cents) / 100
        line = {
            "description": "x",
            "ledger_account_id": self.accounts[side],
            "unit_price": str(net),
            "quantity": "1.0",
            "tax_rate_id": "GB_STANDARD",
            "tax_amount": str((net / 5).quantize(CENT)),
        }
        more: dict[str, Any] = {"currency_id": "EUR", "exchange_rate": rate} if rate else {}
        lines = "invoice_lines" if collection.endswith("invoices") else "credit_note_lines"
        if collection.endswith("invoices"):
            more["due_date"] = day
        if draft and side == "sales":
            more["status_id"] = "DRAFT"
        if side == "purchase":
            more["vendor_reference"] = "v"
        return self.post(collection, "", contact_id=self.contacts[side], date=day, **{lines: [line]}, **more)

    def pay(self, collection: str, key: str, percent: int) -> None:
        """Pay some of an invoice, if it can be paid."""
        document = self.books.get(collection, key)
        amount = (document["outstanding_amount"] * percent / 100).quantize(CENT)
        if document["status"].id not in ("UNPAID", "PART_PAID") or amount <= 0:
            return
        side = collection.partition("_")[0]
        self.post(
            "contact_payments",
            "",
            transaction_type_id="CUSTOMER_RECEIPT" if side == "sales" else "VENDOR_PAYMENT",
            contact_id=self.contacts[side],
            bank_account_id=next(self.books.live("bank_accounts"))["id"],
            date="2025-06-30",
            total_amount=str(amount),
            allocated_artefacts=[{"artefact_id": key, "amount": str(amount)}],
        )


async def summary(stand: Stand, path: str) -> dict[str, Any]:
    stand.sent.clear()
    call = V2Request("GET", f"/accounts/v2/{path}")
    made = await exchange(call, Caller(business="businesses-9", today=TODAY), NamedFacts(), stand)
    assert made.reply.status == 200, made
    assert stand.violations == []
    body: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(made.reply.body))
    assert body.pop("$key") == 9
    return {name: Decimal(value) for name, value in body.items()}


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def left(document: Record) -> Decimal:
    """What is outstanding, reckoned anew in base currency: each document to the cent, as v3.1 shows it."""
    if document["status"].id in ("DRAFT", "VOID"):
        return Decimal(0)
    return rounded(Decimal(document["outstanding_amount"]) / document["exchange_rate"])


def of_invoices(books: Books) -> dict[str, Decimal]:
    """`sales_invoices/summary` by brute force."""
    rows = [row for row in books.live("sales_invoices") if row["status"].id not in ("DRAFT", "VOID")]
    late = [row for row in rows if left(row) and row["due_date"] < TODAY]
    outstanding = rounded(sum(map(left, rows), Decimal(0)))
    billed = rounded(sum((row["base_currency_total_amount"] for row in rows), Decimal(0)))
    return {
        "outstanding_amount": outstanding,
        "overdue_amount": rounded(sum(map(left, late), Decimal(0))),
        "paid_amount": billed - outstanding,
        "draft_count": Decimal(sum(row["status"].id == "DRAFT" for row in books.live("sales_invoices"))),
        "unpaid_count": Decimal(sum(bool(left(row)) for row in rows)),
        "overdue_count": Decimal(len(late)),
    }


def of_group(books: Books, group: str) -> Decimal:
    """Credits less debits of a group of accounts this year, entry by entry."""
    accounts = {one["id"] for one in books.live("ledger_accounts") if one["ledger_account_group"].id == group}
    entries = [
        entry
        for entry in books.live("ledger_entries")
        if entry["ledger_account"].id in accounts and YEAR <= entry["date"] <= TODAY and not entry["deleted"]
    ]
    return rounded(sum((entry["credit"] - entry["debit"] for entry in entries), Decimal(0)))


def of_business(books: Books) -> dict[str, Decimal]:
    """`summary` by brute force; the banks have accounts in one currency."""
    income, expenses = of_group(books, "INCOME"), -of_group(books, "EXPENSE")
    open_ = {
        side: sum(
            (sign * left(row) for name, sign in zip(side, (1, -1), strict=True) for row in books.live(name)), Decimal(0)
        )
        for side in (SALES, PURCHASES)
    }
    return {
        "income": income,
        "expenses": expenses,
        "profit": income - expenses,
        "debtors": rounded(open_[SALES]),
        "creditors": rounded(open_[PURCHASES]),
    }


DOCUMENTS = st.tuples(
    st.sampled_from((*SALES, *PURCHASES)),
    st.integers(1, 10**7),
    st.sampled_from(("2024-12-31", "2025-01-01", "2025-06-30", "2025-07-01", "2025-07-02")),
    st.booleans(),
    st.sampled_from((None, None, "1.25", "0.83")),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(DOCUMENTS, st.sampled_from((0, 33, 100)), st.booleans()), max_size=8))
async def test_the_summaries_are_the_sums_of_the_books(made: list[tuple[Any, int, bool]]):
    """Of drafts, voids, credit notes, part payments, foreign currencies, last year and tomorrow."""
    stand = Stand()
    for (collection, *rest), percent, voided in made:
        key = stand.document(collection, *rest)
        if percent and collection.endswith("invoices"):
            stand.pay(collection, key, percent)
        elif voided:
            operation = SPEC.operation("DELETE", f"/{collection}/{{key}}")
            assert operation is not None
            query = (("void_reason", "x"),) if collection in SALES else ()
            stand.collections.answer(operation, key, Incoming("DELETE", f"/{collection}/{key}", query), None)
    assert await summary(stand, "sales_invoices/summary") == of_invoices(stand.books)
    found = await summary(stand, "summary")
    banks = sum((Decimal(one) for one in bank_balances(stand)), Decimal(0))
    assert found == {**of_business(stand.books), "bank_balance": banks}


def bank_balances(stand: Stand) -> Iterator[Decimal]:
    """Of each bank, entry by entry."""
    for bank in stand.books.live("bank_accounts"):
        entries = [one for one in stand.books.live("ledger_entries") if one["ledger_account"] == bank["ledger_account"]]
        yield bank.get("_opening", Decimal(0)) + sum((one["debit"] - one["credit"] for one in entries), Decimal(0))


@pytest.mark.parametrize("count", [199, 200, 201, 400, 401])
async def test_no_page_boundary_loses_or_doubles_an_invoice(count: int):
    """200 rows a page, and a page past the end repeats the last one."""
    stand = Stand()
    first = stand.books.get("sales_invoices", stand.document("sales_invoices", 100, "2025-06-30", False, None))
    for number in range(1, count):
        copy = {**first, **stand.books.fresh(), "outstanding_amount": Decimal(number)}
        stand.books.add("sales_invoices", {**copy, "base_currency_outstanding_amount": Decimal(number)})
    found = await summary(stand, "sales_invoices/summary")
    assert found["outstanding_amount"] == Decimal("1.20") + count * (count - 1) // 2
    assert found["unpaid_count"] == found["overdue_count"] == count
    assert stand.sent == ["/sales_invoices"] * -(-count // 200)
    assert (await summary(stand, "summary"))["debtors"] == found["outstanding_amount"]


async def test_the_summary_of_a_business_takes_eighteen_requests():
    """Three, and one for each status of each kind of document, as long as each list has one page."""
    stand = Stand()
    await summary(stand, "summary")
    assert len(stand.sent) == 18


@pytest.mark.parametrize(
    ("today", "year_end", "start"),
    [
        ("2016-06-01", "2020-03-31", "2016-04-01"),
        ("2016-03-31", "2020-03-31", "2015-04-01"),
        ("2016-04-01", "2020-03-31", "2016-04-01"),
        ("2016-12-31", "2016-12-31", "2016-01-01"),
        ("2016-02-29", "2015-02-28", "2015-03-01"),
        ("2017-03-01", "2016-02-29", "2017-03-01"),
        ("2016-04-06", "2016-04-05", "2016-04-06"),
        ("2016-01-05", "2016-04-05T00:00:00Z", "2015-04-06"),
        ("2016-06-01", None, "2016-01-01"),
        ("2016-06-01", "", "2016-01-01"),
    ],
)
def test_the_financial_year_begins_the_day_after_the_last_one_ended(today: str, year_end: str | None, start: str):
    """By any of its ends; February's is its last day."""
    assert year_start(today, year_end) == start


async def test_without_a_date_there_is_no_summary():
    """What is overdue would be a guess."""
    for path in ("sales_invoices/summary", "summary"):
        made = await exchange(V2Request("GET", f"/accounts/v2/{path}"), Caller(business="b"), NamedFacts(), Stand())
        assert made.reply.status == 500

"""What the tables reckon: taxes, prices, rates, names, addresses (to the cent)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway.errors import BadCall
from gateway.exchange import exchange
from gateway.messages import Caller, V2Request
from gateway.resources._lines import line_tax, rates_of
from gateway.resources._parts import address_text, address_up, tax_on, without_figure
from gateway.resources._voids import LONGEST_REASON
from gateway.translate.draft import Hole
from gateway.translate.plans import create
from gateway.translate.resource import Table
from gateway.translate.rules import Field
from tests.echo import Echo, NamedFacts, call_of, fact, settled


def inputs(**given: Any) -> dict[str, Any]:
    names = ("quantity", "unit_price", "discount_percentage", "discount_amount", "unit_price_includes_tax")
    return {**dict.fromkeys((*names, "tax_rate/percentage")), **given}


@pytest.mark.parametrize(
    ("quantity", "price", "rate", "more", "tax"),
    [
        ("1.0", "10.0", "20.0", {}, "2.0"),
        ("3.0", "9.99", "20.0", {}, "5.99"),
        ("1.0", "0.125", "100.0", {}, "0.13"),
        ("1.0", "2.5", "5.0", {}, "0.13"),
        ("1.0", "0.02", "20.0", {}, "0.0"),
        ("-1.0", "2.5", "5.0", {}, "-0.13"),
        ("1.0", "17.0", "20.0", {"unit_price_includes_tax": True}, "2.83"),
        ("1.0", "10.0", "20.0", {"discount_percentage": "50.0"}, "1.0"),
        ("2.0", "10.0", "20.0", {"discount_amount": "5.0"}, "3.0"),
        ("2.0", "10.0", "20.0", {"discount_amount": "5.0", "discount_percentage": "10.0"}, "3.6"),
        ("2.0", "10.0", "0.0", {}, "0.0"),
        ("1.0", "9" * 30 + ".0", "100.0", {}, None),
    ],
)
def test_the_tax_of_a_line(quantity: str, price: str, rate: str, more: dict[str, Any], tax: str | None):
    """Net by rate, half-up to the cent; a price that includes tax is taken apart; however long the amount."""
    made = line_tax(inputs(quantity=quantity, unit_price=price, **{"tax_rate/percentage": rate}, **more))
    assert made is not None
    assert made == tax or (tax is None and len(made) > 30)


def test_a_line_without_a_rate_has_no_tax_to_tell():
    """v3.1 then takes nought."""
    assert line_tax(inputs(quantity="1", unit_price="1")) is None


def test_the_tax_on_carriage():
    """Its amount by its rate; none where either is missing; nought where a rate is taken away."""
    assert tax_on({"was": None, "net": "10.05", "rate": "20.0"}) == "2.01"
    assert tax_on({"was": None, "net": None, "rate": "20.0"}) is None
    assert tax_on({"was": None, "net": "1.0", "rate": None}) is None
    assert tax_on({"was": {"id": "GB_STANDARD"}, "net": "1.0", "rate": None}) == "0.0"


def test_the_rate_that_was_charged():
    """Of the breakdown, else of the amounts where they say it exactly, else the rate's own; else nought."""
    rate = {"id": "GB_LOWER"}
    assert rates_of([{"percentage": "15.0"}, {"percentage": "2.5"}, {}], rate, "9", "9") == "17.5"
    assert rates_of([], rate, "2.0", "10.0") == rates_of([], None, "2.0", "10.0") == "20.0"
    assert rates_of(None, rate, "2.0", "0.0") == rates_of(None, None, None, None) == "0.0"
    assert rates_of(None, None, "0.17", "3.35") == "5.1"
    hole = rates_of(None, rate, "0.17", "3.35")
    assert hole == Hole("tax_rates", "GB_LOWER", want="percentage")
    assert hole.then is not None
    assert (hole.then("5.00"), hole.then(None)) == ("5.0", "0.0")


def test_a_discount_in_percent_is_money_before_it_is_taken_off():
    """v3.1 books 9.50 less 5 % as 9.02, so the tax is that on 9.02."""
    assert (
        line_tax(inputs(quantity="1", unit_price="9.50", discount_percentage="5", **{"tax_rate/percentage": "20"}))
        == "1.8"
    )


def test_addresses_of_any_length():
    """Line by line into v3.1's parts; what does not fit is joined, and nothing is lost."""
    made = address_up(" a \r\n\r\nb\nc\nd\ne\nf", "main_address")
    assert list(made.values()) == ["a", "b", "c", "d", "e, f"]
    assert list(address_up("a", "main_address").values()) == ["a", "", "", "", ""]
    assert address_text("printed", {"city": "x"}) == "printed"
    assert address_text(None, {"address_line_1": "a", "postal_code": "p", "city": ""}) == "a\np"
    assert address_text("", {}) is address_text(None, {"city": ""}) is None


@pytest.mark.parametrize(
    ("shown", "bare"),
    [
        ("Standard 20.00%", "Standard"),
        ("United Kingdom (GB)", "United Kingdom"),
        ("No VAT", "No VAT"),
        ("20%", "20%"),
        ("", ""),
        (None, ""),
    ],
)
def test_names_without_what_v31_adds(shown: str | None, bare: str):
    """A percentage or a code behind the name goes; a name that is nothing else stays."""
    assert without_figure(shown) == bare


INVOICE = "sales_invoice[contact_id]=5&sales_invoice[date]=2016-03-01&sales_invoice[line_items][0][description]=x"


async def posted(
    line: str, caller: Caller | None = None, lookup: NamedFacts | None = None
) -> tuple[int, dict[str, Any]]:
    """(status, first line) of an invoice."""
    upstream = Echo()
    fields = "".join(f"&sales_invoice[line_items][0]{field}" for field in line.split())
    call = V2Request("POST", "/accounts/v2/sales_invoices", (), f"{INVOICE}{fields}".encode())
    made = await exchange(call, caller or Caller(), lookup or NamedFacts(), upstream)
    written = next((request.body for request in upstream.sent if request.method == "POST"), None)
    return made.reply.status, written["sales_invoice"]["invoice_lines"][0] if written else {}


@pytest.mark.parametrize(
    ("line", "quantity", "price"),
    [
        ("[net_amount]=10 [quantity]=4", "4.0", "2.5"),
        ("[net_amount]=10 [quantity]=3", "1.0", "10.0"),
        ("[net_amount]=100 [quantity]=30000", "1.0", "100.0"),
        ("[net_amount]=10", "1.0", "10.0"),
        ("[net_amount]=10 [quantity]=0", "1.0", "10.0"),
        ("[net_amount]=10 [unit_price]=7", "1.0", "7.0"),
        (f"[net_amount]={'9' * 35}", "1.0", f"{'9' * 35}.0"),
    ],
)
async def test_a_price_from_a_lines_net_amount(line: str, quantity: str, price: str):
    """Where no price was sent: it makes the very amount, or the line is booked as one piece."""
    status, written = await posted(line)
    assert (status, written["quantity"], written["unit_price"]) == (201, quantity, price)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[net_amount]=",
        "[net_amount]=x",
        "[net_amount]=90 [discount_percentage]=10",
        "[net_amount]=100 [unit_price_includes_tax]=true",
    ],
)
async def test_a_line_without_a_price_to_be_sure_of_is_refused(line: str):
    """Nothing says it, or a discount or the tax would make another amount of it."""
    assert await posted(line) == (422, {})


class Accounts(NamedFacts):
    """A lookup by which only some records have an account of their own."""

    def __init__(self, *having: str) -> None:
        super().__init__()
        self.having = having

    async def facts(self, holes: Any) -> dict[Hole, Any]:
        own = {hole: None for hole in holes if hole.want.endswith("ledger_account.id") and hole.kind not in self.having}
        return {hole: fact(hole) for hole in holes} | own


@pytest.mark.parametrize(
    ("line", "having", "setting", "account"),
    [
        ("[ledger_account_id]=3", (), "9", "ledger_accounts-3"),
        ("[product_id]=4", ("products", "contacts"), "9", "ledger_accounts-4"),
        ("[service_id]=6", ("services",), None, "ledger_accounts-6"),
        ("[product_id]=4", ("contacts",), "9", "ledger_accounts-5"),
        ("", ("contacts",), "9", "ledger_accounts-5"),
        ("", (), "9", "ledger_accounts-9"),
        ("[product_id]=4", (), None, "ledger_accounts-1"),
    ],
    ids=["sent", "product", "service", "contact behind a product", "contact", "setting", "first of v3.1's"],
)
async def test_the_account_of_a_line_that_names_none(
    line: str, having: tuple[str, ...], setting: str | None, account: str
):
    """The product's or service's, the contact's, the app's, the first for sales, in this order."""
    caller = Caller(sales_ledger_account=setting)
    status, written = await posted(f"[unit_price]=1 {line}", caller, Accounts(*having))
    assert (status, written["ledger_account_id"]) == (201, account)


@pytest.mark.parametrize("contact", [{"id": "contacts-8"}, None])
async def test_the_account_of_a_line_that_an_update_adds(contact: Any):
    """The contact is the invoice's own."""
    upstream = Echo({"sales_invoices": {"contact": contact, "invoice_lines": []}})
    body = b"sales_invoice[line_items][0][description]=x&sales_invoice[line_items][0][unit_price]=1"
    call = V2Request("PUT", "/accounts/v2/sales_invoices/7", (), body)
    await exchange(call, Caller(), Accounts("contacts"), upstream)
    written = next(request.body for request in upstream.sent if request.method == "PUT")
    assert written is not None
    account = "ledger_accounts-8" if contact else "ledger_accounts-1"
    assert written["sales_invoice"]["invoice_lines"][0]["ledger_account_id"] == account


async def test_a_long_void_reason_is_cut_with_a_note():
    """v3.1 holds 200 characters."""
    upstream = Echo()
    call = V2Request("DELETE", f"/accounts/v2/sales_invoices/7?void_reason={'x' * 201}")
    made = await exchange(call, Caller(), NamedFacts(), upstream)
    assert upstream.sent[-1].body == {"void_reason": "x" * LONGEST_REASON}
    assert [(note.code, note.field) for note in made.notes] == [("cut", "void_reason")]


def test_a_table_without_legacy_ids_shows_the_answer_of_a_write():
    """There is nothing that reading it once more would add."""
    table = Table("xs", Field("a"), v3="xs", root="x", verbs="create", legacy=False)
    plan = create(call_of(table, "create", {"a": "1"}))
    request = settled(next(plan))
    assert request.body == {"x": {"a": "1"}}
    with pytest.raises(StopIteration) as done:
        plan.send(type("Answer", (), {"body": {"id": "xs-1", "a": "1"}})())
    assert settled(done.value.value).body == {"a": "1"}


def test_amounts_are_exact():
    """A sum of cents is no float."""
    assert Decimal(str(line_tax(inputs(quantity="1", unit_price="0.7", **{"tax_rate/percentage": "10"})))) == Decimal(
        "0.07"
    )


@pytest.mark.parametrize("address", [["x"], {"a": "b"}])
def test_an_address_is_a_text(address: Any):
    """Parts are sent by names of their own."""
    with pytest.raises(BadCall):
        address_up(address, "main_address")

"""An update changes what was sent, and nothing else: v3.1 replaces lists and parts whole, v2 merged them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.exchange import exchange
from gateway.messages import Caller, Exchange, V2Request
from gateway.resources.registry import TABLES
from gateway.sandbox.spec import Type
from gateway.translate.codecs import MONEY
from gateway.translate.resource import Table
from gateway.translate.rules import Nested, Reference, RuleSet
from tests.echo import SPEC, Echo, NamedFacts

CALLER = Caller(business="b-1")
INVOICE = "/sales_invoices/sales_invoices-7"
CENT = Decimal("0.01")


async def put(upstream: Echo, path: str, root: str, sent: dict[str, Any]) -> Exchange:
    call = V2Request("PUT", f"/accounts/v2/{path}/7", (), msgspec.json.encode({root: sent}))
    made = await exchange(call, CALLER, NamedFacts(), upstream)
    assert upstream.violations == []
    return made


# --- lines


def line(n: int, *, legacy: bool, tax: str) -> dict[str, Any]:
    """A line as v3.1 shows it, with everything that it can hold; its tax need not be what the rate says."""
    shown: dict[str, Any] = {"id": f"part-{n}"}
    if legacy:
        shown["legacy_id"] = n
    return shown | {
        "description": f"line {n}",
        "quantity": "2.0",
        "unit_price": "10.05",
        "tax_amount": tax,
        "tax_rate": {"id": "tax_rates-1"},
        "unit_price_includes_tax": False,
        "discount_percentage": "10.0",
        "discount_amount": "2.01",
        "product": {"id": "products-4"},
        "ledger_account": {"id": "ledger_accounts-6"},
        "analysis_type_categories": [{"id": "ac-1"}, {"id": "ac-2"}],
        "trade_of_asset": True,
        "eu_goods_services_type": {"id": "GOODS"},
        "eu_sales_description": {"id": "B2B"},
        "net_amount": "18.09",
    }


def reckoned(quantity: str, price: str, percent: str) -> str:
    """The tax at 20 %, half-up."""
    gross = Decimal(quantity) * Decimal(price)
    net = (gross - (gross * Decimal(percent) / 100).quantize(CENT, ROUND_HALF_UP)).quantize(CENT, ROUND_HALF_UP)
    tax = (net / 5).quantize(CENT, ROUND_HALF_UP)
    text = f"{tax:f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "description": st.just("changed"),
        "quantity": st.sampled_from(["1.0", "3.0", "7.5"]),
        "unit_price": st.sampled_from(["9.99", "0.01", "17.0"]),
        "discount_percentage": st.sampled_from(["0.0", "12.5", "10.0"]),
        "unit_price_includes_tax": st.just("false"),
    },
)
FATES = st.one_of(st.none(), st.just("destroy"), CHANGES)
INPUTS = {"quantity", "unit_price", "discount_percentage"}
NOT_SENT = {"legacy_id", "net_amount", "discount_amount"}


def expected_line(shown: Mapping[str, Any], fate: Any) -> dict[str, Any]:
    made = {name: value for name, value in shown.items() if name not in NOT_SENT}
    if fate:
        made |= {name: value for name, value in fate.items() if name != "unit_price_includes_tax"}
        if any(MONEY.up(value, name) != shown[name] for name, value in fate.items() if name in INPUTS):
            made["tax_amount"] = reckoned(made["quantity"], made["unit_price"], made["discount_percentage"])
    return made


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    fates=st.lists(FATES, min_size=1, max_size=5),
    legacy=st.booleans(),
    new=st.integers(0, 2),
    taxes=st.lists(st.sampled_from(["3.62", "0.0", "1.23"]), min_size=5, max_size=5),
    alias=st.sampled_from(["line_items", "line_items_attributes", "invoice_lines_attributes"]),
    data=st.data(),
)
async def test_a_merge_of_lines(
    fates: list[Any], legacy: bool, new: int, taxes: list[str], alias: str, data: st.DataObject
):
    """Unmentioned lines stay as they are, in their order, with their ids and even a tax that no rate explains;
    `_destroy` removes its line, new ones come last, and tax is reckoned anew only where an input has changed."""
    before = [line(n, legacy=legacy, tax=taxes[n - 1]) for n in range(1, len(fates) + 1)]
    upstream = Echo()
    upstream.store(INVOICE, {"contact": {"id": "contacts-5"}, "notes": "kept", "invoice_lines": deepcopy(before)})
    rows: list[dict[str, Any]] = []
    for n, fate in enumerate(fates, 1):
        if fate is not None:
            rows.append({"id": str(n), **({"_destroy": "1"} if fate == "destroy" else fate)})
    rows += [
        {"description": f"new {n}", "unit_price": "5.0", "tax_rate_id": "1", "ledger_account_id": "6"}
        for n in range(new)
    ]
    rows = data.draw(st.permutations(rows)) if rows else rows
    made = await put(upstream, "sales_invoices", "sales_invoice", {alias: rows})
    assert made.reply.status == 200
    written = [request for request in upstream.sent if request.method == "PUT"]
    if not rows:
        return
    (request,) = written
    assert request.body is not None
    assert set(request.body["sales_invoice"]) == {"invoice_lines"}
    after = upstream.records[INVOICE]["invoice_lines"]
    wanted = [expected_line(one, fate) for one, fate in zip(before, fates, strict=True) if fate != "destroy"]
    kept = [{name: value for name, value in one.items() if name not in NOT_SENT} for one in after[: len(wanted)]]
    assert kept == wanted
    added = after[len(wanted) :]
    order = [row["description"] for row in rows if str(row.get("description")).startswith("new")]
    assert [one["description"] for one in added] == order
    assert all(one["tax_amount"] == "1.0" and one["id"] not in {old["id"] for old in before} for one in added)
    assert upstream.records[INVOICE]["notes"] == "kept"


@pytest.mark.parametrize(
    ("percentage", "amount", "sent", "after"),
    [
        ("10.0", "2.0", "0.0", (None, "4.0")),
        ("10.0", "2.0", "50.0", (None, "2.0")),
        ("0.0", "5.0", "0.0", ("5.0", "3.6")),
        ("0.0", "5.0", "50.0", (None, "2.0")),
    ],
    ids=["taken off", "changed", "in money, sent back as read", "in money, replaced"],
)
async def test_a_discount_that_changes(percentage: str, amount: str, sent: str, after: tuple[str | None, str]):
    """What v3.1 reckoned from a percentage goes with it; a discount in money, which v2 shows as 0 %, stays, and
    what is sent back as it was read leaves the tax as it is."""
    before = line(1, legacy=True, tax="3.6") | {"quantity": "2.0", "unit_price": "10.0"}
    before |= {"discount_percentage": percentage, "discount_amount": amount}
    upstream = Echo({"sales_invoices": {"contact": {"id": "contacts-5"}, "invoice_lines": [before]}})
    await put(upstream, "sales_invoices", "sales_invoice", {"line_items": [{"id": 1, "discount_percentage": sent}]})
    (written,) = upstream.records[INVOICE]["invoice_lines"]
    assert (written.get("discount_amount"), written["tax_amount"]) == after


async def test_a_tax_that_is_sent_wins():
    """The client's own figure goes up, whatever the rate says."""
    upstream = Echo({"sales_invoices": {"invoice_lines": [line(1, legacy=True, tax="3.62")]}})
    row = {"id": 1, "quantity": "3.0", "tax_amount": "7.77"}
    await put(upstream, "sales_invoices", "sales_invoice", {"line_items": [row]})
    assert upstream.records[INVOICE]["invoice_lines"][0]["tax_amount"] == "7.77"


@pytest.mark.parametrize("number", ["99", "x", "-1"])
async def test_a_line_that_is_not_there_is_refused(number: str):
    """An unknown id changes nothing: the invoice is not written at all."""
    upstream = Echo({"sales_invoices": {"invoice_lines": [line(1, legacy=True, tax="3.62")]}})
    made = await put(upstream, "sales_invoices", "sales_invoice", {"line_items": [{"id": number, "quantity": "3"}]})
    assert made.reply.status == 422
    assert made.reply.body["$diagnoses"][0]["$source"] == "line_items.id"
    assert [request.method for request in upstream.sent] == ["GET"]


async def test_one_line_sent_twice_is_changed_once():
    """Both parts of what was sent count."""
    upstream = Echo({"sales_invoices": {"invoice_lines": [line(1, legacy=True, tax="3.62")]}})
    rows = [{"id": 1, "quantity": "3.0"}, {"id": "1", "description": "both"}]
    await put(upstream, "sales_invoices", "sales_invoice", {"line_items": rows})
    (written,) = upstream.records[INVOICE]["invoice_lines"]
    assert (written["quantity"], written["description"]) == ("3.0", "both")


async def test_carriage_taxes_itself_anew():
    """Its tax follows its amount and rate, whichever of the two is sent; the other is read."""
    shipping = {"shipping_net_amount": "10.0", "shipping_tax_rate": {"id": "tax_rates-1"}, "shipping_tax_amount": "2.0"}
    for sent, net in (({"carriage": "30.05"}, "30.05"), ({"carriage_tax_code_id": "2"}, "10.0")):
        upstream = Echo({"sales_invoices": dict(shipping)})
        await put(upstream, "sales_invoices", "sales_invoice", sent)
        body = next(request.body for request in upstream.sent if request.method == "PUT")
        assert body is not None
        tax = (Decimal(net) / 5).quantize(CENT, ROUND_HALF_UP)
        assert Decimal(body["sales_invoice"]["shipping_tax_amount"]) == tax
        assert body["sales_invoice"]["shipping_net_amount"] == net


# --- every part of every table


UPDATED = [table for table in TABLES if "update" in table.verbs and not table.singleton]
OWNED = ("contact_id", "bank_account_id")
DERIVED = ("net_amount", "total_amount", "tax_amount", "discount_amount")


SINGLE = {"payment_lines"}
"""Lists whose only item v2 knew; of several, none is changed (tests/resources/test_money.py)."""


def full(part: Type, number: int) -> dict[str, Any]:
    """A part as v3.1 shows it, with every attribute that the spec lets it be written with."""
    shown: dict[str, Any] = {"id": f"part-{number}", "legacy_id": number}
    for name, found in part.attributes.items():
        if name.endswith("_ids"):
            shown[f"{name[:-4]}s"] = [{"id": "RATHER-3"}]
        elif name.endswith("_id"):
            shown[name[:-3]] = {"id": f"{name[:-3]}s-3"}
        elif found.word == "array":
            shown[name] = [{"id": "some-4"}]
        else:
            shown[name] = {"string": f"was {number}", "boolean": True, "decimal": "1.5"}[found.word]
    return {name: value for name, value in shown.items() if name not in ("contact", "bank_account")}


def changes(rules: RuleSet, part: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """(what is sent to change one attribute, the v3.1 attribute that it changes) of rules that write into a part."""
    for rule in rules.rules:
        written = [name for name in rule.writes() if not part or name.split(".")[0] == part]
        writers = [name for name, _ in rule.writers()]
        if not written or not writers or (part and "." not in written[0]):
            continue
        name = written[0].rpartition(".")[2]
        codes = isinstance(rule, Reference)
        yield {f"{rule.v2}_id" if codes else rule.v2: "5" if codes else "1"}, name


def cases() -> Iterator[Any]:
    for table in UPDATED:
        operation = SPEC.operation("PUT", f"/{table.v3}/{{key}}")
        assert operation is not None
        assert operation.body is not None
        for part in table.parts:
            found = operation.body.attributes[part]
            for sent, changed in changes(table.rules, part):
                yield pytest.param(table, part, found, sent, changed, id=f"{table.name}: {part}.{changed}")
        for nested in table.nested_rules():
            found = operation.body.attributes[nested.path]
            for sent, changed in changes(nested.rules):
                row = {nested.v2: [{"id": 3, **sent}]} if nested.many else {nested.v2: sent}
                yield pytest.param(table, nested.path, found, row, changed, id=f"{table.name}: {nested.path}.{changed}")


@pytest.mark.parametrize(("table", "part", "found", "sent", "changed"), list(cases()))
async def test_one_attribute_of_a_part_is_changed(
    table: Table, part: str, found: Type, sent: dict[str, Any], changed: str
):
    """Every other attribute of the part, and every other item of its list, goes back as v3.1 showed it."""
    many = found.word == "array"
    assert not many or found.items is not None
    shown: Any = [full(found.items, 3), full(found.items, 4)] if many and found.items else full(found, 3)
    if part in SINGLE:
        del shown[1:]
    upstream = Echo({table.v3: {part: shown, "name": "x", "description": "x"}})
    before = deepcopy(shown)
    made = await put(upstream, table.path, str(table.root), sent)
    assert made.reply.status == 200
    after = upstream.records[f"/{table.v3}/{table.kind}-7"][part]
    pairs = list(zip(before, after, strict=True)) if many else [(before, after)]
    aside = {"id", "legacy_id", changed, changed.removesuffix("_id")}
    for n, (old, new) in enumerate(pairs):
        ignored = aside if n == 0 else {"legacy_id"}
        derived = (*DERIVED, *(name for name in old if name.startswith("base_currency")))
        names = [name for name in old if name not in ignored and name not in (derived if is_lines(part) else ())]
        assert {name: new.get(name) for name in names} == {name: old[name] for name in names}
    first = after[0] if many else after
    assert first.get(changed, first.get(changed.removesuffix("_id"))) not in (None, "was 3")


def is_lines(part: str) -> bool:
    """Whether a part is lines of a document, of which v3.1 reckons some attributes."""
    return part.endswith("_lines")


def test_every_part_is_tried():
    """Each table that merges has a case of each of its parts."""
    tried = {(case.values[0].path, case.values[1]) for case in cases()}
    parts = {(table.path, part) for table in UPDATED for part in table.parts}
    parts |= {(table.path, rule.path) for table in UPDATED for rule in table.rules.rules if isinstance(rule, Nested)}
    sales = ("sales_invoices", "sales_credit_notes", "sales_quotes")
    assert parts - tried <= {(document, "delivery_address") for document in sales}

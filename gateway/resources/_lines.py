"""The lines of documents: what they hold, and the tax that v3.1 must be told (v31.md §7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from gateway.errors import BadCall
from gateway.messages import Caller
from gateway.resources._parts import NULLABLE, WIDE, half_up, number, rate_name
from gateway.translate.codecs import FLAG, MONEY, WHOLE, decimal_of, decimal_text, text
from gateway.translate.draft import Hole
from gateway.translate.rules import Computed, Field, Identity, Kept, ReadOnly, Reference, Rule, Unsupported
from gateway.translate.writing import Writing

INPUTS = ("quantity", "unit_price", "discount_percentage", "discount_amount", "unit_price_includes_tax")

DISCOUNT = ("quantity", "unit_price", "discount_percentage", "discount_amount")


def fixed_discount(inputs: dict[str, Any]) -> Any:
    """A discount in money, which v2 never showed, stays; but one that v3.1 reckoned from a percentage is v3.1's to
    reckon again, or gone with the percentage."""
    by_percentage = number(inputs["discount_percentage"]) or number(inputs["was discount_percentage"])
    return None if by_percentage else inputs["discount_amount"]


def line_tax(inputs: dict[str, Any]) -> str | None:
    """The line's tax: its net amount by the rate's percentage, half-up to two places.

    v3.1 keeps a discount as money, so a percentage's is rounded first. A price that includes tax is taken apart:
    17.00 at 20 % is 14.17 and 2.83 (v2.md §6.22, recorded).
    """
    percentage = inputs["tax_rate/percentage"]
    if percentage is None:
        return None
    amount = WIDE.multiply(number(inputs["quantity"]), number(inputs["unit_price"]))
    if discount := number(inputs.get("discount_percentage")):
        amount -= half_up(amount * discount / 100)
    else:
        amount -= number(inputs.get("discount_amount"))
    amount = half_up(amount)
    rate = number(percentage) / 100
    if inputs["unit_price_includes_tax"]:
        return decimal_text(amount - half_up(amount / (1 + rate)))
    return decimal_text(half_up(amount * rate))


def price_from_net(writing: Writing) -> str | None:
    """Some clients give a line's net amount and no price (captures: a Portuguese shop). Where no price of two decimals
    times the quantity makes that very amount, the line is one piece at the amount, with a note.

    Raises BadCall where a discount or a price with tax would make another amount of it.
    """
    net = writing.sent.get("net_amount")
    if net in (None, ""):
        return None
    where = writing.where("net_amount")
    amount = decimal_of(net, where)
    if number(writing.take("discount_percentage")) or writing.take("unit_price_includes_tax"):
        raise BadCall("says nothing of the price where there is a discount or the price includes tax", where)
    quantity = number(writing.take("quantity") or "1")
    price = half_up(WIDE.divide(amount, quantity)) if quantity else amount
    if not quantity or WIDE.multiply(price, quantity) != amount:
        writing.put("quantity", "1.0", writing.where("quantity"))
        writing.draft.note("cut", writing.where("quantity"), "no price makes this net amount; booked as one piece")
        price = amount
    return decimal_text(price)


def rates_of(breakdown: Any, rate: Any, tax: Any, net: Any) -> str | Hole:
    """The percentage that was charged: of the tax's breakdown, else of the amounts where they say it exactly, else the
    rate's own."""
    if breakdown:
        return decimal_text(sum((number(part.get("percentage")) for part in breakdown), Decimal(0)))
    if not number(net):
        return "0.0"
    charged = WIDE.divide(number(tax) * 100, number(net))
    shown = charged.quantize(Decimal("0.1"), ROUND_HALF_UP, WIDE)
    if charged == shown or not rate:
        return decimal_text(shown)
    return Hole("tax_rates", rate["id"], want="percentage", then=lambda fact: MONEY.down(fact or "0"))


@dataclass(frozen=True, slots=True)
class Side:
    """Sales or purchases: where the account of a line that names none is found, in v3.1's words."""

    area: str
    of_contact: str
    of_goods: str
    of_app: Callable[[Caller], str | None]


SALES = Side("sales", "default_sales_ledger_account", "sales_ledger_account", lambda app: app.sales_ledger_account)
PURCHASES = Side("expenses", "default_purchase_ledger_account", "purchase_ledger_account", lambda _: None)


def usual_account(side: Side) -> Callable[[Writing], Hole]:
    """The account of a line that names none (v2.md §7.2: Portuguese clients never do): the product's or service's, else
    the contact's own, else the app's, else the first that v3.1 shows on this side."""

    def account(writing: Writing) -> Hole:
        where = writing.where("ledger_account_id")
        writing.draft.note("ledger_defaulted", where, "no ledger account was sent; a usual one was taken")
        setting = side.of_app(writing.caller)
        if setting:
            last = Hole("ledger_accounts", setting, by="legacy_id")
        else:
            last = Hole("ledger_accounts", f"visible_in={side.area}", by="first")
        contact = contact_above(writing)
        chain = last if contact is None else account_of("contacts", contact, f"{side.of_contact}.id", last)
        for kind, name in (("products", "product_id"), ("services", "service_id")):
            record = writing.take(name)
            if record is not None:
                return account_of(kind, record, f"{side.of_goods}.id", chain)
        return chain

    return account


def contact_above(writing: Writing) -> Any:
    """The contact of the document that a line is in: as it is about to be, else as v3.1 has it."""
    document = writing.above
    assert document is not None  # noqa: S101 - a line is in a document
    sent = document.take("contact_id")
    return sent if sent is not None else ((document.current or {}).get("contact") or {}).get("id")


def account_of(kind: str, record: Any, want: str, otherwise: Hole) -> Hole:
    """A record's own account, else what comes after it."""
    known = record if isinstance(record, Hole) else Hole(kind, record)
    return Hole(kind, known.known, want=want, by=known.by, then=lambda fact: otherwise if fact is None else fact)


NO_REASONS = "v3.1 has no exemption reasons; the tax rate alone says it"
WHAT: tuple[Rule, ...] = (
    Identity(),
    Field("description", codec=NULLABLE, required="blank"),
    Field("quantity", codec=MONEY, default=lambda _: "1.0"),
    Field("unit_price", codec=MONEY, default=price_from_net, required="is not a number"),
    Field("unit_price_includes_tax", codec=FLAG),
    ReadOnly("net_amount", codec=MONEY, heeded=True),
    Reference("tax_rate", to="tax_rates", aliases=("tax_code",), name=rate_name),
    Computed("tax_rate_percentage", of=("tax_breakdown", "tax_rate", "tax_amount", "net_amount"), told=rates_of),
    Reference("product", to="products"),
    Reference("service", to="services"),
    Kept("product_code", NULLABLE, "v3.1 names a line's product by its id alone"),
    Kept("vat_exemption_reason_id", WHOLE, NO_REASONS),
    Unsupported("lock_version", "v3.1 has none; the document's own is checked", 0),
)


def line_of(side: Side, inputs: tuple[str, ...], *more: Rule) -> tuple[Rule, ...]:
    """The rules of a line; its tax is reckoned from these `inputs` and the rate of the document's date."""
    return (
        *WHAT,
        *more,
        Computed("tax_amount", "tax_amount", of=(*inputs, "tax_rate/percentage"), reckon=line_tax, on="date"),
        Reference("ledger_account", to="ledger_accounts", default=usual_account(side)),
    )


SALES_LINE = line_of(
    SALES,
    INPUTS,
    Computed("", "discount_amount", of=DISCOUNT, reckon=fixed_discount, was=("discount_percentage",)),
    Field("discount_percentage", codec=MONEY),
)
PURCHASE_LINE = line_of(
    PURCHASES,
    ("quantity", "unit_price", "unit_price_includes_tax"),
    Unsupported(
        "discount_percentage",
        "cannot be kept: v3.1's purchase lines have no discount; send the unit price with the discount taken off",
        only_zero=True,
    ),
)

GOODS = ("analysis_type_categories", "trade_of_asset", "eu_goods_services_type_id")
SALES_KEPT = (*GOODS, "eu_sales_description_id")
PURCHASE_KEPT = (*GOODS, "is_purchase_for_resale", "tax_recoverable", "gst_amount", "pst_amount")
"""What v3.1 holds of a line and v2 never showed: a merge sends it back."""


def document_text(limit: int | None = None) -> Any:
    """Text of a document: what was never supplied is null (v2.md §4.2)."""
    return text(limit, empty=None)

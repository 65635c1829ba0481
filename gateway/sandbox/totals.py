"""The arithmetic of documents: lines, shipping, totals, tax analysis, the twins in business currency."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from gateway.sandbox.books import Record, Ref
from gateway.sandbox.values import ONE, ZERO, rounded

HUNDRED = Decimal(100)
MONEY = ("net_amount", "tax_amount", "total_amount", "discount_amount", "unit_price")


def settle_line(line: Record, rate: Decimal) -> None:
    """Reckons one line.

    What the goods cost is quantity by unit price less the discount (a percentage wins over an amount). The
    sent `tax_amount` stands; one that is missing is zero, not reckoned (v31.md §7).
    """
    line.setdefault("quantity", ONE)
    line.setdefault("unit_price_includes_tax", False)
    gross = line["quantity"] * line["unit_price"]
    percentage = line.get("discount_percentage")
    if percentage:
        line["discount_amount"] = rounded(gross * percentage / HUNDRED)
    else:
        line["discount_amount"] = line.get("discount_amount") or ZERO
        line["discount_percentage"] = ZERO
    cost = rounded(gross - line["discount_amount"])
    tax = rounded(line.get("tax_amount") or ZERO)
    line["tax_amount"] = tax
    if line["unit_price_includes_tax"]:
        line["total_amount"], line["net_amount"] = cost, cost - tax
    else:
        line["total_amount"], line["net_amount"] = cost + tax, cost
    _twins(line, MONEY, rate)


def settle_totals(document: Record, lines: list[Record]) -> None:
    """Reckons a document from its lines and its shipping."""
    rate = document.get("exchange_rate") or ONE
    document["exchange_rate"] = rate
    document["inverse_exchange_rate"] = ONE if rate == ONE else (ONE / rate).quantize(Decimal("0.000001"))
    for line in lines:
        settle_line(line, rate)
    shipping_net = rounded(document.get("shipping_net_amount") or ZERO)
    shipping_tax = rounded(document.get("shipping_tax_amount") or ZERO)
    document.update(
        shipping_net_amount=shipping_net,
        shipping_tax_amount=shipping_tax,
        shipping_total_amount=shipping_net + shipping_tax,
        net_amount=sum_of(lines, "net_amount") + shipping_net,
        tax_amount=sum_of(lines, "tax_amount") + shipping_tax,
        total_quantity=sum_of(lines, "quantity"),
        total_discount_amount=sum_of(lines, "discount_amount"),
    )
    document["total_amount"] = document["net_amount"] + document["tax_amount"]
    document["tax_analysis"] = tax_analysis(document, lines)
    names = ("net_amount", "tax_amount", "total_amount", "total_discount_amount")
    _twins(document, (*names, *(f"shipping_{name}" for name in names[:3])), rate)


def tax_analysis(document: Record, lines: list[Record]) -> list[Record]:
    """Net, tax and total by tax rate, shipping among them."""
    parts: dict[Ref | None, Record] = {}
    shipping = {
        "tax_rate": document.get("shipping_tax_rate"),
        "net_amount": document["shipping_net_amount"],
        "tax_amount": document["shipping_tax_amount"],
        "total_amount": document["shipping_total_amount"],
    }
    for line in [*lines, shipping] if shipping["total_amount"] else lines:
        part = parts.setdefault(line.get("tax_rate"), {"tax_rate": line.get("tax_rate")})
        for name in ("net_amount", "tax_amount", "total_amount"):
            part[name] = part.get(name, ZERO) + line[name]
    for part in parts.values():
        part.update(goods_amount=ZERO, service_amount=ZERO)
    return list(parts.values())


def _twins(record: Record, names: Iterable[str], rate: Decimal) -> None:
    """`base_currency_x` beside each amount x."""
    for name in names:
        value = record.get(name)
        if value is not None:
            record[f"base_currency_{name}"] = value if rate == ONE else rounded(value / rate)


def sum_of(lines: Iterable[Record], name: str) -> Any:
    """What an attribute comes to over lines."""
    return sum((line[name] for line in lines), ZERO)

"""What the stand-in for v3.1 must hold after a capture, from what the capture said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from gateway.sandbox.books import Books, Record, Ref
from tests.captures.form import Sent, fields, lines

RATES = {"1": ("GB_STANDARD", 20), "4": ("GB_EXEMPT", 0), "5": ("GB_NO_TAX", 0), "": (None, 0)}
COUNTRIES = {"218": "GB", "175": "PT", "PT": "PT"}
METHODS = {"gb": {"1": "ELECTRONIC", "4": "CASH", "5": "CASH"}, "pt": {"4": "ELECTRONIC", "5": "CASH"}}
PERSON = {"name": "name", "email": "email", "telephone": "telephone"}
ADDRESS = {
    "street_one": "address_line_1",
    "town": "city",
    "postcode": "postal_code",
    "country_id": "country",
}
INVOICE_ADDRESS = {
    "main_address_street_1": "address_line_1",
    "main_address_street_2": "address_line_2",
    "main_address_locality": "city",
    "main_address_postcode": "postal_code",
    "main_address_country_id": "country",
}
LONGEST_NAME = 50
"""Characters of a person's name in v3.1."""


def country(value: str) -> Ref:
    return Ref("countries", COUNTRIES[value])


def iso(date: str) -> str:
    """A date as v3.1 writes it, from `22-11-2026`, `27/08/2016` or `2016-08-27`."""
    parts = re.split(r"[-/]", date)
    return "-".join(parts if len(parts[0]) == 4 else parts[::-1])


def pence(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def differences(expected: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Name -> (expected, held) wherever they are not equal."""
    return {name: (value, record.get(name)) for name, value in expected.items() if record.get(name) != value}


def contact(books: Books, record: Record, pairs: Sent, *, created: bool = True) -> dict[str, Any]:
    """Names, texts and addresses as they were typed."""
    given = fields(pairs)
    person = books.at(record["main_contact_person"]) or {}
    expected = {v3: given[v2] for v2, v3 in PERSON.items() if v2 in given}
    expected["name"] = expected["name"][:LONGEST_NAME]
    wrong = differences(expected, person)
    company = given.get("company", given.get("company_name", ""))
    top: dict[str, Any] = {name: given[name] for name in ("notes", "tax_number") if name in given}
    if created or company:
        top["name"] = company or given["name"]
    if "contact_type_id" in given:
        top["contact_types"] = [Ref("contact_types", {"1": "CUSTOMER", "2": "VENDOR"}[given["contact_type_id"]])]
    wrong |= differences(top, record)
    for part in ("main_address", "delivery_address"):
        told = {v3: given[f"{part}.{v2}"] for v2, v3 in ADDRESS.items() if f"{part}.{v2}" in given}
        wrong |= differences(address(told), books.at(record.get(part)) or {})
    return wrong


def address(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "country": country(told["country"])} if "country" in told else told


def invoice(record: Record, pairs: Sent, owner: str) -> dict[str, Any]:
    """Whose it is, dates, texts, each line with its tax, and the totals. `owner` is the contact's modern id."""
    given = fields(pairs)
    expected: dict[str, Any] = {name: iso(given[name]) for name in ("date", "due_date") if name in given}
    expected |= {name: given[name] for name in ("reference", "contact_name") if name in given}
    expected["contact"] = Ref("contacts", owner)
    expected |= {"status": Ref("artefact_statuses", "UNPAID"), "sent": False}
    wanted = [line(each) for each in lines(pairs)]
    shipping = {"shipping_net_amount": Decimal(0), "shipping_tax_amount": Decimal(0)}
    net = sum((each["net_amount"] for each in wanted), Decimal(0))
    tax = sum((each["tax_amount"] for each in wanted), Decimal(0))
    expected |= {"net_amount": net, "tax_amount": tax, "total_amount": net + tax, "outstanding_amount": net + tax}
    wrong = differences({**expected, **shipping}, record)
    held = record["invoice_lines"]
    if len(held) != len(wanted):
        return {**wrong, "lines": (len(wanted), len(held))}
    for number, (want, have) in enumerate(zip(wanted, held, strict=True)):
        wrong |= {f"line {number} {name}": values for name, values in differences(want, have).items()}
    told = {v3: given[v2] for v2, v3 in INVOICE_ADDRESS.items() if v2 in given}
    if "main_address" in given:
        told["address_line_1"] = given["main_address"]
    return wrong | differences(address(told), record["main_address"])


def line(given: Mapping[str, str]) -> dict[str, Any]:
    """A line with the amounts that follow from it."""
    rate, percentage = RATES[given.get("tax_rate_id", given.get("tax_code_id", ""))]
    quantity = Decimal(given.get("quantity", "1"))
    price = Decimal(given.get("unit_price", given.get("net_amount", "")))
    discount = 1 - Decimal(given.get("discount_percentage", "0")) / 100
    net = pence(quantity * price * discount)
    return {
        "description": given["description"],
        "quantity": quantity,
        "unit_price": price,
        "tax_rate": Ref("tax_rates", rate) if rate else None,
        "net_amount": net,
        "tax_amount": pence(net * percentage / 100),
    }


def payment(record: Record, pairs: Sent, paid: str, bank: str, land: str) -> dict[str, Any]:
    """All of the amount pays the invoice (`paid`, its modern id)."""
    given = fields(pairs)
    total = Decimal(given["amount"])
    expected = {
        "date": iso(given["date"]),
        "total_amount": total,
        "bank_account": Ref("bank_accounts", bank),
        "payment_method": Ref("payment_methods", METHODS[land][given["payment_type_id"]]),
        "payment_on_account": None,
    }
    parts = [(part["artefact"], part["amount"]) for part in record["allocated_artefacts"]]
    wrong = differences(expected, record)
    return wrong if parts == [(Ref("sales_invoices", paid), total)] else {**wrong, "allocated": parts}


def product(record: Record, pairs: Sent) -> dict[str, Any]:
    given = fields(pairs)
    expected: dict[str, Any] = {"description": given["description"], "item_code": given["product_code"]}
    expected["sales_tax_rate"] = Ref("tax_rates", "GB_STANDARD")
    if "last_cost_price" in given:
        expected["cost_price"] = Decimal(given["last_cost_price"])
    price = {"price": Decimal(given["sales_price"]), "price_includes_tax": False}
    return {**differences(expected, record), **differences(price, record["sales_prices"][0])}


def service(record: Record, pairs: Sent) -> dict[str, Any]:
    given = fields(pairs)
    expected = {"description": given["description"], "sales_tax_rate": Ref("tax_rates", "GB_STANDARD")}
    rate = {"rate": Decimal(given["period_rate_price"]), "rate_includes_tax": False}
    return {**differences(expected, record), **differences(rate, record["sales_rates"][0])}


def ledger_account(record: Record, pairs: Sent) -> dict[str, Any]:
    given = fields(pairs)
    expected = {
        "name": given["ledger_name"],
        "display_name": given["display_name"],
        "nominal_code": int(given["nominal_code"]),
        "included_in_chart": True,
        "ledger_account_type": Ref("ledger_account_types", "SALES"),
    }
    return differences(expected, record)


def purchase(record: Record, pairs: Sent, owner: str) -> dict[str, Any]:
    """Whose it is, dates, texts, each line with its tax, and the totals. `owner` is the supplier's modern id."""
    given = fields(pairs)
    expected: dict[str, Any] = {name: iso(given[name]) for name in ("date", "due_date")}
    expected |= {name: given[name] for name in ("reference", "contact_name") if name in given}
    expected |= {"contact": Ref("contacts", owner), "status": Ref("artefact_statuses", "UNPAID")}
    wanted = [line(each) for each in lines(pairs)]
    net = sum((each["net_amount"] for each in wanted), Decimal(0))
    tax = sum((each["tax_amount"] for each in wanted), Decimal(0))
    expected |= {"net_amount": net, "tax_amount": tax, "total_amount": net + tax, "outstanding_amount": net + tax}
    wrong = differences(expected, record)
    held = record["invoice_lines"]
    if len(held) != len(wanted):
        return {**wrong, "lines": (len(wanted), len(held))}
    for number, (want, have) in enumerate(zip(wanted, held, strict=True)):
        wrong |= {f"line {number} {name}": values for name, values in differences(want, have).items()}
    return wrong


def money(books: Books, record: Record, pairs: Sent, kind: str, nominal_code: int) -> dict[str, Any]:
    """An income or expense: its kind, one line with the amounts as typed, the bank and the other end."""
    given = fields(pairs)
    net, rate = Decimal(given["amount"]), RATES[given.get("tax_rate_id", given.get("tax_code_id", ""))]
    tax = Decimal(given["tax_amount"]) if "tax_amount" in given else pence(net * rate[1] / 100)
    amounts = {"net_amount": net, "tax_amount": tax, "total_amount": net + tax}
    bank = next(books.live("bank_accounts"))
    method = given.get("payment_method_id", given.get("payment_type_id", ""))
    expected = {
        "transaction_type": Ref("transaction_types", kind),
        "date": iso(given["date"]),
        **({"reference": given["reference"]} if "reference" in given else {}),
        "bank_account": Ref("bank_accounts", bank["id"]),
        "payment_method": Ref("payment_methods", {"1": "ELECTRONIC", "2": "ELECTRONIC"}[method]),
        **amounts,
    }
    wrong = differences(expected, record)
    (only,) = record["payment_lines"]
    account = books.at(only["ledger_account"]) or {}
    told = {**amounts, "tax_rate": Ref("tax_rates", str(rate[0]))}
    return {**wrong, **differences(told, only), **differences({"nominal_code": nominal_code}, account)}


def journal(books: Books, record: Record, pairs: Sent) -> dict[str, Any]:
    """Its texts, and each line with the account of the nominal code that was typed."""
    given = fields(pairs)
    expected = {name: given[name] for name in ("reference", "description")} | {"date": iso(given["date"])}
    wrong = differences(expected, record)
    typed = [
        {
            "nominal_code": int(each["nominal_code"]),
            "details": each["details"],
            "debit": Decimal(each["debit"]),
            "credit": Decimal(each["credit"]),
        }
        for each in lines(pairs)
    ]
    have = [
        {
            "nominal_code": (books.at(each["ledger_account"]) or {})["nominal_code"],
            **{name: each[name] for name in ("details", "debit", "credit")},
        }
        for each in record["journal_lines"]
    ]
    return wrong if have == typed else {**wrong, "lines": (typed, have)}

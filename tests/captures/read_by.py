"""What clients read from a reply, with its types (captures/README.md §2, v2.md §4.2 and §6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from tests.captures.recorded import Capture

Check: TypeAlias = Callable[[Any], bool]
Shape: TypeAlias = Mapping[str, "Check | Shape | list[Shape]"]


def whole(value: Any) -> bool:
    """Fits C#'s `int` and is no flag."""
    return type(value) is int and 0 <= value < 2**31


def text(value: Any) -> bool:
    return isinstance(value, str)


def maybe(value: Any) -> bool:
    """Text, or null for what was never supplied."""
    return value is None or isinstance(value, str)


def amount(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"-?\d+\.\d+", value))


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def bit(value: Any) -> bool:
    return type(value) is int and value in (0, 1)


def date(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value))


def day_first(value: Any) -> bool:
    """A date as v1 wrote those of its documents: `31/12/2014`."""
    return isinstance(value, str) and bool(re.fullmatch(r"\d\d/\d\d/\d{4}", value))


def iso_day(value: Any) -> bool:
    """A date that v1, too, wrote `2014-12-31`, or none."""
    return value is None or date(value)


def moment(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value))


def reference(value: Any) -> bool:
    """An object; empty ones have a null `$key` and no id."""
    if not isinstance(value, dict) or "$key" not in value:
        return False
    return "id" not in value if value["$key"] is None else whole(value["id"]) and value["id"] == value["$key"]


def known(value: Any) -> bool:
    """A reference that points at something."""
    return reference(value) and value["$key"] is not None


def reference_or_more(value: Any) -> bool:
    """A reference that may hold more than its id."""
    return isinstance(value, dict) and "$key" in value and value["$key"] == value.get("id")


def references(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(known, value))


def rows_of(shape: Shape) -> Check:
    """A list, of any length, of records of a shape."""
    return lambda value: isinstance(value, list) and not any([*missing(shape, row)] for row in value)


def address(value: Any) -> bool:
    """DEMO reads `$key` into an int; the Java connector reads the texts and stops where one is missing."""
    texts = ("street_one", "street_two", "town", "county", "postcode")
    if not isinstance(value, dict) or not whole(value.get("$key")) or not all(text(value.get(name)) for name in texts):
        return False
    return reference(value["country"]) and whole(value.get("country_id", 0))


def optional_address(value: Any) -> bool:
    return value == {"$key": None} or address(value)


IDS: Shape = {"id": whole, "$key": whole}
NAMED: Shape = {**IDS, "name": text}
STAMPS: Shape = {"created_at": moment, "updated_at": moment, "lock_version": whole}
CONTACT: Shape = {
    **IDS,
    **STAMPS,
    **dict.fromkeys(("name", "company", "company_name", "name_and_company_name", "email", "telephone"), text),
    **dict.fromkeys(("mobile", "notes", "tax_number", "tax_reference"), text),
    "contact_types": references,
    "contact_type": known,
    "main_address": address,
    "delivery_address": optional_address,
}
LINE: Shape = {
    **IDS,
    "description": text,
    **dict.fromkeys(("quantity", "unit_price", "net_amount", "tax_amount", "tax_rate_percentage"), amount),
    **dict.fromkeys(("tax_rate", "tax_code", "product", "service"), reference),
    "ledger_account": known,
    "unit_price_includes_tax": flag,
    "discount_percentage": amount,
    "product_code": maybe,
    "lock_version": whole,
}
INVOICE: Shape = {
    **IDS,
    **STAMPS,
    **dict.fromkeys(("artefact_number", "artefact_number_prefix", "invoice_number", "contact_name"), text),
    "status": {**NAMED},
    "contact": known,
    "contact_id": whole,
    "date": date,
    "due_date": date,
    **dict.fromkeys(("outstanding", "outstanding_amount", "total_net_amount", "total_tax_amount", "carriage"), amount),
    **dict.fromkeys(("reference", "void_reason", "main_address", "delivery_address", "notes"), maybe),
    "carriage_tax_code": reference,
    "carriage_tax_rate": reference,
    "delivery_address_same_as_main": flag,
}
WHOLE_INVOICE: Shape = {**INVOICE, "line_items": [LINE]}
PAYMENT: Shape = {
    **IDS,
    "date": date,
    "reference": text,
    "voided": flag,
    "amount": amount,
    "source": reference,
    "destination": known,
    "bank_account_id": whole,
    "payment_type_id": whole,
    "lock_version": whole,
}
SOLD: Shape = {**IDS, "description": text, "extra_info": text, "ledger_account": known, "lock_version": whole}
TAXED: Shape = {"tax_code": reference, "tax_rate": reference}
PRODUCT: Shape = {
    **SOLD,
    **TAXED,
    "product_code": text,
    **dict.fromkeys(("sales_price", "cost_price", "last_cost_price"), amount),
    "sales_price_includes_tax": bit,
}
SERVICE: Shape = {**SOLD, **TAXED, "period_rate_price": amount, "rate_includes_tax": bit, "period_type": known}
LEDGER_ACCOUNT: Shape = {
    **NAMED,
    "ledger_name": text,
    "display_name": text,
    "nominal_code": whole,
    "ledger_account_type": known,
    "category": known,
    "tax_code": reference,
    "is_bank_account": flag,
}
SOLD_ONLY = {"product", "service", "product_code", "discount_percentage"}
PURCHASE: Shape = {
    **IDS,
    **STAMPS,
    "contact_name": text,
    "status": NAMED,
    "contact": known,
    "contact_id": whole,
    "date": date,
    "due_date": date,
    **dict.fromkeys(("outstanding_amount", "total_net_amount", "total_tax_amount"), amount),
    **dict.fromkeys(("reference", "void_reason", "notes"), maybe),
    "line_items": [{name: LINE[name] for name in LINE if name not in SOLD_ONLY}],
}
MONEY: Shape = {
    **IDS,
    "date": date,
    "invoice_date": date,
    **dict.fromkeys(("amount", "tax_amount", "gross_amount", "tax_percentage_rate"), amount),
    **dict.fromkeys(("tax_code", "contact"), reference),
    "tax_scheme_period_id": whole,
    "reference": text,
    "source": reference,
    "destination": reference,
    "payment_method": known,
    "voided": flag,
    "lock_version": whole,
}
ACCOUNT: Shape = {
    **IDS,
    "included_in_chart": flag,
    "ledger_name": text,
    "name": text,
    "nominal_code": whole,
    "last_updated": moment,
    "tax_code": reference,
    "category": known,
    "category_group": known,
}
BALANCE: Shape = {
    "ledger_account": ACCOUNT,
    **dict.fromkeys(("balance", "credits", "debits"), amount),
    "credit_or_debit": lambda value: value in ("credit", "debit"),
    "$key": whole,
}
ENTRY: Shape = {
    **IDS,
    "entry_date": moment,
    "last_updated": moment,
    "transaction_date": iso_day,
    "credit": amount,
    "debit": amount,
    "deleted": flag,
    "ledger_account": ACCOUNT,
}
TRANSACTION: Shape = {
    **IDS,
    "entry_date": moment,
    "last_updated": moment,
    "transaction_date": iso_day,
    "contact": reference_or_more,
    "type": NAMED,
    "total": amount,
    "deleted": flag,
    "invoice_number": maybe,
    "reference": maybe,
    "ledger_entries": rows_of(ENTRY),
}
JOURNAL_LINE: Shape = {**IDS, "ledger_account": {**IDS, "nominal_code": whole}, "details": maybe}
JOURNAL: Shape = {
    **IDS,
    "reference": text,
    "description": maybe,
    "date": iso_day,
    "journal_lines": [{**JOURNAL_LINE, "credit": amount, "debit": amount}],
}
VOID: Shape = {
    **IDS,
    **dict.fromkeys(("contact_id", "status_id", "tax_scheme_period_id", "lock_version"), whole),
    **dict.fromkeys(("date", "due_date"), iso_day),
    **dict.fromkeys(("outstanding_amount", "total_net_amount", "total_tax_amount"), amount),
    "void_reason": text,
}
"""What v1 said of a document that it voided, under the root key."""
TEMPLATE: Shape = {"sage_one_accounts_product": text, "country": known, **NAMED}
TYPE_OF_ACCOUNT: Shape = {**NAMED, "nominal_code": whole, "tax_code": reference}
CODED: Shape = {**NAMED, "code": text}
SHAPES: Mapping[str, Shape] = {
    "contacts": CONTACT,
    "sales_invoices": WHOLE_INVOICE,
    "payments": PAYMENT,
    "products": PRODUCT,
    "services": SERVICE,
    "ledger_accounts": LEDGER_ACCOUNT,
    "bank_accounts": {**IDS, "account_name": text, "balance": amount, "ledger_account": known, "account_type": known},
    "tax_rates": {**NAMED, "percentage": amount, "current": flag},
    "countries": {**NAMED, "code": text},
    "purchase_invoices": PURCHASE,
    "incomes": MONEY,
    "expenses": MONEY,
    "income_types": TYPE_OF_ACCOUNT,
    "expense_types": TYPE_OF_ACCOUNT,
    "income_methods": CODED,
    "expense_methods": CODED,
    "account_types": NAMED,
    "artefact_statuses": NAMED,
    "coa_templates": {**TEMPLATE, "coa_accounts": rows_of({**IDS, "nominal_code": whole, "ledger_name": text})},
    "coa_structure": {"last_updated": moment, "template": TEMPLATE, "ledger_accounts": [ACCOUNT]},
    "transactions": TRANSACTION,
    "balances": BALANCE,
    "balance": BALANCE,
    "journals": JOURNAL,
    "financial_settings": {
        "$key": whole,
        "last_updated": moment,
        **dict.fromkeys(("year_end_date", "accounts_start_date", "year_end_lock_down"), iso_day),
        "tax_scheme": known,
        "tax_number": text,
        "tax_submission_frequency_type": reference,
    },
    "contact_types": NAMED,
    "period_types": NAMED,
    "user": {**IDS, "first_name": text, "last_name": text, "email": text},
    "business": {**NAMED, "country": known},
}
BARE = {"transactions", "balances", "coa_templates"}
ENVELOPE: Shape = {"$totalResults": whole, "$startIndex": whole, "$itemsPerPage": whole}
SDATA = "application/json;vnd.sage=sdata"


def missing(shape: Shape, value: Any, at: str = "") -> Iterator[str]:
    """Each attribute that a client would not find, or not as it reads it."""
    for name, expected in shape.items():
        place = f"{at}{name}"
        if not isinstance(value, dict) or name not in value:
            yield f"{place} is missing"
        elif isinstance(expected, list):
            rows = value[name]
            if not isinstance(rows, list) or not rows:
                yield f"{place} is no list, or empty"
                continue
            for number, row in enumerate(rows):
                yield from missing(expected[0], row, f"{place}.{number}.")
        elif callable(expected):
            if not expected(value[name]):
                yield f"{place} is {value[name]!r}"
        else:
            yield from missing(expected, value[name], f"{place}.")


def unreadable(capture: Capture, body: Any) -> list[str]:
    """What the capture's client would stumble over in the body of a success."""
    shape = spoken(SHAPES[capture.resource], capture.version)
    if capture.version == "v1" and capture.message.method == "DELETE" and capture.resource.endswith("_invoices"):
        shape = {"$key": whole, capture.root: VOID}
    if arrays(capture):
        return ["the body is no array"] if not isinstance(body, list) else list(bad_rows(shape, body))
    if not isinstance(body, dict):
        return ["the body is no object"]
    if capture.message.method == "GET" and "$resources" in body:
        return [*missing(ENVELOPE, body), *bad_rows(shape, body["$resources"])]
    return [*missing(shape, body), *unequal(body)]


def arrays(capture: Capture) -> bool:
    """Whether v1 answered with a bare array (v2.md §4.1, recorded)."""
    typed = capture.version == "v1" and "contact_type_id=" in capture.message.target
    return capture.message.method == "GET" and (capture.resource in BARE or typed)


def bad_rows(shape: Shape, rows: list[Any]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield from (*missing(shape, row, f"{number}."), *unequal(row, f"{number}."))


def spoken(shape: Shape, version: str) -> Shape:
    """The shape with the dates of documents as a version of the API wrote them."""
    if version == "v2":
        return shape
    swapped: dict[str, Any] = {}
    for name, held in shape.items():
        if isinstance(held, list):
            swapped[name] = [spoken(held[0], version)]
        else:
            swapped[name] = (day_first if held is date else held) if callable(held) else spoken(held, version)
    return swapped


def unequal(row: Any, at: str = "") -> Iterator[str]:
    if "id" in row and row["id"] != row.get("$key"):
        yield f"{at}id is not $key"

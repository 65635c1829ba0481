"""Chart of accounts, tax rates, banks, settings (v2.md §7.4, v31_resources.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.postings import control
from gateway.sandbox.seed.chart import CONTROL, RATE_IDS
from gateway.sandbox.seed.reference import START
from gateway.sandbox.seed.rows import rows

PRICE_TYPES = ("Sales Price", "Trade", "Wholesale")
RATE_TYPES = ("Rate", "Trade", "Wholesale")


def _rate(number: int, name: str, shown: str, percentage: str) -> Record:
    return {
        "id": f"GB_{name}",
        "legacy_id": number,
        "displayed_as": shown,
        "name": name,
        "agency": None,
        "percentage": Decimal(percentage),
        "percentages": [{"percentage": Decimal(percentage), "from_date": "2011-01-04", "to_date": None}],
        "is_visible": True,
        "retailer": False,
        "editable": False,
        "deletable": False,
        "is_combined_rate": False,
        "component_tax_rates": [],
        "created_at": START,
        "updated_at": START,
    }


TAX_RATES = (
    _rate(1, "STANDARD", "Standard 20.00%", "20"),
    _rate(2, "LOWER", "Lower Rate 5.00%", "5"),
    _rate(3, "ZERO", "Zero Rated 0.00%", "0"),
    _rate(4, "EXEMPT", "Exempt 0.00%", "0"),
    _rate(5, "NO_TAX", "No VAT", "0"),
)


def accounts() -> Iterator[Record]:
    """The UK default chart, real names and types."""
    for code, name, kind, tax in rows("chart.txt"):
        number = int(code)
        sales = 4000 <= number <= 4999
        expenses = number == 1 or 5000 <= number <= 6999 or 7100 <= number <= 8900
        equity = kind == "EQUITY"
        yield {
            "name": name,
            "display_name": name,
            "nominal_code": number,
            "included_in_chart": True,
            "ledger_account_type": Ref("ledger_account_types", kind),
            "tax_rate": Ref("tax_rates", RATE_IDS[int(tax) - 1]) if tax else None,
            "visible_in_sales": sales,
            "visible_in_expenses": expenses,
            "visible_in_banking": kind == "BANK",
            "visible_in_other_payments": expenses or equity,
            "visible_in_other_receipts": sales or equity,
            "is_control_account": number in CONTROL,
            "control_name": CONTROL.get(number),
        }


@dataclass(frozen=True, slots=True)
class Bank:
    kind: str
    nominal_code: int
    name: str
    number: str
    sort_code: str
    opening: str


BANKS = (
    Bank("CHECKING", 1200, "Trading account", "11223344", "20-11-47", "1520.40"),
    Bank("CASH_IN_HAND", 1210, "Cash in Hand", "", "", "80.00"),
    Bank("SAVINGS", 1220, "Reserve account", "55667788", "20-11-47", "10000.00"),
)


def bank_fields(books: Books, bank: Bank) -> Record:
    method = "CASH" if bank.kind == "CASH_IN_HAND" else "ELECTRONIC"
    return {
        "bank_account_type": Ref("bank_account_types", bank.kind),
        "bank_account_details": {
            "account_name": bank.name,
            "account_number": bank.number,
            "sort_code": bank.sort_code,
            "bic": "",
            "iban": "",
        },
        "main_address": {
            "address_line_1": "5 Quay Lane",
            "address_line_2": "",
            "city": "Hull",
            "region": "",
            "postal_code": "HU1 2AB",
            "country": Ref("countries", "GB"),
        },
        "main_contact_person": {"name": "", "telephone": "", "mobile": "", "email": "", "fax": ""},
        "nominal_code": bank.nominal_code,
        "ledger_account": control(books, bank.nominal_code),
        "default_payment_method": Ref("payment_methods", method),
    }

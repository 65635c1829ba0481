"""Thirty sales invoices in several states, and ten payments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.seed.goods import PRODUCTS
from gateway.sandbox.values import rounded

CUSTOMERS = (2, 3, 4, 5, 6, 7, 8, 9)
"""Places of customers among the seeded contacts."""

FIRST_DAY = date(2025, 1, 6)
COUNT = 30
DRAFTS = (27, 28)
PRO_FORMA = 29
VOIDS = (11, 19)
WITH_SHIPPING = (4, 14)


@dataclass(frozen=True, slots=True)
class Invoice:
    """`lines` are places of products with quantities."""

    number: int
    date: str
    customer: int
    lines: tuple[tuple[int, int], ...]
    status: str
    void: bool


def _invoice(number: int) -> Invoice:
    lines = tuple(((number * 3 + step * 5) % len(PRODUCTS), 1 + (number + step) % 4) for step in range(1 + number % 3))
    status = "PRO_FORMA" if number == PRO_FORMA else "DRAFT" if number in DRAFTS else "UNPAID"
    day = FIRST_DAY + timedelta(days=number * 5)
    return Invoice(number, day.isoformat(), CUSTOMERS[number % len(CUSTOMERS)], lines, status, number in VOIDS)


INVOICES = tuple(_invoice(number) for number in range(COUNT))


@dataclass(frozen=True, slots=True)
class Payment:
    """Pays the share (in hundredths) of each of these invoices, and `extra` on account."""

    date: str
    invoices: tuple[int, ...]
    share: int = 100
    extra: str = "0"
    bank: int = 0
    method: str = "ELECTRONIC"


PAYMENTS = (
    Payment("2025-02-03", (0,)),
    Payment("2025-02-10", (1,), bank=1, method="CASH"),
    Payment("2025-02-17", (2, 10)),
    Payment("2025-03-03", (3,), share=50),
    Payment("2025-03-10", (4,), method="CHECK"),
    Payment("2025-03-17", (5,), extra="25.00"),
    Payment("2025-04-01", (6,), share=25),
    Payment("2025-04-14", (7,), method="CREDIT_DEBIT"),
    Payment("2025-05-06", (8, 16)),
    Payment("2025-05-20", (9,), share=75, bank=1, method="CASH"),
)


def invoice_fields(books: Books, invoice: Invoice) -> Record:
    products = list(books.shelf("products").values())
    contact = list(books.shelf("contacts"))[invoice.customer]
    shipping = invoice.number in WITH_SHIPPING
    return {
        "contact": Ref("contacts", contact),
        "date": invoice.date,
        "status": Ref("artefact_statuses", invoice.status),
        "reference": f"PO {100 + invoice.number}",
        "notes": "",
        "terms_and_conditions": "",
        "invoice_lines": [_line(books, products[place], quantity) for place, quantity in invoice.lines],
        "shipping_net_amount": Decimal(5) if shipping else Decimal(0),
        "shipping_tax_amount": Decimal(1) if shipping else Decimal(0),
        "shipping_tax_rate": Ref("tax_rates", "GB_STANDARD") if shipping else None,
    }


def _line(books: Books, product: Record, quantity: int) -> Record:
    price = product["sales_prices"][0]
    rate = books.shelf("tax_rates")[product["sales_tax_rate"].id]["percentage"]
    cost = price["price"] * quantity
    tax = cost - cost / (1 + rate / 100) if price["price_includes_tax"] else cost * rate / 100
    return {
        **books.fresh(),
        "description": product["description"],
        "product": Ref("products", product["id"]),
        "ledger_account": product["sales_ledger_account"],
        "quantity": Decimal(quantity),
        "unit_price": price["price"],
        "unit_price_includes_tax": price["price_includes_tax"],
        "tax_rate": product["sales_tax_rate"],
        "tax_amount": rounded(tax),
    }


def payment_fields(books: Books, payment: Payment) -> Record:
    invoices = list(books.shelf("sales_invoices").values())
    paid = [invoices[number] for number in payment.invoices]
    amounts = [rounded(one["total_amount"] * payment.share / 100) for one in paid]
    return {
        "transaction_type": Ref("transaction_types", "CUSTOMER_RECEIPT"),
        "contact": paid[0]["contact"],
        "bank_account": Ref("bank_accounts", list(books.shelf("bank_accounts"))[payment.bank]),
        "payment_method": Ref("payment_methods", payment.method),
        "date": payment.date,
        "reference": f"BACS {payment.date}",
        "total_amount": sum(amounts, Decimal(payment.extra)),
        "allocated_artefacts": [
            {**books.fresh(), "artefact": Ref("sales_invoices", one["id"]), "amount": amount}
            for one, amount in zip(paid, amounts, strict=True)
        ],
    }

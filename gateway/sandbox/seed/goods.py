"""Twelve products and six services."""

from __future__ import annotations

from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.postings import control

PRODUCTS = (
    ("MUG-BL", "Blue mug 330ml", "7.50", "2.10", "GB_STANDARD", False),
    ("MUG-GR", "Green mug 330ml", "7.50", "2.10", "GB_STANDARD", False),
    ("BOWL-S", "Small bowl", "11.00", "3.40", "GB_STANDARD", False),
    ("BOWL-L", "Large bowl", "18.50", "6.25", "GB_STANDARD", False),
    ("PLATE", "Dinner plate 27cm", "14.00", "4.80", "GB_STANDARD", False),
    ("TEAPOT", "Teapot, salt glaze", "42.00", "15.00", "GB_STANDARD", True),
    ("VASE", "Bud vase", "9.99", "2.75", "GB_STANDARD", True),
    ("TILE", "Hand-painted tile", "6.00", "1.20", "GB_STANDARD", False),
    ("BOOK", "The Potter's Notebook", "12.95", "5.50", "GB_ZERO", False),
    ("CARD", "Greetings card", "2.50", "0.60", "GB_STANDARD", True),
    ("KIT", "Clay kit for children", "24.00", "9.10", "GB_STANDARD", False),
    ("COAL", "Kiln fuel, 20kg", "16.00", "11.00", "GB_LOWER", False),
)
"""Code, description, sales price, cost, tax rate, whether the price includes tax."""

SERVICES = (
    ("TUITION", "Workshop tuition", "35.00", "GB_STANDARD", False),
    ("FIRING", "Kiln firing, per shelf", "12.00", "GB_STANDARD", False),
    ("REPAIR", "Repair, per hour", "28.00", "GB_STANDARD", False),
    ("DELIVERY", "Local delivery", "6.50", "GB_STANDARD", False),
    ("TALK", "Talk for schools", "90.00", "GB_EXEMPT", False),
    ("STUDIO", "Studio hire, per day", "60.00", "GB_STANDARD", True),
)
"""Code, description, rate, tax rate, whether the rate includes tax."""


def product_fields(books: Books, product: tuple[str, str, str, str, str, bool]) -> Record:
    code, description, price, cost, tax, included = product
    types = list(books.shelf("product_sales_price_types"))
    return {
        "item_code": code,
        "description": description,
        "notes": "",
        "sales_ledger_account": control(books, 4000),
        "purchase_ledger_account": control(books, 5000),
        "sales_tax_rate": Ref("tax_rates", tax),
        "purchase_tax_rate": Ref("tax_rates", tax),
        "cost_price": Decimal(cost),
        "sales_prices": [
            {
                **books.fresh(),
                "product_sales_price_type": Ref("product_sales_price_types", kind),
                "price": Decimal(price) if index == 0 else Decimal(0),
                "price_includes_tax": included,
            }
            for index, kind in enumerate(types)
        ],
    }


def service_fields(books: Books, service: tuple[str, str, str, str, bool]) -> Record:
    code, description, rate, tax, included = service
    types = list(books.shelf("service_rate_types"))
    return {
        "item_code": code,
        "description": description,
        "notes": "",
        "sales_ledger_account": control(books, 4000),
        "purchase_ledger_account": control(books, 5000),
        "sales_tax_rate": Ref("tax_rates", tax),
        "sales_rates": [
            {
                **books.fresh(),
                "service_rate_type": Ref("service_rate_types", kind),
                "rate": Decimal(rate) if index == 0 else Decimal(0),
                "rate_includes_tax": included,
            }
            for index, kind in enumerate(types)
        ],
    }

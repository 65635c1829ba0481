"""The settings singletons: no id, no legacy id (v31_resources.md)."""

from __future__ import annotations

from decimal import Decimal

from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.postings import control
from gateway.sandbox.seed.reference import START


def settings(books: Books) -> dict[str, Record]:
    """Of a business with banks, a chart and tax rates."""
    bank = next(iter(books.shelf("bank_accounts")))
    return {
        "financial_settings": FINANCIAL_SETTINGS.copy(),
        "invoice_settings": {**INVOICE_SETTINGS, "payment_bank_account": Ref("bank_accounts", bank)},
        "business_settings": _business_settings(books),
        "email_settings": {"pdf_attached": True, "send_bcc": False, "default_messages": [], "updated_at": START},
    }


FINANCIAL_SETTINGS: Record = {
    "year_end_date": "2025-12-31",
    "accounting_type": "accrual",
    "accounts_start_date": "2010-01-01",
    "base_currency": Ref("currencies", "GBP"),
    "multi_currency_enabled": True,
    "use_live_exchange_rates": True,
    "mtd_activation_status": "",
    "mtd_connected": False,
    "mtd_authenticated_date": "",
    "tax_scheme": Ref("tax_schemes", "STANDARD"),
    "tax_return_frequency": Ref("tax_return_frequencies", "QUARTERLY"),
    "tax_number": "GB123456789",
    "general_tax_number": "",
    "default_irpf_rate": Decimal(0),
    "flat_rate_tax_percentage": Decimal(0),
    "sales_tax_calculation": "invoice",
    "purchase_tax_calculation": "invoice",
    "postponed_accounting": False,
    "destination_vat": False,
    "updated_at": START,
}

INVOICE_SETTINGS: Record = {
    "separate_invoice_credit_note_numbering": True,
    "sales_invoice_number_prefix": "SI-",
    "sales_credit_note_number_prefix": "SCN-",
    "quote_number_prefix": "SQ-",
    "estimate_number_prefix": "SE-",
    "quick_entry_prefix": "QE-",
    "invoice_terms_and_conditions": "",
    "default_note_on_invoice": "",
    "default_note_on_credit_note": "",
    "default_note_on_estimate": "",
    "default_note_on_quote": "",
    "quote_default_days_to_expiry": 30,
    "estimate_default_days_to_expiry": 30,
    "quote_terms_and_conditions": "",
    "estimate_terms_and_conditions": "",
    "delivery_note_terms_and_conditions": "",
    "delivery_note_show_signature": True,
    "delivery_note_show_picked": True,
    "delivery_note_show_notes": True,
    "delivery_note_show_contact_details": True,
    "customer_credit_days": 30,
    "vendor_credit_days": 30,
    "customer_credit_terms": "date_from_invoice",
    "vendor_credit_terms": "date_from_payment",
    "document_headings": {
        "sales_invoice": "Invoice",
        "sales_credit_note": "Credit Note",
        "sales_quote": "Quote",
        "sales_estimate": "Estimate",
        "pro_forma": "Pro Forma",
        "remittance_advice": "Remittance Advice",
        "statement": "Statement",
        "delivery_note": "Delivery Note",
    },
    "line_item_titles": {
        "description": "Description",
        "unit_price": "Price",
        "quantity": "Qty/Hrs",
        "discount": "Discount",
    },
    "footer_details": {"column_1": "", "column_2": "", "column_3": ""},
    "print_contact_details": {
        "business_name": True,
        "website": True,
        "telephone": True,
        "mobile": False,
        "email_address": True,
        "due_date": True,
        "default_delivery_address": "CONTACT_DELIVERY_ADDRESS",
    },
    "print_statements": {"days_overdue": True, "table_of_balances": True},
    "updated_at": START,
}

DEFAULTS = {
    "bank_charges": 7900,
    "bank_interest_received": 4900,
    "bank_interest_charges_paid": 7900,
    "exchange_rate_gains": 8211,
    "exchange_rate_losses": 8211,
    "sales": 4000,
    "sales_discount": 4009,
    "purchase": 5000,
    "purchase_discount": 5009,
    "product_sales": 4000,
    "product_purchase": 5000,
    "service_sales": 4000,
    "service_purchase": 5000,
    "stock_purchase": 5000,
    "other_receipt": 4900,
    "other_payment": 8200,
    "customer_receipt_discount": 4009,
    "vendor_payment_discount": 5009,
    "carriage": 4905,
}
"""Nominal codes of the accounts that v3.1 proposes."""


def _business_settings(books: Books) -> Record:
    return {
        "auxiliary_accounts_visible": False,
        "default_ledger_accounts": {f"{name}_ledger_account": control(books, code) for name, code in DEFAULTS.items()},
        "business_created_at": START,
        "wizard_complete": True,
        "updated_at": START,
    }

"""What clients read of each resource, with its types (v2.md §4.2 and §6)."""

from __future__ import annotations

from collections.abc import Mapping

from tests.captures.checks import (
    Shape,
    address,
    amount,
    bit,
    date,
    flag,
    iso_day,
    known,
    maybe,
    moment,
    optional_address,
    reference,
    reference_or_more,
    references,
    rows_of,
    text,
    whole,
)

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

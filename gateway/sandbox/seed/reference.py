"""The lists that all businesses read: types, statuses, countries, currencies.

Ids from v31_resources.md ("Reference-data ids"), legacy ids from there and v2.md §6; a list whose legacy ids
are not known has none. The country names and numbers are v2's own list (v2.md §7.3), with ISO codes for
Lebanon, East Timor and Congo in place of its odd ones.
"""

from __future__ import annotations

from functools import cache

from gateway.sandbox.books import Record, Shelf
from gateway.sandbox.seed.chart import charts
from gateway.sandbox.seed.rows import rows
from gateway.sandbox.seed.taxation import lists

START = "2015-01-01T00:00:00Z"

LISTS = {
    "contact_types": "CUSTOMER|Customer|1 VENDOR|Supplier|2",
    "artefact_statuses": "UNPAID|Unpaid|1 PART_PAID|Part Paid|2 PAID|Paid|3 VOID|Void|4 DRAFT|Draft|5"
    " DISPUTED|Disputed|6 DECLINED|Declined|7 PRO_FORMA|Pro Forma|8",
    "quote_statuses": "PENDING|Pending| DRAFT|Draft| ACCEPTED|Accepted| DECLINED|Declined| INVOICED|Invoiced|"
    " EXPIRED|Expired|",
    "bank_account_types": "CHECKING|Current|1 SAVINGS|Savings|2 CREDIT_CARD|Credit Card|3"
    " CASH_IN_HAND|Cash in Hand|5 LOAN|Loan|6 OTHER|Other|7",
    "payment_methods": "CREDIT_DEBIT|Credit/Debit Card| CASH|Cash| CHECK|Cheque| ELECTRONIC|Electronic|",
    "address_types": "DELIVERY|Delivery|1 ACCOUNTS|Accounts|2 SALES|Sales|3 PURCHASING|Purchasing|4",
    "contact_person_types": "ACCOUNTS|Accounts|4 SALES|Sales|5 PURCHASING|Purchasing|6 CUSTOMER|Customer|1",
    "ledger_account_types": "SALES|Sales|1 OTHER_INCOME|Other Income|2 DIRECT_EXPENSES|Direct Expenses|3"
    " OVERHEADS|Overheads|4 DEPRECIATION|Depreciation|5 CURRENT_ASSETS|Current Assets|6"
    " FIXED_ASSETS|Fixed Assets|7 FUTURE_ASSETS|Future Assets|8 BANK|Bank|9"
    " CURRENT_LIABILITY|Current Liability|10 FUTURE_LIABILITY|Future Liability|11 EQUITY|Equity|12"
    " LINE_OF_CREDIT|Line of Credit|13 TAXES|Taxes|14 SPECIAL|Special|15",
    "ledger_account_groups": "INCOME|Income|1 EXPENSE|Expenditure|2 ASSET|Asset|3 LIABILITY|Liability|4"
    " EQUITY|Capital|5",
    "ledger_account_classifications": "INCOME|Income| EXPENSE|Expenses| ASSET|Assets| LIABILITY|Liabilities|"
    " EQUITY|Capital|",
    "country_groups": "ALL|Other|1 EU|EU|2 US|US|3 GBIE|UK & Ireland|4",
    "currencies": "AUD|Australian Dollar (AUD)|1 CAD|Canadian Dollar (CAD)|4 CHF|Swiss Franc (CHF)|5"
    " DKK|Danish Krone (DKK)|6 EUR|Euro (EUR)|7 GBP|Pound Sterling (GBP)|10 JPY|Japanese Yen (JPY)|16"
    " NOK|Norwegian Krone (NOK)|21 NZD|New Zealand Dollar (NZD)|22 PLN|Polish Zloty (PLN)|24"
    " SEK|Swedish Krona (SEK)|28 USD|US Dollar (USD)|33",
    "catalog_item_types": "PRODUCT|Non-stock|",
    "quick_entry_types": "INVOICE|Invoice| CREDIT_NOTE|Credit Note|",
    "tax_schemes": "STANDARD|Standard|1 FLAT_RATE|Flat Rate|2 NOT_REGISTERED|Not Registered|3",
    "tax_return_frequencies": "MONTHLY|Monthly|1 QUARTERLY|Quarterly|2 ANNUAL|Annual|3",
    "eu_goods_services_types": "GOODS|Goods| SERVICES|Services|",
    "attachment_context_types": "PURCHASE_INVOICE|Purchase Invoice| PURCHASE_CREDIT_NOTE|Purchase Credit Note|"
    " OTHER_PAYMENT|Other Payment| OTHER_RECEIPT|Other Receipt| JOURNAL|Journal| SALES_INVOICE|Sales Invoice|"
    " SALES_CREDIT_NOTE|Sales Credit Note| SALES_QUOTE|Sales Quote| SALES_ESTIMATE|Sales Estimate|",
    "contact_opening_balance_types": "INVOICE|Invoice| CREDIT_NOTE|Credit Note|",
}

TRANSACTION_TYPES = (
    "BANK_OPENING_BALANCE BANK_PAYMENT BANK_RECEIPT BANK_TRANSFER DEPOSIT CUSTOMER_RECEIPT CUSTOMER_REFUND"
    " VENDOR_PAYMENT VENDOR_REFUND OTHER_RECEIPT OTHER_RECEIPT_REFUND OTHER_PAYMENT OTHER_PAYMENT_REFUND"
    " PENSION_PROVIDER_PAYMENT REVENUE_PAYMENT STAFF_PAYMENT TAX_PAYMENT TAX_SCHEME_TRANSFER_PAYMENT"
    " VOID_PAYMENT SALES_INVOICE SALES_CREDIT_NOTE PURCHASE_INVOICE PURCHASE_CREDIT_NOTE JOURNAL"
    " CUSTOMER_ALLOCATION VENDOR_ALLOCATION TAX_RETURN"
)


@cache
def shared() -> dict[str, Shelf]:
    """The lists by collection. Nobody writes to them."""
    found = {collection: _list(text) for collection, text in LISTS.items()}
    types = [(name, name.replace("_", " ").title(), "") for name in TRANSACTION_TYPES.split()]
    found["transaction_types"] = _shelf(types)
    found["countries"] = _shelf([(code, f"{name} ({code})", number) for number, code, name in rows("countries.txt")])
    return {**found, **lists(START), **charts(START)}


def _list(text: str) -> Shelf:
    """`ID|Display|legacy` after `ID|Display|legacy`; displays may hold spaces, ids may not."""
    found: list[tuple[str, str, str]] = []
    rest = text
    while rest:
        key, shown, tail = rest.split("|", 2)
        number, _, rest = tail.partition(" ")
        found.append((key, shown, number))
    return _shelf(found)


def _shelf(found: list[tuple[str, str, str]]) -> Shelf:
    return {key: _record(key, shown, number) for key, shown, number in found}


def _record(key: str, shown: str, number: str) -> Record:
    record: Record = {"id": key, "displayed_as": shown, "created_at": START, "updated_at": START}
    return {"legacy_id": int(number), **record} if number else record

"""Where a country's product differed: codes by name, by country."""

from __future__ import annotations

from gateway.resources._countries import PT_COUNTRIES
from gateway.translate.codecs import Codes
from gateway.translate.rules.rule import Swap

ALIKE = {
    "ELECTRONIC": ("BANK_TRANSFER", "BANK", "TRANSFER", "EFT"),
    "CASH": (),
    "CREDIT_DEBIT": ("CREDIT_DEBIT_CARD", "CREDIT_CARD", "CARD"),
    "CHECK": ("CHEQUE",),
}
"""v3.1's list of payment methods is read for the id: of its codes only CASH and CREDIT_DEBIT are confirmed
(v31_resources.md, reference-data ids)."""

PAYMENT_TYPES = Codes(
    "payment_methods",
    (
        (1, "ELECTRONIC", "Bank Payment"),
        (4, "CASH", "Cash Payment"),
        (6, "CREDIT_DEBIT", "Credit Card Payment"),
        (10, "CHECK", "Cheque In Hand"),
    ),
    also=((2, "ELECTRONIC"), (5, "CASH")),
    alike=ALIKE,
    name="payment_types",
)
"""v2.md §6.12 (recorded for payment methods; that payment types share the numbers is inferred)."""

PT_PAYMENT_TYPES = Codes(
    "payment_methods",
    ((4, "ELECTRONIC", "Transferência bancária"), (5, "CASH", "Numerário")),
    alike={code: ALIKE[code] for code in ("ELECTRONIC", "CASH")},
    name="payment_types",
)
"""v2.md §6.23, a Portuguese client's fixed numbers."""

REGIONS: dict[str, Swap] = {"pt": {"countries": PT_COUNTRIES, "payment_types": PT_PAYMENT_TYPES}}

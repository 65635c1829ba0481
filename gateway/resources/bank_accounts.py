"""`bank_accounts` (v2.md §6.4). That they were written through v2, and under which names, is inferred."""

from __future__ import annotations

from gateway.resources._parts import ACCOUNT_TYPES, ADDRESS, ADDRESS_KEPT, CURRENCIES
from gateway.translate.codecs import MONEY, WHOLE
from gateway.translate.resource import Table
from gateway.translate.rules import Field, Identity, Nested, ReadOnly, Reference
from gateway.translate.writing import Writing

DETAILS = "bank_account_details"
PERSON = "main_contact_person"


def current_account(_: Writing) -> str:
    """v3.1 requires a type; an account that is not said to be another is a current one (inferred)."""
    return "CHECKING"


TABLES = (
    Table(
        "bank_accounts",
        Identity(),
        Field("account_name", f"{DETAILS}.account_name", required="blank"),
        Field("account_number", f"{DETAILS}.account_number"),
        Field("sort_code", f"{DETAILS}.sort_code"),
        Field("iban", f"{DETAILS}.iban"),
        Field("bic", f"{DETAILS}.bic"),
        Field("telephone", f"{PERSON}.telephone"),
        Field("email", f"{PERSON}.email"),
        Nested("address", "main_address", of=ADDRESS, holds="addresses", keep=ADDRESS_KEPT),
        Reference("account_type", "bank_account_type", to=ACCOUNT_TYPES, default=current_account),
        Reference("ledger_account", to="ledger_accounts", read_only=True),
        Field("nominal_code", codec=WHOLE),
        Reference("currency", to=CURRENCIES, codes=True),
        ReadOnly("balance", codec=MONEY),
        v3="bank_accounts",
        root="bank_account",
        verbs="list one create update delete",
        expands=("list", "one"),
        parts={DETAILS: (), PERSON: ("name", "job_title", "mobile", "fax")},
        known="v1-recorded",
    ),
)

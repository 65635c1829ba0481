"""`incomes` and `expenses` (v2.md §6.11, §6.15): money in and out without a document, v3.1's other payments.

v1 named both ends by their ledger accounts: of an expense the `source` is the bank's and the `destination` the
expense's own, of an income the other way round. Others name the bank account and the other ledger account. Both work,
and both come back.
"""

from __future__ import annotations

from gateway.resources._missing import Needed
from gateway.resources._money import LINE, SAID, default_tax, line_total, percentage, taken, voided
from gateway.resources._money_plans import change, listing, make, read, void
from gateway.resources._parts import DATES, LOCK_VERSION
from gateway.resources._regions import ALIKE, PAYMENT_TYPES
from gateway.translate.codecs import DATE, MONEY, Codes, text
from gateway.translate.queries import Filter
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Constant, Field, Identity, ReadOnly, Reference, Rule, Unsupported

RECEIPT_TYPES = Codes(
    "payment_methods",
    (
        (2, "ELECTRONIC", "Bank Receipt"),
        (5, "CASH", "Cash Receipt"),
        (6, "CREDIT_DEBIT", "Credit Card Payment"),
        (10, "CHECK", "Cheque In Hand"),
    ),
    also=((1, "ELECTRONIC"), (4, "CASH")),
    alike=ALIKE,
    name="payment_types",
)
"""v2.md §6.12 (recorded); 6, the expenses' number, for receipts by card, which v1 did not have."""

KEPT = (
    "details",
    "analysis_type_categories",
    "is_purchase_for_resale",
    "trade_of_asset",
    "gst_amount",
    "pst_amount",
    "tax_recoverable",
)

BANK = Reference("bank_account", to="bank_accounts", flat="bank_account_id")
BANK_NAMES = ("bank_account_id", "bank_account")
ACCOUNT_NAMES = ("ledger_account_id", "ledger_account")


def bank_end(end: str) -> Reference:
    """The end that is the bank, by its ledger account."""
    return Reference(end, "bank_account/ledger_account", to="ledger_accounts")


def other_end(end: str, kind: str) -> Reference:
    """The end that says what the money is for."""
    return Reference(
        end,
        f"{LINE}.ledger_account",
        to="ledger_accounts",
        aliases=("ledger_account", kind),
        flat="ledger_account_id",
        required=("blank", end),
    )


def rest(source: Needed, destination: Needed) -> tuple[Needed, ...]:
    """What a create needs, in the order that v1 told it (v2.md §4.4, recorded)."""
    return (
        source,
        destination,
        Needed(("date", "invoice_date"), (("date", "invalid date"),)),
        Needed(("amount", "net_amount"), (("amount", "blank"), ("amount", "not a number"))),
        Needed(
            ("payment_method_id", "payment_method", "payment_type_id", "payment_type"), (("payment_method", "blank"),)
        ),
    )


def ends(end: str, names: tuple[str, ...], *said: str) -> Needed:
    """What was said of a missing end."""
    return Needed((f"{end}_id", end, *names), tuple((end, message) for message in ("blank", *said)))


SAME = "should not be the same as source"
NO_BANK = "must be a bank ledger"
INCOME = rest(
    ends("source", (*ACCOUNT_NAMES, "income_type_id", "income_type"), "must be a valid type of income"),
    ends("destination", BANK_NAMES, SAME, NO_BANK),
)
EXPENSE = rest(
    ends("source", BANK_NAMES, NO_BANK),
    ends("destination", (*ACCOUNT_NAMES, "expense_type_id", "expense_type"), SAME, "must be a valid type of expense"),
)


def other_payments(
    path: str,
    root: str,
    transaction: str,
    needed: tuple[Needed, ...],
    *both_ends: Rule,
    kind: str,
    methods: Codes,
    aliases: tuple[str, ...] = (),
    roots: tuple[str, ...] = (),
) -> Table:
    """The table of one transaction type."""
    return Table(
        path,
        Identity(),
        Constant("transaction_type_id", transaction),
        Field("date", codec=DATE, aliases=("invoice_date",), required="invalid date"),
        Field("amount", f"{LINE}.net_amount", MONEY, ("net_amount",), required="blank", shown_at="net_amount"),
        Reference("tax_code", f"{LINE}.tax_rate", to="tax_rates", aliases=("tax_rate",)),
        Field("tax_amount", f"{LINE}.tax_amount", MONEY, default=default_tax, shown_at="tax_amount"),
        ReadOnly("gross_amount", "total_amount", MONEY),
        Computed(SAID, of=("payment_lines", "net_amount", "tax_amount", "date"), told=percentage, heeded=True),
        Unsupported("tax_scheme_period_id", "v3.1 does not number tax periods", 0),
        Field("reference", codec=text(25)),
        Reference("contact", to="contacts", flat="contact_id"),
        BANK,
        *both_ends,
        Reference("payment_method", to=methods, aliases=("payment_type",)),
        Computed("voided", of=("deleted_at",), told=voided),
        Constant(f"{LINE}.total_amount", line_total),
        Constant("net_amount", taken("net_amount")),
        Constant("tax_amount", taken("tax_amount")),
        Constant("total_amount", line_total),
        LOCK_VERSION,
        v3="other_payments",
        known="v1-recorded",
        kind=kind,
        aliases=aliases,
        root=root,
        roots=roots,
        v3_root="other_payment",
        verbs="list one create update delete",
        filters=(
            *DATES,
            Filter("contact", "contact_id", to="contacts", aliases=("contact_id",)),
            Filter("bank_account", "bank_account_id", to="bank_accounts", aliases=("bank_account_id",)),
        ),
        queries={
            "kind": (("transaction_type_id", transaction),),
            "list": (("transaction_type_id", transaction), ("sort", "date:asc")),
            "one": (("show_analysis_types", "true"),),
        },
        expands=("one",),
        parts={"payment_lines": KEPT},
        reads=("transaction_type",),
        plans={"list": listing, "one": read, "create": make(needed), "update": change, "delete": void},
        notes="DELETE voids; several lines, which Sage's own pages make, are shown as their sum",
    )


TABLES = (
    other_payments(
        "incomes",
        "income",
        "OTHER_RECEIPT",
        INCOME,
        other_end("source", "income_type"),
        bank_end("destination"),
        kind="other_receipts",
        methods=RECEIPT_TYPES,
    ),
    other_payments(
        "expenses",
        "expense",
        "OTHER_PAYMENT",
        EXPENSE,
        bank_end("source"),
        other_end("destination", "expense_type"),
        kind="other_payments",
        methods=PAYMENT_TYPES,
        aliases=("expenditures",),
        roots=("expenditure",),
    ),
)

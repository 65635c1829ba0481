"""`sales_invoices/summary` and `summary` (v2.md §6.24, §6.30): v3.1 has neither, so both are reckoned here.

No field of either has evidence; what each means is decided here (inferred), and all amounts are in base currency.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from decimal import Decimal
from typing import Any

from gateway.errors import TableWrong
from gateway.messages import Record, V3Response
from gateway.resources._parts import half_up, number
from gateway.resources._sums import in_base, net_credit, owed, total, year_start
from gateway.translate.calls import Call
from gateway.translate.codecs import MONEY, WHOLE
from gateway.translate.draft import Draft, ReplyDraft, RequestDraft
from gateway.translate.plans import Plan, down, every
from gateway.translate.resource import Table
from gateway.translate.rules import Identity, ReadOnly, Rule

Read = Generator[Draft, Any, Any]

NOT_OWED = frozenset({"DRAFT", "PRO_FORMA", "VOID"})
"""Statuses of invoices that nobody owes."""

INVOICE = "status,due_date,total_amount,outstanding_amount,base_currency_total_amount,base_currency_outstanding_amount"
OUTSTANDING = "outstanding_amount,base_currency_outstanding_amount"
ENTRY = f"{OUTSTANDING},quick_entry_type"

SOLD = (("sales_invoices", OUTSTANDING), ("sales_credit_notes", OUTSTANDING), ("sales_quick_entries", ENTRY))
BOUGHT = (("purchase_invoices", OUTSTANDING), ("purchase_credit_notes", OUTSTANDING), ("purchase_quick_entries", ENTRY))
OPEN = ("UNPAID", "PART_PAID")

EVER = "1970-01-01"
"""Before any entry of any ledger."""
LASTS = 30.0
"""Seconds; a write of the same tenant ends it sooner."""


def today_of(call: Call) -> str:
    """The day (UTC, ISO) on which the call is made. Raises TableWrong where the edge did not say."""
    if not call.caller.today:
        raise TableWrong("what is overdue cannot be told without a date")
    return call.caller.today


def told(call: Call, amounts: dict[str, Decimal], **counts: int) -> ReplyDraft:
    """The reply: the sums to two places, under the business's number."""
    shown = {name: half_up(amount) for name, amount in amounts.items()}
    return down(call, {"id": call.caller.business, **shown, **counts}, asked=False)


def of_invoices(call: Call) -> Plan:
    """Every invoice once, so that all the figures are of one moment and add up."""
    today = today_of(call)
    rows: list[Record] = yield from every("sales_invoices", [["attributes", INVOICE], ["sort", "created_at:asc"]])
    invoices = {row["id"]: row for row in rows}.values()
    status = {row["id"]: (row.get("status") or {}).get("id", "") for row in invoices}
    due = [row for row in invoices if status[row["id"]] not in NOT_OWED]
    unpaid = [row for row in due if in_base(row, "outstanding_amount") != 0]
    overdue = [row for row in unpaid if (row.get("due_date") or today) < today]
    outstanding = half_up(total(in_base(row, "outstanding_amount") for row in unpaid))
    return told(
        call,
        {
            "outstanding_amount": outstanding,
            "overdue_amount": total(in_base(row, "outstanding_amount") for row in overdue),
            "paid_amount": half_up(total(in_base(row, "total_amount") for row in due)) - outstanding,
        },
        draft_count=sum(state == "DRAFT" for state in status.values()),
        unpaid_count=len(unpaid),
        overdue_count=len(overdue),
    )


def of_business(call: Call) -> Plan:
    """The settings, the ledger, the banks, then what is open: three calls, and one for each status of each kind of
    document."""
    today = today_of(call)
    answer: V3Response = yield RequestDraft("GET", ["financial_settings"])
    settings = answer.body
    start = year_start(today, settings.get("year_end_date"))
    accounts = yield from every(
        "ledger_accounts",
        [["attributes", "ledger_account_group,balance_details"], *between(start, today)],
    )
    income = half_up(total(net_credit(one) for one in accounts if group(one) == "INCOME"))
    expenses = -half_up(total(net_credit(one) for one in accounts if group(one) == "EXPENSE"))
    banks = yield from in_banks((settings.get("base_currency") or {}).get("id"), today)
    return told(
        call,
        {
            "income": income,
            "expenses": expenses,
            "profit": income - expenses,
            "bank_balance": banks,
            "debtors": (yield from open_sum(SOLD, OPEN)),
            "creditors": (yield from open_sum(BOUGHT, (*OPEN, "DISPUTED"))),
        },
    )


def between(first: str, last: str) -> list[list[str]]:
    """The parameters that show a ledger account's balance from one day to another, without what was deleted."""
    return [
        ["show_balance_details", "true"],
        ["exclude_deleted_entries", "true"],
        ["from_date", f"{first}T00:00:00Z"],
        ["to_date", f"{last}T23:59:59Z"],
    ]


def group(account: Record) -> str:
    """`INCOME`, `EXPENSE`…"""
    found: str = (account.get("ledger_account_group") or {}).get("id", "")
    return found


def in_banks(base: str | None, today: str) -> Read:
    """The balances of all bank accounts. That of an account in a foreign currency is its ledger account's, which is
    kept in base currency."""
    sum_ = Decimal(0)
    for bank in (yield from every("bank_accounts", [["attributes", "balance,currency,ledger_account"]])):
        currency = (bank.get("currency") or {}).get("id")
        if currency in (None, base) or base is None:
            sum_ += number(bank.get("balance"))
        else:
            answer: V3Response = yield RequestDraft(
                "GET", ["ledger_accounts", bank["ledger_account"]["id"]], between(EVER, today)
            )
            sum_ -= net_credit(answer.body)
    return sum_


def open_sum(collections: tuple[tuple[str, str], ...], statuses: tuple[str, ...]) -> Read:
    """What is outstanding on documents of these statuses, less credit notes."""
    found: dict[str, Decimal] = {}
    for collection, attributes in collections:
        for status in statuses:
            query = [["attributes", attributes], ["status_id", status], ["sort", "created_at:asc"]]
            rows = yield from every(collection, query)
            # A document whose status changes meanwhile is in two lists: the later one counts.
            found |= {row["id"]: owed(row, credit=is_credit(collection, row)) for row in rows}
    return total(found.values())


def is_credit(collection: str, row: Record) -> bool:
    """Whether a document takes from what is owed."""
    return "credit_notes" in collection or (row.get("quick_entry_type") or {}).get("id") == "CREDIT_NOTE"


def amounts(*names: str) -> tuple[Rule, ...]:
    """Sums in base currency."""
    return tuple(ReadOnly(name, codec=MONEY) for name in names)


def counts(*names: str) -> tuple[Rule, ...]:
    """Numbers of records."""
    return tuple(ReadOnly(name, codec=WHOLE) for name in names)


def summary(path: str, plan: Callable[[Call], Plan], computed: str, *rules: Rule) -> Table:
    """A table of figures; its one key is the business's number."""
    return Table(
        path,
        Identity(kind="businesses", shows=("$key",)),
        *rules,
        kind="businesses",
        verbs="one",
        singleton=True,
        legacy=False,
        plans={"one": plan},
        computed=computed,
        lasts=LASTS,
        notes=f"Kept for {LASTS:g} seconds, or until the app's next write. The figures' meaning is inferred.",
    )


TABLES = (
    summary(
        "sales_invoices/summary",
        of_invoices,
        "from all sales invoices but drafts, pro formas and voids: what is outstanding on them; of that what was due "
        "before today (UTC); what has been settled by payments, credit notes and discounts; and how many there are, "
        "drafts by themselves",
        *amounts("outstanding_amount", "overdue_amount", "paid_amount"),
        *counts("draft_count", "unpaid_count", "overdue_count"),
    ),
    summary(
        "summary",
        of_business,
        "income and expenses are the balances of those ledger accounts from the start of the financial year to today "
        "(UTC), as invoiced and not as paid; bank_balance is that of all bank accounts; debtors and creditors are what "
        "is outstanding on invoices and quick entries, less credit notes; payments on account are not in them",
        *amounts("income", "expenses", "profit", "bank_balance", "debtors", "creditors"),
    ),
)

"""`ledger_entries` (v2.md §6.19), and the balances of ledger accounts (v2.md §6.17, recorded of v1)."""

from __future__ import annotations

from typing import Any

from gateway.errors import BadCall, Retired
from gateway.messages import Record, V3Response
from gateway.resources._accounts import ASKED, ENTRY, SHOWN, chart, in_full
from gateway.resources._missing import given
from gateway.resources._order import by_number
from gateway.resources._parts import DAYS, number
from gateway.translate.calls import Call
from gateway.translate.codecs import MONEY, decimal_text, plain
from gateway.translate.draft import RequestDraft
from gateway.translate.pages import Window, window
from gateway.translate.plans import Plan, down, down_all, every, filtered, gather
from gateway.translate.queries import Filter
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Identity, Nested, ReadOnly, Reference, Rule

NOT_BY_CONTACT = "v3.1 cannot narrow its ledger entries by contact"


def entries(call: Call) -> Plan:
    """GET list, each entry with its ledger account in full. Raises Retired where a contact's are asked for: all of the
    ledger would have to be read for them."""
    for name in ("contact", "contact_id"):
        if given(call.params, name):
            raise Retired(NOT_BY_CONTACT, name)
    start, size = window(call.params)
    rows = Window(start, size)
    yield from gather(call, rows)
    accounts = (yield from chart()) if rows.rows else {}
    return down_all(call, [in_full(row, accounts) for row in rows.rows], (rows.total, start, size))


def period(call: Call, path: list[Any]) -> RequestDraft:
    """The read of a ledger account, or of all, with what was booked from one day to another. Raises BadCall where
    either is missing: v3.1 needs both."""
    for each in DAYS:
        if not given(call.params, each.v2):
            raise BadCall("invalid date", each.v2)
    query = [["show_balance_details", "true"], ["attributes", f"{ASKED},balance_details"], ["show_legacy_id", "true"]]
    return filtered(call, RequestDraft("GET", path, query))


def balances(call: Call) -> Plan:
    """GET: the accounts whose balance is not zero, by number."""
    asked = period(call, ["ledger_accounts"])
    rows = yield from every("ledger_accounts", asked.query)
    rows = [row for row in sorted(rows, key=by_number()) if number((row.get("balance_details") or {}).get("balance"))]
    reply = down_all(call, [of_account(row) for row in rows], (len(rows), 0, len(rows)))
    reply.notes += asked.notes
    return reply


def balance(call: Call) -> Plan:
    """GET: one account's balance, zero too."""
    answer: V3Response = yield period(call, ["ledger_accounts", call.key("ledger_accounts")])
    return down(call, of_account(answer.body))


def of_account(record: Record) -> Record:
    """A balance as v1 had it, with its account inside; in v3.1 the account has its balance inside."""
    return {**record, "ledger_account": {name: value for name, value in record.items() if name != "balance_details"}}


def magnitude(shown: Any) -> str:
    """v1's balances had no sign: `credit_or_debit` says which side they are on (recorded)."""
    return decimal_text(abs(number(shown)))


def side(said: Any, credited: Any, debited: Any) -> str:
    """On which side a balance is: `credit` or `debit` (recorded)."""
    return plain(said).lower() or ("credit" if number(credited) > number(debited) else "debit")


BALANCE: tuple[Rule, ...] = (
    Identity(shows=("$key",)),
    Nested("ledger_account", of=SHOWN, holds="ledger_accounts"),
    Computed("balance", of=("balance_details.balance",), told=magnitude),
    Computed(
        "credit_or_debit",
        of=("balance_details.credit_or_debit", "balance_details.credits", "balance_details.debits"),
        told=side,
    ),
    ReadOnly("credits", "balance_details.credits", MONEY),
    ReadOnly("debits", "balance_details.debits", MONEY),
)

TABLES = (
    Table(
        "ledger_entries",
        *ENTRY,
        Reference("contact", to="contacts", read_only=True),
        ReadOnly("description"),
        v3="ledger_entries",
        filters=(
            *DAYS,
            Filter("ledger_account", "ledger_account_id", to="ledger_accounts", aliases=("ledger_account_id",)),
        ),
        expands=("one",),
        plans={"list": entries},
        notes="each with its ledger account, for which the chart is read; not by contact",
    ),
    Table(
        "ledger_accounts/balances",
        *BALANCE,
        kind="ledger_accounts",
        verbs="list",
        filters=DAYS,
        paged=False,
        bare=True,
        plans={"list": balances},
        notes="from v3.1's ledger accounts with `show_balance_details`",
        known="v1-recorded",
    ),
    Table(
        "ledger_accounts/*/balance",
        *BALANCE,
        kind="ledger_accounts",
        verbs="list",
        filters=DAYS,
        paged=False,
        plans={"list": balance},
        notes="from v3.1's ledger account with `show_balance_details`",
    ),
)

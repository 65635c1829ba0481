"""`transactions` and `transaction_types` (v2.md §6.34, recorded of v1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from typing import Any

from gateway.errors import Retired
from gateway.messages import Record, V3Response
from gateway.resources._accounts import ENTRY, chart, in_full
from gateway.resources._order import by_number, whole
from gateway.resources._parts import CONTACT_TYPES, DAYS
from gateway.translate.calls import Call
from gateway.translate.codecs import DAY, FLAG, MONEY, NOTE, STAMP, Codes
from gateway.translate.draft import Draft, RequestDraft
from gateway.translate.pages import Window, window
from gateway.translate.plans import Plan, down_all, every, filtered
from gateway.translate.queries import WINDOW
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Identity, Nested, ReadOnly, Reference, Unsupported

TYPES = Codes(
    "transaction_types",
    (
        (6, "CUSTOMER_ALLOCATION", "Customer Allocation"),
        (10, "JOURNAL", "Journal"),
        (13, "OTHER_PAYMENT", "Other Payment"),
        (20, "SALES_CREDIT_NOTE", "Sales Credit Note"),
        (21, "SALES_INVOICE", "Sales Invoice"),
    ),
)
"""v2.md §6.34 (recorded); the others show v3.1's legacy ids."""

NUMBERED = frozenset({"SALES_INVOICE", "SALES_CREDIT_NOTE", "PURCHASE_INVOICE", "PURCHASE_CREDIT_NOTE"})
MOST = 2000
"""Transactions in one reply."""
TOO_MANY = "there are more transactions than one reply can hold; narrow them by from_date and to_date"
LEGACY = ["show_legacy_id", "true"]
SHOWS = "created_at,updated_at,date,contact,transaction_type,total,deleted,reference,origin"
ENTRY_SHOWS = "created_at,updated_at,date,credit,debit,deleted,ledger_account,transaction"


def transactions(call: Call) -> Plan:
    """GET: a bare array, whole unless a window is asked for; it cannot say that there is more, so it never holds less
    than was asked for. Raises Retired for more than one reply can hold."""
    rows = Window(0, MOST, 200) if WINDOW.isdisjoint(call.params) else Window(*window(call.params))
    notes: list[Any] = []
    while True:
        draft = filtered(call, RequestDraft("GET", ["transactions"], [["attributes", SHOWS], LEGACY]))
        notes, draft.notes = draft.notes, []
        draft.query += [["items_per_page", str(rows.per_page)], ["page", str(rows.page)]]
        answer: V3Response = yield draft
        if not rows.take(answer.body):
            break
        if WINDOW.isdisjoint(call.params) and rows.total > MOST:
            raise Retired(TOO_MANY)
    found = (yield from joined(rows.rows)) if rows.rows else []
    reply = down_all(call, found, (rows.total, rows.start, rows.size))
    reply.notes += notes
    return reply


def joined(rows: list[Record]) -> Generator[Draft, Any, list[Record]]:
    """Transactions with their contacts and ledger entries in full. v3.1 has those in lists of their own, so each list
    is read once: the entries of all the days between the transactions, which are dated as their transaction."""
    days = [row["date"] for row in rows]
    span = [["from_date", f"{min(days)}T00:00:00Z"], ["to_date", f"{max(days)}T23:59:59Z"]]
    entries = yield from every("ledger_entries", [*span, ["attributes", ENTRY_SHOWS], LEGACY])
    accounts = yield from chart()
    by_transaction: dict[str, list[Record]] = defaultdict(list)
    for entry in entries:
        by_transaction[(entry.get("transaction") or {}).get("id", "")].append(in_full(entry, accounts))
    contacts: dict[str, Record] = {}
    if any(row.get("contact") for row in rows):
        listed = yield from every("contacts", [["attributes", "name,reference,contact_types"], LEGACY])
        contacts = {contact["id"]: contact for contact in listed}
    return [
        {
            **row,
            "contact": contacts.get((row.get("contact") or {}).get("id", ""), row.get("contact")),
            "ledger_entries": by_transaction[row["id"]],
        }
        for row in rows
    ]


def role(types: Any) -> str:
    """What a contact is, in a word (recorded)."""
    return CONTACT_TYPES.word.get(types[0]["id"], "") if types else ""


def company(name: Any, shown: Any) -> str:
    """A contact's name; of one that is listed no more, as v3.1 shows it with the transaction."""
    return name or shown or ""


def document_number(kind: Any, origin: Any) -> str | None:
    """The number of the invoice or credit note that was booked (inferred: v3.1 displays a document as its number)."""
    return (origin or {}).get("displayed_as") if (kind or {}).get("id") in NUMBERED else None


TABLES = (
    Table(
        "transactions",
        Identity(),
        ReadOnly("entry_date", "created_at", STAMP),
        Unsupported("created_by", "v3.1 does not say who made a transaction", None),
        ReadOnly("last_updated", "updated_at", STAMP),
        ReadOnly("transaction_date", "date", DAY),
        Nested(
            "contact",
            of=(
                Identity(),
                Computed("company_name", of=("name", "displayed_as"), told=company),
                ReadOnly("reference"),
                Computed("contact_type", of=("contact_types",), told=role),
            ),
            holds="contacts",
        ),
        Reference("type", "transaction_type", to=TYPES, name="displayed_as", read_only=True),
        Unsupported("net", "v3.1's transactions have their total alone", None),
        Unsupported("vat", "v3.1's transactions have their total alone", None),
        ReadOnly("total", codec=MONEY),
        ReadOnly("deleted", codec=FLAG),
        Computed("invoice_number", of=("transaction_type", "origin"), told=document_number),
        ReadOnly("reference", codec=NOTE),
        Nested("ledger_entries", of=ENTRY, holds="ledger_entries", many=True),
        kind="transactions",
        verbs="list",
        filters=DAYS,
        paged=False,
        bare=True,
        plans={"list": transactions},
        notes="from v3.1's transactions, ledger entries, ledger accounts and contacts; in v3.1's order",
        known="v1-recorded",
    ),
    Table(
        "transaction_types",
        Identity(codes=TYPES),
        ReadOnly("name", "displayed_as"),
        v3="transaction_types",
        paged=False,
        plans={"list": whole(by_number(TYPES))},
        known="documented",
    ),
)

"""Payments under an invoice (v2.md §6.23, §6.25): v3.1's contact payments, allocated to the invoice."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Any

from gateway.errors import NotFound, Retired
from gateway.messages import Record, V3Response
from gateway.resources._money_plans import one_bank
from gateway.resources._parts import LOCK_VERSION
from gateway.resources._regions import PAYMENT_TYPES
from gateway.translate.calls import Call
from gateway.translate.codecs import DATE, MONEY, text
from gateway.translate.draft import Draft, RequestDraft
from gateway.translate.pages import window
from gateway.translate.plans import Plan, down, down_all, every, get, selection, up
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Constant, Field, Identity, Reference, Rule, Unsupported

NO_PDF = "v3.1 makes no PDF of a payment"
SHARED = "the payment is for more than this invoice; v3.1 can only delete it whole"

UNMARKED = {"sales_invoices": [["mark_as_sent", "false"]]}
"""What keeps the reading of an invoice from changing it, where that needs saying."""


def invoice(call: Call) -> RequestDraft:
    """The request for the invoice that the path names: whose it is."""
    invoices = call.table.path.partition("/")[0]
    query = [*UNMARKED.get(invoices, []), ["attributes", "contact"]]
    return RequestDraft("GET", [invoices, call.key(invoices, 0)], query)


def allocated(record: Record, invoice_id: str) -> Record | None:
    """A payment as far as it pays this invoice, and whether it is `shared` with others; None where it does not."""
    parts = [
        part for part in record.get("allocated_artefacts") or () if (part.get("artefact") or {}).get("id") == invoice_id
    ]
    if not parts:
        return None
    amount = sum((Decimal(part["amount"]) for part in parts), Decimal(0))
    shared = record.get("total_amount") is not None and Decimal(record["total_amount"]) != amount
    return {**record, "total_amount": MONEY.down(amount), "shared": shared}


def voided(deleted_at: Any) -> bool:
    """Whether a payment is out of the books."""
    return deleted_at is not None


def pay(call: Call) -> Plan:
    """POST: the whole amount is allocated to the invoice. Raises BadCall where the names of the bank account mean
    different ones."""
    call, known = yield from one_bank(call, {})
    draft = up(call, creating=True, known=known)
    answer: V3Response = yield invoice(call)
    found = answer.body
    assert draft.body is not None  # noqa: S101 - `up` made it
    draft.body["contact_id"] = found["contact"]["id"]
    draft.body["allocated_artefacts"] = [{"artefact_id": found["id"], "amount": draft.body["total_amount"]}]
    answer = yield draft
    again: V3Response | None = yield get(call, answer.body["id"], optional=True)
    record = again.body if again else answer.body
    return down(call, allocated(record, found["id"]) or record, 201, asked=again is not None)


def one_payment(call: Call) -> Generator[Draft, Any, Record]:
    """The payment that the path names. Raises NotFound where it does not pay the invoice in the path."""
    if call.pdf:
        raise Retired(NO_PDF)
    answer: V3Response = yield invoice(call)
    found = answer.body
    answer = yield get(call)
    record = allocated(answer.body, found["id"])
    if record is None:
        raise NotFound("Not Found")
    return record


def read_payment(call: Call) -> Plan:
    """GET one."""
    return down(call, (yield from one_payment(call)))


def delete_payment(call: Call) -> Plan:
    """DELETE: v3.1 takes it out of the books; v2 showed it voided. Raises Retired for one that pays more."""
    record = yield from one_payment(call)
    if record["shared"]:
        raise Retired(SHARED)
    yield RequestDraft("DELETE", [call.table.v3, record["id"]])
    return down(call, {**record, "deleted_at": record.get("deleted_at") or "now"})


def payments_of(call: Call) -> Plan:
    """GET list: of the contact's payments, those that pay the invoice."""
    start, size = window(call.params)
    answer: V3Response = yield invoice(call)
    found = answer.body
    query = [*selection(call.table, "list"), ["contact_id", found["contact"]["id"]]]
    payments = yield from every(call.table.v3, query)
    rows = [row for payment in payments if (row := allocated(payment, found["id"]))]
    return down_all(call, rows[start : start + size], (len(rows), start, size))


def paid_by(invoices: str, root: str, transaction: str, *ends: Rule, known: str = "inferred") -> Table:
    """The table of the payments of these invoices; `ends` are where the money comes from and where it goes."""
    return Table(
        f"{invoices}/*/payments",
        Identity(),
        Constant("transaction_type_id", transaction),
        Field("date", codec=DATE, required="invalid date"),
        Field("reference", codec=text(25)),
        Field("amount", "total_amount", MONEY, required="is not a number"),
        Computed("voided", of=("deleted_at",), told=voided),
        Reference("bank_account", to="bank_accounts", flat="bank_account_id", flat_only=True, required="blank"),
        Reference("payment_type", "payment_method", to=PAYMENT_TYPES, flat="payment_type_id", flat_only=True),
        *ends,
        LOCK_VERSION,
        v3="contact_payments",
        root=root,
        v3_root="contact_payment",
        verbs="list one create delete",
        queries={"list": (("transaction_type_id", transaction), ("sort", "date:asc"))},
        plans={"list": payments_of, "one": read_payment, "create": pay, "delete": delete_payment},
        reads=("allocated_artefacts",),
        known=known,
        notes=NO_PDF,
    )


TABLES = (
    paid_by(
        "sales_invoices",
        "sales_invoice_payment",
        "CUSTOMER_RECEIPT",
        Unsupported("source", "v3.1 does not name the debtors' account of a payment", {"$key": None}),
        Reference("destination", "bank_account/ledger_account", to="ledger_accounts"),
        known="client-seen",
    ),
    paid_by(
        "purchase_invoices",
        "purchase_invoice_payment",
        "VENDOR_PAYMENT",
        Reference("source", "bank_account/ledger_account", to="ledger_accounts"),
        Unsupported("destination", "v3.1 does not name the creditors' account of a payment", {"$key": None}),
    ),
)

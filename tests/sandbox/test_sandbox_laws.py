"""Whatever is booked in whatever order, the books agree with a plain reckoning of what was done."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.sandbox import Sandbox
from gateway.sandbox.problems import Refusal
from gateway.sandbox.verbs import Collections
from gateway.sandbox.wire import Incoming

LINES = {
    "sales_invoices": "invoice_lines",
    "purchase_invoices": "invoice_lines",
    "sales_credit_notes": "credit_note_lines",
    "purchase_credit_notes": "credit_note_lines",
}
SIDES = ("sales", "purchase")
MOVES = {"OTHER_PAYMENT": -1, "OTHER_PAYMENT_REFUND": 1, "OTHER_RECEIPT": 1, "OTHER_RECEIPT_REFUND": -1}
"""Which way each moves the bank."""
CENTS = st.integers(1, 20_000).map(lambda cents: Decimal(cents) / 100)
SHARES = st.sampled_from([1, 30, 50, 100, 100, 100, 110])
"""Hundredths of what is outstanding: more than all of it now and then."""
PLACES = st.integers(0, 1000)
"""Of one among all there are."""
WILD = st.sampled_from([False, False, False, True])
"""Takes any document, and so is mostly refused; else one that can be paid."""


@dataclass(eq=False)
class Paper:
    """A document, or a payment on account, as the reckoning knows it. `taken` by the ids of what pays it."""

    collection: str
    id: str
    side: str
    total: Decimal
    credit: bool
    draft: bool = False
    gone: bool = False
    taken: dict[str, Decimal] = field(default_factory=dict)

    @property
    def left(self) -> Decimal:
        return self.total - sum(self.taken.values(), Decimal(0))

    @property
    def open(self) -> bool:
        return not self.draft and not self.gone and self.left > 0

    @property
    def status(self) -> str:
        return "DRAFT" if self.draft else "UNPAID" if not self.taken else "PART_PAID" if self.left else "PAID"


@dataclass(eq=False)
class Payer:
    """A payment of any kind, or an allocation, and the payment on account that it left."""

    path: str
    moved: Decimal = Decimal(0)
    surplus: Paper | None = None


def _share(paper: Paper, hundredths: int) -> Decimal:
    return (max(paper.left, Decimal(1)) * hundredths / 100).quantize(Decimal("0.01"))


def _alike(invoice: Paper, credit: Paper) -> bool:
    return invoice.side == credit.side and credit.credit and not invoice.credit


class Trade(RuleBasedStateMachine):
    """Documents, payments, refunds, credits set off, changes and deletions, all through the API's verbs."""

    @initialize()
    def open(self) -> None:
        sandbox = Sandbox(seed=False)
        self.books = sandbox.business("Harbour Ltd").books
        self.desk = Collections(self.books, sandbox.spec, sandbox.switches, [])
        self.spec = sandbox.spec
        self.papers: list[Paper] = []
        self.payers: list[Payer] = []
        self.contacts = {side: self._contact(side) for side in SIDES}
        self.bank = next(self.books.live("bank_accounts"))
        self.account = next(a for a in self.books.live("ledger_accounts") if a["nominal_code"] == 8200)["id"]
        self.opening = self._shown(f"/bank_accounts/{self.bank['id']}", "balance")
        for collection in LINES:
            self._write(collection, Decimal(100), draft=False)

    def _contact(self, side: str) -> str:
        kind = {"sales": "CUSTOMER", "purchase": "VENDOR"}[side]
        return str(self._ask("POST", "/contacts", {"name": side, "contact_type_ids": [kind]})["id"])

    def _ask(self, method: str, path: str, sent: dict[str, Any] | None = None, **query: str) -> Any:
        matched = self.spec.match(path)
        assert matched is not None
        operation = self.spec.operation(method, matched[0])
        assert operation is not None
        call = Incoming(method, f"/v3.1{path}", tuple(query.items()))
        return self.desk.answer(operation, matched[1], call, sent).body

    def _shown(self, path: str, name: str) -> Decimal:
        return Decimal(self._ask("GET", path, show_balance="true")[name])

    def _does(self, allowed: bool, method: str, path: str, sent: dict[str, Any] | None = None, **query: str) -> Any:
        """Asks; it must be refused unless it is allowed."""
        if not allowed:
            with pytest.raises(Refusal):
                self._ask(method, path, sent, **query)
            return None
        answer = self._ask(method, path, sent, **query)
        return {} if answer is None else answer

    def _paper(self, place: int) -> Paper:
        return self.papers[place % len(self.papers)]

    def _line(self, price: Decimal) -> dict[str, Any]:
        return {"description": "Mug", "ledger_account_id": self.account, "quantity": 1, "unit_price": str(price)}

    @rule(collection=st.sampled_from(sorted(LINES)), price=CENTS, draft=st.sampled_from([False, False, True]))
    def write(self, collection: str, price: Decimal, draft: bool) -> None:
        self._write(collection, price, draft=draft)

    def _write(self, collection: str, price: Decimal, *, draft: bool) -> None:
        side = collection.partition("_")[0]
        sent = {"contact_id": self.contacts[side], "date": "2025-06-10", LINES[collection]: [self._line(price)]}
        sent |= {"due_date": "2025-07-10"} if collection == "purchase_invoices" else {}
        made = self._ask("POST", f"/{collection}", {**sent, "status_id": "DRAFT" if draft else "UNPAID"})
        self.papers.append(
            Paper(collection, made["id"], side, Decimal(made["total_amount"]), "credit" in collection, draft)
        )

    @rule(place=PLACES)
    def release(self, place: int) -> None:
        paper = self._paper(place)
        if paper.collection in LINES and not paper.gone:
            self._does(paper.draft, "POST", f"/{paper.collection}/{paper.id}/release")
            paper.draft = False

    @rule(place=PLACES, price=CENTS)
    def change(self, place: int, price: Decimal) -> None:
        """A new price; the total may not fall below what has been paid."""
        paper = self._paper(place)
        if paper.collection not in LINES or paper.gone:
            return
        allowed = price >= paper.total - paper.left
        sent = {LINES[paper.collection]: [self._line(price)]}
        if self._does(allowed, "PUT", f"/{paper.collection}/{paper.id}", sent) is not None:
            paper.total = price

    @rule(place=PLACES, wild=WILD, share=SHARES, discount=st.sampled_from([0, 0, 5]), extra=st.sampled_from([0, 0, 5]))
    def pay(self, place: int, wild: bool, share: int, discount: int, extra: int) -> None:
        """Pays an invoice, or refunds a credit; what is beyond it stays on account."""
        payable = [paper for paper in self.papers if wild or paper.open]
        if not payable:
            return
        paper = payable[place % len(payable)]
        amount = _share(paper, share)
        forgiven = (amount * discount / 100).quantize(Decimal("0.01"))
        sales = paper.side == "sales"
        word = "REFUND" if paper.credit else "RECEIPT" if sales else "PAYMENT"
        sent = {
            "transaction_type_id": f"{'CUSTOMER' if sales else 'VENDOR'}_{word}",
            "contact_id": self.contacts[paper.side],
            "bank_account_id": self.bank["id"],
            "date": "2025-06-12",
            "total_amount": str(amount + extra),
            "allocated_artefacts": [{"artefact_id": paper.id, "amount": str(amount), "discount": str(forgiven)}],
        }
        fits = paper.open and amount > 0 and amount + forgiven <= paper.left and not (paper.credit and extra)
        made = self._does(fits, "POST", "/contact_payments", sent)
        if made is None:
            return
        paper.taken[made["id"]] = amount + forgiven
        payer = Payer(f"/contact_payments/{made['id']}", (amount + extra) * (1 if sales is not paper.credit else -1))
        self.payers.append(payer)
        if extra:
            key = made["payment_on_account"]["id"]
            payer.surplus = Paper("payments_on_account", key, paper.side, Decimal(extra), credit=True)
            self.papers.append(payer.surplus)

    @rule(place=PLACES, wild=WILD, share=SHARES)
    def allocate(self, place: int, wild: bool, share: int) -> None:
        """Sets a credit against an invoice of the same contact."""
        pairs = [
            (invoice, credit)
            for invoice in self.papers
            for credit in self.papers
            if wild or (_alike(invoice, credit) and invoice.open and credit.open)
        ]
        if not pairs:
            return
        invoice, credit = pairs[place % len(pairs)]
        amount = min(_share(invoice, share), _share(credit, share))
        sales = invoice.side == "sales"
        sign = 1 if sales else -1
        sent = {
            "transaction_type_id": "CUSTOMER_ALLOCATION" if sales else "VENDOR_ALLOCATION",
            "contact_id": self.contacts[invoice.side],
            "allocated_artefacts": [
                {"artefact_id": invoice.id, "amount": str(sign * amount)},
                {"artefact_id": credit.id, "amount": str(-sign * amount)},
            ],
        }
        fits = _alike(invoice, credit) and all(each.open and 0 < amount <= each.left for each in (invoice, credit))
        made = self._does(fits, "POST", "/contact_allocations", sent)
        if made is not None:
            invoice.taken[made["id"]] = credit.taken[made["id"]] = amount
            self.payers.append(Payer(f"/contact_allocations/{made['id']}"))

    @rule(kind=st.sampled_from(sorted(MOVES)), total=CENTS, tax=st.integers(0, 100))
    def spend(self, kind: str, total: Decimal, tax: int) -> None:
        """An other payment, receipt or refund, with any tax."""
        part = (total * tax / 100).quantize(Decimal("0.01"))
        line = {"ledger_account_id": self.account, "total_amount": str(total), "tax_amount": str(part)}
        sent = {
            "transaction_type_id": kind,
            "date": "2025-06-12",
            "bank_account_id": self.bank["id"],
            "total_amount": str(total),
            "payment_lines": [line],
        }
        made = self._ask("POST", "/other_payments", sent)
        assert Decimal(made["net_amount"]) == total - part
        self.payers.append(Payer(f"/other_payments/{made['id']}", MOVES[kind] * total))

    @rule(one=CENTS, more=st.sampled_from([0, 0, 1]))
    def journal(self, one: Decimal, more: int) -> None:
        """Is posted where it balances."""
        other = one + more
        lines = [
            {"ledger_account_id": self.account, "debit": str(one), "credit": "0"},
            {"ledger_account_id": self.account, "debit": "0", "credit": str(other)},
        ]
        sent = {"date": "2025-06-12", "reference": "J", "journal_lines": lines}
        self._does(one == other, "POST", "/journals", sent)

    @precondition(lambda self: self.payers)
    @rule(place=PLACES)
    def take_back(self, place: int) -> None:
        """Deletes a payment or an allocation, unless its payment on account has been used."""
        payer = self.payers[place % len(self.payers)]
        used = payer.surplus is not None and bool(payer.surplus.taken)
        if self._does(not used, "DELETE", payer.path) is None:
            return
        self.payers.remove(payer)
        for paper in self.papers:
            paper.taken.pop(payer.path.rpartition("/")[2], None)
        if payer.surplus is not None:
            payer.surplus.gone = True

    @rule(place=PLACES)
    def drop(self, place: int) -> None:
        """Deletes or voids a document that nothing is allocated to."""
        paper = self._paper(place)
        if paper.collection not in LINES or paper.gone:
            return
        path = f"/{paper.collection}/{paper.id}"
        if self._does(not paper.taken, "DELETE", path, void_reason="x") is not None:
            paper.gone = True

    @invariant()
    def what_is_left_is_the_total_less_what_was_taken(self) -> None:
        for paper in self.papers:
            if paper.gone:
                continue
            record = self.books.get(paper.collection, paper.id)
            assert record["outstanding_amount"] == paper.left
            assert record["status"].id == paper.status

    @invariant()
    def debits_equal_credits(self) -> None:
        entries = list(self.books.live("ledger_entries"))
        for some in (entries, [entry for entry in entries if not entry["deleted"]]):
            assert sum(entry["debit"] for entry in some) == sum(entry["credit"] for entry in some)

    @invariant()
    def contacts_and_control_accounts_agree(self) -> None:
        for side, code, sign in (("sales", 1100, 1), ("purchase", 2100, -1)):
            owed = sum(
                (-paper.left if paper.credit else paper.left)
                for paper in self.papers
                if paper.side == side and not paper.gone and not paper.draft
            )
            assert self._shown(f"/contacts/{self.contacts[side]}", "balance") == owed
            account = next(a for a in self.books.live("ledger_accounts") if a["nominal_code"] == code)
            entries = [e for e in self.books.live("ledger_entries") if e["ledger_account"].id == account["id"]]
            assert sign * sum(e["debit"] - e["credit"] for e in entries if not e["deleted"]) == owed

    @invariant()
    def the_bank_holds_what_was_paid(self) -> None:
        balance = self._shown(f"/bank_accounts/{self.bank['id']}", "balance")
        assert balance == self.opening + sum(payer.moved for payer in self.payers)


TestTrade = Trade.TestCase
TestTrade.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)

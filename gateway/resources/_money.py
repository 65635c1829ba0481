"""The amounts of an income or expense: v2's single line in v3.1's payment lines (v2.md §6.11, §6.15)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from gateway.errors import BadCall, Retired
from gateway.messages import Record
from gateway.resources._parts import WIDE, half_up, number
from gateway.translate.codecs import MONEY, decimal_of, decimal_text
from gateway.translate.draft import Hole, RequestDraft
from gateway.translate.writing import Writing

LINE = "payment_lines.0"
SAID = "tax_percentage_rate"
NEGATIVE = "v3.1 books a negative amount as a refund, which is a record of another kind that v2 never had"


def tax_on(net: Any, percentage: Any) -> str:
    """The tax on a net amount, half-up to two places. Raises BadCall where the rate has no percentage."""
    if percentage is None:
        raise BadCall("cannot be reckoned: the tax rate has no percentage", "tax_amount")
    return decimal_text(half_up(WIDE.multiply(number(net), number(percentage)) / 100))


def reckoned(sent: Record, net: Any, rate: Any, day: str) -> str | Hole:
    """The tax that a client left to us: by the percentage that it sent, else by its rate's on that day; none without
    either. `rate` is the rate's modern id, or the hole for it."""
    if sent.get(SAID) not in (None, ""):
        return tax_on(net, decimal_of(sent[SAID], SAID))
    if rate is None:
        return "0.0"
    known = rate if isinstance(rate, Hole) else Hole("tax_rates", rate)
    return replace(known, want="percentage", on=day, then=lambda percentage: tax_on(net, percentage))


def total(net: Any, tax: Any) -> str | Hole:
    """Net and tax, each as it is booked, to the cent; the tax may not be known yet."""
    if isinstance(tax, Hole):
        known = tax.then or (lambda fact: fact)
        return replace(tax, then=lambda fact: total(net, known(fact)))
    return decimal_text(WIDE.add(half_up(number(net)), half_up(number(tax))))


def no_less_than_nothing(net: Any, tax: Any) -> None:
    """Raises Retired where the tax takes more than the amount; a tax that is yet to be found out is that of a rate,
    and takes nothing."""
    booked = total(net, tax)
    if not isinstance(booked, Hole) and number(booked) < 0:
        raise Retired(NEGATIVE, "tax_amount")


def default_tax(w: Writing) -> Any:
    """The tax of a create that says nothing of it."""
    return reckoned(w.sent, w.take(f"{LINE}.net_amount"), w.take(f"{LINE}.tax_rate_id"), w.day("date"))


def taken(name: str) -> Any:
    """What the line has: v3.1 wants the same of the whole payment."""
    return lambda w: w.take(f"{LINE}.{name}")


def line_total(w: Writing) -> Any:
    """The line's net amount and tax."""
    return total(w.take(f"{LINE}.net_amount"), w.take(f"{LINE}.tax_amount"))


def settle(draft: RequestDraft, sent: Record, current: Record) -> None:
    """Make the amounts of an update agree, where it changes the payment's one line. Tax is as the client says, and
    reckoned anew where it says nothing of it but changes what it hangs on. Raises Retired for less than nothing."""
    body: Record = draft.body or {}
    if "payment_lines" not in body:
        return
    line = body["payment_lines"][0]
    rate_sent = not sent.keys().isdisjoint(RATES)
    amount_sent = not sent.keys().isdisjoint(AMOUNTS)
    if "tax_amount" not in sent and (rate_sent or (amount_sent and line.get("tax_rate_id"))):
        day = body.get("date") or current.get("date") or ""
        made = reckoned(sent, line["net_amount"], line.get("tax_rate_id"), day)
        draft.place(line, "tax_amount", made, "tax_amount")
    tax = line.get("tax_amount")
    no_less_than_nothing(line["net_amount"], tax)
    body["net_amount"] = line["net_amount"]
    draft.place(body, "tax_amount", tax, "tax_amount")
    for container in (line, body):
        draft.place(container, "total_amount", total(line["net_amount"], tax), "tax_amount")


AMOUNTS = frozenset({"amount", "net_amount"})
RATES = frozenset({"tax_code_id", "tax_code", "tax_rate_id", "tax_rate", SAID})


def percentage(lines: Any, net: Any, tax: Any, day: Any) -> str | Hole:
    """The percentage of the payment's tax rate on its day, which recordings show even where the tax is another; of
    several rates or none, what the amounts make."""
    rate = (lines[0].get("tax_rate") or {}).get("id") if lines else None
    if rate:
        if parts := lines[0].get("tax_breakdown"):
            return decimal_text(sum((number(part.get("percentage")) for part in parts), Decimal(0)))
        return Hole("tax_rates", rate, want="percentage", on=day or "", then=lambda fact: MONEY.down(fact or "0"))
    if not number(net):
        return "0.0"
    return decimal_text(half_up(WIDE.divide(number(tax) * 100, number(net))))


def one_line(record: Record) -> Record:
    """A payment of several lines, such as Sage's own pages make, as one: its account and tax rate are named where all
    lines have the same, since another's would be a wrong statement."""
    lines = record.get("payment_lines") or []
    if len(lines) < 2:
        return record
    first, line = lines[0], {}
    for name in ("ledger_account", "tax_rate"):
        ids = {(each.get(name) or {}).get("id") for each in lines}
        line[name] = first.get(name) if len(ids) == 1 else None
    if line["tax_rate"]:
        line["tax_breakdown"] = first.get("tax_breakdown")
    return {**record, "payment_lines": [line]}


def voided(deleted_at: Any) -> bool:
    """Whether it is out of the books."""
    return deleted_at is not None

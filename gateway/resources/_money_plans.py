"""What calls of incomes and expenses take."""

from __future__ import annotations

from collections.abc import Callable, Generator
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from gateway.errors import BadCall, NotFound, Retired
from gateway.messages import Record, V3Response
from gateway.resources._missing import Needed, complete, given
from gateway.resources._money import AMOUNTS, LINE, NEGATIVE, SAID, no_less_than_nothing, one_line, reckoned, settle
from gateway.translate.calls import Call
from gateway.translate.codecs import decimal_of
from gateway.translate.draft import Draft, FactsDraft, Hole, ReplyDraft, RequestDraft, corrected
from gateway.translate.pages import Window, window
from gateway.translate.plans import Plan, create, down, down_all, gather, get, unchanged, up
from gateway.translate.rules import Reference
from gateway.translate.rules.reference import legacy_key
from gateway.translate.rules.ruleset import alike, base, key_of

BANK = "bank_account_id"
SEVERAL = "the payment has several lines in Sage; which of them should change cannot be told"


def ours(call: Call, record: Record) -> Record:
    """The record. Raises NotFound for another kind of payment: an expense is no income, and a refund neither."""
    (_, kind), *_ = call.table.queries["kind"]
    if (record.get("transaction_type") or {}).get("id", kind) != kind:
        raise NotFound("Not Found")
    return record


def listing(call: Call) -> Plan:
    """GET list."""
    start, size = window(call.params)
    rows = Window(start, size)
    yield from gather(call, rows)
    return down_all(call, [one_line(row) for row in rows.rows], (rows.total, start, size))


def read(call: Call) -> Plan:
    """GET one."""
    answer: V3Response = yield get(call)
    return down(call, one_line(ours(call, answer.body)))


def make(needed: tuple[Needed, ...]) -> Callable[[Call], Plan]:
    """POST; what is missing is told all at once."""

    def made(call: Call) -> Plan:
        complete(call.sent, needed)
        two_ends(call)
        no_refund(call)
        no_less_than_nothing(*amounts(call.sent))
        call, known = yield from one_bank(call, {})
        return (yield from create(call, known))

    return made


def change(call: Call) -> Plan:
    """PUT. Raises Retired for what one line cannot say of several."""
    answer: V3Response = yield get(call)
    current = ours(call, answer.body)
    unchanged(call, current)
    if len(current.get("payment_lines") or ()) > 1:
        call = yield from without_lines(call, current)
    two_ends(call)
    no_refund(call)
    call, known = yield from one_bank(call, current)
    draft = up(call, current, known=known)
    assert draft.body is not None  # noqa: S101 - `up` made it
    settle(draft, call.sent, current)
    if not draft.body:
        reply = down(call, one_line(current))
        reply.notes += draft.notes
        return reply
    answer = yield draft
    again: V3Response | None = yield get(call, current["id"], optional=True)
    record = again.body if again else answer.body
    return down(call, one_line(record), asked=again is not None)


def void(call: Call) -> Plan:
    """DELETE: v3.1 takes it out of the books; v2 showed it voided, and changed once more (recorded)."""
    answer: V3Response = yield get(call)
    record = ours(call, answer.body)
    yield RequestDraft("DELETE", [call.table.v3, record["id"]])
    return down_voided(call, {**one_line(record), "deleted_at": record.get("deleted_at") or "now"})


def down_voided(call: Call, record: Record) -> ReplyDraft:
    """The reply to a DELETE."""
    reply = down(call, record)
    reply.body["lock_version"] += 1
    reply.again = lambda numbers: down_voided(call, corrected(record, numbers))
    return reply


def two_ends(call: Call) -> None:
    """Raises BadCall, in v1's words (v2.md §4.4), for money that would go from an account to itself."""
    ends = [
        {str(key_of(call.sent[name])) for name in (f"{end}_id", end) if given(call.sent, name)}
        for end in ("source", "destination")
    ]
    if ends[0] & ends[1]:
        raise BadCall("should not be the same as source", "destination")


def no_refund(call: Call) -> None:
    """Raises Retired for an amount below zero."""
    for name in AMOUNTS & call.sent.keys():
        if given(call.sent, name) and decimal_of(call.sent[name], name) < 0:
            raise Retired(NEGATIVE, name)


def amounts(sent: Record) -> tuple[Decimal, Any]:
    """The net amount and the tax that a create states; the tax by a percentage where only that is stated."""
    net = max(decimal_of(sent[name], name) for name in AMOUNTS if given(sent, name))
    if given(sent, "tax_amount"):
        return net, decimal_of(sent["tax_amount"], "tax_amount")
    return net, reckoned(sent, net, None, "")


def writers(call: Call, start: str) -> dict[str, Reference]:
    """The references that write something of v3.1's that begins so, by each v2 name that was sent with a value."""
    return {
        name: rule
        for name, rule in call.table.rules.by_name.items()
        if isinstance(rule, Reference) and rule.written.startswith(start) and given(call.sent, name)
    }


def modern_ids(call: Call, rules: dict[str, Reference]) -> Generator[Draft, Any, Record]:
    """The modern ids that were sent, by v2 name; of a bank's ledger account, its bank account's."""
    draft = FactsDraft({})
    for name, rule in rules.items():
        number = legacy_key(key_of(call.sent[name]), name)
        behind = rule.path.partition("/")[2]
        then = bank_of(f"{behind}.id") if behind else None
        draft.gap(draft.message, name, Hole(rule.kind, number, by="legacy_id", then=then), name)
    found: Record = (yield draft).message
    return found


def bank_of(by: str) -> Callable[[Any], Hole]:
    """The way from a ledger account on to its bank account."""
    return lambda modern: Hole("bank_accounts", modern, by=by)


def one_bank(call: Call, current: Record) -> Generator[Draft, Any, tuple[Call, Record]]:
    """The call without names of the bank account that do not count, and which it is where several came: of what v3.1
    has already, sent back with a change, the change. Raises BadCall where they mean different ones."""
    rules = writers(call, BANK)
    if len({id(rule) for rule in rules.values()}) < 2:
        return call, {}
    found = yield from modern_ids(call, rules)
    was = (current.get("bank_account") or {}).get("id")
    meant = set(found.values()) - {was} or {was}
    if len(meant) > 1:
        raise BadCall("is not the ledger account of the bank account", next(reversed(found)))
    rest = {name: value for name, value in call.sent.items() if name not in rules}
    return replace(call, sent=rest), {BANK: meant.pop()}


def without_lines(call: Call, current: Record) -> Generator[Draft, Any, Call]:
    """The call without what it says of the payment's line, where that is only what v2 showed of several, sent back.
    Raises Retired for anything else."""
    rules = writers(call, LINE)
    found = yield from modern_ids(call, rules)
    shown = one_line(current)
    (line,) = shown["payment_lines"]
    said = down(call, shown).body
    rest = dict(call.sent)
    for name, rule in call.table.rules.by_name.items():
        of_line = name == SAID or any(written.startswith(LINE) for written in rule.writes())
        if name not in call.sent or not of_line:
            continue
        if name in found:
            held = (line.get(rules[name].path.rpartition(".")[2]) or {}).get("id")
            same = held == found[name]
        else:
            same = alike(call.sent[name], said.get(base(name)))
        if not same and name != SAID:
            raise Retired(SEVERAL, name)
        del rest[name]
    return replace(call, sent=rest)

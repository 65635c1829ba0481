"""The ledger accounts of purchase lines in full, as v2 showed them (v2.md §6.25).

v3.1 shows of a line's account its id and its name alone, so the chart is read once for each reply, however many lines
it has.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from gateway.messages import Record, V3Response
from gateway.resources._parts import LEDGER_ACCOUNT_TYPES, rate_name
from gateway.translate.calls import Call
from gateway.translate.codecs import WHOLE
from gateway.translate.draft import Draft, ReplyDraft, RequestDraft, corrected
from gateway.translate.plans import MOST_PAGES, Plan
from gateway.translate.rules import Identity, ReadOnly, Reference, RuleSet

ACCOUNT = RuleSet(
    "ledger_account_of_a_line",
    (
        Identity(kind="ledger_accounts"),
        ReadOnly("display_name"),
        ReadOnly("nominal_code", codec=WHOLE),
        Reference("ledger_account_type", to=LEDGER_ACCOUNT_TYPES, name="displayed_as"),
        Reference("tax_code", "tax_rate", to="tax_rates", aliases=("tax_rate",), name=rate_name),
    ),
)
ASKED = ",".join(dict.fromkeys(path.partition(".")[0] for path in ACCOUNT.reads() if path not in ("id", "legacy_id")))


def in_full(plan: Callable[[Call], Plan]) -> Callable[[Call], Plan]:
    """A plan whose reply shows each line's ledger account in full; where the chart cannot be read, by its id alone, as
    v1 always showed it."""

    def detailed(call: Call) -> Plan:
        reply = yield from plan(call)
        if call.version == "v1" or not any(line["ledger_account"].keys() > {"$key"} for line in lines_of(reply)):
            return reply
        return shown_in_full(reply, (yield from chart()))

    return detailed


def lines_of(reply: ReplyDraft) -> list[Record]:
    """The lines of the document, or of all documents, of a reply."""
    documents = reply.body.get("$resources", [reply.body])
    return [line for document in documents for line in document["line_items"]]


def chart() -> Generator[Draft, Any, list[Record]]:
    """The ledger accounts, as far as they can be read: the call does not fail without them."""
    rows: list[Record] = []
    page, more = 1, True
    while more and page <= MOST_PAGES:
        query = [["attributes", ASKED], ["show_legacy_id", "true"], ["items_per_page", "200"], ["page", str(page)]]
        answer: V3Response | None = yield RequestDraft("GET", ["ledger_accounts"], query, optional=True)
        if answer is None or answer.body.get("$page", page) != page:  # a page past the end repeats the last one
            break
        rows += answer.body["$items"]
        page, more = page + 1, answer.body.get("$next") is not None
    return rows


def shown_in_full(reply: ReplyDraft, accounts: list[Record]) -> ReplyDraft:
    """The reply with the accounts put into its lines, by the number that a line shows, or will show."""
    known = {account["id"]: account for account in accounts}
    known |= {account["legacy_id"]: account for account in accounts if account.get("legacy_id") is not None}
    unseen = {id(container): hole.known for container, _, hole, _ in reply.gaps}
    for line in lines_of(reply):
        shown = line["ledger_account"]
        account = known.get(unseen.get(id(shown), shown.get("id")))
        if account is not None:
            line["ledger_account"] = ACCOUNT.down(account, reply, True)
    again = reply.again
    assert again is not None  # noqa: S101 - `down` and `down_all` give one
    reply.again = lambda numbers: shown_in_full(again(numbers), corrected(accounts, numbers))
    return reply

"""`journals` (v2.md §6.34, recorded of v1; reading them is inferred)."""

from __future__ import annotations

from typing import Any

from gateway.errors import BadCall
from gateway.resources._missing import given
from gateway.translate.calls import Call
from gateway.translate.codecs import DAY, MONEY, WHOLE, text
from gateway.translate.plans import Plan, create
from gateway.translate.resource import Table
from gateway.translate.rules import Field, Identity, Nested, ReadOnly
from gateway.translate.rules.expanded import Expanded
from gateway.translate.writing import Writing


def create_journal(call: Call) -> Plan:
    """POST; a journal without a date is refused as v1 did."""
    if not given(call.sent, "date"):
        raise BadCall("invalid_date", "base")
    return (yield from create(call))


def described(writing: Writing) -> Any:
    """v3.1 requires a reference, v1 did not: the description says what the journal is."""
    return writing.take("description")


def nothing(_: Writing) -> str:
    """v3.1 wants both sides of a line said."""
    return "0.0"


TABLES = (
    Table(
        "journals",
        Identity(),
        Field("date", codec=DAY, required="invalid date"),
        Field("description", codec=text(200)),
        Field("reference", codec=text(255), default=described, required="blank"),
        Nested(
            "journal_lines",
            of=(
                Identity(),
                Expanded(
                    "ledger_account",
                    to="ledger_accounts",
                    of=(ReadOnly("nominal_code", codec=WHOLE),),
                    by="nominal_code",
                    required=("blank", "journal_lines.ledger_account"),
                ),
                Field("details"),
                Field("credit", codec=MONEY, default=nothing),
                Field("debit", codec=MONEY, default=nothing),
            ),
            holds="journal_lines",
            many=True,
            required="blank",
        ),
        v3="journals",
        root="journal",
        verbs="list one create",
        plans={"create": create_journal},
        notes="dates are ISO in every dialect, as recorded",
        known="v1-recorded",
    ),
)

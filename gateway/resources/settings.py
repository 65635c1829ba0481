"""`financial_settings` and `invoice_settings` (v2.md §6.13, §6.16): one of each, known by the business's number."""

from __future__ import annotations

from gateway.messages import Record, V3Response
from gateway.resources._parts import TAX_SCHEMES
from gateway.translate.calls import Call
from gateway.translate.codecs import DAY, FLAG, STAMP, WHOLE
from gateway.translate.plans import Plan, down, get, up
from gateway.translate.resource import Table
from gateway.translate.rules import Field, Identity, ReadOnly, Reference, Rule, Unsupported

BUSINESS_KEY = Identity(kind="businesses", shows=("$key",))
"""v3.1's settings have no id; v1's were known by their business's number alone (v2.md §4.2, recorded)."""
NUMBER = "is not a number"
"""A blank would leave the business without a next number."""
NEVER_CUT = "a text longer than v3.1 allows is refused: cut, it would be on every document from then on"


def of_business(call: Call, settings: Record) -> Record:
    """The settings under the id of the business that they belong to."""
    return {**settings, "id": call.caller.business}


def read_settings(call: Call) -> Plan:
    """GET."""
    answer: V3Response = yield get(call)
    return down(call, of_business(call, answer.body))


def write_settings(call: Call) -> Plan:
    """PUT: only what was sent changes. The settings are read once more: an answer to a write shows no legacy ids."""
    draft = up(call)
    if not draft.body:
        reply = yield from read_settings(call)
        reply.notes += draft.notes
        return reply
    answer: V3Response = yield draft
    again: V3Response | None = yield get(call, optional=True)
    return down(call, of_business(call, (again or answer).body), asked=again is not None)


FINANCIAL: tuple[Rule, ...] = (
    BUSINESS_KEY,
    ReadOnly("last_updated", "updated_at", STAMP),
    Field("year_end_date", codec=DAY),
    Field("accounts_start_date", codec=DAY),
    Field("year_end_lock_down", "year_end_lockdown_date", DAY),
    Reference("tax_scheme", to=TAX_SCHEMES, name="displayed_as"),
    Field("tax_number"),
    Reference(
        "tax_submission_frequency_type",
        "tax_return_frequency",
        to="tax_return_frequencies",
        name="displayed_as",
    ),
    Unsupported("tax_rate", "v3.1's financial settings name no tax rate, and v1 was only seen with none", None),
)

INVOICE: tuple[Rule, ...] = (
    BUSINESS_KEY,
    Field("next_invoice_number", codec=WHOLE, required=NUMBER),
    Field("next_credit_note_number", codec=WHOLE, required=NUMBER),
    Field("next_quote_number", codec=WHOLE, required=NUMBER),
    Field("separate_invoice_credit_note_numbering", codec=FLAG),
    Field("sales_invoice_number_prefix"),
    Field("sales_credit_note_number_prefix"),
    Field("quote_number_prefix"),
    Field("invoice_terms_and_conditions"),
    Field("default_note_on_invoice"),
    Field("default_note_on_credit_note"),
    Field("customer_credit_days", codec=WHOLE, required=NUMBER),
    ReadOnly("updated_at", codec=STAMP),
)


def settings_table(name: str, rules: tuple[Rule, ...], notes: str, known: str = "inferred") -> Table:
    """A table of settings: one set a business."""
    return Table(
        name,
        *rules,
        v3=name,
        root=name,
        verbs="one update",
        singleton=True,
        plans={"one": read_settings, "update": write_settings},
        known=known,
        notes=notes,
    )


TABLES = (
    settings_table(
        "financial_settings", FINANCIAL, f"v3.1's tax_return_frequency is the frequency; {NEVER_CUT}", "v1-recorded"
    ),
    settings_table("invoice_settings", INVOICE, NEVER_CUT),
)

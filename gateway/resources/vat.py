"""`vat_schemes` and `current_vat_scheme` (v2.md §6.34): v3.1's tax schemes, and the one of the financial settings."""

from __future__ import annotations

from gateway.messages import V3Response
from gateway.resources._order import by_number, whole
from gateway.resources._parts import TAX_SCHEMES
from gateway.translate.calls import Call
from gateway.translate.draft import ReplyDraft, RequestDraft
from gateway.translate.plans import SDATA, Plan, down
from gateway.translate.resource import Table
from gateway.translate.rules import Identity, ReadOnly
from gateway.translate.rules.reference import NO_RECORD

SCHEME = (Identity(codes=TAX_SCHEMES), ReadOnly("name", "displayed_as"))


def current_scheme(call: Call) -> Plan:
    """GET: the scheme that the business is on; v2's empty reference where it is on none."""
    answer: V3Response = yield RequestDraft("GET", ["financial_settings"], [["show_legacy_id", "true"]])
    scheme = answer.body.get("tax_scheme")
    return down(call, scheme) if scheme else ReplyDraft(200, dict(NO_RECORD), SDATA)


TABLES = (
    Table(
        "vat_schemes",
        *SCHEME,
        aliases=("tax_schemes",),
        v3="tax_schemes",
        paged=False,
        plans={"list": whole(by_number(TAX_SCHEMES))},
    ),
    Table(
        "current_vat_scheme",
        *SCHEME,
        kind="tax_schemes",
        verbs="one",
        singleton=True,
        plans={"one": current_scheme},
        computed="from v3.1's financial_settings",
    ),
)

"""`coa_templates` and `coa_structure` (v2.md §6.34, recorded): the charts of accounts that Sage offers, and the
business's own."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from gateway.messages import Record, V3Response
from gateway.resources._countries import COUNTRIES
from gateway.resources._order import by_number
from gateway.resources._parts import LEDGER_ACCOUNT_TYPES, bare_name, rate_name
from gateway.translate.calls import Call
from gateway.translate.codecs import FLAG, NOTE, STAMP, WHOLE
from gateway.translate.draft import Draft, RequestDraft
from gateway.translate.plans import Plan, down, down_all, every
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Identity, Nested, ReadOnly, Reference, Rule, Unsupported

LEGACY = ["show_legacy_id", "true"]
TEMPLATE_SHOWS = "name,country,updated_at"
SHOWS = "name,nominal_code,updated_at,ledger_account_type,ledger_account_group"


def newest(records: list[Record] | None) -> str | None:
    """When any of some records was last changed."""
    return max((record["updated_at"] for record in records or () if record.get("updated_at")), default=None)


def by_code(account: Record) -> int:
    """A template's accounts come by their nominal code (recorded)."""
    return account.get("nominal_code") or 0


def templates_of(filters: list[list[Any]]) -> Generator[Draft, Any, list[Record]]:
    """The templates that Sage offers, by number."""
    found = yield from every("coa_templates", [*filters, ["attributes", TEMPLATE_SHOWS], LEGACY])
    return sorted(found, key=by_number())


def list_templates(call: Call) -> Plan:
    """GET list: each template with its accounts."""
    rows = []
    for template in (yield from templates_of([])):
        query = [["coa_template_id", template["id"]], ["attributes", f"{SHOWS},control_name"], LEGACY]
        accounts = yield from every("coa_accounts", query)
        rows.append({**template, "coa_accounts": sorted(accounts, key=by_code)})
    return down_all(call, rows, (len(rows), 0, len(rows)))


def read_structure(call: Call) -> Plan:
    """GET: the business's accounts. v3.1 does not tell which template they came from: where its country has only one,
    it was that."""
    business: V3Response = yield RequestDraft("GET", ["businesses", call.caller.business])
    country = (business.body.get("country") or {}).get("id")
    offered = yield from templates_of([["country_id", country]] if country else [])
    query = [["attributes", f"{SHOWS},included_in_chart,tax_rate"], LEGACY]
    accounts = yield from every("ledger_accounts", query)
    structure = {
        "id": call.caller.business,
        "template": offered[0] if len(offered) == 1 else None,
        "ledger_accounts": sorted(accounts, key=by_number()),
    }
    return down(call, structure)


TEMPLATE: tuple[Rule, ...] = (
    Identity(),
    Unsupported("sage_one_accounts_product", "v3.1 does not name the product; only one was seen", "Accounting"),
    ReadOnly("name"),
    Reference("country", to=COUNTRIES, name=bare_name, read_only=True),
)

TYPE: tuple[Rule, ...] = (
    ReadOnly("nominal_code", codec=WHOLE),
    ReadOnly("last_updated", "updated_at", STAMP),
    Reference("category", "ledger_account_type", to=LEDGER_ACCOUNT_TYPES, name="displayed_as", read_only=True),
    Reference(
        "category_group", "ledger_account_group", to="ledger_account_groups", name="displayed_as", read_only=True
    ),
)

TEMPLATE_ACCOUNT: tuple[Rule, ...] = (
    Identity(),
    Unsupported("included_in_chart", "v3.1's templates hold no account that is not in the chart", True),
    ReadOnly("ledger_name", "name", aliases=("display_name",)),
    ReadOnly("control_name", codec=NOTE),
    *TYPE,
)

ACCOUNT: tuple[Rule, ...] = (
    Identity(),
    ReadOnly("included_in_chart", codec=FLAG),
    ReadOnly("ledger_name", "name", aliases=("name",)),
    Reference("tax_code", "tax_rate", to="tax_rates", name=rate_name, read_only=True),
    *TYPE,
)

TABLES = (
    Table(
        "coa_templates",
        *TEMPLATE,
        ReadOnly("template_last_updated", "updated_at", STAMP),
        Computed("ledger_account_last_updated", of=("coa_accounts",), told=newest),
        Nested("coa_accounts", of=TEMPLATE_ACCOUNT, holds="coa_accounts", many=True),
        kind="coa_templates",
        verbs="list",
        bare=True,
        plans={"list": list_templates},
        computed="from v3.1's coa_templates, each with its coa_accounts",
        known="v1-recorded",
    ),
    Table(
        "coa_structure",
        Identity(kind="businesses", shows=("$key",)),
        Computed("last_updated", of=("ledger_accounts",), told=newest),
        Nested("template", of=TEMPLATE, holds="coa_templates"),
        Nested("ledger_accounts", of=ACCOUNT, holds="ledger_accounts", many=True),
        kind="businesses",
        verbs="one",
        singleton=True,
        plans={"one": read_structure},
        computed="from v3.1's ledger_accounts, under the one of its coa_templates for the business's country",
        known="v1-recorded",
    ),
)

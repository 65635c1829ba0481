"""Replies put together from several of v3.1's records: what is read for them exists in the published spec."""

from __future__ import annotations

import pytest

from gateway.exchange import exchange
from gateway.messages import Caller, V2Request
from gateway.resources.chart import ACCOUNT, TEMPLATE, TEMPLATE_ACCOUNT
from gateway.resources.core import TABLES as CORE
from gateway.resources.vat import SCHEME
from gateway.translate.rules import Rule
from tests.echo import SPEC, Echo, NamedFacts

(ME,) = (table for table in CORE if table.path == "me")
PATHS = ["/accounts/v2/coa_templates", "/accounts/v2/coa_structure", "/accounts/v2/current_vat_scheme"]
PATHS += ["/core/v2/me", "/core/v2/business_relationships"]


class Offering(Echo):
    """A v3.1 with one template of charts."""

    def __init__(self) -> None:
        super().__init__({"businesses": {"name": "Harbour Ltd", "country": {"id": "GB"}}})
        self.store("/coa_templates/coa_templates-2", {"name": "Small Business", "country": {"id": "GB"}})
        self.store("/coa_accounts/coa_accounts-1", {"name": "Assets - Cost", "nominal_code": 1})
        self.store("/ledger_accounts/ledger_accounts-1", {"name": "Current", "nominal_code": 1200})
        self.store("/businesses/b-1", self.fresh["businesses"])


@pytest.mark.parametrize("path", PATHS)
async def test_every_request_is_one_that_the_spec_has(path: str):
    """No path, parameter or attribute is v2's or made up."""
    upstream = Offering()
    made = await exchange(V2Request("GET", path), Caller(business="b-1"), NamedFacts(), upstream)
    assert made.reply.status == 200
    assert upstream.violations == []
    for request in upstream.sent:
        found = SPEC.match(request.path)
        asked = dict(request.query).get("attributes")
        assert found is not None
        known = SPEC.readable(SPEC.record_schema(found[0]))
        assert [name for name in (asked or "").split(",") if asked and name not in known] == []


@pytest.mark.parametrize(
    ("schema", "rules"),
    [
        ("CoaTemplate", TEMPLATE),
        ("CoaAccount", TEMPLATE_ACCOUNT),
        ("LedgerAccount", ACCOUNT),
        ("TaxScheme", SCHEME),
        ("User", tuple(rule for rule in ME.rules.rules if rule.v2 not in ("business", "country"))),
    ],
    ids=["CoaTemplate", "CoaAccount", "LedgerAccount", "TaxScheme", "User"],
)
def test_every_name_that_is_shown_is_one_of_its_record(schema: str, rules: tuple[Rule, ...]):
    """Every v3.1 attribute that the rules read exists."""
    known = SPEC.readable(schema)
    names = {path.partition(".")[0] for rule in rules for path in rule.reads()}
    assert names - known.keys() == set()

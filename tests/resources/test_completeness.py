"""Every v2 attribute, verb and filter that is known (`tests/data/v2_endpoints.json`) is served by exactly one rule."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import AccessDenied
from gateway.resources.registry import ROUTES
from gateway.translate.queries import names
from gateway.translate.resource import Table
from gateway.translate.rules import Nested, RuleSet
from gateway.translate.rules.expanded import Expanded

ENDPOINTS = json.loads((Path(__file__).parents[1] / "data" / "v2_endpoints.json").read_text())
NOT_RESOURCES = ("/oauth2/", "/test/")
"""Entries of the facts that are no resource: the sign-in, and the sandbox's prefix, which any path may have."""
ENTRIES = [entry for entry in ENDPOINTS if not entry["path"].startswith(NOT_RESOURCES)]
INFERRED = {
    "/accounts/v2/attachments": {"PUT"},
    "/accounts/v2/bank_accounts": {"POST", "PUT", "DELETE"},
    "/accounts/v2/ledger_accounts": {"PUT"},
    "/accounts/v2/journals": {"GET"},
}
"""Methods that nobody was seen to use and that are served all the same (v2.md §6.3, §6.4, §6.17, §6.34)."""
REFUSED = {"/accounts/v2/ledger_entries": {"contact"}}
"""Filters that nothing can serve, and that are refused with their reason (tests/exchanges/ledger_entries.http)."""
NOT_FILTERS = {"email": "sales_invoices: one client sends it, and what it did is not known (v2.md §5)"}
VERB = re.compile(r"(?P<method>GET|POST|PUT|DELETE)(?: (?P<rest>.*))?")


def path_of(entry: Mapping[str, Any]) -> str:
    return str(entry["path"])


def calls(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(method, path, verb) of every verb of an entry."""
    collection = entry["path"].replace("{id}", "7")
    for text in entry["verbs"]:
        match = VERB.fullmatch(text)
        assert match is not None
        method, rest = match["method"], match["rest"] or ""
        if rest == "singleton" or "singleton" in entry["collection"]:
            yield method, collection, {"GET": "one", "PUT": "update"}[method]
        elif rest.startswith("/{"):
            yield method, f"{collection}/8", {"GET": "one", "PUT": "update", "DELETE": "delete"}[method]
        else:
            yield method, collection, {"GET": "list", "POST": "create"}[method]


def table_of(entry: Mapping[str, Any]) -> Table:
    method, path, _ = next(calls(entry))
    return ROUTES.find(method, path)[0]


def test_every_entry_is_here():
    """Each entry of the facts that is a resource is judged below: 42 of them, whose paths all differ."""
    assert len({entry["path"] for entry in ENTRIES}) == len(ENTRIES) == 42


BESIDE = (
    *("currencies", "payment_types", "payment_statuses", "expenditures", "transaction_types", "vat_schemes"),
    *("current_vat_scheme", "coa_templates", "coa_structure"),
)


@pytest.mark.parametrize("version", ["v2", "v1"])
@pytest.mark.parametrize("name", BESIDE)
def test_what_clients_use_beside_them(name: str, version: str):
    """Names that only v1 had, or that the guide's table lacks, can be read too (v2.md §6.8, §6.34, §6.39)."""
    assert ROUTES.find("GET", f"/accounts/{version}/{name}").verb in ("list", "one")


@pytest.mark.parametrize("entry", ENTRIES, ids=path_of)
def test_verbs(entry: dict[str, Any]):
    """Each verb is routed to the table's verb of that meaning, and no other method is routed."""
    table = table_of(entry)
    served = {(method, path): verb for method, path, verb in calls(entry)}
    for (method, path), verb in served.items():
        assert ROUTES.find(method, path)[:2] == (table, verb)
    for path in {path for _, path in served}:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"):
            if (method, path) not in served and method not in INFERRED.get(entry["path"], ()):
                with pytest.raises(AccessDenied):
                    ROUTES.find(method, path)


@pytest.mark.parametrize("word", ["summary", "balances", "abc", "-5", "5x", "1.5", "\u0665", "*", "="])
def test_what_is_no_number_is_no_id(word: str):
    """v2's other paths below a resource, such as `sales_invoices/summary`, are not taken for records."""
    for path in ("sales_invoices", "ledger_accounts", "contact_types", "sales_invoices/5/payments"):
        for method in ("GET", "PUT", "DELETE"):
            if (method, f"{path}/{word}") in (("GET", "sales_invoices/summary"), ("GET", "ledger_accounts/balances")):
                continue
            with pytest.raises(AccessDenied):
                ROUTES.find(method, f"/accounts/v2/{path}/{word}")


def writing_rules(rules: RuleSet, name: str) -> int:
    return sum(name in dict(rule.writers()) for rule in rules.rules)


def nested_in(rules: RuleSet, name: str) -> RuleSet:
    """The rules of a part or list, by a name that a client writes or reads it by."""
    (found,) = [
        rule
        for rule in rules.rules
        if isinstance(rule, Nested | Expanded) and (name == rule.v2 or name in dict(rule.writers()))
    ]
    return found.rules


@pytest.mark.parametrize("entry", ENTRIES, ids=path_of)
def test_request_attributes(entry: dict[str, Any]):
    """Each attribute that clients send is taken by exactly one rule."""
    table = table_of(entry)
    wrong = []
    for attribute in entry["request_attributes"]:
        names_in = [name for name in re.split(r"[\[\]]+", attribute) if name not in ("", "n")]
        rules = table.rules
        for name in names_in[:-1]:
            rules = nested_in(rules, name)
        if writing_rules(rules, names_in[-1]) != 1 and not (len(names_in) > 1 and names_in[-1] == "_destroy"):
            wrong.append(attribute)
    assert wrong == []


def members(kind: str) -> list[str]:
    """The members of `array of object{id:integer,address:object{…},…}`, without what is inside them."""
    match = re.search(r"object\{(.*)\}", kind)
    if match is None:
        return []
    flat = match[1]
    while (outer := re.sub(r"\{[^{}]*\}", "", flat)) != flat:
        flat = outer
    return [name.strip() for part in re.split(r"[;,]", flat) for name in [part.partition(":")[0]]]


@pytest.mark.parametrize("entry", ENTRIES, ids=path_of)
def test_response_attributes(entry: dict[str, Any]):
    """Each attribute that clients read is shown by exactly one rule, in parts and lists too."""
    table = table_of(entry)
    shown = [name for rule in table.rules.rules for name in rule.shown]
    wrong = []
    for name, kind in entry["response_attributes"].items():
        if shown.count(name) != 1 or name not in table.rules.shown:
            wrong.append(name)
        elif (below := members(kind)) and "{" in kind and isinstance(rule_showing(table, name), Nested | Expanded):
            inside = nested_in(table.rules, name).shown
            wrong += [f"{name}.{member}" for member in below if member not in inside]
    assert wrong == []


def rule_showing(table: Table, name: str) -> Any:
    return next(rule for rule in table.rules.rules if name in rule.shown)


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if "GET list" in entry["verbs"]], ids=path_of)
def test_filters(entry: dict[str, Any]):
    """Each filter of a list is understood."""
    table = table_of(entry)
    known = names(table.filters) | {"$startIndex", "$itemsPerPage"} | NOT_FILTERS.keys()
    sent = {re.split(r"[\[ ]", text)[0] for text in entry["filters"]}
    assert sent - known == REFUSED.get(entry["path"], set())
    bracketed = {text.replace("[", ".").rstrip("]") for text in entry["filters"] if "[" in text}
    assert bracketed <= {name for f in table.filters for name in (f.v2, *f.aliases)}


@pytest.mark.parametrize("entry", ENTRIES, ids=path_of)
def test_how_well_it_is_known(entry: dict[str, Any]):
    """A table grades its source as the facts do; the catalogue shows it."""
    assert table_of(entry).known == entry["confidence"]

"""Every name that a table or plan uses exists in the published spec of v3.1, and what v3.1 requires is supplied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from gateway.resources.registry import BARE_KINDS, KINDS, TABLES
from gateway.sandbox.spec import Type
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Nested, Reference, Rule
from tests.echo import SPEC

SERVED = [table for table in TABLES if table.v3]
WRITTEN = [table for table in SERVED if table.verbs & {"create", "update"}]
STRUCTURAL = {
    "sales_invoices": {"main_address", "delivery_address", "invoice_lines"},
    "sales_credit_notes": {"main_address", "delivery_address", "credit_note_lines"},
    "sales_quotes": {"main_address", "delivery_address", "quote_lines"},
    "products": {"sales_prices"},
    "services": {"sales_rates"},
    "ledger_entries": {"ledger_account"},
}
"""Parts that v3.1 shows in full without `nested_attributes` (v31.md §5); an entry's account is put there by its list's
plan."""


def named(table: Table) -> str:
    return table.name


def template(table: Table, verb: str) -> str:
    """The path of a verb in the spec; settings and the user have no key."""
    one = f"/{table.v3}/{{key}}"
    return f"/{table.v3}" if verb in ("list", "create") or SPEC.operation("GET", one) is None else one


METHODS = {"list": "GET", "one": "GET", "create": "POST", "update": "PUT", "delete": "DELETE"}


def undigited(path: str) -> str:
    """A path without its places in lists: `sales_prices.price`."""
    return ".".join(part for part in path.split(".") if not part.isdigit())


def reached(schema: str, path: str) -> Type | None:
    """The type that a dotted path leads to from a record's schema; None where the spec has no such attribute."""
    found: Type | None = None
    known: Mapping[str, Type] = SPEC.readable(schema)
    for name in undigited(path).split("."):
        found = known.get(name)
        if found is None:
            return None
        inner = found.items if found.word == "array" and found.items else found
        known = SPEC.readable(inner.schema) if inner.word == "record" else inner.attributes
    return found


def schema_of(found: Type | None) -> str:
    assert found is not None
    return (found.items or found).schema


def read_paths(schema: str, rules: tuple[Rule, ...]) -> Iterator[tuple[str, str]]:
    """(schema, path) of everything that rules read, in parts too."""
    for rule in rules:
        if isinstance(rule, Nested):
            yield schema, rule.path
            yield from read_paths(schema_of(reached(schema, rule.path)), rule.of)
        else:
            yield from ((schema, path) for path in rule.reads())


def written_names(table: Table) -> list[str]:
    """Everything that a table writes, flattened."""
    names = [undigited(name) for name in table.rules.writes()]
    names += [f"{part}.{name}" for part, kept in table.parts.items() for name in kept]
    for rule in table.rules.rules:
        if isinstance(rule, Computed) and isinstance(whole := rule.codec.up("1", ""), dict):
            names += [f"{rule.v3}.{name}" for name in whole]
    for nested in table.nested_rules():
        names += [f"{nested.path}.{undigited(name)}" for name in (*nested.rules.writes(), *nested.keep)]
    return names


@pytest.mark.parametrize("table", SERVED, ids=named)
def test_paths(table: Table):
    """The path and verb of each call exist, as do the kinds that are read on the way."""
    verbs = table.verbs if table.local is None else {"list"}
    missing = [verb for verb in verbs if SPEC.operation(METHODS[verb], template(table, verb)) is None]
    assert missing == []


def test_kinds():
    """Every kind that a reference points at is a collection of v3.1, unless it has none of its own."""
    paths = [entry.path for entry in KINDS.values() if entry.path is not None]
    assert [path for path in paths if SPEC.operation("GET", path) is None] == []
    assert {kind for kind, path in BARE_KINDS.items() if path and SPEC.operation("GET", path) is None} == set()


@pytest.mark.parametrize("table", [table for table in WRITTEN if "create" in table.verbs], ids=named)
def test_create_names(table: Table):
    """Every attribute that a create writes exists, under the root key that the spec has."""
    known = SPEC.writable("POST", template(table, "create"))
    operation = SPEC.operation("POST", template(table, "create"))
    assert operation is not None
    assert operation.root == table.v3_root
    kept = {f"{part}.{name}" for part, names in table.extra.items() for name in names}
    kept |= {f"{nested.path}.{name}" for nested in table.nested_rules() for name in nested.keep}
    assert [name for name in written_names(table) if name not in known and name not in kept] == []


@pytest.mark.parametrize("table", [table for table in WRITTEN if "update" in table.verbs], ids=named)
def test_update_names(table: Table):
    """Every attribute that an update writes or sends back exists, under the root key that the spec has."""
    known = SPEC.writable("PUT", template(table, "update"))
    operation = SPEC.operation("PUT", template(table, "update"))
    assert operation is not None
    assert operation.root == table.v3_root
    assert [name for name in written_names(table) if name not in known] == []


@pytest.mark.parametrize("table", SERVED, ids=named)
def test_read_names(table: Table):
    """Every attribute that a reply shows exists in the record's schema, in its parts too. Settings have no id: they are
    known by their business's."""
    schema = SPEC.record_schema(template(table, "one" if table.singleton else "list"))
    if table.local is not None:
        return
    paths = [*read_paths(schema, table.rules.rules), *((schema, path) for path in table.read_too)]
    if table.root in ("financial_settings", "invoice_settings"):
        paths.remove((schema, "id"))
    assert [(where, path) for where, path in paths if reached(where, path) is None] == []


def crossings(schema: str, rules: tuple[Rule, ...]) -> Iterator[tuple[str, str, str]]:
    """(schema, reference, path behind it) of every slash."""
    for rule in rules:
        if isinstance(rule, Nested):
            yield from crossings(schema_of(reached(schema, rule.path)), rule.of)
        paths = rule.of if isinstance(rule, Computed) else (rule.path,) if isinstance(rule, Reference) else ()
        for path in paths:
            first, slash, behind = path.partition("/")
            if slash:
                yield schema, first, behind


@pytest.mark.parametrize("table", [table for table in SERVED if table.local is None], ids=named)
def test_crossed_names(table: Table):
    """What is behind a slash exists in the record that the reference points at."""
    schema = SPEC.record_schema(template(table, "one" if table.singleton else "list"))
    kinds = {**table.rules.kinds}
    for nested in table.nested_rules():
        kinds |= nested.rules.kinds
    missing = []
    for _, first, behind in crossings(schema, table.rules.rules):
        if reached(SPEC.record_schema(str(KINDS[kinds[first]].path)), behind) is None:
            missing.append(f"{first}/{behind}")
    assert missing == []


@pytest.mark.parametrize("table", [table for table in SERVED if table.local is None and table.legacy], ids=named)
def test_selection(table: Table):
    """`attributes`, `nested_attributes` and every fixed parameter are known to the operation that gets them."""
    for verb in table.verbs & {"list", "one"}:
        operation = SPEC.operation("GET", template(table, verb))
        assert operation is not None
        assert set(dict(table.queries.get(verb, ()))) <= set(operation.query)
        assert "show_legacy_id" in operation.query
        if verb == "list":
            assert {"attributes", "items_per_page", "page"} <= set(operation.query)


@pytest.mark.parametrize("table", [table for table in SERVED if table.local is None], ids=named)
def test_flags(table: Table):
    """`expands` and `legacy` say what the operations have, and what is read of a nested record is asked for.

    A part that cannot be asked for is one that v3.1 shows in full.
    """
    schema = SPEC.record_schema(template(table, "one" if table.singleton else "list"))
    for verb in table.verbs & {"list", "one"}:
        operation = SPEC.operation("GET", template(table, verb))
        assert operation is not None
        assert table.legacy == ("show_legacy_id" in operation.query)
        if verb in table.expands:
            assert "nested_attributes" in operation.query
        elif table.nested[verb]:
            assert "nested_attributes" not in operation.query
        asked = set(table.nested[verb]) if verb in table.expands else set()
        for path in (*table.rules.reads(), *table.read_too):
            part, _, name = path.partition(".")
            if name and name not in ("id", "displayed_as", "legacy_id") and not name.split(".")[0].isdigit():
                assert name.split(".")[0] in asked or part in STRUCTURAL.get(table.path, set()), path
        for name in asked:
            parts = [found for found in SPEC.readable(schema).values() if (found.items or found).word == "record"]
            assert any(name in SPEC.readable(schema_of(part)) for part in parts), name


@pytest.mark.parametrize("table", SERVED, ids=named)
def test_filters(table: Table):
    """Every filter of a list is a parameter of the list's operation."""
    if table.local is None and "list" in table.verbs and table.path != "sales_invoices/*/payments":
        known = SPEC.query("GET", template(table, "list"))
        assert [f.v2 for f in table.filters if f.written not in known] == []


@pytest.mark.parametrize(
    "table", [table for table in SERVED if table.local is None and "list" in table.verbs], ids=named
)
def test_order(table: Table):
    """A list that v3.1 can sort is sorted by it, by a key that it knows; no other is asked to be."""
    operation = SPEC.operation("GET", template(table, "list"))
    assert operation is not None
    said = dict(table.queries.get("list", ())).get("sort", "")
    assert bool(said) == ("sort" in operation.query)
    assert not said or said in ("date:asc", "date:desc")


def test_reads_mark_nothing():
    """Every single read whose operation marks a document as sent by default says `mark_as_sent=false` (v31.md §5)."""
    for table in SERVED:
        operation = SPEC.operation("GET", template(table, "one"))
        if "one" in table.verbs and operation is not None and "mark_as_sent" in operation.query:
            assert ("mark_as_sent", "false") in table.queries["one"], table.path


RECKONED = {
    **dict.fromkeys(("net_amount", "total_amount"), "reckoned by v3.1 from quantity, price, discount and tax"),
    **dict.fromkeys(
        (
            "base_currency_unit_price",
            "base_currency_net_amount",
            "base_currency_tax_amount",
            "base_currency_total_amount",
            "base_currency_discount_amount",
        ),
        "reckoned by v3.1 from the document's exchange rate",
    ),
}

LOST: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(
        ("main_address", "delivery_address"),
        dict.fromkeys(("contact_id", "bank_account_id"), "its owner is the record that it is sent back in"),
    ),
    "invoice_lines": RECKONED,
    "credit_note_lines": RECKONED,
    "quote_lines": RECKONED,
}
"""Attributes of items and parts that a merge leaves out, and why nothing is lost by it."""


@pytest.mark.parametrize("table", [table for table in WRITTEN if "update" in table.verbs], ids=named)
def test_merges_lose_nothing(table: Table):
    """Of a part or list that an update sends back, every attribute that v3.1 takes is written by a rule or kept."""
    known = SPEC.writable("PUT", template(table, "update"))
    ours = set(written_names(table))
    parts = {name.partition(".")[0] for name in ours if "." in name}
    lost = [
        name
        for name in known
        if "." in name
        and name.partition(".")[0] in parts
        and name not in ours
        and name.partition(".")[2] not in LOST.get(name.partition(".")[0], {})
    ]
    assert lost == []

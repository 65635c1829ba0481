"""`sage-gateway tables`: the catalogue of resources, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from gateway.commands.imagined import becomes
from gateway.resources.registry import TABLES
from gateway.translate.resource import Table
from gateway.translate.rules import Aside, Constant, Identity, Kept, Nested, Rule, RuleSet, Unsupported

VERBS = {"list": "GET list", "one": "GET", "create": "POST", "update": "PUT", "delete": "DELETE"}


def tables(
    resource: Annotated[
        str | None, typer.Argument(help="Only this resource, such as `contacts`.", show_default=False)
    ] = None,
    source: Annotated[bool, typer.Option("--source", help="Print the compiled Python of `down` instead.")] = False,
    short: Annotated[bool, typer.Option("--short", help="Print one row a resource, and no attributes.")] = False,
) -> None:
    """Print which v2 resources are served, by what in v3.1, and what becomes of each attribute, as Markdown."""
    chosen = [table for table in TABLES if resource in (None, table.path, table.name)]
    if not chosen:
        typer.echo(
            f"There is no resource {resource!r}; there are: {', '.join(table.name for table in TABLES)}", err=True
        )
        raise typer.Exit(2)
    if source:
        for table in chosen:
            typer.echo(table.rules.source)
            if table.rules.plain is not None:
                typer.echo(table.rules.plain.source)
        return
    if resource is None:
        typer.echo("\n".join(overview()) + "\n")
    for table in () if short and resource is None else chosen:
        typer.echo("\n".join(page(table)) + "\n")


def overview() -> Iterator[str]:
    """One row a resource."""
    yield "| v2 | verbs | v3.1 | kept here | not served | known from |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for table in sorted(TABLES, key=lambda table: (table.family, table.path)):
        paths = "<br>".join(f"`{path.replace('*', '{id}')}`" for path in (place(table), *table.aliases))
        kept, lost = names_by(table, Kept), names_by(table, Unsupported)
        served = ", ".join(verbs_of(table))
        yield f"| {paths} | {served} | {source_of(table)} | {kept} | {lost} | {table.known} |"


def place(table: Table) -> str:
    """The path of a resource; that of `core` is said, `accounts/v2` is not."""
    return table.path if table.family == "accounts" else f"{table.family}/v2/{table.path}"


def verbs_of(table: Table) -> list[str]:
    """The verbs, in the words of HTTP."""
    words = [word for verb, word in VERBS.items() if verb in table.verbs]
    return [*words, "PDF"] if table.pdf else words


def source_of(table: Table) -> str:
    """Where the answer comes from."""
    if table.local is not None:
        return "none: a fixed list"
    return f"`/{table.v3}`" if table.v3 else "computed"


def names_by(table: Table, word: type[Rule]) -> str:
    """The attributes that a word serves, those of lines and parts too."""
    records = [(table.rules, ""), *((nested.rules, f"{nested.v2}.") for nested in table.nested_rules())]
    found = [
        f"`{prefix}{rule.v2}`"
        for rules, prefix in records
        for rule in rules.rules
        if isinstance(rule, word) and (rule.shown or rule.v2 not in rules.shown)
    ]
    return ", ".join(found)


def page(table: Table) -> Iterator[str]:
    """One row an attribute."""
    yield f"## {table.family}/v2/{table.path.replace('*', '{id}')}"
    yield ""
    yield f"{', '.join(verbs_of(table))}. v3.1: {source_of(table)}. Known from: {table.known}."
    if table.aliases:
        yield f"Also as {', '.join(f'`{alias}`' for alias in table.aliases)}."
    for said in (table.computed and f"Computed: {table.computed}", table.notes):
        if said:
            yield f"{said[0].upper()}{said[1:].removesuffix('.')}."
    if "list" in table.verbs and table.v3 and table.local is None:
        yield order_of(table)
    if table.lasts:
        yield f"A reply may be {table.lasts:g} seconds old."
    yield ""
    yield "| v2 attribute | in replies | written to v3.1 as |"
    yield "| --- | --- | --- |"
    yield from rows(table.rules)
    if table.filters:
        yield ""
        names = (f"`{f.v2}` (`{f.written}`)" for f in table.filters)
        yield f"Filters: {', '.join(names)}."


def order_of(table: Table) -> str:
    """In what order a list comes: whole ones are sorted by the gateway, and no other is read whole for order's sake."""
    sort = dict(table.queries.get("list", ())).get("sort")
    if sort:
        return f"Lists are sorted by v3.1, `{sort}`."
    return "Lists come in v3.1's order, which has no sort here." if table.paged else "Lists come whole and sorted."


def rows(rules: RuleSet, prefix: str = "") -> Iterator[str]:
    """The attributes of a record, then those of the records inside it."""
    for rule in rules.rules:
        if isinstance(rule, Constant) or not rule.v2:
            continue
        names = ", ".join(f"`{prefix}{name}`" for name in names_of(rule))
        shown = "yes" if rule.shown else "no"
        written = what(rule, inside=bool(prefix)).replace("|", "\\|")
        yield f"| {names} | {shown} | {written} |"
        if isinstance(rule, Nested):
            yield from rows(rule.rules, f"{prefix}{rule.v2}.")


def names_of(rule: Rule) -> tuple[str, ...]:
    """The v2 names of a rule."""
    return rule.shown or (rule.v2, *rule.aliases)


def what(rule: Rule, *, inside: bool) -> str:
    """What becomes of the attribute when it is written."""
    if isinstance(rule, Identity):
        return "names the record"
    if isinstance(rule, Nested):
        return f"`{rule.path}`"
    if isinstance(rule, Aside):
        return rule.why
    return becomes(rule, inside=inside)

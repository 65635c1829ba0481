"""`sage-gateway tables`: the catalogue of resources, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from gateway.commands.imagined import becomes
from gateway.resources.registry import TABLES
from gateway.translate.resource import Table
from gateway.translate.rules import Aside, Constant, Identity, Nested, Rule, RuleSet

VERBS = {"list": "GET list", "one": "GET", "create": "POST", "update": "PUT", "delete": "DELETE"}


def tables(
    resource: Annotated[
        str | None, typer.Argument(help="Only this resource, such as `contacts`.", show_default=False)
    ] = None,
    source: Annotated[bool, typer.Option("--source", help="Print the compiled Python of `down` instead.")] = False,
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
        return
    if resource is None:
        typer.echo("\n".join(overview()) + "\n")
    for table in chosen:
        typer.echo("\n".join(page(table)) + "\n")


def overview() -> Iterator[str]:
    """One row a resource."""
    yield "| v2 | verbs | v3.1 | notes |"
    yield "| --- | --- | --- | --- |"
    for table in TABLES:
        verbs = ", ".join(word for verb, word in VERBS.items() if verb in table.verbs)
        v3 = f"`/{table.v3}`" if table.v3 and table.local is None else "none"
        yield f"| `{table.family}/v2/{table.path.replace('*', '{id}')}` | {verbs} | {v3} | {table.notes} |"


def page(table: Table) -> Iterator[str]:
    """One row an attribute."""
    yield f"## {table.family}/v2/{table.path.replace('*', '{id}')}"
    yield ""
    yield "| v2 attribute | in replies | written to v3.1 as |"
    yield "| --- | --- | --- |"
    yield from rows(table.rules)
    if table.filters:
        yield ""
        names = (f"`{f.v2}` (`{f.written}`)" for f in table.filters)
        yield f"Filters: {', '.join(names)}."


def rows(rules: RuleSet, prefix: str = "") -> Iterator[str]:
    """The attributes of a record, then those of the records inside it."""
    for rule in rules.rules:
        if isinstance(rule, Constant) or not rule.v2:
            continue
        names = ", ".join(f"`{prefix}{name}`" for name in names_of(rule))
        shown = "yes" if rule.shown else "no"
        written = what(rule).replace("|", "\\|")
        yield f"| {names} | {shown} | {written} |"
        if isinstance(rule, Nested):
            yield from rows(rule.rules, f"{prefix}{rule.v2}.")


def names_of(rule: Rule) -> tuple[str, ...]:
    """The v2 names of a rule."""
    return rule.shown or (rule.v2, *rule.aliases)


def what(rule: Rule) -> str:
    """What becomes of the attribute when it is written."""
    if isinstance(rule, Identity):
        return "names the record"
    if isinstance(rule, Nested):
        return f"`{rule.path}`"
    if isinstance(rule, Aside):
        return rule.why
    return becomes(rule)

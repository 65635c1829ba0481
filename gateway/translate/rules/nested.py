"""`Nested`: a record, or a list of records, inside this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from gateway.errors import BadCall
from gateway.messages import Record
from gateway.translate.codecs import flag_up
from gateway.translate.forms import as_rows
from gateway.translate.rules.identity import Identity
from gateway.translate.rules.reference import NO_RECORD, legacy_key
from gateway.translate.rules.rule import Rule, Swap
from gateway.translate.rules.ruleset import RuleSet
from gateway.translate.source import Source
from gateway.translate.writing import Inside, Writing, write_form


@dataclass(frozen=True)
class Nested(Rule):
    """A part: v3.1 replaces it whole, v2 merged it.

    `of` are its rules; `holds` the kind of its ids; `many`: a list, whose items an update finds by `id`, removes by
    `_destroy` and adds without `id`; `keep` are v3.1's names for what no rule mentions and a merge must send back;
    `required` is v2's message where a create lacks it; `absent` is shown where v3.1 has no such part.
    """

    v2: str
    v3: str = ""
    of: tuple[Rule, ...] = ()
    holds: str = ""
    many: bool = False
    keep: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    required: str = ""
    absent: Record = field(default_factory=lambda: NO_RECORD)

    whole = True

    @property
    def path(self) -> str:
        """Where v3.1 has it."""
        return self.v3 or self.v2

    @cached_property
    def rules(self) -> RuleSet:
        """The part's rules, ready."""
        found = tuple(replace(r, kind=self.holds) if isinstance(r, Identity) and not r.kind else r for r in self.of)
        return RuleSet(f"{self.v2}_of_{self.holds}", found, beside=True)

    @property
    def shown(self) -> tuple[str, ...]:
        return (self.v2,)

    def writers(self) -> Iterator[tuple[str, Callable[[Writing, Any, str], None]]]:
        names = (self.v2, *self.aliases)
        yield from ((f"{name}_attributes", self._write) for name in names)
        yield from ((name, self._write) for name in names)

    def _write(self, w: Writing, value: Any, name: str) -> None:
        current = w.current.get(self.path) if w.current else None
        if self.many:
            made: Any = self._merged(w, as_rows(value, w.where(name)), current or [])
        else:
            if value == "" or value is None:
                return
            if not isinstance(value, dict):
                raise BadCall("should be given by its parts, in brackets", w.where(name))
            if current is None and all(name in ("id", "$key") or blank(part) for name, part in value.items()):
                return  # v2's own way of showing that there is none, sent back
            made = self._item(w, value, current if isinstance(current, dict) else None)
        w.body[self.path] = made
        w.changed.add(self.path)

    def _merged(self, w: Writing, rows: list[Record], current: list[Record]) -> list[Record]:
        by_number = {str(item["legacy_id"]): item for item in current if item.get("legacy_id") is not None}
        changes: dict[str, Record] = {}
        new: list[Record] = []
        for row in rows:
            number = row.get("id", row.get("$key"))
            if number in (None, "") or w.creating:
                new.append(row)
                continue
            source = f"{w.where(self.v2)}.id"
            item = by_number.get(legacy_key(number, source))
            if item is None:
                raise BadCall("no such record", source)
            changes[item["id"]] = {**changes.get(item["id"], {}), **row}
        kept = [(item, changes.get(item["id"])) for item in current]
        made = [self._item(w, row, item) for item, row in kept if row is None or not destroyed(row)]
        return made + [self._item(w, row, None) for row in new if not destroyed(row)]

    def _item(self, w: Writing, row: Record | None, current: Record | None) -> Record:
        body: Record = {}
        if current is not None:
            body = write_form(current, (*self.rules.writes(), *self.keep))
            if self.many:
                body["id"] = current["id"]
        if row is None:
            return body
        row = {name: value for name, value in row.items() if name != "_destroy"}
        creating = w.creating if not self.many else current is None
        inner = Writing(
            w.draft,
            row,
            w.caller,
            creating=creating,
            current=current,
            body=body,
            source=w.where(self.v2),
            above=w,
            keeps=w.caller.keeps and self.rules.keeps and w.above is None,
        )
        self.rules.write(inner)
        if inner.kept:
            w.kept_inside.append(Inside(self.path, body, self.holds, inner.kept))
        return body

    def finish(self, w: Writing) -> None:
        if self.required and w.creating and not w.body.get(self.path):
            raise BadCall(self.required, w.where(self.v2))

    def tell(self, src: Source) -> None:
        shown, down = src.shown(self.path, self.rules, many=self.many)
        if self.many:
            src.member((self.v2,), f"[{down}(x, c, asked) for x in {shown} or ()]")
        else:
            src.member((self.v2,), f"{down}({shown}, c, asked) if {shown} else {src.constant(self.absent)}")

    def reads(self) -> Iterator[str]:
        yield self.path
        if not self.many:
            yield from (f"{self.path}.{path}" for path in self.rules.reads())

    def writes(self) -> Iterator[str]:
        yield self.path

    def explains(self) -> Iterator[tuple[str, str]]:
        # v3.1's errors may speak of `line_items` where it takes `invoice_lines` (v31.md §10).
        yield self.path, self.v2
        yield self.v2, self.v2
        for v3, v2 in self.rules.explains():
            name = f"{self.v2}.{v2}" if v2 != "base" else self.v2
            yield f"{self.path}.{v3}", name
            yield f"{self.v2}.{v3}", name

    def swapped(self, swap: Swap) -> Nested:
        return replace(self, of=tuple(rule.swapped(swap) for rule in self.of))


def destroyed(row: Record) -> bool:
    """Whether Rails' `_destroy` marks the item for removal."""
    return flag_up(row.get("_destroy", False), "_destroy")


def blank(value: Any) -> bool:
    """Whether a value holds nothing but blanks."""
    if isinstance(value, dict):
        return all(blank(item) for item in value.values())
    return value is None or value == ""

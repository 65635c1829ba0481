"""`Expanded`: a record named by its id, and shown with more of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from gateway.translate.draft import Hole
from gateway.translate.rules.identity import Identity
from gateway.translate.rules.reference import NO_RECORD, Reference, legacy_key
from gateway.translate.rules.rule import Rule, Swap
from gateway.translate.rules.ruleset import RuleSet
from gateway.translate.source import Source
from gateway.translate.writing import Writing


@dataclass(frozen=True)
class Expanded(Reference):
    """A `Reference` whose record is shown by the rules of `of` beside its id.

    `by` is an attribute of the record, a whole number, by which clients may name it in place of its id
    (`ledger_account[nominal_code]=4000`).
    """

    of: tuple[Rule, ...] = ()
    by: str = ""

    @cached_property
    def rules(self) -> RuleSet:
        """The rules of the record that is shown, ready."""
        return RuleSet(f"{self.v2}_expanded", (Identity(kind=self.kind), *self.of))

    def _write_record(self, w: Writing, value: Any, name: str) -> None:
        if not isinstance(value, dict) or self.by not in value or value.keys() & {"id", "$key"}:
            super()._write_record(w, value, name)
            return
        where = f"{w.where(name)}.{self.by}"
        w.put(self.written, Hole(self.kind, legacy_key(value[self.by], where), by=self.by), where)

    def tell(self, src: Source) -> None:
        shown, down = src.shown(self.path, self.rules)
        src.member(self.shown, src.variable(f"{down}({shown}, c, asked) if {shown} else {src.constant(NO_RECORD)}"))

    def reads(self) -> Iterator[str]:
        yield self.path
        yield from (f"{self.path}.{path}" for path in self.rules.reads())

    def swapped(self, swap: Swap) -> Expanded:
        return replace(self, of=tuple(rule.swapped(swap) for rule in self.of))

"""`Identity`: the id of this very record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gateway.translate.codecs import Codes
from gateway.translate.rules.rule import Rule, Swap
from gateway.translate.source import Source
from gateway.translate.writing import Writing


@dataclass(frozen=True)
class Identity(Rule):
    """The id of this very record, under each name of `shows`; in a list, the id sent finds the item.

    `codes`: the fixed numbers of a reference list.
    """

    kind: str = ""
    shows: tuple[str, ...] = ("id", "$key")
    codes: Codes | None = None
    v2: str = "id"

    @property
    def own_kind(self) -> str:
        return self.kind

    @property
    def shown(self) -> tuple[str, ...]:
        return self.shows

    def writers(self) -> Iterator[tuple[str, Callable[[Writing, Any, str], None]]]:
        for name in ("id", "$key"):
            yield name, self._ignore

    def _ignore(self, w: Writing, value: Any, name: str) -> None:
        """The path, or the item's `id`, has already said which record is meant."""

    def swapped(self, swap: Swap) -> Identity:
        codes = swap.get(self.codes.name) if self.codes else None
        return replace(self, codes=codes) if isinstance(codes, Codes) else self

    def tell(self, src: Source) -> None:
        record_id = src.value("id")
        number, fixed = src.value("legacy_id"), ""
        if self.codes is not None:
            # A fixed number is no pair to remember: another app on the same books may know the record by another.
            fixed = f" and {record_id} not in {src.constant(self.codes.number)}"
            number = src.variable(f"{src.constant(self.codes.number)}.get({record_id}, {number})")
        src.member(self.shows, number)
        src.after += [
            f"if {number} is None and {record_id} is not None:",
            f"    hole = Hole({self.kind!r}, {record_id}, want='legacy_id', shown=asked)",
            *[f"    c.gap(o, {name!r}, hole)" for name in self.shows],
            f"elif {number} is not None{fixed}: seen.append(({self.kind!r}, {record_id}, {number}))",
        ]

    def reads(self) -> Iterator[str]:
        yield "id"

"""`Constant`, `Aside` and `Unsupported`: what only one of the versions has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.errors import BadCall, TableWrong
from gateway.translate.codecs import decimal_up
from gateway.translate.rules.rule import Rule
from gateway.translate.source import Source
from gateway.translate.writing import Writing


@dataclass(frozen=True)
class Constant(Rule):
    """v3.1 wants it said on create, of a record or of a part; v2 never did. `value` may be a function of what is
    written."""

    v3: str
    value: Any

    def finish(self, w: Writing) -> None:
        part = self.v3.rpartition(".")[0]
        made = w.creating or (part != "" and w.take(part) is not None)
        if made and w.take(self.v3) is None:
            value = self.value(w) if callable(self.value) else self.value
            if value is not None:
                w.put(self.v3, value, "base")

    def writes(self) -> Iterator[str]:
        yield self.v3

    def explains(self) -> Iterator[tuple[str, str]]:
        yield self.v3, "base"


@dataclass(frozen=True)
class Aside(Rule):
    """A v2 attribute that the table's own plan reads; v3.1 has none for it. `why` says what it does."""

    v2: str
    why: str = ""

    def writers(self) -> Iterator[tuple[str, Callable[[Writing, Any, str], None]]]:
        yield self.v2, self._leave

    def _leave(self, w: Writing, value: Any, name: str) -> None:
        """The plan has read it."""


@dataclass(frozen=True)
class Unsupported(Rule):
    """v3.1 has no place for it, and nothing can serve it: `why` is noted when a client sends it.

    `shows` is what a reply carries; without it a reply does not have the member. `writes_as` are further names under
    which clients write it (`period_type_id`). `only_zero`: any amount but nought is refused, since the books would be
    wrong without it (BadCall, with `why`).
    """

    v2: str
    why: str = ""
    shows: Any = ...
    aliases: tuple[str, ...] = ()
    writes_as: tuple[str, ...] = ()
    only_zero: bool = False

    def __post_init__(self) -> None:
        if not self.why:
            raise TableWrong(f"{self.v2} is unsupported without a reason")

    @property
    def shown(self) -> tuple[str, ...]:
        return () if self.shows is ... else (self.v2, *self.aliases)

    def writers(self) -> Iterator[tuple[str, Callable[[Writing, Any, str], None]]]:
        for name in (self.v2, *self.aliases, *self.writes_as):
            yield name, self._note

    def _note(self, w: Writing, value: Any, name: str) -> None:
        if not self.only_zero:
            w.draft.note("unsupported", w.where(name), self.why)
        elif decimal_up(value, w.where(name)) not in (None, "0.0"):
            raise BadCall(self.why, w.where(name))

    def tell(self, src: Source) -> None:
        if self.shows is not ...:
            src.member(self.shown, src.constant(self.shows))

"""`Kept`: a v2 attribute that v3.1 has no place for; the gateway keeps it beside the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.translate.codecs import TEXT, Codec
from gateway.translate.rules.rule import Rule
from gateway.translate.source import Source
from gateway.translate.writing import Writing

OFF = "v3.1 has no place for it, and keeping is switched off"


@dataclass(frozen=True)
class Kept(Rule):
    """One value that the gateway keeps, as Kubernetes conversions keep lost fields in annotations.

    `why` says what v3.1 lacks; `writes_as` are further names under which clients write it (`period_type_id`).
    """

    v2: str
    codec: Codec = TEXT
    why: str = "v3.1 has no place for it"
    aliases: tuple[str, ...] = ()
    writes_as: tuple[str, ...] = ()

    @property
    def keeps(self) -> bool:
        return True

    @property
    def shown(self) -> tuple[str, ...]:
        return (self.v2, *self.aliases)

    def writers(self) -> Iterator[tuple[str, Callable[[Writing, Any, str], None]]]:
        for name in (*self.shown, *self.writes_as):
            yield name, self._write

    def _write(self, w: Writing, value: Any, name: str) -> None:
        if w.keeps:
            made = self.codec.up(value, w.where(name))
            if made in (None, "") and w.creating:
                return
            w.kept[self.v2] = None if made == "" else made
        else:
            w.draft.note("unsupported", w.where(name), OFF)

    def tell(self, src: Source) -> None:
        show = src.constant(partial(self._shown, self.codec))
        src.member(self.shown, "None")
        src.after += [f"c.gap(o, {name!r}, {src.kept(show)})" for name in self.shown]

    def _shown(self, codec: Codec, kept: dict[str, Any] | None) -> Any:
        value = (kept or {}).get(self.v2)
        return codec.empty if value is None else codec.down(value)


def keep_text(w: Writing, name: str, text: str, cut: str) -> None:
    """Keep a text that v3.1 can hold only cut; one that it holds as it is takes the place of what was kept."""
    w.kept[name] = None if text == cut else {"text": text, "cut": cut}


def whole_text(name: str, cut: str, kept: dict[str, Any] | None) -> str:
    """The text that a client wrote, as long as v3.1 still has what was cut from it."""
    entry = (kept or {}).get(name)
    return str(entry["text"]) if entry and entry["cut"] == cut else cut

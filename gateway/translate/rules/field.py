"""`Field` and `ReadOnly`: one value, the same, renamed, moved or encoded anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gateway.errors import BadCall
from gateway.translate.codecs import TEXT, Codec, text_down
from gateway.translate.rules.kept import keep_text, whole_text
from gateway.translate.rules.rule import Rule, Swap
from gateway.translate.source import Source
from gateway.translate.writing import Writing


@dataclass(frozen=True)
class Field(Rule):
    """One value: `v2` is v3.1's `v3` (a dotted path stays inside the record).

    `default(writing)` gives the v3.1 value on create where nothing was sent; `shown_at` is where v3.1 shows it,
    if elsewhere; `required` is v2's message where a create lacks it.
    """

    v2: str
    v3: str = ""
    codec: Codec = TEXT
    aliases: tuple[str, ...] = ()
    default: Callable[[Writing], Any] | None = None
    shown_at: str = ""
    required: str = ""

    @property
    def path(self) -> str:
        """Where v3.1 takes it."""
        return self.v3 or self.v2

    @property
    def shown(self) -> tuple[str, ...]:
        return (self.v2, *self.aliases)

    def writers(self) -> Iterator[tuple[str, Callable[[Writing, Any, str], None]]]:
        for name in self.shown:
            yield name, self._write

    def _write(self, w: Writing, value: Any, name: str) -> None:
        codec = self.codec
        made = codec.up(value, w.where(name))
        if made is None and w.creating:
            return
        if made is None and (self.required or self.default):
            raise BadCall(self.required or "blank", w.where(name))
        if codec.limit is not None and made is not None and len(made) >= codec.limit:
            made = self._cut(w, made, codec.limit, name)
        w.put(self.path, made, w.where(name))

    def _cut(self, w: Writing, text: str, limit: int, name: str) -> str:
        """What v3.1 can hold of a text; the whole of it is kept beside the record."""
        cut = text[:limit]
        if w.keeps:
            keep_text(w, self.v2, text, cut)
        if text != cut:
            what = "the whole text is kept by the gateway" if w.keeps else "the rest was cut"
            w.draft.note("kept" if w.keeps else "cut", w.where(name), f"v3.1 holds {limit} characters; {what}")
        return cut

    def finish(self, w: Writing) -> None:
        if not w.creating or w.take(self.path) not in (None, ""):
            return
        value = self.default(w) if self.default else None
        if value is not None:
            w.put(self.path, value, w.where(self.v2))
        elif self.required:
            raise BadCall(self.required, w.where(self.v2))

    def tell(self, src: Source) -> None:
        codec = self.codec
        limit = codec.limit if src.kind else None
        path = self.shown_at or self.path
        value = src.words(path, limit) if codec.down is text_down else src.value(path)
        empty = src.constant(codec.empty)
        if codec.identity or (src.plain and codec.down is text_down):
            expression = value if codec.empty is None else f"{empty} if {value} is None else {value}"
        elif codec.down is text_down:
            rest = f"{empty} if {value} is None else {src.constant(codec.down)}({value})"
            expression = f"{value} if {value}.__class__ is str else {rest}"
        else:
            expression = f"{empty} if {value} is None else {src.constant(codec.down)}({value})"
        cut = limit is not None and not src.plain
        if (len(self.shown) > 1 or cut) and " " in expression:
            expression = src.variable(expression)
        src.member(self.shown, expression)
        if cut:
            # Only a text as long as v3.1 allows can have been cut.
            hole = src.kept(f"{src.constant(partial(partial, whole_text, self.v2))}({value})")
            gaps = "; ".join(f"c.gap(o, {name!r}, h)" for name in self.shown)
            src.after.append(f"if {expression} and len({expression}) >= {limit}: h = {hole}; {gaps}")

    @property
    def keeps(self) -> bool:
        return self.codec.limit is not None

    @property
    def decides(self) -> bool:
        return self.codec.name in ("money", "date")

    def reads(self) -> Iterator[str]:
        yield self.shown_at or self.path

    def writes(self) -> Iterator[str]:
        yield self.path

    def swapped(self, swap: Swap) -> Field:
        codec = swap.get(self.codec.name)
        return replace(self, codec=codec) if isinstance(codec, Codec) else self


@dataclass(frozen=True)
class ReadOnly(Field):
    """One value that clients read and never send; what they send all the same is noted and goes no further.

    `heeded`: another rule goes by what is sent for it, so that needs no note.
    """

    heeded: bool = False

    def _write(self, w: Writing, value: Any, name: str) -> None:
        if self.heeded:
            return
        w.draft.note("read_only", w.where(name), "v2 showed this attribute but did not take it")

    def finish(self, w: Writing) -> None:
        return

    def writes(self) -> Iterator[str]:
        yield from ()

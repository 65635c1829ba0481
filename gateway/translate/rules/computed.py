"""`Computed`: what must be reckoned, in one version or the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gateway.translate.codecs import MONEY, Codec
from gateway.translate.draft import Hole
from gateway.translate.rules.rule import Rule, Swap
from gateway.translate.source import Source
from gateway.translate.writing import Writing, write_form


@dataclass(frozen=True)
class Computed(Rule):
    """Reckoned. `of` names the inputs, in v3.1's words.

    `reckon(inputs)` gives v3.1's `v3` from what is about to be written, by input name; what the client sent wins,
    unless it is only what v3.1 showed, sent back. An input `tax_rate/percentage` is an attribute of the record that
    `tax_rate_id` names, a hole. None means that v3.1 is told nothing. `tell(*inputs)` gives v2's value from what v3.1
    shows; without it `v3` is shown as it is.
    `was` names attributes whose values before this write `reckon` gets too, as `was …`. `on` names the date of the
    outermost record whose day decides what is behind a slash. `told` may give a Hole, and then its fact is shown.
    `taken(writing, sent, source)` takes up what was sent, in place of the codec. An empty `v2`: only v3.1 has it.
    `late`: it is taken up after all else that was sent, and with what v3.1 has, since it hangs on both.
    `heeded`: a plan acts on what the client sends for it, so that needs no note.
    """

    v2: str
    v3: str = ""
    of: tuple[str, ...] = ()
    reckon: Callable[[dict[str, Any]], Any] | None = None
    told: Callable[..., Any] | None = None
    codec: Codec = MONEY
    aliases: tuple[str, ...] = ()
    heeded: bool = False
    was: tuple[str, ...] = ()
    on: str = ""
    taken: Callable[[Writing, Any, str], Any] | None = None
    late: bool = False

    @property
    def whole(self) -> bool:  # type: ignore[override]
        return self.late

    @property
    def shown(self) -> tuple[str, ...]:
        return (self.v2, *self.aliases) if self.v2 else ()

    def writers(self) -> Iterator[tuple[str, Callable[[Writing, Any, str], None]]]:
        for name in self.shown:
            yield name, self._write

    def _write(self, w: Writing, value: Any, name: str) -> None:
        if self.heeded:
            return
        if not self.v3 and self.taken is None:
            w.draft.note("computed", w.where(name), "the gateway reckons this; what was sent is not used")
            return
        where = w.where(name)
        made = self.codec.up(value, where) if self.taken is None else self.taken(w, value, where)
        if made is not None:
            w.put(self.v3, made, w.where(name))

    def _inputs(self) -> Iterator[tuple[str, str, str]]:
        """(input, the v3.1 name that is written for it, the attribute behind a slash)."""
        for name in self.of:
            first, slash, attribute = name.partition("/")
            yield name, f"{first}_id" if slash else first, attribute

    def crosses(self) -> Iterator[str]:
        for name in self.of:
            first, slash, _ = name.partition("/")
            if slash:
                yield first

    def binds(self) -> frozenset[str]:
        if self.reckon is None:
            return frozenset()
        return frozenset({self.v3, *(written for _, written, _ in self._inputs())})

    def finish(self, w: Writing) -> None:
        if self.reckon is None or self.v3 in w.changed:
            return
        if w.changed.isdisjoint(written for _, written, _ in self._inputs()):
            self._keep_together(w)
            return
        inputs: dict[str, Any] = {f"was {name}": (w.current or {}).get(name) for name in self.was}
        behind: tuple[str, Hole] | None = None
        for name, written, attribute in self._inputs():
            value = self._input(w, written)
            if attribute and value is not None:
                known = value if isinstance(value, Hole) else Hole(w.kinds[name.partition("/")[0]], value)
                behind = (name, Hole(known.kind, known.known, want=attribute, by=known.by, on=w.day(self.on)))
                value = None
            inputs[name] = value
        if behind is None:
            self._put(w, self.reckon(inputs))
        else:
            self._put_later(w, inputs, *behind)

    def _keep_together(self, w: Writing) -> None:
        """Nothing that counts has changed: where a part of the group is written all the same, the rest goes along."""
        group = [self.v3, *(written for _, written, _ in self._inputs())]
        if w.current is not None and any(w.take(name) is not None for name in group):
            for name in group:
                self._input(w, name)

    def _input(self, w: Writing, written: str) -> Any:
        """An input as written, or as v3.1 has it: then it is written too, since the group goes together."""
        value = w.take(written)
        if value is None and w.current is not None and written not in w.changed:
            value = write_form(w.current, (written,)).get(written)
            if value is not None:
                w.body[written] = value
        return value

    def _put(self, w: Writing, value: Any) -> None:
        w.changed.add(self.v3)
        if value is None:
            w.body.pop(self.v3, None)
        else:
            w.body[self.v3] = value

    def _put_later(self, w: Writing, inputs: dict[str, Any], name: str, hole: Hole) -> None:
        reckon = self.reckon

        def reckoned(fact: Any) -> Any:
            return reckon({**inputs, name: fact}) if reckon else None

        w.draft.gap(w.body, self.v3, replace(hole, then=reckoned), w.where(self.v2 or "base"))

    def tell(self, src: Source) -> None:
        if not self.v2:
            return
        if self.told is not None:
            values = ", ".join(src.value(name) for name in self.of)
            made = src.variable(f"{src.constant(self.told)}({values})")
            src.member(self.shown, made)
            src.after += [f"if {made}.__class__ is Hole: c.gap(o, {name!r}, {made})" for name in self.shown]
        elif self.v3:
            value = src.value(self.v3)
            empty, down = src.constant(self.codec.empty), src.constant(self.codec.down)
            src.member(self.shown, src.variable(f"{empty} if {value} is None else {down}({value})"))

    def reads(self) -> Iterator[str]:
        if self.v3:
            yield self.v3
        for name in self.of:
            yield name.partition("/")[0]

    def writes(self) -> Iterator[str]:
        if self.v3:
            yield self.v3

    def explains(self) -> Iterator[tuple[str, str]]:
        if self.v3 and self.v2:
            yield self.v3, self.v2

    def swapped(self, swap: Swap) -> Computed:
        codec = swap.get(self.codec.name)
        return replace(self, codec=codec) if isinstance(codec, Codec) else self

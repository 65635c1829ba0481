"""The rules of one record, checked and made ready: `up` as closures by v2 name, `down` as one compiled function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from gateway.errors import BadCall, TableWrong
from gateway.translate.codecs import plain
from gateway.translate.draft import Draft
from gateway.translate.plain import NotPlain, PlainSource
from gateway.translate.rules.rule import Rule
from gateway.translate.source import Down, Plain, Source
from gateway.translate.writing import Writing, same_value

Write = Callable[[Writing, Any, str], None]


class RuleSet:
    """The rules of a record. Raises TableWrong where two rules claim one v2 field.

    `parts` are v3.1 parts that several rules write; `beside`: the gateway may keep beside this record
    what v3.1 cannot hold. `down` shows a v3.1 record in v2's form; `write` takes one up.
    """

    def __init__(self, name: str, rules: Iterable[Rule], parts: Iterable[str] = (), *, beside: bool = False) -> None:
        self.name = name
        self.parts = tuple(parts)
        self.rules = tuple(rules)
        self.writers: dict[str, Write] = {}
        self.grouped: set[str] = set()
        self.inner: set[str] = set()
        self.synonyms: dict[str, tuple[str, ...]] = {}
        self.by_name: dict[str, Rule] = {}
        self._collect()
        self.kinds = {path: kind for rule in self.rules for path, kind in rule.points()}
        for rule in self.rules:
            for crossing in rule.crosses():
                if crossing not in self.kinds:
                    raise TableWrong(f"{name}: a slash over {crossing!r}, which is no reference here")
        self.beside = next((rule.own_kind for rule in self.rules if rule.own_kind), "") if beside else ""
        self.keeps = bool(self.beside) and any(rule.keeps for rule in self.rules)
        source = Source(self._function, self.kinds, self.beside)
        for rule in self.rules:
            rule.tell(source)
        self.source = source.text
        self.shown = tuple(source.members)
        self.down: Down = source.compile()

    @property
    def _function(self) -> str:
        return "down_" + "".join(c if c.isalnum() else "_" for c in self.name)

    @cached_property
    def plain(self) -> Plain | None:
        """How lists decode these records, and `down` for them; None where they can only be read as JSON."""
        source = PlainSource(self._function, self.kinds, self.beside)
        try:
            for rule in self.rules:
                rule.tell(source)
            return source.made()
        except NotPlain:
            return None

    @cached_property
    def downs(self) -> Mapping[type, Down]:
        """`down` by the type of record that it is for."""
        return {dict: self.down, **({self.plain.type: self.plain.down} if self.plain else {})}

    def _collect(self) -> None:
        groups: set[str] = set(self.parts)
        for rule in self.rules:
            groups |= rule.binds()
        for rule in self.rules:
            synonyms = tuple(name for name, _ in rule.writers())
            self.synonyms.update(dict.fromkeys(synonyms, synonyms))
            together = not groups.isdisjoint(rule.writes()) or any("." in name for name in rule.writes())
            for name, write in rule.writers():
                if name in self.writers:
                    raise TableWrong(f"{self.name}: two rules take {name!r}")
                self.writers[name] = write
                self.by_name[name] = rule
                if together or rule.whole or rule.compared:
                    self.grouped.add(name)
                if rule.whole:
                    self.inner.add(name)

    def write(self, w: Writing) -> None:
        """Write what was sent, parts last, since they may look up at the rest; then what follows. Raises BadCall."""
        sent = w.sent
        w.kinds = self.kinds
        for name in sorted(sent, key=self.inner.__contains__):
            names = self.synonyms.get(name)
            if names is None:
                w.draft.note("unmapped", w.where(name), "v2 had no such attribute; it was left out")
            elif name == next(one for one in names if one in sent):
                chosen = self._chosen(w, names)
                self.writers[chosen](w, sent[chosen], chosen)
        for rule in self.rules:
            rule.finish(w)

    def _chosen(self, w: Writing, names: tuple[str, ...]) -> str:
        """Of one attribute's names that were sent, the one that is written: one with a value before a blank one; of
        several with values, one that differs from what v3.1 has, since clients change one name of what they have read
        and send all of it back; else the first. Raises BadCall where a create would book one thing or another."""
        given = [name for name in names if name in w.sent]
        filled = [name for name in given if w.sent[name] not in (None, "")] or given
        if w.current is None:  # an empty reference clears what there is, and here there is nothing
            filled = [name for name in filled if key_of(w.sent[name]) is not None] or filled
        if len(filled) == 1 or not self.contested(w.sent, names):
            return filled[0]
        current = w.current
        if current is not None:
            shown = self.down(current, Draft(), True)
            filled = [name for name in filled if not alike(w.sent[name], shown.get(base(name)))] or filled[:1]
            if len(filled) == 1:
                return filled[0]
        others = ", ".join(filled[1:])
        if w.creating and self.by_name[filled[0]].decides:
            raise BadCall(f"is said differently under {others}", w.where(filled[0]))
        w.draft.note("contested", w.where(filled[0]), f"other values under {others} were left out")
        return filled[0]

    def contested(self, sent: Mapping[str, Any], names: tuple[str, ...]) -> bool:
        """Whether one attribute that v3.1 takes was sent under several names with different values."""
        if not names or not self.by_name[names[0]].writable:
            return False
        values = [sent[name] for name in names if sent.get(name) not in (None, "")]
        return len(values) > 1 and not all(alike(values[0], value) for value in values[1:])

    def together(self, sent: Mapping[str, Any]) -> bool:
        """Whether the record must be read before what is sent can be written: where v3.1 replaces something whole, or
        several names of one attribute say different things."""
        if not self.grouped.isdisjoint(sent):
            return True
        return len(sent) > 1 and any(self.contested(sent, names) for names in {self.synonyms.get(n, ()) for n in sent})

    def reads(self) -> list[str]:
        """The v3.1 paths that `down` reads, each once."""
        return list(dict.fromkeys(path for rule in self.rules for path in rule.reads()))

    def writes(self) -> list[str]:
        """The v3.1 names that `write` writes, each once."""
        return list(dict.fromkeys(name for rule in self.rules for name in rule.writes()))

    def explains(self) -> list[tuple[str, str]]:
        """(v3.1 error source, v2 name) pairs, in the order of the rules."""
        return [pair for rule in self.rules for pair in rule.explains()]


def base(name: str) -> str:
    """How v2 shows what clients write as `contact_id` or `line_items_attributes`."""
    return name.removesuffix("_attributes").removesuffix("_id")


def alike(one: Any, two: Any) -> bool:
    """Whether two v2 values say the same: a reference and its bare id do, and `2` and `2.0`."""
    if isinstance(one, list) or isinstance(two, list):
        return bool(one == two)
    one, two = key_of(one), key_of(two)
    if isinstance(one, dict) or isinstance(two, dict):
        return bool(one == two)
    return same_value(plain(one), plain(two))


def key_of(value: Any) -> Any:
    """The id of a reference; any other value itself."""
    if isinstance(value, dict) and value.keys() & {"id", "$key"}:
        return value.get("id", value.get("$key"))
    return value

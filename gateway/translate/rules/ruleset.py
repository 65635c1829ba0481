"""The rules of one record, checked and made ready: `up` as closures by v2 name, `down` as one compiled function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gateway.errors import TableWrong
from gateway.translate.rules.rule import Rule
from gateway.translate.source import Down, Source
from gateway.translate.writing import Writing

Write = Callable[[Writing, Any, str], None]


class RuleSet:
    """The rules of a record. Raises TableWrong where two rules claim one v2 field.

    `parts` are v3.1 parts that several rules write. `down` shows a v3.1 record in v2's form; `write` takes one up.
    """

    def __init__(self, name: str, rules: Iterable[Rule], parts: Iterable[str] = ()) -> None:
        self.name = name
        self.parts = tuple(parts)
        self.rules = tuple(rules)
        self.writers: dict[str, tuple[Write, tuple[str, ...]]] = {}
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
        source = Source("down_" + "".join(c if c.isalnum() else "_" for c in name), self.kinds)
        for rule in self.rules:
            rule.tell(source)
        self.source = source.text
        self.shown = tuple(source.members)
        self.down: Down = source.compile()

    def _collect(self) -> None:
        groups: set[str] = set(self.parts)
        for rule in self.rules:
            groups |= rule.binds()
        for rule in self.rules:
            before: tuple[str, ...] = ()
            synonyms = tuple(name for name, _ in rule.writers())
            self.synonyms.update(dict.fromkeys(synonyms, synonyms))
            together = not groups.isdisjoint(rule.writes()) or any("." in name for name in rule.writes())
            for name, write in rule.writers():
                if name in self.writers:
                    raise TableWrong(f"{self.name}: two rules take {name!r}")
                self.writers[name] = (write, before)
                self.by_name[name] = rule
                before = (*before, name)
                if together or rule.whole:
                    self.grouped.add(name)
                if rule.whole:
                    self.inner.add(name)

    def write(self, w: Writing) -> None:
        """Write what was sent, parts last, since they may look up at the rest; then what follows. Raises BadCall."""
        sent = w.sent
        w.kinds = self.kinds
        for name, value in sorted(sent.items(), key=lambda pair: pair[0] in self.inner):
            entry = self.writers.get(name)
            if entry is None:
                w.draft.note("unmapped", w.where(name), "v2 had no such attribute; it was left out")
                continue
            write, before = entry
            others = self.synonyms[name] if value in (None, "") else before
            if any(sent.get(other) not in (None, "") for other in others):
                continue
            write(w, value, name)
        for rule in self.rules:
            rule.finish(w)

    def together(self, sent: Iterable[str]) -> bool:
        """Whether what is sent touches something that v3.1 replaces whole."""
        return not self.grouped.isdisjoint(sent)

    def reads(self) -> list[str]:
        """The v3.1 paths that `down` reads, each once."""
        return list(dict.fromkeys(path for rule in self.rules for path in rule.reads()))

    def writes(self) -> list[str]:
        """The v3.1 names that `write` writes, each once."""
        return list(dict.fromkeys(name for rule in self.rules for name in rule.writes()))

    def explains(self) -> list[tuple[str, str]]:
        """(v3.1 error source, v2 name) pairs, in the order of the rules."""
        return [pair for rule in self.rules for pair in rule.explains()]

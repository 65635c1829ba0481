"""`Reference`: a record named by its id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gateway.errors import BadCall
from gateway.translate.codecs import Codes, plain
from gateway.translate.draft import Draft, Hole
from gateway.translate.rules.rule import Rule, Swap
from gateway.translate.source import Source
from gateway.translate.writing import Writing

NO_RECORD = {"$key": None}
"""v2's empty reference: an object, not null (v2.md §4.2)."""


def legacy_key(value: Any, source: str) -> str:
    """A legacy id as sent: digits as text. Raises BadCall for anything else."""
    text = "" if isinstance(value, bool | list | dict) else plain(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadCall("is not a whole number", source)
    return text.lstrip("0") or "0"


def shown_reference(kind: str, known: str, draft: Draft, name: str | None) -> dict[str, Any]:
    """A v2 reference to a v3.1 record that did not show its legacy id."""
    made: dict[str, Any] = {"id": None, "$key": None} if name is None else {"id": None, "name": name, "$key": None}
    hole = Hole(kind, known, want="legacy_id")
    draft.gap(made, "id", hole)
    draft.gap(made, "$key", hole)
    return made


def crossed(kind: str, to: str, want: str, known: str, draft: Draft) -> dict[str, Any]:
    """A v2 reference behind another record: the bank account's ledger account, say."""
    made: dict[str, Any] = {"id": None, "$key": None}

    def number(fact: Any) -> Any:
        if fact is None:
            return None
        shown = fact.get("legacy_id")
        return Hole(to, fact["id"], want="legacy_id") if shown is None else shown

    hole = Hole(kind, known, want=want, then=number)
    draft.gap(made, "id", hole)
    draft.gap(made, "$key", hole)
    return made


@dataclass(frozen=True)
class Reference(Rule):
    """Points at a record. v2 writes `x_id` and shows `x: {id, name?, $key}`; v3.1 writes `y_id` and shows `y: {…}`.

    `to` is the kind, or Codes for a fixed list. `flat` shows the bare number too, under that name; `many`: a list in
    both versions (v2 shows each, and writes one id); `name` is the attribute shown as `name` (of Codes, v2's own word
    goes before it), or a function of the v3.1 record; `codes`: modern ids taken as they are (`country_id=PT`);
    `default(writing)` gives the v3.1 id, or a hole for it, on create; `required` is v2's message (and its source)
    where a create lacks it; `compared`: v3.1 may refuse even to be told what it has, so an update reads the record
    and says only what differs; a slash in `v3` crosses the reference of that name into its record.
    """

    v2: str
    v3: str = ""
    to: str | Codes = ""
    aliases: tuple[str, ...] = ()
    flat: str = ""
    flat_only: bool = False
    many: bool = False
    single: str = ""
    name: str | Callable[[Any], Any] | None = None
    codes: bool = False
    default: Callable[[Writing], Any] | None = None
    required: str | tuple[str, str] = ""
    read_only: bool = False
    compared: bool = False

    @property
    def path(self) -> str:
        """Where v3.1 shows it."""
        return self.v3 or self.v2

    @property
    def kind(self) -> str:
        """The kind that its ids belong to."""
        return self.to.kind if isinstance(self.to, Codes) else self.to

    @property
    def written(self) -> str:
        """Where v3.1 takes it; behind a slash, the record that is crossed is what is written."""
        first = self.path.partition("/")[0]
        return f"{first[:-1]}_ids" if self.many else f"{first}_id"

    @property
    def shown(self) -> tuple[str, ...]:
        names = () if self.flat_only else (self.v2, *self.aliases)
        return (*names, *((self.single,) if self.single else ()), *((self.flat,) if self.flat else ()))

    def writers(self) -> Iterator[tuple[str, Callable[[Writing, Any, str], None]]]:
        if self.read_only:
            return
        singular = (self.v2.removesuffix("s") if self.many else self.v2, *self.aliases)
        names = dict.fromkeys((*singular, *((self.single,) if self.single else ())))
        yield from ((f"{name}_id", self._write) for name in names)
        yield from ((name, self._write_record) for name in names)

    def _write_record(self, w: Writing, value: Any, name: str) -> None:
        """`x: {id: 1}` or `x: 1`, which some clients send in place of `x_id`."""
        if isinstance(value, dict):
            if "id" not in value and "$key" not in value:
                return
            value = value.get("id", value.get("$key"))
        self._write(w, value, name)

    def _write(self, w: Writing, value: Any, name: str) -> None:
        where = w.where(name)
        if value is None or value == "":
            if not w.creating and not w.lacks(self.path.partition("/")[0]):
                w.put(self.written, [] if self.many else None, where)
            return
        made = self.modern(value, where)
        if "/" in self.path:
            made = self._behind(w, made)
        if self.many:
            holder: list[Any] = [None]
            w.put(self.written, holder, where)
            w.draft.place(holder, 0, made, where)
        elif not (self.compared and w.echoes(self.written, made)):
            w.put(self.written, made, where)

    def _behind(self, w: Writing, known: Any) -> Any:
        """The record whose part behind the slash is the one that was sent."""
        first, _, attribute = self.path.partition("/")
        kind = w.kinds[first]
        if not isinstance(known, Hole):
            return Hole(kind, known, by=f"{attribute}.id")
        return replace(known, then=lambda modern: Hole(kind, modern, by=f"{attribute}.id"))

    def modern(self, value: Any, where: str) -> Any:
        """The modern id of what was sent, or the hole that will become it."""
        text = "" if isinstance(value, bool | list | dict) else plain(value).strip()
        if self.codes and text.isascii() and text.isalpha():
            return Hole(self.kind, text.upper())
        number = legacy_key(value, where)
        if isinstance(self.to, Codes) and number in self.to.code:
            code = self.to.code[number]
            others = self.to.alike.get(code)
            return code if others is None else Hole(self.kind, ",".join((code, *others)), by="any")
        return Hole(self.kind, number, by="legacy_id")

    def finish(self, w: Writing) -> None:
        if not w.creating or self.read_only or w.take(self.written) is not None:
            return
        value = self.default(w) if self.default else None
        if value is not None:
            w.put(self.written, value, w.where(f"{self.v2}_id"))
        elif isinstance(self.required, tuple):
            raise BadCall(*self.required)
        elif self.required:
            raise BadCall(self.required, w.where(f"{self.v2}_id"))

    def tell(self, src: Source) -> None:
        if "/" in self.path:
            first, _, want = self.path.partition("/")
            record = src.record(first)
            known = src.must(record, "id")
            call = f"{src.constant(crossed)}({src.kinds[first]!r}, {self.kind!r}, {want!r}, {known}, c)"
            src.member(self.shown, src.variable(f"{call} if {record} else {src.constant(NO_RECORD)}"))
            return
        if self.many:
            shown = src.records(self.path)
            number = src.get("x", "legacy_id")
            if isinstance(self.to, Codes):
                number = f"{src.constant(self.to.number)}.get({src.get('x', 'id')}, {number})"
            made = "{'id': n, '$key': n}"
            unknown = f"{src.constant(shown_reference)}({self.kind!r}, {src.must('x', 'id')}, c, None)"
            each = f"{made} if (n := {number}) is not None else {unknown}"
            listed = src.variable(f"[{each} for x in {shown} or ()]")
            src.member((self.v2, *self.aliases), listed)
            if self.single:
                src.member((self.single,), f"{listed}[0] if {listed} else {src.constant(NO_RECORD)}")
            return
        # A function that makes the name is given the record as it came.
        self._tell_one(src, src.value(self.path) if callable(self.name) else src.record(self.path))

    def _tell_one(self, src: Source, record: str) -> None:
        number = src.variable("None")
        made = src.variable(src.constant(NO_RECORD)) if not self.flat_only else ""
        name, known = self._name_of(src, record), src.must(record, "id")
        lines = [f"if {record}:", f"    {number} = {self._number_of(src, record)}"]
        if made:
            named = f"'name': {name}, " if name else ""
            lines += [
                f"    if {number} is None:",
                f"        {made} = {src.constant(shown_reference)}({self.kind!r}, {known}, c, {name or 'None'})",
                "    else:",
                f"        {made} = {{'id': {number}, {named}'$key': {number}}}",
            ]
        if not isinstance(self.to, Codes):
            lines += [f"    if {number} is not None: seen.append(({self.kind!r}, {known}, {number}))"]
        src.before += lines
        if made:
            src.member((self.v2, *self.aliases), made)
        if self.flat:
            src.member((self.flat,), number)
            hole = f"Hole({self.kind!r}, {known}, want='legacy_id')"
            src.after += [
                f"if not {record}: del o[{self.flat!r}]",
                f"elif {number} is None: c.gap(o, {self.flat!r}, {hole})",
            ]

    def _number_of(self, src: Source, record: str) -> str:
        if isinstance(self.to, Codes):
            return f"{src.constant(self.to.number)}.get({src.get(record, 'id')}) or {src.get(record, 'legacy_id')}"
        return src.get(record, "legacy_id")

    def _name_of(self, src: Source, record: str) -> str:
        if self.name is None:
            return ""
        if callable(self.name):
            return f"{src.constant(self.name)}({record})"
        word = f"{src.constant(self.to.word)}.get({src.get(record, 'id')}) or " if isinstance(self.to, Codes) else ""
        return f"({word}{src.get(record, self.name)} or '')"

    def points(self) -> Iterator[tuple[str, str]]:
        if "/" not in self.path:
            yield self.path, self.kind

    @property
    def decides(self) -> bool:
        return True

    def crosses(self) -> Iterator[str]:
        if "/" in self.path:
            yield self.path.partition("/")[0]

    def reads(self) -> Iterator[str]:
        yield self.path.partition("/")[0]
        if isinstance(self.name, str):
            yield f"{self.path}.{self.name}"

    def writes(self) -> Iterator[str]:
        if not self.read_only:
            yield self.written

    def explains(self) -> Iterator[tuple[str, str]]:
        yield self.written, f"{self.v2.removesuffix('s') if self.many else self.v2}_id"
        yield self.path, self.v2

    def swapped(self, swap: Swap) -> Reference:
        if isinstance(self.to, Codes):
            codes = swap.get(self.to.name)
            if isinstance(codes, Codes):
                return replace(self, to=codes)
        return self

"""Plain records: v3.1's rows as types that hold only what `down` reads, and `down` for these.

A list of 20 contacts has 1,100 values, of which half are read. So the rules that are compiled to `down` also say which
members they read, and the answer is decoded into just those. What is out of the ordinary (a text as long as v3.1
allows, a number in a text's place, a record without an id) is no plain record: then all of the answer is read as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Annotated, Any

import msgspec

from gateway.translate.source import Plain, Shown, Source


class NotPlain(Exception):  # noqa: N818 - a table whose rules read a record both whole and by its members
    """The rules' records can only be read as JSON."""


IDS: Mapping[str, Any] = {"id": str, "legacy_id": int}
"""What these members hold wherever they are. A plain record that is asked for its id has one."""


def nameable(name: str) -> bool:
    """Whether a member can be an attribute."""
    return name.isidentifier() and not iskeyword(name)


@dataclass
class Members:
    """What is read of a record: a type, or the members of a record inside it, by v3.1's name."""

    types: dict[str, Any] = field(default_factory=dict)
    inner: dict[str, Members] = field(default_factory=dict)
    many: bool = False

    def read(self, name: str, kind: Any = Any) -> None:
        """A value of that type is read. Raises NotPlain where it is read in two ways."""
        kind = IDS.get(name, kind)
        known = self.types.get(name, Any)
        if not nameable(name) or name in self.inner or not (kind is Any or known is Any or kind == known):
            raise NotPlain
        self.types[name] = known if kind is Any else kind

    def below(self, name: str, *, many: bool = False) -> Members:
        """The members of an inner record, or of those in a list. Raises NotPlain where it is read in two ways."""
        if not nameable(name) or name in self.types:
            raise NotPlain
        found = self.inner.setdefault(name, Members(many=many))
        if found.many is not many:
            raise NotPlain
        return found

    def type(self, name: str, made: dict[int, Any]) -> Any:
        """The type; `made` gets those of all inner records too, by their members' `id()`."""
        types = dict(self.types)
        for inside, members in self.inner.items():
            one = members.type(f"{name}_{inside}", made)
            types[inside] = list[one] if members.many else one  # type: ignore[valid-type]
        fields: list[Any] = [
            (each, kind) if each == "id" else (each, kind if kind is Any else kind | None, None)
            for each, kind in types.items()
        ]
        # Answers have no cycles, so none of this need be looked through for any.
        made[id(self)] = msgspec.defstruct(name, fields, kw_only=True, omit_defaults=True, gc=False)
        return made[id(self)]


class PlainSource(Source):
    """The source of `down` for plain records. Its methods raise NotPlain where there can be none."""

    plain = True

    def __init__(self, name: str, kinds: Mapping[str, str], kind: str) -> None:
        super().__init__(f"{name}_plain", kinds, kind)
        self._members = {"r": Members()}
        """By variable: what is read of the plain record in it."""
        self._empty: dict[str, Members] = {}
        self._records: dict[str, str] = {}

    def part(self, path: str) -> str:
        if path not in self._parts:
            parent, _, last = path.rpartition(".")
            above = self.part(parent)
            members = self._members[above].below(last)
            empty = f"EMPTY{len(self._empty)}"
            self._empty[empty] = members
            self._parts[path] = self.variable(f"{above}.{last} or {empty}")
            self._members[self._parts[path]] = members
        return self._parts[path]

    def value(self, path: str, kind: Any = Any) -> str:
        parent, _, last = path.rpartition(".")
        above = self.part(parent)
        self._members[above].read(last, kind)
        if path not in self._values:
            self._values[path] = self.variable(f"{above}.{last}")
        return self._values[path]

    def words(self, path: str, limit: int | None) -> str:
        return self.value(path, kind=str if limit is None else Annotated[str, msgspec.Meta(max_length=limit - 1)])

    def record(self, path: str) -> str:
        return self._held(path)

    def records(self, path: str) -> str:
        listed = self._held(path, many=True)
        self._members["x"] = self._members[listed]
        return listed

    def _held(self, path: str, *, many: bool = False) -> str:
        parent, _, last = path.rpartition(".")
        above = self.part(parent)
        members = self._members[above].below(last, many=many)
        members.read("id")  # else an empty record would count as one
        if path not in self._records:
            self._records[path] = self.variable(f"{above}.{last}")
            self._members[self._records[path]] = members
        return self._records[path]

    def get(self, record: str, name: str) -> str:
        if record not in self._members:
            return super().get(record, name)
        self._members[record].read(name)
        return f"{record}.{name}"

    def must(self, record: str, name: str) -> str:
        return self.get(record, name) if record in self._members else super().must(record, name)

    def shown(self, path: str, rules: Shown, *, many: bool = False) -> tuple[str, str]:
        inner = rules.plain
        if inner is None or not inner.named:
            return super().shown(path, rules, many=many)
        return self.value(path, kind=list[inner.type] if many else inner.type), self.constant(inner.down)  # type: ignore[name-defined]

    def made(self) -> Plain:
        """The type, and the compiled function for it."""
        types: dict[int, Any] = {}
        top = self._members["r"]
        made = top.type(self.name, types)
        for name, members in self._empty.items():
            empty = types[id(members)]
            self.names[name] = empty(**dict.fromkeys(empty.__struct_fields__))
        return Plain(made, self.compile(), "id" in top.types, self.text)

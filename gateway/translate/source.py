"""The Python source of a table's `down`, in the making.

Down is where the time goes (a list of 20 contacts has 500 values), so each table's rules are compiled to one
function when the table is made. Each rule writes its part of the source; `linecache` shows it in tracebacks.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NamedTuple, Protocol

from gateway.errors import TableWrong
from gateway.messages import Record
from gateway.translate.draft import Draft, Hole

Down = Callable[[Record, Draft, bool], Record]
"""down(v3.1 record, draft that takes the gaps, whether the answer was asked to show legacy ids) -> v2 record."""

EMPTY: Record = {}


class Plain(NamedTuple):
    """A plain record's type, and `down` for it; `named`: it has an id, so that none is empty."""

    type: Any
    down: Down
    named: bool
    source: str


class Shown(Protocol):
    """The rules of an inner record."""

    down: Down

    @property
    def plain(self) -> Plain | None:
        """The same for plain records (`gateway.translate.plain`), if they can be read as such."""


class Source:
    """Collects statements, the members of the v2 record in order, and statements that follow it."""

    plain = False
    """Whether the record is a plain one: its texts are texts, and short enough to be whole."""

    def __init__(self, name: str, kinds: Mapping[str, str] | None = None, kind: str = "") -> None:
        self.name = name
        self.kind = kind
        """The kind of a record beside which things are kept, "" where nothing is."""
        self.kinds = dict(kinds or {})
        """What the record's references point at, by their v3.1 path."""
        self.names: dict[str, Any] = {"EMPTY": EMPTY, "Hole": Hole}
        self.before: list[str] = []
        self.members: dict[str, str] = {}
        self.after: list[str] = []
        self._parts: dict[str, str] = {"": "r"}
        self._values: dict[str, str] = {}
        self._serial = count(1)

    def constant(self, value: Any) -> str:
        """A name that the source can use for any Python object."""
        if value is None or value is True or value is False or type(value) in (int, str):
            return repr(value)
        for known, there in self.names.items():
            if there is value:
                return known
        name = f"k{next(self._serial)}"
        self.names[name] = value
        return name

    def variable(self, expression: str) -> str:
        """A new variable that holds the expression's value."""
        name = f"v{next(self._serial)}"
        self.before.append(f"{name} = {expression}")
        return name

    def part(self, path: str) -> str:
        """A variable with the record at a dotted path; an empty record where there is none."""
        if path not in self._parts:
            parent, _, last = path.rpartition(".")
            above = self.part(parent)
            if last.isdigit():
                listed = self.value(parent)
                self._parts[path] = self.variable(f"{listed}[{last}] if {listed} and len({listed}) > {last} else EMPTY")
            else:
                self._parts[path] = self.variable(f"{above}.get({last!r}) or EMPTY")
        return self._parts[path]

    def value(self, path: str) -> str:
        """A variable with the value at a dotted path, None where there is none."""
        if path not in self._values:
            parent, _, last = path.rpartition(".")
            self._values[path] = self.variable(f"{self.part(parent)}.get({last!r})")
        return self._values[path]

    def words(self, path: str, limit: int | None) -> str:
        """A variable with the value at a path which should be text, and shorter than `limit` unless it was cut."""
        return self.value(path)

    def record(self, path: str) -> str:
        """A variable with the record at a path which `get` and `must` read, None where there is none."""
        return self.value(path)

    def records(self, path: str) -> str:
        """A variable with the records at a path, which `get` and `must` then read one by one as `x`."""
        return self.value(path)

    def get(self, record: str, name: str) -> str:
        """A member of the record in a variable, None where there is none."""
        return f"{record}.get({name!r})"

    def must(self, record: str, name: str) -> str:
        """A member that the record in a variable has."""
        return f"{record}[{name!r}]"

    def shown(self, path: str, rules: Shown, *, many: bool = False) -> tuple[str, str]:
        """A variable with the record at a path, or the records, and the name of what shows it by rules of its own."""
        return self.value(path), self.constant(rules.down)

    def kept(self, then: str) -> str:
        """A hole for what is kept beside the record, and what is to be made of it. Raises TableWrong where nothing is
        kept, because a record cannot be told from others."""
        if not self.kind:
            raise TableWrong(f"{self.name}: kept beside a record without an id of its own")
        return f"Hole({self.kind!r}, {self.value('id')}, want='kept', then={then})"

    def member(self, names: tuple[str, ...], expression: str) -> None:
        """The v2 record has these members, all with this value. Raises TableWrong for one that is there already."""
        for name in names:
            if name in self.members:
                raise TableWrong(f"{self.name}: two rules show {name!r}")
            self.members[name] = expression

    @property
    def text(self) -> str:
        """The finished source."""
        members = ", ".join(f"{name!r}: {expression}" for name, expression in self.members.items())
        lines = ["seen = c.seen", *self.before, f"o = {{{members}}}", *self.after, "return o"]
        return f"def {self.name}(r, c, asked):\n" + "".join(f"    {line}\n" for line in lines)

    def compile(self) -> Down:
        """The function. Its source shows in tracebacks."""
        filename = f"<down of {self.name}>"
        code = self.text
        linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
        space = dict(self.names)
        exec(compile(code, filename, "exec"), space)  # noqa: S102 - our own rules' source, never data from outside
        made: Down = space[self.name]
        return made

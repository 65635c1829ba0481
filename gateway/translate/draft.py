"""Holes: facts a message still lacks, and drafts: messages still lacking them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from msgspec import Struct, to_builtins

from gateway.errors import BadCall, NotFound, TableWrong
from gateway.messages import Note, Record, V2Response, V3Request


@dataclass(frozen=True, slots=True)
class Hole:
    """Reads: of `kind`, the record whose `by` is `known`: its `want`.

    `by` is `id` (the modern id), `legacy_id`, an attribute path of the record (`ledger_account.id`), `first`
    (`known` is then a v3.1 filter, and the first record that it lists is meant) or `any` (`known` is a list of ids and
    words, and the first record is meant that goes by one of them). `want` is `id`, `legacy_id`
    or an attribute path of the v3.1 record (`percentage`). Two holes are equal without `then` and `shown`,
    so a batch has no doubles. `then` turns the fact into the value wanted, or into a further hole.
    `on` is an ISO date where the value of that day is wanted, as v3.1's history has it; "" for today's.
    `shown`: the answer that named this record was asked to show its legacy id and had none,
    so reading it once more would not help.
    """

    kind: str
    known: str
    want: str = "id"
    by: str = "id"
    on: str = ""
    then: Callable[[Any], Any] | None = field(default=None, compare=False)
    shown: bool = field(default=False, compare=False)


Facts = Mapping[Hole, Any]

ABSENT = object()
"""What a hole's `then` gives where the message is to say nothing in its place."""

PATH = "(path)"
"""The source of a hole that stands for an id in the call's path: unknown there means 404."""


class Draft:
    """A message with gaps: places where a hole waits for its fact.

    A gap is the container, the key in it, its hole, and the v2 field that named the record (for the error when
    no such record exists). `seen` holds the pairs (kind, modern id, legacy id) that answers have shown.
    """

    __slots__ = ("gaps", "notes", "seen")

    def __init__(self) -> None:
        self.gaps: list[tuple[Any, Any, Hole, str]] = []
        self.notes: list[Note] = []
        self.seen: list[tuple[str, str, int]] = []

    def gap(self, container: Any, key: Any, hole: Hole, source: str = "") -> None:
        """Leave a hole at `container[key]`."""
        container[key] = hole
        self.gaps.append((container, key, hole, source))

    def place(self, container: Any, key: Any, value: Any, source: str = "") -> None:
        """Put a value, or the hole that will become one."""
        if isinstance(value, Hole):
            self.gap(container, key, value, source)
        elif value is ABSENT:
            del container[key]
        else:
            container[key] = value

    def note(self, code: str, where: str, text: str) -> None:
        """Add a note to the exchange."""
        self.notes.append(Note(code, where, text))

    @property
    def holes(self) -> dict[Hole, None]:
        """The open holes, each once, in order."""
        return dict.fromkeys(hole for _, _, hole, _ in self.gaps)

    def fill(self, facts: Facts) -> None:
        """Fill the gaps from facts; what a fact leads to may be a further hole.

        Raises BadCall (NotFound for an id in the path) for a record that does not exist.
        """
        open_gaps, self.gaps = self.gaps, []
        for container, key, hole, source in open_gaps:
            try:
                value = facts[hole]
            except KeyError:
                raise unknown(hole, source) from None
            if hole.then is not None:
                value = hole.then(value)
            self.place(container, key, value, source)


def unknown(hole: Hole, source: str) -> BadCall:
    """The error for a record that does not exist."""
    if source == PATH:
        return NotFound("Not Found")
    if hole.by == "legacy_id":
        return BadCall("no such record", source or "base")
    return BadCall(f"v3.1 has no {hole.kind} to serve this", source or "base")


class RequestDraft(Draft):
    """A request to v3.1 in the making. `path` is its segments and `query` its [name, value] pairs: both may hold holes.

    `optional`: the answer is worth having, but the call does not fail without it (the plan is sent None).
    `rows` is the type of a list's rows where nothing else of them is read.
    `kept` is what the gateway keeps beside the record of `kind` that the answer shows, once it has come, and
    `kept_inside` what it keeps beside records inside that one.
    """

    __slots__ = ("accept", "body", "kept", "kept_inside", "kind", "method", "optional", "path", "query", "root", "rows")

    def __init__(
        self,
        method: str,
        path: list[Any],
        query: list[list[Any]] | None = None,
        body: Record | None = None,
        root: str | None = None,
        accept: str = "application/json",
        *,
        optional: bool = False,
    ) -> None:
        super().__init__()
        self.method = method
        self.path = path
        self.query = query if query is not None else []
        self.body = body
        self.root = root
        self.accept = accept
        self.optional = optional
        self.rows: Any = None
        self.kind = ""
        self.kept: Record = {}
        self.kept_inside: Sequence[Any] = ()
        for n, part in enumerate(path):
            if isinstance(part, Hole):
                self.gaps.append((path, n, part, PATH))

    @property
    def message(self) -> V3Request:
        """The finished request. Raises TableWrong while gaps are open."""
        if self.gaps:
            raise TableWrong("a request was sent with open holes")
        body = self.body
        return V3Request(
            self.method,
            "/" + "/".join(self.path),
            tuple((name, value) for name, value in self.query),
            body if body is None or self.root is None else {self.root: body},
            self.accept,
            self.rows,
        )


class ReplyDraft(Draft):
    """A reply to the v2 client in the making."""

    __slots__ = ("again", "body", "headers", "status")

    def __init__(self, status: int, body: Any, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__()
        self.again: Callable[[Mapping[str, int]], ReplyDraft] | None = None
        """The same reply made once more, with other numbers for some modern ids (see `corrected`)."""
        self.status = status
        self.body = body
        self.headers = headers

    def fill(self, facts: Facts) -> None:
        """Fill the gaps. What is not found is shown as nothing: a reply does not fail for want of a part of it."""
        super().fill({**dict.fromkeys(self.holes), **facts})

    def make_do(self) -> None:
        """Ask for no more than what the gateway itself can give: numbers, minted if need be; all else is nothing."""
        open_gaps, self.gaps = self.gaps, []
        for container, key, hole, source in open_gaps:
            if hole.want == "legacy_id":
                self.gap(container, key, replace(hole, shown=True), source)
            else:
                self.place(container, key, hole.then(None) if hole.then else None, source)

    @property
    def message(self) -> V2Response:
        """The finished reply. Raises TableWrong while gaps are open."""
        if self.gaps:
            raise TableWrong("a reply was sent with open holes")
        return V2Response(self.status, self.body, self.headers)


class FactsDraft(Draft):
    """No message, only facts to fill in: a plan yields it and gets it back filled."""

    __slots__ = ("message",)

    def __init__(self, message: Any) -> None:
        super().__init__()
        self.message = message

    def correct(self, numbers: Mapping[str, int]) -> None:
        """Put other numbers for some modern ids into the items of the message's lists."""
        for items in self.message.values() if numbers else ():
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict) and item.get("id") in numbers:
                    item["legacy_id"] = numbers[item["id"]]


def corrected(value: Any, numbers: Mapping[str, int]) -> Any:
    """A v3.1 record with, for some modern ids, the number that clients know in place of the one Sage gave later
    (reliability.md G6)."""
    if isinstance(value, Struct):
        value = to_builtins(value, builtin_types=(Decimal,))
    if isinstance(value, list):
        return [corrected(item, numbers) for item in value]
    if isinstance(value, dict):
        made = {name: corrected(item, numbers) for name, item in value.items()}
        if made.get("id") in numbers and "legacy_id" in made:
            made["legacy_id"] = numbers[made["id"]]
        return made
    return value

"""A v3.1 that knows its write and read convention and the published spec, and no table of ours.

What is written as `x_id` is shown as `x: {id}`, `x_ids` as `xs: [{id}]`; parts and items get ids of their own. Every
request is judged against the spec.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any

from gateway.messages import Caller, V2Request, V3Request, V3Response
from gateway.resources.registry import TABLES
from gateway.sandbox.checks import Verdict, check_body, check_query
from gateway.sandbox.spec import Spec
from gateway.translate.calls import Call
from gateway.translate.draft import Draft, Hole
from gateway.translate.resource import Table

SPEC = Spec.load()
PDF = b"%PDF-1.4"


def number_of(key: str) -> int:
    """The number at the end of an id: 7 of `contacts-7`; 1 of `user`."""
    tail = key.rpartition("-")[2]
    return int(tail) if tail.isdecimal() else 1


def fact(hole: Hole) -> Any:
    """What ids say by their names: legacy 7 of contacts is `contacts-7`, and behind it is everything else of 7."""
    if hole.want == "kept":
        return {}
    if hole.by == "first":
        return f"{hole.kind}-1"
    if hole.by == "any":
        return hole.known.partition(",")[0]
    if hole.want == "percentage":
        return "20.0"
    if hole.want == "legacy_id":
        return number_of(hole.known)
    if hole.want == "id":
        return hole.known if hole.by == "id" else f"{hole.kind}-{number_of('-' + hole.known)}"
    reference = {"id": f"ledger_accounts-{number_of('-' + hole.known)}"}
    return reference["id"] if hole.want.endswith(".id") else reference


class NamedFacts:
    """A lookup that finds every record, by the naming convention; `corrections` are numbers it insists on."""

    def __init__(self, corrections: Mapping[tuple[str, str], int] | None = None) -> None:
        self.kept: dict[tuple[str, str], dict[str, Any]] = {}
        self.corrections = dict(corrections or {})
        self.seen: list[tuple[str, str, int]] = []

    async def facts(self, holes: Collection[Hole]) -> dict[Hole, Any]:
        kept = {hole: self.kept[hole.kind, hole.known] for hole in holes if (hole.kind, hole.known) in self.kept}
        return {hole: kept[hole] if hole.want == "kept" and hole in kept else fact(hole) for hole in holes}

    async def retain(self, kind: str, modern: str, values: Mapping[str, Any] | None) -> None:
        if values is None:
            self.kept.pop((kind, modern), None)
        else:
            self.kept.setdefault((kind, modern), {}).update(values)

    async def keep(self, pairs: Sequence[tuple[str, str, int]]) -> dict[tuple[str, str], int]:
        self.seen += pairs
        return {pair[:2]: self.corrections[pair[:2]] for pair in pairs if pair[:2] in self.corrections}


def settled(draft: Draft) -> Any:
    """The draft's message, its holes filled by the naming convention."""
    while draft.gaps:
        draft.fill({hole: fact(hole) for hole in draft.holes})
    return draft.message  # type: ignore[attr-defined]


class Echo:
    """The upstream. `records` are what it holds, by path (`/contacts/contacts-1`); `fresh` is what a record that nobody
    wrote has, by collection."""

    def __init__(self, fresh: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.fresh = fresh or {}
        self.records: dict[str, dict[str, Any]] = {}
        self.sent: list[V3Request] = []
        self.violations: list[str] = []
        self._serial = count(9001)

    def mint(self, kind: str = "part") -> str:
        """A new id."""
        return f"{kind}-{next(self._serial)}"

    def read_form(self, body: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """How v3.1 shows what was written."""
        made: dict[str, Any] = {}
        for name, value in body.items():
            if name.endswith("_ids"):
                made[f"{name[:-4]}s"] = [{"id": key} for key in value]
            elif name.endswith("_id"):
                made[name[:-3]] = None if value is None else {"id": value}
            elif isinstance(value, dict):
                before = (old or {}).get(name) or {}
                made[name] = {"id": before.get("id") or self.mint(), **self.read_form(value)}
            elif isinstance(value, list):
                made[name] = [
                    {"id": item} if isinstance(item, str) else {"id": self.mint(), **self.read_form(item)}
                    for item in value
                ]
            else:
                made[name] = value
        return made

    def store(self, path: str, record: Mapping[str, Any]) -> dict[str, Any]:
        """Hold a record at a path."""
        self.records[path] = {"id": path.rpartition("/")[2], **record}
        return self.records[path]

    async def send(self, request: V3Request) -> V3Response:
        """The answer; a record that is asked for and not held is found empty."""
        self.sent.append(request)
        self.violations += judged(request)
        if request.accept != "application/json":
            return V3Response(200, PDF)
        collection, _, key = request.path[1:].partition("/")
        body = next(iter(request.body.values())) if request.body and request.method != "DELETE" else {}
        if request.method == "POST":
            made = self.store(f"{request.path}/{collection}-{next(self._serial)}", self.read_form(body))
            return V3Response(201, made)
        if request.method == "PUT":
            held = self.held(request.path)
            held.update(self.read_form(body, held))
            return V3Response(200, held)
        if request.method == "DELETE":
            self.records.pop(request.path, None)
            return V3Response(204)
        if key or collection == "user":
            return V3Response(200, self.held(request.path))
        rows = [record for path, record in self.records.items() if path.startswith(f"{request.path}/")]
        return V3Response(
            200, {"$total": len(rows), "$page": 1, "$next": None, "$back": None, "$itemsPerPage": 200, "$items": rows}
        )

    def held(self, path: str) -> dict[str, Any]:
        """The record at a path, as an answer shows it."""
        return self.records.get(path) or self.store(path, self.fresh.get(path.split("/")[1], {}))


def judged(request: V3Request) -> list[str]:
    """What the published spec lacks or refuses of a request, and what it requires that is missing."""
    found = SPEC.match(request.path)
    operation = SPEC.operation(request.method, found[0]) if found else None
    if operation is None:
        return [f"{request.method} {request.path} does not exist"]
    verdict = Verdict(f"{request.method} {operation.template}")
    check_query(operation, request.query, verdict)
    if request.method in ("POST", "PUT"):
        check_body(operation, request.body, verdict)
    if request.accept not in operation.media:
        verdict.violated(f"gives no {request.accept}")
    missing = [f"{verdict.about}: {problem.source} {problem.message}" for problem in verdict.problems]
    return [*verdict.violations, *missing]


def table_at(path: str, family: str = "accounts") -> Table:
    """The table of a v2 path."""
    return next(table for table in TABLES if (table.path, table.family) == (path, family))


def call_of(table: Table, verb: str, sent: dict[str, Any] | None = None, *, caller: Caller | None = None) -> Call:
    """A call of a table, read already; its ids are all 7."""
    body = sent or {}
    params = body if table.root is None else {table.root: body}
    keys = ("7",) * (table.path.count("*") + (verb in ("one", "update", "delete") and not table.singleton))
    return Call(V2Request("GET", "/"), caller or Caller(business="b-1"), table, verb, keys, params, body)

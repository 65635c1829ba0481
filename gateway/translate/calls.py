"""A v2 call, read: which table, which verb, which record, with what parameters."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from gateway.errors import AccessDenied, BadCall, NotFound
from gateway.messages import Caller, Record, V2Request
from gateway.translate.draft import Hole
from gateway.translate.forms import Params, read_params
from gateway.translate.headers import read_headers, wants_pdf
from gateway.translate.resource import Table

LONGEST_KEY = 18


class Call(Struct, frozen=True):
    """A v2 call. `keys` are the legacy ids in its path, `params` all its parameters, `sent` those below the root."""

    request: V2Request
    caller: Caller
    table: Table
    verb: str
    keys: tuple[str, ...]
    params: Params
    sent: Record
    pdf: bool = False

    def key(self, kind: str = "", place: int = -1) -> Hole | str:
        """The hole for an id in the path; the modern id itself where the table's numbers are fixed."""
        number, kind = self.keys[place], kind or self.table.kind
        if kind == self.table.kind and number in self.table.codes:
            return self.table.codes[number]
        return Hole(kind, number, by="legacy_id")


Node = dict[str, Any]


class Routes:
    """Which table serves a path: words literally, else a number as an id. v2's doubled and trailing slashes are folded
    (captures/README.md §3)."""

    def __init__(self, tables: tuple[Table, ...], versions: tuple[str, ...] = ("v2",)) -> None:
        self.top: Node = {}
        for table in tables:
            for version in versions:
                node = self.top
                for word in (table.family, version, *table.path.split("/")):
                    node = node.setdefault(word, {})
                node[""] = table
                if not table.singleton:
                    node.setdefault("*", {}).setdefault("=", table)

    def find(self, method: str, path: str) -> tuple[Table, str, tuple[str, ...]]:
        """(table, verb, ids in the path). Raises AccessDenied for what v2 did not route (v2.md §4.4)."""
        node, keys = self.top, []
        for word in path.split("/"):
            if not word:
                continue
            below = node.get(word.lower()) if word not in ("", "*", "=") else None
            if below is None and word.isascii() and word.isdigit():
                below = node.get("*")
                keys.append(word)
            if not isinstance(below, dict):
                raise AccessDenied
            node = below
        if "" in node:
            table, verbs = node[""], {"GET": "list", "POST": "create"}
            if table.singleton:
                verbs = {"GET": "one", "PUT": "update"}
        elif "=" in node:
            table, verbs = node["="], {"GET": "one", "PUT": "update", "DELETE": "delete"}
        else:
            raise AccessDenied
        verb = verbs.get(method)
        if verb is None or verb not in table.verbs:
            raise AccessDenied
        return table, verb, tuple(keys)


def split_target(target: str) -> tuple[str, str]:
    """(path, query) of a request-target."""
    path, _, query = target.partition("?")
    return path, query


def read_call(request: V2Request, caller: Caller, table: Table, verb: str, keys: tuple[str, ...]) -> Call:
    """The call's parameters, read. Raises Malformed, TooLarge, BadCall, NotFound."""
    clean = []
    for key in keys:
        if len(key) > LONGEST_KEY:
            raise NotFound("Not Found")
        clean.append(key.lstrip("0") or "0")
    headers = read_headers(request.headers)
    _, query = split_target(request.target)
    params = read_params(request.method, query, headers, request.body, table.root)
    sent: Any = params
    if table.root is not None:
        sent = params.get(table.root)
        if verb in ("create", "update") and sent is not None and sent != "" and not isinstance(sent, dict):
            raise BadCall("should hold the attributes, in brackets", table.root)
    return Call(
        request,
        caller,
        table,
        verb,
        tuple(clean),
        params,
        sent if isinstance(sent, dict) else {},
        wants_pdf(headers),
    )

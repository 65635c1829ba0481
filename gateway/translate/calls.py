"""A v2 call, read: which table, which verb, which record, with what parameters."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec import Struct

from gateway.errors import AccessDenied, BadCall, NotFound
from gateway.messages import Caller, Record, V2Request
from gateway.translate.draft import Hole
from gateway.translate.forms import Params, read_params
from gateway.translate.headers import read_headers, wants_pdf
from gateway.translate.resource import Table

LONGEST_KEY = 18


class Call(Struct, frozen=True):
    """A v2 call. `keys` are the legacy ids in its path, `params` all its parameters, `sent` those below the root;
    `version` is the API that its path names: `v2`, or `v1`, its direct ancestor (v2.md §7.1)."""

    request: V2Request
    caller: Caller
    table: Table
    verb: str
    keys: tuple[str, ...]
    params: Params
    sent: Record
    pdf: bool = False
    version: str = "v2"

    def key(self, kind: str = "", place: int = -1) -> Hole | str:
        """The hole for an id in the path; the modern id itself where the table's numbers are fixed."""
        number, kind = self.keys[place], kind or self.table.kind
        if kind == self.table.kind and number in self.table.codes:
            return self.table.codes[number]
        return Hole(kind, number, by="legacy_id")


Node = dict[str, Any]


class Route(NamedTuple):
    """What a path means: the table and verb, the ids in it, and the version of the API that it names."""

    table: Table
    verb: str
    keys: tuple[str, ...]
    version: str = "v2"


PREFIXES: Mapping[tuple[str, ...], str] = MappingProxyType(
    {
        ("accounts", "v2"): "accounts",
        ("core", "v2"): "core",
        ("accounts", "v1"): "accounts",
        ("core", "v1"): "core",
        ("api", "v1"): "accounts",
    }
)
"""What a path may begin with, and whose resources it then names. `/api/v1` is v1's older prefix (v2.md §3.1)."""


class Routes:
    """Which table serves a path: words literally, else a number as an id. v2's doubled and trailing slashes are folded
    (captures/README.md §3)."""

    def __init__(self, tables: tuple[Table, ...]) -> None:
        self.top: Node = {}
        for table in tables:
            for path in (table.path, *table.aliases):
                node = self.top.setdefault(table.family, {})
                for word in path.split("/"):
                    node = node.setdefault(word, {})
                node[""] = table
                if not table.singleton:
                    node.setdefault("*", {}).setdefault("=", table)

    def find(self, method: str, path: str) -> Route:
        """The route. Raises AccessDenied for what v2 did not route (v2.md §4.4)."""
        words = [word for word in path.split("/") if word]
        family = PREFIXES.get(tuple(word.lower() for word in words[:2]))
        if family is None:
            raise AccessDenied
        node, keys = self.top.get(family, {}), []
        for word in words[2:]:
            below = node.get(word.lower()) if word not in ("*", "=") else None
            if below is None and word.isascii() and word.isdigit():
                below = node.get("*")
                keys.append(word)
            if not isinstance(below, dict):
                raise AccessDenied
            node = below
        table, verb = verb_of(method, node)
        return Route(table, verb, tuple(keys), words[1].lower())


COLLECTION = {"GET": "list", "POST": "create"}
MEMBER = {"GET": "one", "PUT": "update", "DELETE": "delete"}
SINGLETON = {"GET": "one", "PUT": "update"}


def verb_of(method: str, node: Node) -> tuple[Table, str]:
    """What a method means at the end of a path. Raises AccessDenied where it means nothing."""
    table = node.get("") or node.get("=")
    if table is None:
        raise AccessDenied
    verb = (MEMBER if "" not in node else SINGLETON if table.singleton else COLLECTION).get(method)
    if verb is None or verb not in table.verbs:
        raise AccessDenied
    return table, verb


def split_target(target: str) -> tuple[str, str]:
    """(path, query) of a request-target."""
    path, _, query = target.partition("?")
    return path, query


def read_call(request: V2Request, caller: Caller, route: Route) -> Call:
    """The call's parameters, read. Raises Malformed, TooLarge, BadCall, NotFound."""
    table, verb, keys, version = route
    clean = []
    for key in keys:
        if len(key) > LONGEST_KEY:
            raise NotFound("Not Found")
        clean.append(key.lstrip("0") or "0")
    headers = read_headers(request.headers)
    _, query = split_target(request.target)
    root = next((root for root in table.roots if request.body.startswith(root.encode())), table.root)
    params = read_params(request.method, query, headers, request.body, root, table.body_limit)
    sent: Any = params
    if table.root is not None:
        root = next((root for root in table.roots if root in params), table.root)
        sent = params.get(root)
        if verb in ("create", "update") and sent is not None and sent != "" and not isinstance(sent, dict):
            raise BadCall("should hold the attributes, in brackets", root)
    return Call(
        request,
        caller,
        table,
        verb,
        tuple(clean),
        params,
        sent if isinstance(sent, dict) else {},
        wants_pdf(headers),
        version,
    )

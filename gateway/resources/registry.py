"""Every table, found by being in this package; checked against each other; routed."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from gateway import resources
from gateway.errors import AccessDenied, TableWrong
from gateway.messages import Caller, Pairs, V2Request
from gateway.resources._regions import REGIONS
from gateway.translate.calls import Call, Route, Routes, read_call, split_target
from gateway.translate.dialect import spoken
from gateway.translate.rack import MAX_BYTES
from gateway.translate.resource import Table


def _found() -> Iterator[Table]:
    for module in sorted(info.name for info in pkgutil.iter_modules(resources.__path__)):
        if not module.startswith("_") and module != "registry":
            yield from importlib.import_module(f"{resources.__name__}.{module}").TABLES


@dataclass(frozen=True, slots=True)
class KindPath:
    """How records of a kind are read from v3.1: the collection's path, None where it has none (invoice lines), and
    the fixed parameters of its list and of a single read."""

    path: str | None
    query: Pairs = ()
    read_query: Pairs = ()


BARE_KINDS: Mapping[str, str | None] = MappingProxyType(
    {
        "payment_methods": "/payment_methods",
        "ledger_account_groups": None,
        "quote_statuses": None,
        "addresses": "/addresses",
        "bank_account_types": "/bank_account_types",
        "transactions": "/transactions",
        "businesses": None,
        "tax_types": "/tax_types",
        "tax_return_frequencies": "/tax_return_frequencies",
        "address_regions": "/address_regions",
        "attachment_context_types": "/attachment_context_types",
    }
)
"""Kinds that references point at and that no table of ours serves."""

TABLES: tuple[Table, ...] = tuple(_found())
ROUTES = Routes(TABLES)


def kinds_of(tables: tuple[Table, ...]) -> Mapping[str, KindPath]:
    """Every kind that the tables serve or hold. Raises TableWrong where one refers to a kind that is neither."""
    found = {kind: KindPath(path) for kind, path in BARE_KINDS.items()}
    for table in tables:
        queries = table.queries
        # A kind of its own on another's collection, such as other_receipts, says what narrows the list to it.
        own = table.kind == table.v3 or "kind" in queries
        if table.v3 and own and table.kind not in found and not table.singleton:
            found[table.kind] = KindPath(f"/{table.v3}", queries.get("kind", ()), queries.get("one", ()))
    for table in tables:
        found.update({kind: KindPath(None) for kind in table.holds() if kind not in found})
    for table in tables:
        if missing := table.kinds() - found.keys():
            raise TableWrong(f"{table.path} refers to kinds that no table defines: {sorted(missing)}")
    return MappingProxyType(found)


KINDS: Mapping[str, KindPath] = kinds_of(TABLES)


@cache
def _spoken(table: Table, country: str, date_order: str, date_out: str, version: str) -> Table:
    caller = Caller(country=country, date_order=date_order, date_out=date_out)
    swap = spoken(caller, REGIONS, version)
    return table if swap == spoken(Caller(), REGIONS) else table.speak(swap)


def find(request: V2Request, caller: Caller, route: Route | None = None) -> Call:
    """The call that a request is, its table in the caller's dialect; `route` is where it leads, if that is known.

    Raises AccessDenied for what v2 did not route, and what reading its parameters raises.
    """
    route = route or ROUTES.find(request.method, split_target(request.target)[0])
    table = _spoken(route.table, caller.country, caller.date_order, caller.date_out, route.version)
    return read_call(request, caller, route if table is route.table else route._replace(table=table))


def routed(request: V2Request) -> Route | None:
    """Where a request leads; None where v2 did not route it."""
    try:
        return ROUTES.find(request.method, split_target(request.target)[0])
    except AccessDenied:
        return None


def body_limit(method: str, path: str, usual: int) -> int:
    """How many bytes the body of a request may have: `usual`, or more where its resource takes files."""
    try:
        table = ROUTES.find(method, path).table if method in ("POST", "PUT") else None
    except AccessDenied:
        return usual
    return max(usual, table.body_limit) if table is not None and table.body_limit > MAX_BYTES else usual

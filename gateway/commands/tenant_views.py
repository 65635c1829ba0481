"""Tenants as the command line shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gateway.grants.health import Condition, Health, health
from gateway.store.tenant_rows import Counted, TenantRow, Waiting

DISCONNECTED, WAITING = "disconnected", "waiting"
ENDED = (Condition.NEEDS_CONSENT, Condition.REVOKED)
WIDE = 1000
"""Columns of a table that no terminal shows: a line a tenant, for grep."""


def when(seconds: float | None) -> str | None:
    """A time as ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def facts(row: TenantRow | Waiting, now: float) -> dict[str, Any]:
    """What the command line tells of a tenant, or of a name that waits to be one.

    `state` is disconnected, waiting, or the grant's: healthy, refreshing, expires (in `days`), needs consent, revoked.
    """
    if isinstance(row, Waiting):
        waits = {"tenant": row.name, "app": row.app, "business": row.business, "state": WAITING}
        return waits | {"since": None, "days": None, "link_until": when(row.link_until)}
    stands = health(row.standing, now)
    said: dict[str, Any] = {"tenant": row.tenant.name, "app": row.tenant.app, "business": row.tenant.business}
    said |= {"state": stands.condition.value, "since": when(stands.since or None), "days": None}
    if stands.condition is Condition.EXPIRES:
        said["days"] = stands.days
    if row.disconnected_at is not None:
        said |= {"state": DISCONNECTED, "since": when(row.disconnected_at), "days": None}
    return said | {"link_until": when(row.link_until)}


def lacks_consent(row: TenantRow, now: float) -> bool:
    """Whether its owner must consent before its clients can work."""
    return row.disconnected_at is None and health(row.standing, now).condition in ENDED


def in_words(said: Mapping[str, Any]) -> str:
    """The state of `facts` as a person says it."""
    if said["days"] is not None:
        return str(Health(Condition.EXPIRES, said["days"]))
    return "waiting for consent" if said["state"] == WAITING else said["state"]


def standing(row: TenantRow, now: float) -> str:
    """The state of a tenant's grant as a person says it, with since when consent is needed."""
    stands = health(row.standing, now)
    return f"{stands} since {when(stands.since)}" if stands.since else str(stands)


def print_table(rows: Iterable[Mapping[str, Any]]) -> None:
    """Prints a line for each tenant; as wide as it takes where nobody watches."""
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=WIDE)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("tenant", "app", "business", "state", "since", "link until"):
        table.add_column(name, overflow="fold")
    for row in rows:
        shown = (row["tenant"], row["app"], row["business"], in_words(row), row["since"], row["link_until"])
        table.add_row(*(cell or "" for cell in shown))
    console.print(table)


def lines(
    said: Mapping[str, Any], row: TenantRow | None, counted: Sequence[Counted], sharing: Sequence[str], now: float
) -> Iterator[str]:
    """One tenant, a line for each thing that is to be said of it."""
    yield said["tenant"]
    since = f" since {said['since']}" if said["since"] else ""
    yield f"  app: {said['app']}"
    yield f"  business: {said['business'] or 'any that its owner chooses'}"
    yield f"  state: {in_words(said)}{since}"
    if row is not None:
        if row.disconnected_at is not None:
            yield f"  grant: {health(row.standing, now)}"
        yield f"  grant refreshed: {'never' if row.standing.never else when(row.standing.refreshed_at)}"
        yield f"  grant shared with: {', '.join(sharing) or 'nobody'}"
        tokens = (f"{each.tokens} {each.kind} ({each.origin})" for each in counted)
        yield f"  legacy tokens: {', '.join(tokens) or 'none'}"
    yield f"  connect link: {'open until ' + said['link_until'] if said['link_until'] else 'none'}"

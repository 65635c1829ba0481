"""What `sage-gateway tenants` does with the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import typer

from gateway.commands import tenant_views as views
from gateway.commands.configuration import read_settings
from gateway.commands.refusal import FAILED, MISUSED, refuse
from gateway.commands.stores import open_store
from gateway.commands.tenant_files import is_business, is_name, write
from gateway.errors import StoreFailed
from gateway.settings import Settings
from gateway.store import Store
from gateway.store.tenant_rows import TenantRow, Waiting


@dataclass(frozen=True, slots=True)
class Desk:
    """What an action works with; `now` in seconds since 1970, and how to `wait` for some seconds."""

    settings: Settings
    store: Store
    now: float
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep


Action = Callable[[Desk], Awaitable[None]]


def run(config: Path | None, db: str | None, action: Action, *, new: bool = False) -> None:
    """Carries out an action on the store of the settings; a store that is not there yet is made only where `new`.

    Leaves with 2 where the settings lack a store, 1 where it cannot be used.
    """
    settings = read_settings(config, {"store.db": db})
    lacking = [sentence for sentence in settings.lacks() if sentence.startswith("store.")]
    if lacking:
        refuse(MISUSED, *lacking)
    file = settings.store.file
    if file is not None and not new and not file.exists():
        refuse(FAILED, f"There is no store at {file}: `sage-gateway serve` makes it.")
    try:
        asyncio.run(_act(settings, action))
    except StoreFailed as failed:
        refuse(FAILED, str(failed))


async def _act(settings: Settings, action: Action) -> None:
    store = await open_store(settings)
    try:
        await action(Desk(settings, store, time.time()))
    finally:
        await store.close()


async def tenant(desk: Desk, name: str) -> TenantRow:
    """The tenant of that name; leaves with 2 where there is none."""
    row = await desk.store.rows.named(name, desk.now)
    if row is None and name in desk.settings.tenants:
        refuse(MISUSED, f"The settings name {name}, and no gateway was started with them yet: start it first.")
    if row is None:
        refuse(MISUSED, f"There is no tenant {name}: `sage-gateway tenants list` shows all.")
    return row


async def waiting(desk: Desk, name: str) -> Waiting | None:
    """The link that is out for a name which is no tenant yet."""
    return next((one for one in await desk.store.rows.waiting(desk.now) if one.name == name), None)


def _can_link(desk: Desk, app: str) -> None:
    """Leaves with 2 where a link would lead nowhere."""
    if not desk.settings.server.public_urls:
        refuse(MISUSED, "server.public_urls is empty: set the URL under which browsers reach the gateway.")
    if app not in desk.settings.apps:
        refuse(MISUSED, f"The settings name no app {app}; there are: {', '.join(desk.settings.apps) or 'none'}.")


async def _link(desk: Desk, name: str, app: str, business: str | None) -> None:
    await desk.store.rows.withdraw_links(name)
    token = await desk.store.links.issue(name, app, business, desk.now)
    typer.echo(f"{desk.settings.server.public_urls[0]}/connect/{token.reveal()}")
    typer.echo("Send this link to the owner of the business. It works once, for 24 hours.", err=True)


async def add(desk: Desk, name: str, app: str, business: str | None) -> None:
    """Prints a connect link for a name that nobody has."""
    if not is_name(name):
        refuse(MISUSED, f"{name!r} is no name: letters, digits and . _ @ - are, up to 64, the first a letter or digit.")
    if business is not None and not is_business(business):
        refuse(MISUSED, "--business is no id of v3.1: letters, digits, _ and -, up to 64.")
    _can_link(desk, app)
    if name in desk.settings.tenants or await desk.store.rows.named(name, desk.now) is not None:
        refuse(MISUSED, f"There is a tenant {name} already: choose another name, or reconnect that one.")
    out = await waiting(desk, name)
    if out is not None and out.app != app:
        refuse(MISUSED, f"The name {name} waits for a consent to app {out.app}: choose another name.")
    there = None if business is None else await desk.store.rows.of(app, business, desk.now)
    if there is not None:
        refuse(MISUSED, f"That business of app {app} is there already, as {there.tenant.name}: reconnect that one.")
    await _link(desk, name, app, business)


async def reconnect(desk: Desk, name: str) -> None:
    """Prints a connect link that leads back to the tenant's own business."""
    row = await tenant(desk, name)
    there = row.tenant
    _can_link(desk, there.app)
    typer.echo(f"The grant of {name}: {views.standing(row, desk.now)}.", err=True)
    await _link(desk, name, there.app, there.business)


async def disconnect(desk: Desk, name: str) -> None:
    """Makes the tenant's tokens unknown."""
    if await desk.store.rows.disconnect(name, desk.now):
        typer.echo(f"{name} is disconnected. Running gateways know within 30 seconds.")
        typer.echo(f"The grant of {name}: {views.standing(await tenant(desk, name), desk.now)}.", err=True)
    elif await waiting(desk, name) is not None:
        await desk.store.rows.withdraw_links(name)
        typer.echo(f"{name} was no tenant yet; its link is worthless now.")
    else:
        await tenant(desk, name)


async def list_(desk: Desk, *, needs_consent: bool, json: bool) -> None:
    """Prints all tenants, and the names that wait."""
    rows: list[TenantRow | Waiting] = list(await desk.store.rows.all(desk.now))
    if needs_consent:
        rows = [row for row in rows if isinstance(row, TenantRow) and views.lacks_consent(row, desk.now)]
    else:
        rows += await desk.store.rows.waiting(desk.now)
    said = [views.facts(row, desk.now) for row in rows]
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(said)).decode())
    elif said:
        views.print_table(said)
    else:
        typer.echo("No tenant needs consent." if needs_consent else "There is no tenant.")


async def show(desk: Desk, name: str, *, json: bool) -> None:
    """Prints what there is to know of one tenant."""
    row: TenantRow | Waiting | None = await waiting(desk, name)
    if row is None:
        row = await tenant(desk, name)
    said = views.facts(row, desk.now)
    known = row if isinstance(row, TenantRow) else None
    counted = [] if known is None else await desk.store.rows.tokens(known.tenant.id, desk.now)
    sharing = [] if known is None else await desk.store.rows.sharing(known.tenant)
    if json:
        more = {"legacy_tokens": [asdict(each) for each in counted], "grant_shared_with": sharing}
        typer.echo(msgspec.json.format(msgspec.json.encode(said | more)).decode())
        return
    for line in views.lines(said, known, counted, sharing, desk.now):
        typer.echo(line)
    if name in desk.settings.tenants:
        typer.echo("  named by the settings: yes")


async def export(desk: Desk, *, jsonl: bool) -> None:
    """Prints all tenants as a file."""
    rows = [views.facts(row, desk.now) for row in await desk.store.rows.all(desk.now)]
    for line in write(rows, jsonl=jsonl):
        typer.echo(line)

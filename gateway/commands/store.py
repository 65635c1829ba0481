"""`sage-gateway store`: care of the gateway's own database."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.configuration import read_settings
from gateway.commands.refusal import FAILED, MISUSED, refuse

if TYPE_CHECKING:
    from gateway.settings import Settings

store = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@store.callback()
def care() -> None:
    """Care of the gateway's own database: ids, grants, tenants and tokens live there."""


@store.command()
def migrate(
    config: Annotated[Path | None, typer.Option(help="The settings' TOML file.", show_default=False)] = None,
    db: Annotated[
        str | None,
        typer.Option(help="sqlite:///PATH or postgresql://…, instead of the setting.", show_default=False),
    ] = None,
) -> None:
    """Bring the database's tables up to date.

    `serve` does this by itself on SQLite. On PostgreSQL, run this once before a new version is started:
    older gateways go on working beside it, since migrations only add. Safe to run twice, or twice at a time.
    """
    from gateway.errors import StoreFailed
    from gateway.store import migrate as bring_up_to_date

    settings = read_settings(config, {"store.db": db})
    if settings.store.db is None:
        refuse(MISUSED, "There is no database to migrate: set store.db, or give --db.")
    try:
        asyncio.run(bring_up_to_date(settings.store.db.get_secret_value()))
    except StoreFailed as failed:
        refuse(FAILED, str(failed))
    typer.echo("The tables are up to date.")


@store.command()
def adopt(
    config: Annotated[Path | None, typer.Option(help="The settings' TOML file.", show_default=False)] = None,
    db: Annotated[
        str | None,
        typer.Option(help="sqlite:///PATH or postgresql://…, instead of the setting.", show_default=False),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Yes: no other gateway serves this database's original, or ever will again.")
    ] = False,
) -> None:
    """Say that this database is the one that is served now.

    A copied database (staging cloned from production, a backup or a move to another machine) is served
    read-only: its refresh tokens work once, and are the original's. Where the original is gone, or will never be
    served again, this makes the copy the real one: it writes the marker (store.marker), and notes of each grant that
    its refresh token may be spent. A grant whose token is spent asks for the owner's consent.

    While the original is still served, this locks its users out. Start the gateway again afterwards.
    """
    settings = read_settings(config, {"store.db": db})
    if settings.store.db is None or not settings.store.has_key:
        refuse(MISUSED, "There is no database to adopt: set store.db and store.key.")
    if not yes:
        refuse(
            MISUSED,
            "This database becomes the one that is served. If its original is still served anywhere, the users of both "
            "are locked out, one after the other. If it is not: sage-gateway store adopt --yes",
        )
    asyncio.run(_adopt(settings))


async def _adopt(settings: Settings) -> None:
    from gateway.commands.stores import present_store
    from gateway.errors import StoreFailed

    path = settings.store.marker_path
    try:
        opened = await present_store(settings)
        try:
            doubted = await opened.identity.adopt(path, time.time())
        finally:
            await opened.close()
    except StoreFailed as failed:
        refuse(FAILED, str(failed))
    typer.echo("This database is the one that is served" + (f", and {path} says so." if path else "."))
    typer.echo(f"{doubted} grants may have been refreshed elsewhere: those that were will ask for consent.")

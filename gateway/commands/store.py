"""`sage-gateway store`: care of the gateway's own database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.configuration import read_settings
from gateway.commands.refusal import FAILED, MISUSED, refuse

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

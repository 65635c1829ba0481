"""`sage-gateway check`: what is wrong, and how to mend it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.advice import hints, mistakes
from gateway.commands.configuration import read_settings
from gateway.commands.refusal import FAILED

if TYPE_CHECKING:
    from gateway.settings import Settings


def check(
    config: Annotated[
        Path | None,
        typer.Option(
            help="The settings' TOML file; without it config/gateway.toml, if there is one.",
            show_default=False,
        ),
    ] = None,
    db: Annotated[
        str | None,
        typer.Option(help="sqlite:///PATH or postgresql://…, instead of the setting.", show_default=False),
    ] = None,
) -> None:
    """Say what is wrong with the settings, the tables and the store, and how to mend it.

    Changes nothing and calls nobody but the database; store.key_command is run. Exit code 0: `serve` will start. 1:
    something is wrong, each thing in a sentence. 2: the settings cannot be read at all. Below what is in order may
    stand what is worth knowing.
    """
    settings = read_settings(config, {"store.db": db})
    parts = {"settings": list(mistakes(settings)), "tables": list(_tables())}
    notes = {"settings": list(hints(settings))}
    if settings.store.db is not None and settings.store.has_key:
        notes["store"] = list(_new_file(settings))
        parts["store"] = list(_store(settings, notes["store"]))
    for part, sentences in parts.items():
        typer.echo(f"{part}: {'wrong' if sentences else 'in order'}")
        for sentence in [*sentences, *notes.get(part, [])]:
            typer.echo(f"  {sentence}")
    if any(parts.values()):
        raise typer.Exit(FAILED)


def _tables() -> Iterator[str]:
    from gateway.errors import TableWrong

    try:
        import gateway.resources.registry  # noqa: F401 - the tables check themselves when they are made
    except TableWrong as wrong:
        yield f"{wrong}. This is a mistake in the gateway: please report it."


def _store(settings: Settings, notes: list[str]) -> Iterator[str]:
    """What is wrong with the store; `notes` gets what is worth knowing."""
    from gateway.commands.stores import weak_key
    from gateway.errors import StoreFailed
    from gateway.store import SchemaOld

    file = settings.store.file
    if file is not None and not file.absolute().parent.is_dir():
        yield f"store.db is in a folder that is not there: make {file.absolute().parent}."
        return
    try:
        weak = weak_key(settings)
        if weak is not None:
            yield weak
        if file is None or file.exists():
            asyncio.run(_look(settings, notes))
    except SchemaOld as old:
        if file is None:
            yield str(old)
    except StoreFailed as failed:
        yield str(failed)


def _new_file(settings: Settings) -> Iterator[str]:
    file = settings.store.file
    if file is not None and file.absolute().parent.is_dir() and not file.exists():
        yield f"{file.absolute()} is not there yet: `sage-gateway serve` makes it."


async def _look(settings: Settings, notes: list[str]) -> None:
    from gateway.commands.stores import mended, open_store

    store = await open_store(settings, migrate=False)
    try:
        await store.ready()
        doubt = mended(await store.identity.doubt(settings.store.marker_path))
        if doubt is not None:
            notes.append(doubt)
        own = store.keys.fingerprint
        wrapped = {facts.wrapped_by for facts, _ in await store.keys.show()}
        if settings.store.old_key is not None:
            notes.append(
                "store.old_key is not needed any more: take it away."
                if wrapped == {own}
                else "The store's keys are not wrapped under store.key alone yet: run `sage-gateway keys rotate`."
            )
    finally:
        await store.close()

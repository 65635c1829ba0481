"""`sage-gateway check`: what is wrong, and how to mend it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.configuration import read_settings
from gateway.commands.refusal import FAILED

if TYPE_CHECKING:
    from gateway.settings import Section, Settings

LATER = {
    "upstream": (),
    "app": ("daily_calls",),
}
"""Settings that this version accepts and does not use: the gateway keeps no budget yet."""


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

    Changes nothing and calls nobody but the database. Exit code 0: `serve` will start. 1: something is
    wrong, each thing in a sentence. 2: the settings cannot be read at all. Below what is in order may stand
    what is worth knowing.
    """
    settings = read_settings(config, {"store.db": db})
    parts = {"settings": list(_settings(settings)), "tables": list(_tables())}
    hints = {"settings": list(_later(settings))}
    if settings.store.db is not None and settings.store.key is not None:
        parts["store"] = list(_store(settings))
        hints["store"] = list(_new_file(settings))
    for part, sentences in parts.items():
        typer.echo(f"{part}: {'wrong' if sentences else 'in order'}")
        for sentence in [*sentences, *hints.get(part, [])]:
            typer.echo(f"  {sentence}")
    if any(parts.values()):
        raise typer.Exit(FAILED)


def _settings(settings: Settings) -> Iterator[str]:
    yield from settings.lacks()
    if not settings.tenants:
        yield "There is no tenant: add [tenants.NAME] with app and business, so that somebody can call."
    for name, tenant in settings.tenants.items():
        if tenant.v31_refresh_token is None:
            yield (
                f"tenants.{name}.v31_refresh_token is not set: without it its books cannot be reached; "
                f"set SAGE_GATEWAY_TENANTS__{name.upper()}__V31_REFRESH_TOKEN or v31_refresh_token_file."
            )
        if tenant.access_token is None:
            yield f"tenants.{name}.access_token is not set: no client can say that it is this tenant."
    for name, app in settings.apps.items():
        if app.v31_client_id is None or app.v31_client_secret is None:
            yield f"apps.{name} lacks v31_client_id or v31_client_secret: Sage gives both to an app."
        if app.signature != "off" and app.signing_secret is None:
            yield f'apps.{name}.signing_secret is not set: set it, or set signature = "off".'
    for key in ("tls_cert", "tls_key"):
        path = getattr(settings.server, key)
        if path is not None and not path.is_file():
            yield f"server.{key} names a file that is not there: {path}."
    if any(app.signature != "off" for app in settings.apps.values()) and not settings.server.public_urls:
        yield "server.public_urls is empty: signatures can be verified only for the old https://api.sageone.com."


def _later(settings: Settings) -> Iterator[str]:
    sections: list[tuple[str, str, Section]] = [("upstream", "upstream", settings.upstream)]
    sections += [("app", f"apps.{name}", app) for name, app in settings.apps.items()]
    for kind, where, section in sections:
        for name in LATER[kind]:
            if name in section.model_fields_set:
                yield f"{where}.{name} has no effect yet: it is for a later version."


def _tables() -> Iterator[str]:
    from gateway.errors import TableWrong

    try:
        import gateway.resources.registry  # noqa: F401 - the tables check themselves when they are made
    except TableWrong as wrong:
        yield f"{wrong}. This is a mistake in the gateway: please report it."


def _store(settings: Settings) -> Iterator[str]:
    from gateway.errors import StoreFailed
    from gateway.store import SchemaOld

    file = _file(settings)
    if file is not None and not file.exists():
        if not file.parent.is_dir():
            yield f"store.db is in a folder that is not there: make {file.parent}."
        return
    try:
        asyncio.run(_look(settings))
    except SchemaOld as old:
        if file is None:
            yield str(old)
    except StoreFailed as failed:
        yield str(failed)


def _new_file(settings: Settings) -> Iterator[str]:
    file = _file(settings)
    if file is not None and file.parent.is_dir() and not file.exists():
        yield f"{file} is not there yet: `sage-gateway serve` makes it."


def _file(settings: Settings) -> Path | None:
    """The store's file, as an absolute path; None where it is no file."""
    scheme, _, path = settings.store.db.get_secret_value().partition(":///") if settings.store.db else ("", "", "")
    return Path(path.partition("?")[0]).absolute() if scheme == "sqlite" else None


async def _look(settings: Settings) -> None:
    from gateway.commands.stores import open_store

    store = await open_store(settings, migrate=False)
    try:
        await store.ready()
    finally:
        await store.close()

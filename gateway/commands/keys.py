"""`sage-gateway keys`: the keys that secrets are encrypted with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gateway.commands.configuration import read_settings
from gateway.commands.refusal import FAILED, MISUSED, refuse

if TYPE_CHECKING:
    from gateway.settings import Settings
    from gateway.store import Store
    from gateway.store.reseal import Rotation

T = TypeVar("T")
DAY = 86_400

Config = Annotated[
    Path | None,
    typer.Option(help="The settings' TOML file; without it config/gateway.toml, if there is one.", show_default=False),
]
Db = Annotated[
    str | None,
    typer.Option(help="sqlite:///PATH or postgresql://…, instead of the setting.", show_default=False),
]

keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@keys.callback()
def care() -> None:
    """The keys that secrets are encrypted with.

    Tokens are sealed under a data key of the store's own, which lies in the database, wrapped by the operator's
    (store.key). `show` tells of both, `rotate` replaces them.
    """


@keys.command()
def show(config: Config = None, db: Db = None) -> None:
    """Show the store's keys: what each is for, its age, how many secrets are sealed under it.

    No key is printed. An operator's key is named by its fingerprint, eight digits that tell nothing of it.
    """
    asyncio.run(_with_store(read_settings(config, {"store.db": db}), _show))


@keys.command()
def rotate(config: Config = None, db: Db = None) -> None:
    """Replace the keys, beside running gateways, without losing a token.

    Wraps every key of the store under store.key, makes a new data key, and seals everything anew under it. Running
    gateways learn it by themselves. Stopped at any moment, run it again: it goes on where it was.

    To replace the operator's key: set store.key to the new one and store.old_key to the one before, start every
    gateway again with both, run this, then take store.old_key away. A gateway that has only the old key cannot read
    what is sealed anew.

    The older data key is retired: it seals nothing more, and still opens what a gateway may bring late. A rotation 31
    days later destroys it. The key of hashes never changes: legacy tokens are kept as hashes only, and nobody could
    hash them anew. Backups open with the operator's key of their time: keep that as long as the backups.
    """
    asyncio.run(_with_store(read_settings(config, {"store.db": db}), _rotate))


async def _show(store: Store) -> None:
    now, shown = time.time(), await store.keys.show()
    newest = max(facts.id for facts, _ in shown if facts.purpose == "data")
    typer.echo("key  purpose   made                    wrapped by  sealed under it")
    for facts, many in shown:
        made = "before it was noted" if facts.made is None else f"{_day(facts.made)} ({_age(now - facts.made)})"
        sealed = "hashes only; never changes" if facts.purpose == "digest" else str(many)
        seals = ", seals" if facts.id == newest else ""
        gone = f", retired {_day(facts.retired)}" if facts.retired is not None else ""
        typer.echo(
            f"{facts.id:<4} {facts.purpose:<9} {made:<23} {facts.wrapped_by or 'unnamed':<11} {sealed}{seals}{gone}"
        )
    typer.echo(f"store.key is {store.keys.fingerprint}.")
    if any(facts.wrapped_by != store.keys.fingerprint for facts, _ in shown):
        typer.echo("Keys that another one wraps are wrapped under store.key by `sage-gateway keys rotate`.")


async def _rotate(store: Store) -> None:
    done = await store.keys.rotate(time.time())
    if done.resumed:
        typer.echo("An earlier rotation was not finished: this one went on with it, and made no further key.")
    typer.echo(f"{done.resealed} secrets were sealed anew; all keys are wrapped under store.key.")
    for key_id in done.retired:
        typer.echo(f"Key {key_id} is retired: nothing is sealed under it any more.")
    for key_id in done.destroyed:
        typer.echo(f"Key {key_id} was retired over 31 days ago and is destroyed.")
    _refuse_what_is_left(done)


def _refuse_what_is_left(done: Rotation) -> None:
    """Leaves with exit code 1 where something does not open, or is still sealed under an older key."""
    sentences = [
        f"{many} secrets in the table {table} open with none of the store's keys, and were left as they are."
        for table, many in sorted(done.unopened.items())
    ]
    if done.left:
        sentences.append(f"{done.left} secrets are still sealed under an older key: run this again.")
    if sentences:
        refuse(FAILED, *sentences)


async def _with_store(settings: Settings, work: Callable[[Store], Awaitable[None]]) -> None:
    from gateway.commands.stores import present_store
    from gateway.errors import StoreFailed

    if settings.store.db is None or not settings.store.has_key:
        refuse(MISUSED, "There is no store to look at: set store.db and store.key.")
    try:
        store = await present_store(settings)
        try:
            await work(store)
        finally:
            await store.close()
    except StoreFailed as failed:
        refuse(FAILED, str(failed))


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _age(seconds: float) -> str:
    days = int(seconds // DAY)
    return f"{days} day{'' if days == 1 else 's'}"

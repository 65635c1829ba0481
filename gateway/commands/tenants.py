"""`sage-gateway tenants`: who may call, and whose consent is needed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.refusal import MISUSED, refuse

tenants = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="The settings' TOML file; without it config/gateway.toml, if any.", show_default=False
    ),
]
Db = Annotated[
    str | None,
    typer.Option("--db", help="sqlite:///PATH or postgresql://…, instead of the setting.", show_default=False),
]
Name = Annotated[str, typer.Argument(help="The tenant's name, as `list` shows it.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Format(StrEnum):
    """The forms of a file of tenants."""

    CSV = "csv"
    JSONL = "jsonl"


@tenants.callback()
def care() -> None:
    """Who may call, and whose consent is needed: an app with one business is a tenant.

    These commands work on the store directly, beside running gateways, which learn of what they do within 30
    seconds. Exit code 0: done. 1: it failed, or the file has mistakes. 2: the settings or the command line are wrong.
    """


@tenants.command()
def add(
    name: Annotated[str, typer.Argument(help="A name for the tenant, for you and the logs.", show_default=False)],
    app: Annotated[str, typer.Option(help="The app's name in the settings.", show_default=False)],
    business: Annotated[
        str | None, typer.Option(help="Accept only this v3.1 business; else the owner chooses.", show_default=False)
    ] = None,
    config: Config = None,
    db: Db = None,
) -> None:
    """Print a one-time connect link for a new tenant.

    Send it to the owner of the business. Whoever opens it within 24 hours consents at Sage and chooses the business;
    then the tenant is live. The link is all that is printed on standard output; it begins with the first of
    server.public_urls. Adding a name again that still waits makes a new link and the old one worthless.
    """
    from gateway.commands.tenant_actions import add, run

    run(config, db, lambda desk: add(desk, name, app, business), new=True)


@tenants.command("import")
def import_(
    file: Annotated[str, typer.Argument(help="The file, or - for standard input.", show_default=False)],
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Import what is good, and leave out the rest.")] = False,
    config: Config = None,
    db: Db = None,
) -> None:
    """Make tenants of a file, whose clients go on using the v2 tokens that they hold.

    The file is CSV with a header, or JSON lines, with the columns tenant, app, business, access_token,
    refresh_token, v31_refresh_token. One of the legacy tokens may be empty. Imported tokens never lapse. Where a
    v31_refresh_token is given, the tenant is live at once; it is used once, and only where the store has no living
    grant for the tenant. The others need their owner's consent: `reconnect` makes a link.

    Every bad line is named, and then nothing is imported, unless you say --skip-bad. A token is never printed.
    Importing a file again does no harm. Delete the file afterwards: it is a list of keys to people's books.
    """
    from gateway.commands.tenant_actions import run
    from gateway.commands.tenant_import import content_of, import_

    content = content_of(file)
    run(config, db, lambda desk: import_(desk, content, skip_bad=skip_bad), new=True)


@tenants.command()
def export(
    form: Annotated[Format, typer.Option("--format", help="The form of the output.")] = Format.CSV,
    config: Config = None,
    db: Db = None,
) -> None:
    """Print all tenants as a file, without any secret.

    Columns: tenant, app, business, state (healthy, refreshing, expires, needs consent, revoked, disconnected),
    since (when the consent was lost, or the tenant disconnected), days (left until it expires).
    """
    from gateway.commands.tenant_actions import export, run

    run(config, db, lambda desk: export(desk, jsonl=form is Format.JSONL))


@tenants.command("list")
def list_(
    needs_consent: Annotated[
        bool, typer.Option("--needs-consent", help="Only tenants whose owner must consent anew.")
    ] = False,
    json: Json = False,
    config: Config = None,
    db: Db = None,
) -> None:
    """List all tenants and how their grants stand, and the names that still wait for their owner.

    healthy and refreshing need nothing. "expires in N days" means that refreshing has failed for long: look at the
    gateway's log. "needs consent" and "revoked": `reconnect` makes a link for the owner.
    """
    from gateway.commands.tenant_actions import list_, run

    run(config, db, lambda desk: list_(desk, needs_consent=needs_consent, json=json))


@tenants.command()
def show(name: Name, json: Json = False, config: Config = None, db: Db = None) -> None:
    """Show one tenant: its grant, its connect link, and how many legacy tokens its clients hold.

    A grant is the consent of one Sage user to one app. It may be shared by several tenants: what ends it, ends it
    for all of them, and one consent mends it for all.
    """
    from gateway.commands.tenant_actions import run, show

    run(config, db, lambda desk: show(desk, name, json=json))


@tenants.command()
def disconnect(name: Name, config: Config = None, db: Db = None) -> None:
    """Stop serving a tenant: its legacy tokens are unknown until it is reconnected.

    All running gateways know within 30 seconds. Nothing is lost: tokens, ids and kept fields stay, and `reconnect`
    brings them back. Nothing else does: an owner who authorises the app anew is sent back with access_denied. The
    consent at Sage is not ended, but it is not kept alive either. A link that is out becomes worthless.
    """
    from gateway.commands.tenant_actions import disconnect, run

    run(config, db, lambda desk: disconnect(desk, name))


@tenants.command()
def reconnect(name: Name, config: Config = None, db: Db = None) -> None:
    """Print a connect link for a tenant that is there: disconnected, or in need of consent.

    Only a consent that reaches the tenant's own business is accepted. Until then nothing changes; afterwards the
    tenant goes on with all the ids and legacy tokens it had, so its clients notice nothing. The link is all that is
    printed on standard output; it works once, for 24 hours, and makes an earlier one worthless.
    """
    from gateway.commands.tenant_actions import reconnect, run

    run(config, db, lambda desk: reconnect(desk, name))


@tenants.command()
def erase(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, erase it: it cannot be undone.")] = False,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Do not wait until running gateways have forgotten it: none runs.")
    ] = False,
    config: Config = None,
    db: Db = None,
) -> None:
    """Erase a tenant and all that is only its: tokens, codes, links, and its grant, which is ended at Sage first.

    The ids and kept fields of its business go too, unless another tenant has that business: its clients could no
    longer find their records. The tenant is disconnected first, and 30 seconds later, when no running gateway
    remembers it, erased. Two things stay, neither of which tells anything of the books: hashes of refresh tokens
    that are spent, and how far the business's own numbers had been counted.
    """
    from gateway.commands.tenant_actions import run
    from gateway.commands.tenant_erase import erase

    if not yes:
        refuse(MISUSED, f"Erasing {name} cannot be undone: say --yes. To stop serving it for now, use disconnect.")
    run(config, db, lambda desk: erase(desk, name, at_once=at_once))

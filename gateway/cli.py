"""The command line."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway import __version__
from gateway.commands.apps import apps
from gateway.commands.check import check
from gateway.commands.curl_words import InOrder
from gateway.commands.explain import explain
from gateway.commands.keys import keys
from gateway.commands.sandbox import sandbox
from gateway.commands.serve import serve
from gateway.commands.store import store
from gateway.commands.tables import tables
from gateway.commands.tenants import tenants

app = typer.Typer(
    name="sage-gateway",
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables would print secrets.
    pretty_exceptions_enable=False,
    # Rich would take the brackets of `contact[name]` for its own markup.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"sage-gateway {__version__}")
        raise typer.Exit


@app.callback()
def gateway(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Lets clients of the retired Sage accounting API v2 go on working, by speaking v3.1 for them.

    To try it, without an account or a server: sage-gateway serve --sandbox
    """


app.command()(serve)
app.command()(sandbox)
app.command()(check)
app.add_typer(store, name="store")
app.add_typer(keys, name="keys")
app.add_typer(apps, name="apps")
app.add_typer(tenants, name="tenants")
app.command(cls=InOrder)(explain)
app.command()(tables)


def main() -> None:
    """Run the command line."""
    app()

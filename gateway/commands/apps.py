"""`sage-gateway apps`: what the settings need to know of client software."""

from __future__ import annotations

import sys

import typer

from gateway.commands.refusal import MISUSED, refuse

apps = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@apps.callback()
def registration() -> None:
    """What the settings need to know of the apps that call the gateway."""


@apps.command(name="hash")
def hash_secret() -> None:
    """Print a client secret's setting, so that the settings need not hold the secret itself.

    The secret is asked for, or read from standard input: never from the command line, which others can see.
    """
    from gateway.commands.authorization import hash_of

    asked = sys.stdin.isatty()
    given = str(typer.prompt("Client secret", hide_input=True, err=True)) if asked else sys.stdin.read()
    secret = given.strip()  # as the token endpoint does with what clients send
    if not secret:
        refuse(MISUSED, "There is no secret: give it on standard input, as in `sage-gateway apps hash < secret.txt`.")
    typer.echo(f'client_secret_hash = "{hash_of(secret)}"')

"""How a command gives up: sentences on standard error and an exit code, never a traceback."""

from __future__ import annotations

from typing import NoReturn

import typer

FAILED = 1
"""Something is wrong with the machine, the network or the store."""
MISUSED = 2
"""The settings or the command line are wrong."""


def refuse(code: int, *sentences: str) -> NoReturn:
    """Say each sentence on standard error and leave with the code."""
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(code)

"""`sage-gateway tenants import`: a file's lines judged by their form, by the settings and by the store."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import typer

from gateway.commands.refusal import FAILED, MISUSED, refuse
from gateway.commands.tenant_actions import Desk
from gateway.commands.tenant_files import FileWrong, Line, read
from gateway.settings import Settings
from gateway.store import Named
from gateway.store.imports import Entry, Imported

MOST = 25_000
"""Lines of one file. It is one transaction, and a gateway that runs on the same SQLite file waits no longer than 10
seconds to write."""


def content_of(file: str) -> bytes:
    """The file's bytes, or standard input's where it is named "-"; leaves with 2 where it cannot be read."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as wrong:
        refuse(MISUSED, f"{file} cannot be read: {wrong.strerror}.")


async def import_(desk: Desk, content: bytes, *, skip_bad: bool) -> None:
    """Imports the tenants of a file, and says what became of it; leaves with 1 where nothing was imported."""
    try:
        lines = list(read(content))
    except FileWrong as wrong:
        refuse(FAILED, f"The file cannot be imported: {wrong}.")
    if len(lines) > MOST:
        refuse(FAILED, f"The file has {len(lines)} lines, and {MOST} are imported at once: split it.")
    bad: dict[int, list[str]] = defaultdict(list)
    entries = list(_good(lines, desk.settings, bad))
    told = await desk.store.imports.take(entries, desk.now, skip_bad=skip_bad, judge=bool(bad) and not skip_bad)
    for number, sentence in told.wrong.items():
        bad[number].append(sentence)
    for number in sorted(bad):
        typer.echo(f"Line {number}: {'; '.join(bad[number])}.", err=True)
    if not told.done:
        refuse(FAILED, f"Nothing was imported: mend {_lines(len(bad))}, or leave them out with --skip-bad.")
    _report([line for line in lines if line.number not in bad], told, len(bad))


def _good(lines: Sequence[Line], settings: Settings, bad: dict[int, list[str]]) -> list[Entry]:
    """The lines whose form is right and that the settings do not contradict; what is wrong with the others."""
    keys = {(tenant.app, tenant.business): name for name, tenant in settings.tenants.items()}
    entries = []
    for line in lines:
        if line.named is None:
            bad[line.number] += line.wrong
        elif problem := _contradicted(line.named, settings, keys):
            bad[line.number].append(problem)
        else:
            entries.append(Entry(line.number, line.named))
    return entries


def _contradicted(named: Named, settings: Settings, keys: dict[tuple[str, str], str]) -> str | None:
    if named.app not in settings.apps:
        return f"the settings name no app {named.app[:64]!r}"
    ours = settings.tenants.get(named.name)
    if ours is not None and (ours.app, ours.business) != named.key:
        return f"the settings name another app or business {named.name}"
    if keys.get(named.key, named.name) != named.name:
        return f"the settings name this app and business {keys[named.key]}"
    if ours is not None and named.seed is not None:
        return f"the settings name {named.name}, so its v31_refresh_token belongs there"
    return None


def _report(lines: Sequence[Line], told: Imported, bad: int) -> None:
    hints = {line.number: list(line.hints) for line in lines}
    for number, hint in told.hints.items():
        hints[number].append(hint)
    for number in sorted(hints):
        for hint in hints[number]:
            typer.echo(f"Line {number}: {hint}.", err=True)
    skipped = f"; {_lines(bad)} left out" if bad else ""
    typer.echo(f"{told.made} tenants made, {told.known} were there; {told.tokens} legacy tokens added{skipped}.")
    if told.lapsed:
        typer.echo(
            f"{told.lapsed} of them need their owner's consent: `sage-gateway tenants list --needs-consent` names "
            "them, `sage-gateway tenants reconnect NAME` makes a link for one."
        )


def _lines(number: int) -> str:
    return "1 line" if number == 1 else f"{number} lines"

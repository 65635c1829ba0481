"""The data files beside this module."""

from __future__ import annotations

from importlib import resources


def rows(name: str) -> list[list[str]]:
    """The lines of a data file beside this module, split at `|`."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return [line.split("|") for line in text.splitlines()]

"""What every word of the tables can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gateway.translate.codecs import Codec, Codes
from gateway.translate.source import Source
from gateway.translate.writing import Writing

Swap = dict[str, "Codec | Codes"]
"""A dialect's codecs and codes, by the name of those that they replace."""


class Rule:
    """One line of a table: one field in both versions.

    `v2` is its main v2 name, `aliases` further ones: all are understood and all are shown.
    """

    v2: str = ""
    aliases: tuple[str, ...] = ()
    whole: bool = False
    """Whether v3.1 replaces what this rule writes as a whole."""
    compared: bool = False
    """Whether it is written only where v3.1 has another value, so that the record must be read first."""

    @property
    def shown(self) -> tuple[str, ...]:
        """The v2 names that a reply carries."""
        return ()

    def writers(self) -> Iterator[tuple[str, Callable[[Writing, Any, str], None]]]:
        """(v2 name, what to do with the value sent): the main name first, then aliases."""
        yield from ()

    def finish(self, w: Writing) -> None:
        """What follows when all that was sent is written: defaults, constants, what must be reckoned."""

    def tell(self, src: Source) -> None:
        """Write this rule's part of `down`."""

    def reads(self) -> Iterator[str]:
        """The v3.1 paths that `down` reads."""
        yield from ()

    def writes(self) -> Iterator[str]:
        """The v3.1 names that `up` writes (`contact_id`, `main_contact_person.name`)."""
        yield from ()

    @property
    def decides(self) -> bool:
        """Whether a wrong value books wrongly: an amount, or whose it is."""
        return False

    @property
    def own_kind(self) -> str:
        """The kind of the very record, where this rule says its id."""
        return ""

    @property
    def keeps(self) -> bool:
        """Whether the gateway keeps something of it beside the record."""
        return False

    @property
    def writable(self) -> bool:
        """Whether v3.1 takes anything of it."""
        return next(iter(self.writes()), None) is not None

    def binds(self) -> frozenset[str]:
        """The v3.1 names that must be written together because of this rule."""
        return frozenset()

    def points(self) -> Iterator[tuple[str, str]]:
        """(v3.1 path, kind) of the record that this rule points at."""
        yield from ()

    def crosses(self) -> Iterator[str]:
        """The v3.1 paths of references that this rule crosses with a slash."""
        yield from ()

    def explains(self) -> Iterator[tuple[str, str]]:
        """(v3.1 error source, v2 name), for errors."""
        for path in (*self.writes(), *self.reads()):
            yield path, self.v2

    def swapped(self, swap: Swap) -> Rule:
        """This rule with a dialect's codecs."""
        return self

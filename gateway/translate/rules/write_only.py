"""`WriteOnly`: what clients send, and lists do not give back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.translate.rules.field import Field
from gateway.translate.source import Source
from gateway.translate.writing import Writing


@dataclass(frozen=True)
class WriteOnly(Field):
    """One value that clients send. A reply does not show it, and v3.1 is not asked for it, unless a plan does so: the
    content of a file would make a list a hundred megabytes."""

    @property
    def shown(self) -> tuple[str, ...]:
        return ()

    def writers(self) -> Iterator[tuple[str, Callable[[Writing, Any, str], None]]]:
        for name in (self.v2, *self.aliases):
            yield name, self._write

    def tell(self, src: Source) -> None:
        return

    def reads(self) -> Iterator[str]:
        yield from ()

"""Data as curl's command line gives it (curl's manual, `--data` and its kin)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from typer.core import TyperCommand

ORDER = "order"
_BREAKS = bytes.maketrans(b"", b""), b"\r\n\0"


class InOrder(TyperCommand):
    """A command whose context tells in `meta[ORDER]` which parameters came, each time one did."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as usual, noting the order."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[ORDER] = [param.name for param in order]
        return super().parse_args(ctx, args)


def joined(order: Iterable[str], given: Mapping[str, Sequence[str]]) -> bytes:
    """All data joined with `&` in the order it came: `given` has the words of `data` (a file's line breaks are left
    out), `binary` (they stay), `raw` (`@` means nothing) and `encoded`. Raises OSError."""
    left = {kind: iter(words) for kind, words in given.items()}
    return b"&".join(_read(kind, next(left[kind])) for kind in order if kind in left)


def _read(kind: str, word: str) -> bytes:
    if kind == "encoded":
        return _encoded(word)
    if kind == "raw" or not word.startswith("@"):
        return word.encode()
    content = _file(word[1:])
    return content if kind == "binary" else content.translate(*_BREAKS)


def _encoded(word: str) -> bytes:
    """`content`, `=content`, `name=content`, `@file` or `name@file`; a name is taken as encoded already."""
    for mark in "=@":
        name, found, content = word.partition(mark)
        if found:
            encoded = quote_from_bytes(_file(content) if mark == "@" else content.encode(), safe="")
            return (f"{name}={encoded}" if name else encoded).encode()
    return quote_from_bytes(word.encode(), safe="").encode()


def _file(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()

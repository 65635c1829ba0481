"""Windows: v2's row offset and size over v3.1's pages (v2.md §4.1, v31.md §4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypedDict

from msgspec import Struct

from gateway.errors import BadCall
from gateway.messages import Record
from gateway.translate.codecs import plain

DEFAULT_SIZE = 20
LARGEST_PAGE = 200
LARGEST_WINDOW = 2000
_WHOLE = re.compile(r"[+-]?[0-9]{1,10}")


def window(params: dict[str, Any]) -> tuple[int, int]:
    """(first row, rows wanted). Sizes of 0 and below count as 20, larger ones than 2,000 as 2,000. Raises BadCall."""
    start = _number(params, ("$startIndex", "start_index"), 0)
    size = _number(params, ("$itemsPerPage", "items_per_page"), DEFAULT_SIZE)
    return max(start, 0), min(size, LARGEST_WINDOW) if size > 0 else DEFAULT_SIZE


def _number(params: dict[str, Any], names: tuple[str, ...], default: int) -> int:
    for name in names:
        value = params.get(name)
        if value is None or value == "":
            continue
        text = "" if isinstance(value, dict | list) else plain(value).strip()
        if not _WHOLE.fullmatch(text):
            raise BadCall("is not a whole number", name)
        return int(text)
    return default


@lru_cache(4096)
def page_size(start: int, size: int) -> int:
    """The smallest page size up to 200 that holds rows start … start+size-1 in one v3.1 page; 200 where none does,
    or the smallest with as few pages.

    Rows 30 to 49 are `items_per_page=25&page=2`.
    """
    for per_page in range(min(size, LARGEST_PAGE), LARGEST_PAGE + 1):
        if start // per_page == (start + size - 1) // per_page:
            return per_page
    return min(range(1, LARGEST_PAGE + 1), key=lambda per_page: (_pages(start, size, per_page), per_page))


def _pages(start: int, size: int, per_page: int) -> int:
    return (start + size - 1) // per_page - start // per_page + 1


def page_of(row: type[Struct]) -> Any:
    """The type of a page whose rows are of a type: what `Window` reads of it."""
    names = ("$page", "$total", "$next", "$itemsPerPage", "$items_per_page")
    return TypedDict("Page", {"$items": list[row], **dict.fromkeys(names, Any)}, total=False)  # type: ignore[operator, valid-type]


@dataclass(slots=True)
class Window:
    """Rows start … start+size-1, gathered page by page. What the answers say of their place is trusted, not what was
    asked: a page past the end repeats the last one."""

    start: int
    size: int
    per_page: int = 0
    total: int = 0
    rows: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.per_page = self.per_page or page_size(self.start, self.size)

    @property
    def page(self) -> int:
        """The v3.1 page that holds the next row wanted."""
        return (self.start + len(self.rows)) // self.per_page + 1

    def take(self, body: Record) -> bool:
        """Take the rows of one answer; whether a further page is wanted: the next one, or the same rows again where
        the server gives pages of another size than was asked for."""
        items: list[Record] = body["$items"]
        per_page = body.get("$itemsPerPage") or body.get("$items_per_page") or self.per_page
        offset = (body.get("$page", 1) - 1) * per_page
        self.total = body.get("$total", len(items))
        wanted = self.start + len(self.rows)
        if wanted >= self.total:
            return False
        found = items[wanted - offset : self.start + self.size - offset] if offset <= wanted else []
        self.rows += found
        asked, self.per_page = self.per_page, min(max(per_page, 1), LARGEST_PAGE)
        if not found:
            return self.per_page < asked and wanted < self.total
        return len(self.rows) < self.size and body.get("$next") is not None


def envelope(total: int, start: int, size: int, rows: list[Any]) -> Record:
    """v2's collection (v2.md §4.1)."""
    return {"$totalResults": total, "$startIndex": start, "$itemsPerPage": size, "$resources": rows}

"""Filters, up: v2's query parameters in v3.1's words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gateway.errors import BadCall
from gateway.translate.codecs import TEXT, Codec, Codes
from gateway.translate.draft import RequestDraft
from gateway.translate.rules.reference import Reference
from gateway.translate.rules.rule import Swap

WINDOW = frozenset({"$startIndex", "$itemsPerPage", "start_index", "items_per_page"})


@dataclass(frozen=True)
class Filter:
    """A v2 parameter that narrows a list: v3.1's `v3`.

    `to` for an id: a kind or Codes. A dot in `v2` or an alias reads a bracketed parameter (`contact[contact_type]`).
    `form` is put around the value (`{}T00:00:00Z`).
    """

    v2: str
    v3: str = ""
    codec: Codec = TEXT
    to: str | Codes = ""
    aliases: tuple[str, ...] = ()
    form: str = "{}"

    @property
    def written(self) -> str:
        """v3.1's name."""
        return self.v3 or self.v2

    def write(self, draft: RequestDraft, params: dict[str, Any]) -> None:
        """Put the filter into the request where the client gave it. Raises BadCall."""
        for name in (self.v2, *self.aliases):
            value = given(params, name)
            if value in (None, ""):
                continue
            if isinstance(value, dict | list):
                raise BadCall("should be one value", name)
            pair: list[Any] = [self.written, None]
            draft.query.append(pair)
            if self.to:
                draft.place(pair, 1, Reference(self.v2, to=self.to).modern(value, name), name)
            else:
                pair[1] = self.form.format(self.codec.up(value, name))
            return

    def swapped(self, swap: Swap) -> Filter:
        """This filter with a dialect's codecs."""
        codec, to = swap.get(self.codec.name), swap.get(self.to.name) if isinstance(self.to, Codes) else None
        made = replace(self, codec=codec) if isinstance(codec, Codec) else self
        return replace(made, to=to) if isinstance(to, Codes) else made


def given(params: dict[str, Any], name: str) -> Any:
    """The value of a parameter, bracketed where the name has a dot, or None.

    A bracketed id (`contact[id]`) counts as the id itself.
    """
    value: Any = params
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, dict) and "id" in value:
        return value["id"]
    return None if isinstance(value, dict) else value


def names(filters: tuple[Filter, ...]) -> frozenset[str]:
    """Every parameter that the filters read, without what is in brackets."""
    return frozenset(name.partition(".")[0] for f in filters for name in (f.v2, *f.aliases))

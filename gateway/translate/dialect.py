"""How one family of clients speaks: the same tables with codecs and codes swapped by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.messages import Caller
from gateway.translate.codecs import DATE, DATE_MDY, DATE_MDY_OUT_DMY, DATE_OUT_DMY
from gateway.translate.rules.rule import Swap

DATES = {
    ("dmy", "iso"): DATE,
    ("mdy", "iso"): DATE_MDY,
    ("dmy", "dmy"): DATE_OUT_DMY,
    ("mdy", "dmy"): DATE_MDY_OUT_DMY,
}


@dataclass(frozen=True)
class Dialect:
    """A family of clients. `swap` holds the codecs and codes that it uses in place of the tables' own."""

    name: str
    swap: Swap = field(default_factory=dict, hash=False)


def spoken(caller: Caller, regional: dict[str, Swap]) -> Dialect:
    """The dialect of a caller: its date forms, and the codes of its country where they differ."""
    swap: Swap = {"date": DATES[caller.date_order, caller.date_out]}
    swap.update(regional.get(caller.country, {}))
    region = caller.country if caller.country in regional else "gb"
    return Dialect(f"{region}-{caller.date_order}-{caller.date_out}", swap)

"""How one family of clients speaks: the same tables with codecs and codes swapped by name."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.messages import Caller
from gateway.translate.codecs import DATE, DATE_MDY, DATE_MDY_OUT_DMY, DATE_OUT_DMY, DAY, DAY_MDY
from gateway.translate.rules.rule import Swap

DATES: Mapping[tuple[str, str], Swap] = {
    ("dmy", "iso"): {"date": DATE, "day": DAY},
    ("mdy", "iso"): {"date": DATE_MDY, "day": DAY_MDY},
    ("dmy", "dmy"): {"date": DATE_OUT_DMY, "day": DAY},
    ("mdy", "dmy"): {"date": DATE_MDY_OUT_DMY, "day": DAY_MDY},
}


def spoken(caller: Caller, regional: Mapping[str, Swap], version: str = "v2") -> Swap:
    """The dialect of a caller: its date forms, and the codes of its country where they differ. v1 wrote the dates of
    its documents `dd/mm/yyyy` (v2.md §4.2, recorded), and reads them so whatever the app's setting: a date that is
    sent back as it was read must stay that day."""
    order, out = ("dmy", "dmy") if version == "v1" else (caller.date_order, caller.date_out)
    return {**DATES[order, out], **regional.get(caller.country, {})}

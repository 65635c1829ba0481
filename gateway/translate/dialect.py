"""How one family of clients speaks: the same tables with codecs and codes swapped by name."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.messages import Caller
from gateway.translate.codecs import DATE, DATE_MDY, DATE_MDY_OUT_DMY, DATE_OUT_DMY
from gateway.translate.rules.rule import Swap

DATES = {
    ("dmy", "iso"): DATE,
    ("mdy", "iso"): DATE_MDY,
    ("dmy", "dmy"): DATE_OUT_DMY,
    ("mdy", "dmy"): DATE_MDY_OUT_DMY,
}


def spoken(caller: Caller, regional: Mapping[str, Swap]) -> Swap:
    """The dialect of a caller: its date forms, and the codes of its country where they differ."""
    return {"date": DATES[caller.date_order, caller.date_out], **regional.get(caller.country, {})}

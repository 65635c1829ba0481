"""The books that a Sage user reaches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Business:
    """A business as v3.1 lists it: its id, its name, and its country as an ISO 3166 code in lower case, or ""."""

    id: str
    name: str
    country: str = ""

"""`tax_offices` and `tax_profiles` (v2.md §6.31, §6.32): Germany's offices, Canada's and the US's registrations. All
their attributes are v3.1's (inferred)."""

from __future__ import annotations

from typing import Any

from gateway.resources._parts import STAMPS
from gateway.translate.codecs import FLAG, text
from gateway.translate.resource import Table
from gateway.translate.rules import Field, Identity, ReadOnly, Reference


def region_name(region: dict[str, Any]) -> str:
    """A state or province by its name."""
    return region.get("name") or region.get("displayed_as") or ""


TABLES = (
    Table(
        "tax_offices",
        Identity(),
        ReadOnly("office_number"),
        ReadOnly("name"),
        v3="tax_offices",
    ),
    Table(
        "tax_profiles",
        Identity(),
        Reference("tax_type", to="tax_types", name="displayed_as", read_only=True),
        Field("tax_number", codec=text(255)),
        Field("tax_number_suffix", codec=text(255)),
        Field("collect_tax", codec=FLAG),
        Reference("tax_return_frequency", to="tax_return_frequencies", name="displayed_as"),
        Reference("address_region", to="address_regions", name=region_name, read_only=True),
        *STAMPS,
        v3="tax_profiles",
        root="tax_profile",
        verbs="list one update",
    ),
)

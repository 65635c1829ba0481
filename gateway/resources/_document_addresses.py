"""The addresses of sales documents: one text in the UK, Ireland and the US, parts in Portugal (v2.md §7.2)."""

from __future__ import annotations

from typing import Any

from gateway.resources._countries import COUNTRIES
from gateway.resources._parts import ADDRESS_TEXT, address_taken, address_text
from gateway.translate.codecs import text
from gateway.translate.rules import Computed, Field, Reference, Rule

MAIN = "main_address"
DELIVERY = "delivery_address"


def same_text(free: Any, parts: Any, delivery_free: Any, delivery: Any) -> bool:
    """Whether goods go to the main address."""
    there = address_text(delivery_free, delivery)
    return there is not None and there == address_text(free, parts)


def in_one_text(part: str) -> Computed:
    """An address as clients see it: what is printed on the document."""
    return Computed(
        part, part, of=(f"{part}_free_form", part), told=address_text, codec=ADDRESS_TEXT, taken=address_taken(part)
    )


ADDRESSES: tuple[Rule, ...] = (
    in_one_text(MAIN),
    Field("main_address_street_1", f"{MAIN}.address_line_1", text(50)),
    Field("main_address_street_2", f"{MAIN}.address_line_2", text(50)),
    Field("main_address_locality", f"{MAIN}.city", text(50)),
    Field("main_address_postcode", f"{MAIN}.postal_code", text(10)),
    Reference(
        "main_address_country",
        f"{MAIN}.country",
        to=COUNTRIES,
        codes=True,
        flat="main_address_country_id",
        flat_only=True,
    ),
    in_one_text(DELIVERY),
    Computed(
        "delivery_address_same_as_main",
        of=(f"{MAIN}_free_form", MAIN, f"{DELIVERY}_free_form", DELIVERY),
        told=same_text,
    ),
)

ADDRESS_PARTS = {
    MAIN: ("region", "address_type_id", "country_group_id"),
    DELIVERY: ("country_id", "address_type_id", "country_group_id"),
}
"""What a merge of an address sends back beside what the rules write."""

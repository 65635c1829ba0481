"""The addresses of sales documents: one text in the UK, Ireland and the US, parts in Portugal (v2.md §7.2)."""

from __future__ import annotations

from typing import Any

from gateway.resources._countries import COUNTRIES
from gateway.resources._parts import ADDRESS_LINES, ADDRESS_TEXT, address_taken, address_text
from gateway.translate.codecs import flag_up, text
from gateway.translate.rules import Computed, Field, Reference, Rule
from gateway.translate.writing import Writing, write_form

MAIN = "main_address"
DELIVERY = "delivery_address"
PARTS = (*ADDRESS_LINES, "country_id")


def same_text(free: Any, parts: Any, delivery_free: Any, delivery: Any) -> bool:
    """Whether goods go to the main address."""
    there = address_text(delivery_free, delivery)
    return there is not None and there == address_text(free, parts)


def as_main(w: Writing, value: Any, source: str) -> None:
    """Goods go to the main address, where the client says so: as it is about to be, else as v3.1 has it. A document
    that has none yet takes both from its contact (inferred)."""
    if not flag_up(value, source):
        return
    written: Any = w.take(MAIN) or write_form(w.shown(MAIN) or {}, PARTS)
    if not written:
        w.draft.note("computed", source, "the main address is the contact's own, and so is the other")
    for name in PARTS:
        if name in written or w.shown(f"{DELIVERY}.{name}"):
            w.put(f"{DELIVERY}.{name}", written.get(name, ""), source)


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
        taken=as_main,
        late=True,
    ),
)

ADDRESS_PARTS = {
    MAIN: ("region", "address_type_id", "country_group_id"),
    DELIVERY: ("country_id", "address_type_id", "country_group_id"),
}
"""What a merge of an address sends back beside what the rules write."""

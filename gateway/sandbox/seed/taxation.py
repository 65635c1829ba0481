"""Tax types, tax offices, address regions, the business's tax profile; its exchange rates.

v3.1 has tax offices in Germany and writable tax profiles in Canada alone (v31_resources.md); a British business
has its own here so that something can be read. Their ids are made up: none is published.
"""

from __future__ import annotations

from gateway.sandbox.books import Record, Ref, Shelf

REGIONS = (
    "AB|Alberta BC|British Columbia MB|Manitoba NB|New Brunswick NL|Newfoundland and Labrador NS|Nova Scotia"
    " NT|Northwest Territories NU|Nunavut ON|Ontario PE|Prince Edward Island QC|Quebec SK|Saskatchewan YT|Yukon"
)
"""Canada's."""

OFFICES = (
    ("GB_120", "0120", "HM Revenue & Customs, Cumbernauld", 41),
    ("GB_419", "0419", "HM Revenue & Customs, Leeds", 42),
)

TAX_PROFILE: Record = {
    "tax_type": Ref("tax_types", "GB_VAT"),
    "tax_number": "GB123456789",
    "tax_number_suffix": "",
    "collect_tax": True,
    "tax_return_frequency": Ref("tax_return_frequencies", "QUARTERLY"),
    "address_region": None,
}

EXCHANGE_RATES = (
    ("live_exchange_rates", "EUR", "1.17"),
    ("live_exchange_rates", "USD", "1.27"),
    ("business_exchange_rates", "USD", "1.25"),
)
"""How much of a currency a pound buys."""


def lists(start: str) -> dict[str, Shelf]:
    """Those that all businesses read."""
    rates = [Ref("tax_rates", f"GB_{name}") for name in ("STANDARD", "LOWER", "ZERO", "EXEMPT", "NO_TAX")]
    vat: Record = {"federal_tax": False, "country": Ref("countries", "GB"), "address_regions": [], "tax_rates": rates}
    found: dict[str, list[Record]] = {
        "tax_types": [{"id": "GB_VAT", "legacy_id": 5, "displayed_as": "VAT", **vat}],
        "tax_offices": [
            {"id": key, "legacy_id": number, "displayed_as": name, "office_number": office, "name": name}
            for key, office, name, number in OFFICES
        ],
        "address_regions": [
            {"id": f"CA_{code}", "displayed_as": name, "code": code, "name": name, "country": Ref("countries", "CA")}
            for code, name in _regions()
        ],
    }
    return {
        collection: {one["id"]: {**one, "created_at": start, "updated_at": start} for one in records}
        for collection, records in found.items()
    }


def _regions() -> list[tuple[str, str]]:
    """`AB|Alberta BC|British Columbia`: a code begins where capitals stand before a bar."""
    places = REGIONS.split("|")
    codes = [place.rpartition(" ")[2] for place in places[:-1]]
    names = [place.rpartition(" ")[0] for place in places[1:-1]] + [places[-1]]
    return list(zip(codes, names, strict=True))

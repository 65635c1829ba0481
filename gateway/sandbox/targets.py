"""Which collection a reference points into, told by its name."""

from __future__ import annotations

from functools import cache

from gateway.sandbox.spec import Spec

ODD = {
    "usual_supplier": "contacts",
    "status": "artefact_statuses",
    "invoice": "sales_invoices",
    "country_of_registration": "countries_of_registration",
    "tax_address_region": "address_regions",
    "original_invoice": "sales_invoices",
    "analysis_type_category": "analysis_type_categories",
}
"""Names that do not end in the singular of a collection."""

SEVERAL = {
    "artefact": (
        "sales_invoices",
        "purchase_invoices",
        "sales_credit_notes",
        "purchase_credit_notes",
        "sales_quick_entries",
        "purchase_quick_entries",
        "contact_opening_balances",
        "payments_on_account",
    ),
    "original_quote_estimate": ("sales_quotes", "sales_estimates"),
}
"""Names that may point into one of several collections; ids are unique over all of them."""


@cache
def singulars() -> dict[str, str]:
    """Every collection of the spec by its singular."""
    names = {template.split("/")[1] for template in Spec.load().templates if template.endswith("/{key}")}
    return {singular(name): name for name in names}


def singular(plural: str) -> str:
    """`countries` -> `country`, `artefact_statuses` -> `artefact_status`."""
    if plural.endswith("ies"):
        return plural[:-3] + "y"
    if plural.endswith(("sses", "uses", "xes")):
        return plural[:-2]
    return plural.removesuffix("s")


@cache
def target(name: str) -> str | None:
    """The collection that `default_sales_ledger_account` (or `contact_types`) points into; None if none."""
    if name in ODD:
        return ODD[name]
    known = singulars()
    for one in (name, singular(name)):
        words = one.split("_")
        for start in range(len(words)):
            found = known.get("_".join(words[start:]))
            if found:
                return found
    return None

"""The books that a Sage user reaches."""

from __future__ import annotations

from gateway.grants.business import Business


def test_a_business_whose_country_nobody_told_has_none() -> None:
    """The app is then told the country of the consent, else its own."""
    assert Business("b1", "Harbour Ltd").country == ""
    assert Business("b1", "Harbour Ltd") == Business("b1", "Harbour Ltd", "")

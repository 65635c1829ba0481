"""Settings, exchange rates, taxes and the lists around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

pytestmark = pytest.mark.usefixtures("no_violations")


@pytest.mark.parametrize(
    ("name", "sent", "shown"),
    [
        ("financial_settings", {"year_end_date": "2025-03-31"}, {"year_end_date": "2025-03-31"}),
        ("financial_settings", {"tax_scheme_id": "FLAT_RATE"}, {}),
        ("invoice_settings", {"estimate_number_prefix": "E"}, {"estimate_number_prefix": "E"}),
        ("business_settings", {"wizard_complete": False}, {"wizard_complete": False}),
        ("email_settings", {"send_bcc": True}, {"send_bcc": True}),
    ],
)
async def test_settings_have_no_id_and_change_by_name(
    api: Api, name: str, sent: dict[str, Any], shown: dict[str, Any]
) -> None:
    """A PUT leaves what it does not mention."""
    before = await api.get(f"/{name}")
    assert before["$path" if "$path" in before else "updated_at"]
    assert "id" not in before
    after = await api.put(f"/{name}", {name: sent})
    changed = {key for key in after if after[key] != before[key]} - {"updated_at"}
    assert changed == set(shown) or changed == {"tax_scheme"}
    assert {key: after[key] for key in shown} == shown


async def test_settings_show_legacy_ids_of_what_they_name(api: Api) -> None:
    """Not of themselves."""
    found = await api.get("/financial_settings?show_legacy_id=true")
    assert found["base_currency"]["legacy_id"] == 10
    assert "legacy_id" not in found
    (item,) = await api.refused("PUT", "/financial_settings", {"financial_settings": {"tax_scheme_id": "NONE"}})
    assert item["$source"] == "tax_scheme_id"


async def test_a_part_of_the_settings_is_replaced_whole(api: Api) -> None:
    """What is not sent within it is gone."""
    body = {"invoice_settings": {"footer_details": {"column_1": "Hull"}}}
    assert (await api.put("/invoice_settings", body))["footer_details"] == {
        "column_1": "Hull",
        "column_2": None,
        "column_3": None,
    }


async def test_the_next_number_and_its_prefix_are_settings(api: Api) -> None:
    """The next document has them."""
    body = {"invoice_settings": {"next_quote_number": 500, "quote_number_prefix": "Q/"}}
    assert (await api.put("/invoice_settings", body))["next_quote_number"] == 500
    contact = (await api.get("/contacts?search=PIKE"))["$items"][0]["id"]
    account = (await api.get("/ledger_accounts?visible_in=sales"))["$items"][0]["id"]
    line = {"description": "Mug", "ledger_account_id": account, "quantity": "1", "unit_price": "7.50"}
    quote = {"contact_id": contact, "date": "2025-06-10", "expiry_date": "2025-07-10", "quote_lines": [line]}
    made = await api.post("/sales_quotes", {"sales_quote": quote})
    assert (made["quote_number_prefix"], made["quote_number"]) == ("Q/", "Q/500")
    assert (await api.get("/invoice_settings"))["next_quote_number"] == 501


async def test_exchange_rates_go_by_their_currency(api: Api) -> None:
    """No id and no legacy id; the business's own rate goes before the live one."""
    query = "attributes=all&show_legacy_id=true"
    found = (await api.get(f"/exchange_rates?{query}"))["$items"]
    assert [(one["$path"], one["rate"], one["inverse_rate"]) for one in found] == [
        ("/exchange_rates/EUR", "1.17", "0.854701"),
        ("/exchange_rates/USD", "1.25", "0.8"),
    ]
    assert found[0]["currency"]["legacy_id"] == 7
    assert not {"id", "legacy_id"} & set(found[0])
    live = (await api.get(f"/live_exchange_rates?{query}"))["$items"]
    assert [one["rate"] for one in live] == ["1.17", "1.27"]


async def test_a_business_sets_its_own_rate(api: Api) -> None:
    """Made once for each currency, changed by PUT; after DELETE the live rate holds again."""
    body = {"business_exchange_rate": {"currency_id": "EUR", "rate": "1.20"}}
    made = await api.post("/business_exchange_rates", body)
    assert (made["$path"], made["rate"], made["inverse_rate"]) == ("/business_exchange_rates/EUR", "1.2", "0.833333")
    await api.refused("POST", "/business_exchange_rates", body)
    await api.put(made["$path"], {"business_exchange_rate": {"rate": "1.25"}})
    assert (await api.get("/exchange_rates/EUR"))["inverse_rate"] == "0.8"
    assert (await api.call("DELETE", made["$path"])).status == 204
    assert (await api.get("/exchange_rates/EUR"))["rate"] == "1.17"
    await api.post("/business_exchange_rates", body)
    for sent, source in (
        ({"currency_id": "GBP", "rate": "1"}, "currency_id"),
        ({"currency_id": "PLN", "rate": "0"}, "rate"),
        ({"currency_id": "XXX", "rate": "1"}, "currency_id"),
    ):
        (item,) = await api.refused("POST", "/business_exchange_rates", {"business_exchange_rate": sent})
        assert item["$source"] == source
    await api.refused("PUT", made["$path"], {"business_exchange_rate": {"currency_id": "USD"}})


async def test_a_rate_without_a_live_one_goes_for_good(api: Api) -> None:
    """404 after DELETE."""
    made = await api.post("/business_exchange_rates", {"business_exchange_rate": {"currency_id": "PLN", "rate": "5"}})
    assert (await api.get("/exchange_rates/PLN"))["rate"] == "5.0"
    assert (await api.call("DELETE", made["$path"])).status == 204
    await api.refused("GET", "/exchange_rates/PLN", status=404)


async def test_tax_offices_and_types(api: Api) -> None:
    """At least one of each, with what it names."""
    office = (await api.get("/tax_offices?attributes=all&show_legacy_id=true"))["$items"][0]
    assert office == {
        "legacy_id": 41,
        "id": "GB_120",
        "displayed_as": "HM Revenue & Customs, Cumbernauld",
        "$path": "/tax_offices/GB_120",
        "office_number": "0120",
        "name": "HM Revenue & Customs, Cumbernauld",
    }
    kind = await api.get("/tax_types/GB_VAT")
    assert kind["country"]["id"] == "GB"
    assert [rate["id"] for rate in kind["tax_rates"]][:2] == ["GB_STANDARD", "GB_LOWER"]


async def test_a_tax_profile_is_changed_and_never_made(api: Api) -> None:
    """PUT takes a region by its code; there is no POST."""
    (profile,) = (await api.get("/tax_profiles?attributes=all&show_legacy_id=true"))["$items"]
    assert (profile["displayed_as"], profile["tax_number"], profile["legacy_id"]) == ("VAT", "GB123456789", 12)
    body = {"tax_number": "GB987654321", "address_region": {"code": "ON"}}
    changed = await api.put(profile["$path"], {"tax_profile": body})
    assert changed["tax_number"] == "GB987654321"
    assert changed["address_region"]["$path"] == "/address_regions/CA_ON"
    assert changed["tax_type"] == {k: v for k, v in profile["tax_type"].items() if k != "legacy_id"}
    await api.refused("PUT", profile["$path"], {"tax_profile": {"address_region": {"code": "ZZ"}}})


async def test_address_regions_are_canadas(api: Api) -> None:
    """With code and name; filtered by country."""
    found = await api.get("/address_regions?country_id=CA&attributes=all")
    assert (found["$total"], found["$items"][0]["code"], found["$items"][-1]["name"]) == (13, "AB", "Yukon")
    assert (await api.get("/address_regions?country_id=GB"))["$total"] == 0


async def test_types_of_accounts_fall_into_classes(api: Api) -> None:
    """Each filters the other."""
    found = await api.get("/ledger_account_types?ledger_account_classification_id=INCOME")
    assert [item["id"] for item in found["$items"]] == ["SALES", "OTHER_INCOME"]
    found = await api.get("/ledger_account_classifications?ledger_account_type_id=OVERHEADS")
    assert [item["id"] for item in found["$items"]] == ["EXPENSE"]


async def test_a_user_and_a_business_are_displayed_by_their_names(api: Api) -> None:
    """Which a PUT changes."""
    assert (await api.put("/user", {"user": {"last_name": "Hart"}}))["displayed_as"] == "Jo Hart"
    lead = await api.get("/businesses/lead")
    changed = await api.put(f"/businesses/{lead['id']}", {"business": {"name": "Haven Ltd", "city": "York"}})
    assert (changed["displayed_as"], changed["city"]) == ("Haven Ltd", "York")
    assert changed["postal_code"] == lead["postal_code"]
    assert (await api.get("/businesses"))["$items"][0]["displayed_as"] == "Haven Ltd"

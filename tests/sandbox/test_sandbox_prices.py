"""Prices of products and services, which are records of their own."""

from __future__ import annotations

from typing import Any


async def test_a_price_that_is_not_sent_keeps_its_time(api: Any, clock: Any):
    """An update of the description changes the record's time, and not that of its prices."""
    account = (await api.get("/ledger_accounts?visible_in=sales"))["$items"][0]["id"]
    body = {"service": {"description": "A", "sales_ledger_account_id": account, "sales_rates": [{"rate": "35.0"}]}}
    made = await api.post("/services", body)
    clock.now += 60
    after = await api.put(made["$path"], {"service": {"description": "B"}})
    assert after["updated_at"] > made["updated_at"]
    assert after["sales_rates"] == made["sales_rates"]
    changed = await api.put(made["$path"], {"service": {"sales_rates": [{"rate": "36.0"}]}})
    assert changed["sales_rates"][0]["updated_at"] > made["sales_rates"][0]["updated_at"]

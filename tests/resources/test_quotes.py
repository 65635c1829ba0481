"""Quotes: their expiry, their statuses, their end (v2.md §6.28)."""

from __future__ import annotations

import pytest

from gateway.exchange import exchange
from gateway.messages import Caller, Exchange, V2Request
from gateway.resources.quotes import QUOTE_STATUSES
from tests.echo import Echo, NamedFacts

LINE = "&".join(
    f"sales_quote{field}"
    for field in ("[contact_id]=5", "[line_items][0][description]=x", "[line_items][0][unit_price]=1")
)


async def quoted(fields: str) -> tuple[Exchange, Echo]:
    upstream = Echo()
    call = V2Request("POST", "/accounts/v2/sales_quotes", (), f"{LINE}&{fields}".encode())
    made = await exchange(call, Caller(business="b-1"), NamedFacts(), upstream)
    assert upstream.violations == []
    return made, upstream


@pytest.mark.parametrize(
    ("day", "expiry"),
    [("2018-09-25", "2018-10-25"), ("2024-02-01", "2024-03-02"), ("9999-12-30", "9999-12-31")],
)
async def test_a_quote_is_good_for_thirty_days(day: str, expiry: str):
    """Where the client names no day; never beyond the last that there is."""
    made, upstream = await quoted(f"sales_quote[date]={day}")
    (quote,) = [record for path, record in upstream.records.items() if path.startswith("/sales_quotes/")]
    assert (made.reply.status, quote["expiry_date"]) == (201, expiry)
    assert "date_defaulted" in [note.code for note in made.notes]


async def test_a_quote_expires_when_its_client_says():
    """And nothing is noted of it."""
    made, _ = await quoted("sales_quote[date]=2018-09-25&sales_quote[expiry_date]=2018-09-26")
    assert made.reply.body["expiry_date"] == "2018-09-26"
    assert "date_defaulted" not in [note.code for note in made.notes]


@pytest.mark.parametrize(("number", "code", "word"), QUOTE_STATUSES.rows)
async def test_a_status_goes_both_ways(number: int, code: str, word: str):
    """A quote's statuses are not an invoice's: v3.1 knows them by other codes."""
    made, upstream = await quoted(f"sales_quote[date]=2018-09-25&sales_quote[status_id]={number}")
    (written,) = [request.body for request in upstream.sent if request.method == "POST"]
    assert written is not None
    assert written["sales_quote"]["status_id"] == code
    assert made.reply.body["status"] == {"id": number, "name": word, "$key": number}

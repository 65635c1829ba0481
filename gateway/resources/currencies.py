"""`currencies` and `exchange_rates` (v2.md §6.8, §6.9): no client was seen to read either (inferred).

An exchange rate has no id in v3.1, which keys it by its currency; so does the number that it has here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.messages import Record, V3Response
from gateway.resources._order import by_number, whole
from gateway.resources._parts import CURRENCIES, STAMPS, bare_name, without_figure
from gateway.translate.calls import Call
from gateway.translate.codecs import MONEY, plain
from gateway.translate.draft import Hole
from gateway.translate.plans import Plan, down, get
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Identity, ReadOnly, Reference

SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$", "CAD": "$"}
"""The signs of the currencies of v2's and v3.1's countries."""
RATE = replace(MONEY, empty=None)
"""No rate is not a rate of nought."""


def symbol(code: str | None) -> str:
    """A currency's sign, else its code."""
    return SYMBOLS.get(code or "", code or "")


def number_of_currency(currency: Record | None) -> Any:
    """The number that an exchange rate goes by."""
    if not currency:
        return None
    number = CURRENCIES.number.get(currency["id"]) or currency.get("legacy_id")
    return Hole("currencies", currency["id"], want="legacy_id") if number is None else number


def read_rate(call: Call) -> Plan:
    """GET one, by its currency's number."""
    answer: V3Response = yield get(call, CURRENCIES.code.get(call.keys[-1]))
    return down(call, answer.body)


TABLES = (
    Table(
        "currencies",
        Identity(codes=CURRENCIES),
        Computed("name", of=("displayed_as",), told=without_figure),
        Computed("code", of=("id",), told=plain),
        Computed("symbol", of=("id",), told=symbol),
        v3="currencies",
        paged=False,
        plans={"list": whole(by_number(CURRENCIES))},
    ),
    Table(
        "exchange_rates",
        Computed("id", aliases=("$key",), of=("currency",), told=number_of_currency),
        Reference("currency", to=CURRENCIES, name=bare_name, read_only=True),
        Reference("base_currency", to=CURRENCIES, name=bare_name, read_only=True),
        ReadOnly("rate", codec=RATE),
        ReadOnly("inverse_rate", codec=RATE),
        *STAMPS,
        v3="exchange_rates",
        kind="currencies",
        plans={"one": read_rate},
        notes="numbered by its currency",
    ),
)

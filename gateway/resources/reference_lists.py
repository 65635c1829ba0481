"""Short lists that v3.1 keeps: countries, tax rates, ledger account types. They come whole and sorted, as in v2
(v2.md §4.1)."""

from __future__ import annotations

from typing import Any

from gateway.resources._countries import COUNTRIES, SHOWN
from gateway.resources._order import by_number, whole
from gateway.resources._parts import LEDGER_ACCOUNT_TYPES, without_figure
from gateway.translate.codecs import MONEY
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Field, Identity, ReadOnly


def country_code(code: str | None) -> str:
    """The code that v2 showed."""
    return SHOWN.get(code or "", code or "")


def visible(shown: Any) -> bool:
    """Whether a rate is in use."""
    return shown is not False


TABLES = (
    Table(
        "countries",
        Identity(codes=COUNTRIES),
        Computed("code", of=("id",), told=country_code),
        Computed("name", of=("displayed_as",), told=without_figure),
        v3="countries",
        paged=False,
        plans={"list": whole(by_number(COUNTRIES))},
        known="v1-recorded",
    ),
    Table(
        "tax_rates",
        Identity(),
        Computed("name", of=("displayed_as",), told=without_figure),
        ReadOnly("percentage", codec=MONEY),
        Computed("current", of=("is_visible",), told=visible),
        v3="tax_rates",
        paged=False,
        plans={"list": whole(by_number())},
        known="v1-recorded",
    ),
    Table(
        "ledger_account_types",
        Identity(codes=LEDGER_ACCOUNT_TYPES),
        Field("name", "displayed_as"),
        v3="ledger_account_types",
        paged=False,
        plans={"list": whole(by_number(LEDGER_ACCOUNT_TYPES))},
        known="client-seen",
    ),
)

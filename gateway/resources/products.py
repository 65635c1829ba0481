"""`products` and `services` (v2.md §6.21, §6.29). v2 has one price where v3.1 has a list: the first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.errors import BadCall
from gateway.resources._parts import LOCK_VERSION, PERIOD_TYPES
from gateway.translate.codecs import BIT, MONEY, Codec, text, text_up
from gateway.translate.draft import ABSENT, Hole
from gateway.translate.resource import Table
from gateway.translate.rules import Constant, Field, Identity, Kept, Reference, Rule
from gateway.translate.writing import Writing


def default_account(area: str) -> Any:
    """v2 filled in the first account of the area (v2.md §4.4: a description alone is enough); v3.1 requires one."""

    def hole(_: Writing) -> Hole:
        return Hole("ledger_accounts", f"visible_in={area}", by="first")

    return hole


def rate_of_account(writing: Writing) -> Hole:
    """v2 filled in tax code 1, the standard rate (v2.md §6.21), which a business that charges no tax must not get. So
    the sales account's own rate is taken, the standard one in the usual chart; none where the account has none."""
    account: Hole = writing.take("sales_ledger_account_id")
    return replace(account, want="tax_rate.id", then=lambda fact: ABSENT if fact is None else fact)


def period_up(value: Any, source: str) -> int:
    """The number of a period type, given bare or as v2 shows it; blank is the usual one. Raises BadCall."""
    if isinstance(value, dict):
        value = value.get("id", value.get("$key"))
    number = text_up(value, source).strip() or "1"
    if number not in PERIOD_TYPES.code:
        raise BadCall("no such record", source)
    return int(number)


def period_down(number: int) -> dict[str, int]:
    """A period type as v2 shows it."""
    return {"id": number, "$key": number}


OF_PERIOD = Codec("period_type", period_up, period_down, period_down(1))
"""v2.md §6.29: the usual one is 1, Annually."""

ACCOUNT = Reference("ledger_account", "sales_ledger_account", to="ledger_accounts", default=default_account("sales"))
TAX = Reference("tax_code", "sales_tax_rate", to="tax_rates", aliases=("tax_rate",), default=rate_of_account)
EXTRA_INFO = Kept("extra_info", why="v3.1's products and services have notes, which nobody's shop shows")
PERIOD_TYPE = Kept("period_type", OF_PERIOD, "v3.1's services have no period", writes_as=("period_type_id",))
PRICE = "sales_prices.0"
RATE = "sales_rates.0"


def named(part: str, name: str) -> Any:
    """v3.1's name for the price, where there is a price."""
    return lambda writing: name if writing.take(part) else None


PRODUCT: tuple[Rule, ...] = (
    Identity(),
    Field("description", codec=text(255), required="blank"),
    Field("product_code", "item_code", text(255)),
    EXTRA_INFO,
    Field("sales_price", f"{PRICE}.price", MONEY),
    Field("sales_price_includes_tax", f"{PRICE}.price_includes_tax", BIT),
    Constant(f"{PRICE}.price_name", named("sales_prices", "Sales Price")),
    Field("cost_price", codec=MONEY, aliases=("last_cost_price",)),
    ACCOUNT,
    Constant("purchase_ledger_account_id", default_account("expenses")),
    TAX,
    LOCK_VERSION,
)

SERVICE: tuple[Rule, ...] = (
    Identity(),
    Field("description", codec=text(255), required="blank"),
    EXTRA_INFO,
    Field("period_rate_price", f"{RATE}.rate", MONEY),
    Field("rate_includes_tax", f"{RATE}.rate_includes_tax", BIT),
    Constant(f"{RATE}.rate_name", named("sales_rates", "Rate")),
    PERIOD_TYPE,
    ACCOUNT,
    TAX,
    LOCK_VERSION,
)

TABLES = (
    Table(
        "products",
        *PRODUCT,
        v3="products",
        root="product",
        verbs="list one create update delete",
        parts={"sales_prices": ("price_name", "product_sales_price_type_id")},
        serial=True,
        known="v1-recorded",
    ),
    Table(
        "services",
        *SERVICE,
        v3="services",
        root="service",
        verbs="list one create update delete",
        parts={"sales_rates": ("rate_name", "service_rate_type_id")},
        serial=True,
        known="v1-recorded",
    ),
)

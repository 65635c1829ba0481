"""Single values as v3.1 writes them (v31.md §7)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

PENNY = Decimal("0.01")
ZERO = Decimal(0)
ONE = Decimal(1)
WIDE = Context(prec=200)
"""Holds the pence of any amount: a client may ask for a price of forty digits."""


def shown(amount: Decimal) -> str:
    """The shortest form with at least one decimal: `110.0`, `7.5`, `-0.33`."""
    text = format(amount, "f")
    whole, _, fraction = text.partition(".")
    whole = "0" if whole in ("", "-0") and not fraction.strip("0") else whole
    return f"{whole}.{fraction.rstrip('0') or '0'}"


def rounded(amount: Decimal) -> Decimal:
    """To whole pence, half away from zero."""
    return amount.quantize(PENNY, ROUND_HALF_UP, WIDE)


def decimal(value: Any) -> Decimal | None:
    """The Decimal that a JSON number or string means; None where it means none."""
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def instant(seconds: float) -> str:
    """A timestamp in UTC to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(text: Any) -> date | None:
    """A date `YYYY-MM-DD`; None for anything else."""
    if not isinstance(text, str) or len(text) != 10:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def moment(text: Any) -> datetime | None:
    """A date-time with or without offset, or a date alone (v31.md §6), in UTC; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)

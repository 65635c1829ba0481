"""Bodies that are JSON objects (v2.md §3.1)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, cast

import msgspec

from gateway.errors import Malformed
from gateway.translate.rack import Params, decode_text

MAX_JSON_DEPTH = 64
"""Arrays and objects inside one another (reliability.md §3.5)."""
MAX_DIGITS = 40
"""Digits of a JSON number, and its largest and smallest exponent."""


def _number(text: str) -> Decimal:
    """A number with a fraction or an exponent, exactly as sent."""
    try:
        number = Decimal(text) if len(text) <= 3 * MAX_DIGITS else None
    except InvalidOperation:  # an exponent that no Decimal can hold
        number = None
    if number is None or len(number.as_tuple().digits) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise _too_long()
    return number


def _too_long() -> Malformed:
    return Malformed(f"The JSON body has a number of more than {MAX_DIGITS} digits.")


_JSON = msgspec.json.Decoder(float_hook=_number)


def read_json(body: bytes) -> Params:
    """A JSON object; blank text is an empty one. Numbers are int, or Decimal with a fraction or exponent.

    Of a name given twice the last wins. Raises Malformed for anything else and over a limit.
    """
    text = decode_text(body).removeprefix("\ufeff")
    if not text.strip():
        return {}
    try:
        tree = _JSON.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed("The JSON body cannot be read: " + _reason(error)) from None
    if not isinstance(tree, dict):
        raise Malformed("The JSON body is no object.")
    waiting: list[tuple[Any, int]] = [(tree, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth > MAX_JSON_DEPTH:
                raise Malformed(f"The JSON body is nested deeper than {MAX_JSON_DEPTH}.")
            members = value.values() if isinstance(value, dict) else value
            waiting.extend((member, depth + 1) for member in members)
        elif isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
            raise _too_long()
    return cast("Params", tree)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"it is nested deeper than {MAX_JSON_DEPTH}."
    return str(error).removeprefix("JSON is malformed: ") + "."

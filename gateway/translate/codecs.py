"""Two-way conversions of one value: text, money, numbers, flags, dates; and Codes, for fixed lists.

A codec's `up` takes a decoded v2 value (text from a form, any JSON leaf) to v3.1's and raises BadCall with the
v2 field's name; its `down` takes v3.1's value to v2's; `empty` is what v2 shows where v3.1 has nothing.
For every value v in canonical form, `down(up(v)) == v`.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway.errors import BadCall, TableWrong, UpstreamFailed

MAX_DIGITS = 40
"""A number of more digits is refused (reliability.md, must-never G12)."""


@dataclass(frozen=True, slots=True)
class Codec:
    """`up(value, source)`, `down(value)`; a dialect swaps a codec for another by its `name`.

    `limit`: v3.1 holds at most so many characters; longer text is cut upward, with a note. `identity`: down leaves
    a value as it is, so compiled code need not call it.
    """

    name: str
    up: Callable[[Any, str], Any]
    down: Callable[[Any], Any]
    empty: Any = None
    limit: int | None = None
    identity: bool = False


def plain(value: Any) -> str:
    """A leaf as text: numbers and flags of JSON bodies as their form text."""
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return ""
    return str(value)


def text_up(value: Any, source: str) -> str:
    """Text as it came. Raises BadCall for a list, an object, and U+0000, which databases do not hold in a text."""
    if isinstance(value, dict | list):
        raise BadCall("should be a text, not a list or an object", source)
    if isinstance(value, str) and "\0" in value:
        raise BadCall("holds a character that cannot be stored", source)
    return plain(value)


def text_down(value: Any) -> str:
    """v3.1's text; a number, which v3.1 should not send here, as text."""
    return value if isinstance(value, str) else plain(value)


def decimal_of(value: Any, source: str) -> Decimal:
    """An amount exactly as written: `.` separator, no thousands (v2.md §3.3). Raises BadCall otherwise."""
    text = text_up(value, source).strip()
    number = readable(text) if text.isascii() and "_" not in text else None
    if number is None:
        raise BadCall("is not a number", source)
    return number


def readable(text: Any) -> Decimal | None:
    """The number of a text or number, None where there is none of at most 40 digits on either side of the point."""
    if len(str(text)) > MAX_DIGITS * 2:
        return None
    try:
        number = Decimal(text)
    except (InvalidOperation, TypeError, ValueError):
        return None
    if not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS or len(number.as_tuple().digits) > MAX_DIGITS:
        return None
    return number


def decimal_text(number: Decimal) -> str:
    """Shortest plain notation with at least one decimal: `10.0`, `9.99`, `-0.5` (v2.md §4.2, v31.md §7)."""
    text = format(number or Decimal(0), "f")
    if "." not in text:
        return text + ".0"
    text = text.rstrip("0")
    return text + "0" if text.endswith(".") else text


def decimal_up(value: Any, source: str) -> str | None:
    """An amount as v3.1's decimal text; blank means none."""
    if value is None or value == "":
        return None
    return decimal_text(decimal_of(value, source))


_SHORTEST = re.compile(r"-?(?:0|[1-9][0-9]*)\.(?:0|[0-9]*[1-9])").fullmatch


def decimal_down(value: Any) -> str:
    """v3.1's decimal, text or number, as v2's text without padding (v2.md §4.2). Raises UpstreamFailed."""
    if isinstance(value, str) and _SHORTEST(value):
        return value
    number = readable(value)
    if number is None:
        raise UpstreamFailed("Sage sent an amount that is not a number")
    return decimal_text(number)


def whole_up(value: Any, source: str) -> int | None:
    """A whole number, such as a nominal code; blank means none."""
    if value is None or value == "":
        return None
    number = decimal_of(value, source)
    if number != number.to_integral_value():
        raise BadCall("is not a whole number", source)
    return int(number)


TRUE, FALSE = frozenset({"true", "1", "t", "yes", "on"}), frozenset({"false", "0", "f", "no", "off", ""})


def flag_up(value: Any, source: str) -> bool:
    """`true`/`false`, `1`/`0` (v2.md §3.3)."""
    if isinstance(value, bool):
        return value
    text = text_up(value, source).strip().lower()
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise BadCall("should be true or false", source)


def split_date(text: str) -> tuple[str, str, str, bool] | None:
    """The three parts of a date and whether the year comes first."""
    for mark in "-/.":
        parts = text.split(mark)
        if len(parts) == 3 and all(part.isascii() and part.isdigit() for part in parts):
            return parts[0], parts[1], parts[2], len(parts[0]) == 4
    return None


def date_up(value: Any, source: str, order: str = "dmy") -> str | None:
    """A date in any form that clients send, as ISO: `2016-03-01`, `01/03/2016`, `01-03-2016`,
    `2015-08-14 00:00:00 UTC` (captures/README.md §3). `order` (`dmy` or `mdy`) reads the forms without a leading year.

    Raises BadCall `invalid date`, v2's own message (v2.md §4.4).
    """
    text = text_up(value, source).strip()
    if not text:
        return None
    parts = split_date(text[:10].strip() if len(text) > 10 and text[10] in "T " else text)
    if parts is None:
        raise BadCall("invalid date", source)
    one, two, three, year_first = parts
    if year_first:
        year, month, day = one, two, three
    elif order == "mdy":
        month, day, year = one, two, three
    else:
        day, month, year = one, two, three
    try:
        if len(year) != 4 or len(month) > 2 or len(day) > 2:
            raise ValueError
        return datetime.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise BadCall("invalid date", source) from None


def date_up_mdy(value: Any, source: str) -> str | None:
    """As `date_up`, month first."""
    return date_up(value, source, "mdy")


def date_down(value: Any) -> str:
    """ISO, as every v2 endpoint from 2015 on (v2.md §4.2)."""
    return text_down(value)[:10]


def date_down_dmy(value: Any) -> str:
    """`dd/mm/yyyy`, v1's form (v2.md §4.2)."""
    text = date_down(value)
    return f"{text[8:10]}/{text[5:7]}/{text[0:4]}" if len(text) == 10 else text


def bit_down(value: Any) -> int:
    """0 or 1: two v2 flags are numbers (v2.md §4.2)."""
    return 1 if value else 0


def same(value: Any) -> Any:
    """The value itself."""
    return value


def text(limit: int | None = None, *, empty: str | None = "") -> Codec:
    """Text of at most `limit` characters in v3.1; `empty` is `""` or None (v2.md §4.2)."""
    return Codec("text", text_up, text_down, empty, limit)


TEXT = text()
NOTE = text(empty=None)
MONEY = Codec("money", decimal_up, decimal_down, "0.0")
WHOLE = Codec("whole", whole_up, same, None, identity=True)
FLAG = Codec("flag", flag_up, bool, False)
BIT = Codec("bit", flag_up, bit_down, 0)
DATE = Codec("date", date_up, date_down, None)
STAMP = Codec("stamp", text_up, text_down, None)
DATE_MDY = Codec("date", date_up_mdy, date_down, None)
DATE_OUT_DMY = Codec("date", date_up, date_down_dmy, None)
DATE_MDY_OUT_DMY = Codec("date", date_up_mdy, date_down_dmy, None)
DAY = Codec("day", date_up, date_down, None)
"""A date of v2's newer resources, which are ISO in every dialect (v2.md §4.2)."""
DAY_MDY = Codec("day", date_up_mdy, date_down, None)


class Codes:
    """A fixed list both versions know: rows of (v2 number, v3.1 code, v2 word).

    Raises TableWrong unless it reverses. `kind` is v3.1's collection, which has further codes, if any.
    `also` are further numbers that v2 took for a code but never showed here. `alike` are,
    for v3.1 codes that no source confirms, what else v3.1 may call the same: which it is, its own list says.
    `name` is what a dialect swaps it by.
    """

    def __init__(
        self,
        kind: str,
        rows: tuple[tuple[int, str, str], ...],
        *,
        also: tuple[tuple[int, str], ...] = (),
        alike: Mapping[str, tuple[str, ...]] | None = None,
        name: str = "",
    ) -> None:
        self.kind = kind
        self.name = name or kind
        self.rows = rows
        self.code = {str(number): code for number, code, _ in rows}
        self.number = {code: number for number, code, _ in rows}
        self.word = {code: word for _, code, word in rows}
        if len(self.code) != len(rows) or len(self.number) != len(rows):
            raise TableWrong(f"the codes of {self.name} do not reverse")
        for number, code in also:
            if code not in self.number or str(number) in self.code:
                raise TableWrong(f"the codes of {self.name} have a wrong alias {number}")
            self.code[str(number)] = code
        self.alike = dict(alike or {})
        for code, others in self.alike.items():
            self.number.update(dict.fromkeys(others, self.number[code]))

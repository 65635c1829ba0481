"""Two-way conversions of one value: what goes up comes down as it was, and nothing else goes up."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import BadCall, Diagnosis, TableWrong, UpstreamFailed
from gateway.translate.codecs import (
    BIT,
    DATE,
    DATE_MDY,
    DATE_MDY_OUT_DMY,
    DATE_OUT_DMY,
    FLAG,
    MONEY,
    NOTE,
    STAMP,
    TEXT,
    WHOLE,
    Codec,
    Codes,
    date_up,
    decimal_down,
    decimal_of,
    decimal_text,
    plain,
    text,
    text_down,
)

CODECS = [BIT, DATE, DATE_MDY, DATE_MDY_OUT_DMY, DATE_OUT_DMY, FLAG, MONEY, NOTE, STAMP, TEXT, WHOLE]
DIGITS = "0123456789"


def canonical(sign: str, whole: str, fraction: str) -> str:
    """An amount in v3.1's form: no leading zeros, at least one decimal, no padding."""
    whole = whole.lstrip("0") or "0"
    fraction = fraction.rstrip("0") or "0"
    return f"{'' if whole == fraction == '0' else sign}{whole}.{fraction}"


AMOUNTS = st.builds(canonical, st.sampled_from(["", "-"]), st.text(DIGITS, max_size=20), st.text(DIGITS, max_size=18))
DATES = st.dates(datetime.date(1000, 1, 1)).map(datetime.date.isoformat)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.text().filter(lambda value: "\0" not in value))
def test_text_goes_both_ways(value: str):
    """Text is not touched."""
    for codec in (TEXT, NOTE, STAMP, text(50)):
        assert codec.down(codec.up(value, "notes")) == value


@given(AMOUNTS)
@example("0.0")
@example("-0.5")
@example("12345678901234567890.12345678901234567891")
def test_amounts_go_both_ways_digit_by_digit(value: str):
    """No digit is lost or added, however many there are."""
    assert MONEY.down(MONEY.up(value, "amount")) == value


@given(AMOUNTS)
def test_amounts_of_json_go_both_ways(value: str):
    """A JSON number counts like its text; v3.1's number like its text."""
    assert MONEY.up(Decimal(value), "amount") == value
    assert decimal_down(Decimal(value)) == value


@given(AMOUNTS.filter(lambda value: len(value) < 36), st.text("0", max_size=3))
def test_padding_is_dropped(value: str, zeros: str):
    """`9.990` is shown as `9.99`, `10` as `10.0` (v2.md §4.2)."""
    assert MONEY.up(value + zeros, "amount") == value
    assert decimal_down(value + zeros) == value


@given(st.one_of(AMOUNTS, JSON))
def test_an_amount_is_never_a_float(value: Any):
    """Money is text upward and downward."""
    try:
        made = MONEY.up(value, "amount")
    except BadCall:
        return
    assert made is None or type(made) is str


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        ("10", "10.0"),
        ("10.50", "10.5"),
        (" 0.5 ", "0.5"),
        (".5", "0.5"),
        ("5.", "5.0"),
        ("+1", "1.0"),
        ("1e2", "100.0"),
        (10, "10.0"),
        (Decimal("1E+2"), "100.0"),
        ("-0", "0.0"),
        ("-0.00", "0.0"),
        ("", None),
        (None, None),
    ],
)
def test_amounts_as_clients_write_them(sent: Any, written: str | None):
    """Whatever spelling, one form goes up; nothing stays nothing."""
    assert MONEY.up(sent, "amount") == written


@pytest.mark.parametrize(
    "sent",
    [
        "x",
        "1,5",
        "1 000",
        "1_000",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e41",
        "1e-41",
        "1" * 41,
        "1" * 5000,
        "\uff11",
        "£1",
        "--1",
        " ",
        "1.5.2",
        True,
        [],
        {},
        ["1"],
        {"a": "1"},
        Decimal("NaN"),
        Decimal("1E+999999"),
    ],
)
def test_what_is_no_amount_is_refused(sent: Any):
    """The message says what is wrong, the source where."""
    with pytest.raises(BadCall) as refused:
        MONEY.up(sent, "line_items.unit_price")
    (diagnosis,) = refused.value.diagnoses
    assert diagnosis.source == "line_items.unit_price"
    assert diagnosis.message in ("is not a number", "should be a text, not a list or an object")


@given(JSON)
@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_garbage_is_a_bad_call_or_goes_up(codec: Codec, value: Any):
    """No other exception leaves a codec; what goes up comes down without one."""
    made: Any = None
    said: tuple[Diagnosis, ...] = ()
    try:
        made = codec.up(value, "field")
    except BadCall as refused:
        said = refused.diagnoses
    assert [diagnosis.source for diagnosis in said] in ([], ["field"])
    assert all(len(diagnosis.message) > 5 for diagnosis in said)
    if made is not None:
        codec.down(made)


@given(st.integers(-(10**15), 10**15))
def test_whole_numbers_go_both_ways(value: int):
    """As text, as a number, or with an empty fraction."""
    for sent in (value, str(value), f"{value}.0"):
        assert WHOLE.down(WHOLE.up(sent, "nominal_code")) == value


@pytest.mark.parametrize("sent", ["1.5", Decimal("4000.01")])
def test_a_fraction_is_no_whole_number(sent: Any):
    """A nominal code of 4000.01 is a mistake, not 4000."""
    with pytest.raises(BadCall, match="is not a whole number"):
        WHOLE.up(sent, "nominal_code")


def test_no_whole_number_is_none():
    """Blank means none."""
    assert WHOLE.up("", "nominal_code") is WHOLE.up(None, "nominal_code") is None


@pytest.mark.parametrize("codec", [FLAG, BIT])
@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("1", True),
        ("On", True),
        (" yes ", True),
        (1, True),
        ("t", True),
        ("false", False),
        ("0", False),
        ("", False),
        ("no", False),
        (0, False),
        (None, False),
        ("OFF", False),
    ],
)
def test_flags(codec: Codec, sent: Any, meant: bool):
    """Every way in which clients say yes and no."""
    assert codec.up(sent, "flag") is meant
    assert codec.down(meant) == meant
    assert type(codec.down(meant)) is (bool if codec is FLAG else int)


@pytest.mark.parametrize("sent", ["2", "maybe", [], {"a": "1"}])
def test_what_is_neither_yes_nor_no_is_refused(sent: Any):
    """A flag that cannot be read is not taken for false."""
    with pytest.raises(BadCall):
        FLAG.up(sent, "flag")


@given(DATES)
def test_dates_go_both_ways(value: str):
    """ISO dates, in every dialect that shows them."""
    for codec in (DATE, DATE_MDY):
        assert codec.down(codec.up(value, "date")) == value


@given(st.dates(datetime.date(1000, 1, 1)), st.sampled_from("-/."))
def test_dates_in_every_form(value: datetime.date, mark: str):
    """Year first, day first or, by a setting of the app, month first; with one digit or two; with a time behind."""
    iso, (year, month, day) = value.isoformat(), (value.year, value.month, value.day)
    for sent in (f"{year}{mark}{month}{mark}{day}", f"{day}{mark}{month}{mark}{year}", f" {iso} ", f"{iso}T10:00:00Z"):
        assert DATE.up(sent, "date") == iso
    for sent in (f"{day:02}{mark}{month:02}{mark}{year}", f"{iso} 00:00:00 UTC", f"{iso}T00:00:00.000+01:00"):
        assert DATE.up(sent, "date") == iso
    assert DATE_MDY.up(f"{month}{mark}{day}{mark}{year}", "date") == iso
    assert DATE_MDY.up(iso, "date") == iso


@given(st.dates(datetime.date(1000, 1, 1)))
def test_dates_of_version_one(value: datetime.date):
    """`dd/mm/yyyy` out, and the same in."""
    shown = f"{value.day:02}/{value.month:02}/{value.year}"
    assert DATE_OUT_DMY.down(DATE_OUT_DMY.up(shown, "date")) == shown
    assert DATE_MDY_OUT_DMY.down(value.isoformat()) == shown
    assert DATE_OUT_DMY.down("") == ""


@pytest.mark.parametrize(
    "sent",
    [
        "31/02/2016",
        "2016-13-01",
        "2016-00-10",
        "01/03/16",
        "2016-03",
        "20160301",
        "1/2/3/2016",
        "x",
        "2016-3-001",
        "--",
        "0000-01-01",
        "01-03-02016",
        "\uff12016-03-01",
        "2016/03-01",
        "2016-03-01X",
        20160301,
        ["2016-03-01"],
        {},
        True,
    ],
)
@pytest.mark.parametrize("codec", [DATE, DATE_MDY])
def test_what_is_no_date_is_refused(codec: Codec, sent: Any):
    """v2's own words: `invalid date` (v2.md §4.4)."""
    with pytest.raises(BadCall) as refused:
        codec.up(sent, "due_date")
    assert refused.value.diagnoses[0].source == "due_date"
    assert str(refused.value) in ("invalid date", "should be a text, not a list or an object")


def test_day_and_month_are_not_swapped():
    """A month of 13 is wrong, not a day."""
    with pytest.raises(BadCall):
        DATE.up("02/13/2016", "date")
    with pytest.raises(BadCall):
        DATE_MDY.up("13/02/2016", "date")


def test_no_date_is_none():
    """Blank means none."""
    assert date_up("", "date") is date_up(" ", "date") is date_up(None, "date") is None


def test_dates_of_v31_with_a_time_show_their_day():
    """A timestamp where a date is meant loses its time."""
    assert DATE.down("2016-03-01T10:00:00Z") == "2016-03-01"


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_the_nul_character_never_goes_up(codec: Codec):
    """U+0000 is refused under the field's name, wherever in a text it stands."""
    for value in ("\0", "1\0", "\x002016-01-01"):
        with pytest.raises(BadCall) as refused:
            codec.up(value, "notes")
        assert refused.value.diagnoses == (Diagnosis("holds a character that cannot be stored", "notes"),)


def test_numbers_where_text_is_meant():
    """Leaves of JSON count as their form text; so do v3.1's."""
    assert [plain(value) for value in (None, True, False, 5, Decimal("1.50"))] == ["", "true", "false", "5", "1.50"]
    assert text_down(117) == "117"


def test_an_amount_of_v31_that_is_none_is_sages_fault():
    """Not ours, and not the client's."""
    value: Any
    for value in ("12 pounds", "0x0", "1.0.0 ", "NaN", "1e999999", [], {}, None, "1.5e3x", Decimal("Infinity")):
        with pytest.raises(UpstreamFailed):
            decimal_down(value)


def test_decimals_of_any_exponent():
    """Plain notation, never an exponent."""
    assert decimal_text(Decimal("1E+3")) == "1000.0"
    assert decimal_text(Decimal("1E-7")) == "0.0000001"
    assert decimal_of("1e40", "x") == Decimal("1e40")


ROWS = ((1, "CUSTOMER", "Customer"), (2, "VENDOR", "Supplier"))


def test_codes_reverse():
    """Number to code and back; a further number is understood and never shown."""
    codes = Codes("contact_types", ROWS, also=((9, "VENDOR"),))
    assert [codes.number[codes.code[str(number)]] for number, _, _ in ROWS] == [1, 2]
    assert codes.code["9"] == "VENDOR"
    assert codes.number["VENDOR"] == 2
    assert codes.word["VENDOR"] == "Supplier"
    assert codes.name == "contact_types"


@pytest.mark.parametrize(
    ("rows", "also"),
    [
        ((*ROWS, (1, "BANK", "Bank")), ()),
        ((*ROWS, (3, "VENDOR", "Again")), ()),
        (ROWS, ((1, "VENDOR"),)),
        (ROWS, ((3, "BANK"),)),
    ],
    ids=["a number twice", "a code twice", "an alias that is a number already", "an alias of no code"],
)
def test_codes_that_do_not_reverse_are_refused(rows: Any, also: Any):
    """A list that cannot be taken back is a mistake of ours, found when it is made."""
    with pytest.raises(TableWrong):
        Codes("contact_types", rows, also=also)

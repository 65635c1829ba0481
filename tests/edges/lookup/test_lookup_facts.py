"""Other facts: attributes, the first of a list, the record that has a value."""

from typing import Any

import pytest

from gateway.translate.draft import Hole
from tests.edges.lookup.lookup_house import World


@pytest.mark.parametrize(("want", "value"), [
    ("percentage", "20.0"), ("account", {"id": "la1", "legacy_id": 7}), ("account.id", "la1"), ("nothing", None),
    ("none", None), ("none.id", None), ("percentage.id", None),
])  # fmt: skip
@pytest.mark.parametrize("by", ["id", "legacy_id"])
async def test_attributes(world: World, by: str, want: str, value: Any) -> None:
    """An attribute of a record, of a record in it, or a whole record in it; an attribute without value is None."""
    record = {"id": "t1", "legacy_id": 5, "percentage": "20.0", "account": {"id": "la1", "legacy_id": 7}, "none": None}
    world.books.records["tax_rates"] = [record]
    assert await world.fact(Hole("tax_rates", {"id": "t1", "legacy_id": "5"}[by], want, by)) == value


async def test_attributes_of_nothing(world: World) -> None:
    """An attribute of a record that does not exist, or cannot be read, is left out."""
    assert await world.fact(Hole("contacts", "gone", "name")) == "left out"
    assert await world.fact(Hole("invoice_lines", "l1", "name")) == "left out"
    assert await world.fact(Hole("contacts", "../x", "name")) == "left out"
    assert world.books.asked == ["/contacts/gone?show_legacy_id=true"]


async def test_a_record_is_read_once_a_call(world: World) -> None:
    """Several facts of one record take one read in a call, and one more in the next."""
    world.books.records["contacts"] = [{"id": "c1", "a": 1, "b": 2}]
    lookup = world.lookup()
    bound = world.bound(lookup)
    await bound.facts([Hole("contacts", "c1", "a"), Hole("contacts", "c1", "b")])
    await bound.facts([Hole("contacts", "c1", "a")])
    assert len(world.books.asked) == 1
    await world.fact(Hole("contacts", "c1", "a"), lookup)
    assert len(world.books.asked) == 2


async def test_reference_records_are_remembered(world: World) -> None:
    """A reference record is read once a minute."""
    world.books.records["tax_rates"] = [{"id": "t1", "percentage": "20.0"}]
    lookup = world.lookup()
    for _ in range(3):
        assert await world.fact(Hole("tax_rates", "t1", "percentage"), lookup) == "20.0"
    assert len(world.books.asked) == 1
    world.now += 61
    world.books.records["tax_rates"] = [{"id": "t1", "percentage": "21.0"}]
    assert await world.fact(Hole("tax_rates", "t1", "percentage"), lookup) == "21.0"


async def test_the_first_of_a_list(world: World) -> None:
    """The first record that a filter lists; none of an empty list; remembered for a minute."""
    world.books.records["ledger_accounts"] = [{"id": "a"}, {"id": "b", "visible_in": ["sales"], "legacy_id": 4}]
    lookup = world.lookup()
    hole = Hole("ledger_accounts", "visible_in=sales", by="first")
    assert await world.fact(hole, lookup) == "b"
    assert await world.fact(hole, lookup) == "b"
    assert world.books.asked == ["/ledger_accounts?show_legacy_id=true&visible_in=sales&items_per_page=1"]
    assert await world.fact(Hole("ledger_accounts", "visible_in=sales", "legacy_id", "first"), lookup) == 4
    assert await world.fact(Hole("ledger_accounts", "visible_in=banking", by="first"), lookup) == "left out"
    assert await world.fact(Hole("invoice_lines", "x=y", by="first"), lookup) == "left out"


async def test_the_record_that_has_a_value(world: World) -> None:
    """A bank account is found by its ledger account, over all pages; one that has none is found as soon as it has."""
    world.books.records["bank_accounts"] = [{"id": f"b{n}", "ledger_account": {"id": f"la{n}"}} for n in range(5)]
    world.books.records["bank_accounts"].append({"id": "odd", "ledger_account": None})
    world.books.per_page = 2
    lookup = world.lookup()
    hole = Hole("bank_accounts", "la4", by="ledger_account.id")
    assert await world.fact(hole, lookup) == "b4"
    assert world.books.asked[0] == ("/bank_accounts?show_legacy_id=true&attributes=ledger_account&items_per_page=200")
    gone = Hole("bank_accounts", "la9", by="ledger_account.id")
    assert await world.fact(gone, lookup) == "left out"
    world.books.records["bank_accounts"].append({"id": "b9", "ledger_account": {"id": "la9"}})
    assert await world.fact(gone, lookup) == "b9"


async def test_the_account_of_a_nominal_code(world: World) -> None:
    """A value that v3.1 has as a number is found by its digits."""
    world.books.records["ledger_accounts"] = [{"id": "la1", "nominal_code": 1}, {"id": "la2", "nominal_code": 9999}]
    assert await world.fact(Hole("ledger_accounts", "9999", by="nominal_code")) == "la2"
    assert await world.fact(Hole("ledger_accounts", "999", by="nominal_code")) == "left out"


async def test_modern_ids(world: World) -> None:
    """A modern id stands for itself if it can stand in a path."""
    assert await world.fact(Hole("countries", "GB")) == "GB"
    assert await world.fact(Hole("tax_rates", "GB_STANDARD-2.5")) == "GB_STANDARD-2.5"
    for known in ("", "..", "a/b", "a b", "x" * 65, "\u00e4", "a\n"):
        assert await world.fact(Hole("countries", known)) == "left out"


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([{"id": "CASH"}, {"id": "ELECTRONIC", "displayed_as": "Electronic"}], "ELECTRONIC"),
        ([{"id": "m1", "displayed_as": "Bank transfer"}, {"id": "m2", "displayed_as": "Cash"}], "m1"),
        ([{"id": "TRANSFER"}, {"id": "BANK_TRANSFER"}], "BANK_TRANSFER"),
        ([{"id": "CASH", "displayed_as": None}], "left out"),
    ],
)
async def test_the_record_that_goes_by_one_of_some_words(world: World, records: list[Any], found: str) -> None:
    """By its id or by what it is displayed as; earlier words win; remembered for a minute."""
    world.books.records["contacts"] = records
    lookup, hole = world.lookup(), Hole("contacts", "ELECTRONIC,BANK_TRANSFER,TRANSFER", by="any")
    assert await world.fact(hole, lookup) == found
    asked = len(world.books.asked)
    assert await world.fact(hole, lookup) == found
    assert (len(world.books.asked) == asked) is (found != "left out")


@pytest.mark.parametrize(
    ("day", "value"),
    [("", "23.0"), ("2020-10-01", "21.0"), ("2020-09-01", "21.0"), ("2021-02-28", "21.0"), ("2021-03-01", "23.0"),
     ("2020-08-31", "23.0"), ("2011-12-31", "23.0")],
)  # fmt: skip
async def test_a_value_as_it_was_on_a_day(world: World, day: str, value: str) -> None:
    """By the history that v3.1 keeps of it; where that says nothing, as it is now."""
    world.books.records["tax_rates"] = [{
        "id": "IE_STANDARD",
        "percentage": "23.0",
        "percentages": [
            {"percentage": "23.0", "from_date": "2012-01-01", "to_date": "2020-08-31"},
            {"percentage": "21.0", "from_date": "2020-09-01", "to_date": "2021-02-28"},
            {"percentage": "23.0", "from_date": "2021-03-01", "to_date": None},
            "junk",
        ],
    }]  # fmt: skip
    assert await world.fact(Hole("tax_rates", "IE_STANDARD", "percentage", on=day)) == value


async def test_a_value_without_a_history(world: World) -> None:
    """Its value now is all there is."""
    world.books.records["tax_rates"] = [{"id": "GB_STANDARD", "percentage": "20.0", "percentages": None}]
    assert await world.fact(Hole("tax_rates", "GB_STANDARD", "percentage", on="2010-06-01")) == "20.0"

"""Windows: exactly the rows asked for, in as few v3.1 pages as hold them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.errors import BadCall
from gateway.translate.pages import LARGEST_PAGE, LARGEST_WINDOW, Window, envelope, page_size, window

WINDOWS = st.tuples(st.integers(0, LARGEST_WINDOW), st.integers(1, LARGEST_WINDOW))


def pages_of(start: int, size: int, per_page: int) -> int:
    """How many pages hold some of the rows."""
    return (start + size - 1) // per_page - start // per_page + 1 if size else 0


def fewest(start: int, size: int) -> int:
    return min(pages_of(start, size, per_page) for per_page in range(1, LARGEST_PAGE + 1))


@settings(max_examples=150, deadline=None)
@given(WINDOWS)
@example((30, 20))
@example((0, 200))
@example((199, 2))
@example((0, 1))
@example((1999, 2000))
def test_the_page_size_is_the_smallest_with_the_fewest_pages(asked: tuple[int, int]):
    """Rows 30 to 49 are the second page of 25: no page is read for rows that are not wanted if it can be helped."""
    start, size = asked
    chosen = page_size(start, size)
    assert 1 <= chosen <= LARGEST_PAGE
    assert pages_of(start, size, chosen) == fewest(start, size)
    smaller = range(1, chosen)
    assert all(pages_of(start, size, per_page) > pages_of(start, size, chosen) for per_page in smaller)


def test_every_small_window_has_the_page_that_brute_force_finds():
    """All windows of up to 12 rows that begin in the first 60."""
    for start in range(60):
        for size in range(1, 13):
            rows = range(start, start + size)
            best = min(range(1, 201), key=lambda per_page: (len({row // per_page for row in rows}), per_page))
            assert page_size(start, size) == best


class Pager:
    """A v3.1 list: pages past the end repeat the last one (v31.md §4); `cap` is the largest page that it gives."""

    def __init__(self, total: int, cap: int = LARGEST_PAGE, *, terse: bool = False) -> None:
        self.rows = [{"id": f"r-{n}"} for n in range(total)]
        self.cap = cap
        self.terse = terse
        self.requests = 0

    def page(self, number: int, per_page: int) -> dict[str, Any]:
        self.requests += 1
        assert self.requests < 500
        assert 1 <= per_page <= LARGEST_PAGE
        assert number >= 1
        per_page = min(per_page, self.cap)
        last = max(1, -(-len(self.rows) // per_page))
        number = min(number, last)
        shown = self.rows[(number - 1) * per_page : number * per_page]
        following = f"/x?page={number + 1}" if number < last else None
        if self.terse:
            return {"$items": shown, "$page": number, "$next": following, "$total": len(self.rows)}
        return {
            "$total": len(self.rows),
            "$page": number,
            "$next": following,
            "$back": None,
            "$itemsPerPage": per_page,
            "$items": shown,
        }


def gathered(pager: Pager, start: int, size: int) -> Window:
    rows = Window(start, size)
    while rows.take(pager.page(rows.page, rows.per_page)):
        pass
    return rows


@settings(max_examples=300, deadline=None)
@given(asked=WINDOWS, total=st.integers(0, 4500), terse=st.booleans())
@example(asked=(100, 20), total=95, terse=False)
@example(asked=(0, 2000), total=4500, terse=False)
@example(asked=(7, 1), total=0, terse=True)
def test_a_window_has_exactly_its_rows_in_the_fewest_requests(asked: tuple[int, int], total: int, terse: bool):
    """None missing, none twice, none of a page that was repeated; and no request more than the window needs."""
    start, size = asked
    pager = Pager(total, terse=terse)
    rows = gathered(pager, start, size)
    assert rows.rows == pager.rows[start : start + size]
    assert rows.total == total
    assert pager.requests <= fewest(start, size)
    needed = max(pages_of(start, len(rows.rows), page_size(start, size)), 1)
    assert pager.requests == needed


@settings(max_examples=200, deadline=None)
@given(asked=WINDOWS, total=st.integers(0, 3000), cap=st.integers(1, 200))
@example(asked=(300, 100), total=1000, cap=50)
def test_a_server_that_gives_smaller_pages_is_followed(asked: tuple[int, int], total: int, cap: int):
    """The answer's own page size is trusted: at most one request is lost to learning it."""
    start, size = asked[0], min(asked[1], cap * 400)
    pager = Pager(total, cap)
    rows = gathered(pager, start, size)
    assert rows.rows == pager.rows[start : start + size]
    assert pager.requests <= 1 + pages_of(start, max(len(rows.rows), 1), min(cap, page_size(start, size)))


def test_a_list_on_one_huge_page_is_taken_as_it_is():
    """`/businesses` says 2147483647 rows a page, under a name of its own (v31.md §4)."""
    rows = Window(0, 20)
    body = {"$items": [{"id": "b-1"}], "$page": 1, "$next": None, "$items_per_page": 2147483647, "$total": 1}
    assert not rows.take(body)
    assert [row["id"] for row in rows.rows] == ["b-1"]


@pytest.mark.parametrize("per_page", [-5, 0, 1])
def test_a_senseless_page_size_ends_the_reading(per_page: int):
    """The reading ends; it never asks for a page that cannot be."""
    rows = Window(40, 20)
    for _ in range(5):
        if not rows.take({"$items": [{"id": "x"}], "$page": 3, "$next": "more", "$itemsPerPage": per_page}):
            break
        assert rows.page >= 1
    else:
        pytest.fail("no end")


@pytest.mark.parametrize(
    ("params", "asked"),
    [
        ({}, (0, 20)),
        ({"$startIndex": "30", "$itemsPerPage": "20"}, (30, 20)),
        ({"start_index": "30", "items_per_page": 5}, (30, 5)),
        ({"$startIndex": "", "start_index": "4"}, (4, 20)),
        ({"$startIndex": "-3", "$itemsPerPage": "0"}, (0, 20)),
        ({"$itemsPerPage": "-1"}, (0, 20)),
        ({"$itemsPerPage": "2001"}, (0, 2000)),
        ({"$itemsPerPage": " 7 ", "$startIndex": "+2"}, (2, 7)),
    ],
)
def test_windows_as_clients_ask(params: dict[str, Any], asked: tuple[int, int]):
    """Sizes of 0 and below are 20, larger ones than 2,000 are 2,000; both spellings count."""
    assert window(params) == asked


@pytest.mark.parametrize(
    "value", ["x", "1.5", "--1", "+-1", "1-", "\uff11", "1" * 11, ["1"], {"a": "1"}, "+", "\u00b2"]
)
@pytest.mark.parametrize("name", ["$startIndex", "items_per_page"])
def test_a_window_of_no_number_is_refused(name: str, value: Any):
    """The message names the parameter as it was sent."""
    with pytest.raises(BadCall) as refused:
        window({name: value})
    assert (str(refused.value), refused.value.diagnoses[0].source) == ("is not a whole number", name)


def test_the_envelope_is_that_of_v2():
    """Four members, in v2's order."""
    assert list(envelope(3, 0, 20, [])) == ["$totalResults", "$startIndex", "$itemsPerPage", "$resources"]

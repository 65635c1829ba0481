"""What codes and refresh tokens permit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.grants.legacy import (
    Permission,
    Presented,
    code_permits,
    narrower,
    refresh_permits,
    same_redirect,
)
from gateway.grants.tenant import Held, Tenant

TENANT = Tenant(1, "t", "app", "b", 1)
FRESH = Presented(TENANT, None, None, None, served=True)
GRACE = 120.0

times = st.none() | st.floats(0, 1e6)
anything = st.builds(Presented, st.just(TENANT), st.none(), times, times, st.booleans())


def test_a_code_permits_one_pair_while_it_lives() -> None:
    """Then nothing; without consent it waits, and is not spent by that."""
    code = replace(FRESH, until=60.0)
    assert code_permits(code, "app", 59.9) is Permission.ISSUE
    assert code_permits(code, "app", 60.0) is Permission.ENDED
    assert code_permits(replace(code, spent_at=1.0), "app", 1.0) is Permission.ENDED
    assert code_permits(replace(code, served=False), "app", 1.0) is Permission.WAIT
    assert code_permits(replace(code, served=False), "app", 60.0) is Permission.ENDED


def test_a_refresh_token_permits_one_pair_and_its_repeat() -> None:
    """For the grace after it was first traded, on whatever replica's clock."""
    spent = replace(FRESH, spent_at=100.0)
    assert refresh_permits(FRESH, "app", 1e9, GRACE) is Permission.ISSUE
    assert [refresh_permits(spent, "app", now, GRACE) for now in (99.0, 100.0, 220.0, 220.1)] == [
        Permission.REPEAT,
        Permission.REPEAT,
        Permission.REPEAT,
        Permission.ENDED,
    ]
    assert refresh_permits(replace(spent, until=110.0), "app", 110.0, GRACE) is Permission.ENDED
    assert refresh_permits(replace(spent, served=False), "app", 100.0, GRACE) is Permission.WAIT
    assert refresh_permits(replace(FRESH, served=False), "app", 100.0, GRACE) is Permission.WAIT


@given(found=anything, now=st.floats(0, 1e6), grace=st.floats(0, 1e5))
def test_another_apps_is_as_good_as_nobodys(found: Presented, now: float, grace: float) -> None:
    """Whatever its state."""
    for app, presented in (("other", found), ("", found), ("app", None)):
        assert code_permits(presented, app, now) is Permission.UNKNOWN
        assert refresh_permits(presented, app, now, grace) is Permission.UNKNOWN


@given(found=anything, now=st.floats(0, 1e6), grace=st.floats(0, 1e5))
def test_nothing_is_issued_that_is_spent_over_or_not_served(found: Presented, now: float, grace: float) -> None:
    """By either; and what is spent is at most repeated."""
    over = found.until is not None and now >= found.until
    for permission in (code_permits(found, "app", now), refresh_permits(found, "app", now, grace)):
        if permission is Permission.ISSUE:
            assert (over, found.spent_at, found.served) == (False, None, True)
        if permission is Permission.REPEAT:
            assert (over, found.served) == (False, True)
            assert found.spent_at is not None
            assert now <= found.spent_at + grace


@pytest.mark.parametrize(
    ("said", "same"),
    [
        ("https://a.example/cb?x=1", True),
        ("https://a.example/cb", True),
        ("https://a.example/cb?", False),
        ("https://a.example/cb?x=2", False),
        ("https://a.example/cb/", False),
        ("https://a.example", False),
        ("", False),
    ],
)
def test_a_redirect_uri_is_the_same_or_lacks_its_query(said: str, same: bool) -> None:
    """No other likeness counts."""
    assert same_redirect("https://a.example/cb?x=1", said) is same


@pytest.mark.parametrize(
    ("scope", "app", "told"),
    [
        (None, "full_access", "full_access"),
        (None, "readonly", "readonly"),
        ("full_access", "full_access", "full_access"),
        ("full_access", "readonly", "readonly"),
        ("readonly", "full_access", "readonly"),
    ],
)
def test_a_scope_is_never_more_than_the_apps(scope: str | None, app: str, told: str) -> None:
    """Nor more than the token's own."""
    assert narrower(scope, app) == told


def test_a_token_is_live_while_it_has_time_left() -> None:
    """One without an end always is."""
    assert [Held(TENANT, None, left).live for left in (None, 0.1, 0.0, -5.0)] == [True, True, False, False]

"""The life of a grant: what is decided, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.grants.life import (
    EARLY,
    HALT,
    IN_THE_STORE,
    LONGEST_REST,
    LONGEST_RETRY_AFTER,
    SHORTEST_REST,
    AskOwner,
    Failed,
    Failure,
    Grant,
    Halt,
    Lapse,
    Later,
    Refresh,
    Release,
    Reread,
    State,
    Suspect,
    Tokens,
    Use,
    Wait,
    after_failure,
    after_refresh,
    carried,
    decide,
    early,
    refused,
    rest_after,
    sensible_life,
)
from gateway.grants.secret import Secret

A1, A2, R1, R2 = Secret("a1"), Secret("a2"), Secret("r1"), Secret("r2")
EVEN = 2
"""A grant id whose spread is computed like any other; what matters is asked of `early`."""
GRANT = Grant(EVEN, "app", 1, State.ACTIVE, R1, A1, access_until=1300.0, life=300.0)


def test_a_young_token_is_used_as_it_is():
    """Nothing is refreshed while more than the early margin is left."""
    assert decide(GRANT, 1300 - early(GRANT) - 1) == Use(A1)


def test_a_token_near_its_end_is_used_while_its_successor_is_fetched():
    """From the early margin on the old token still serves (reliability.md §3.3 step 1)."""
    assert decide(GRANT, 1300 - early(GRANT)) == Use(A1, refresh=True)


def test_a_token_too_near_its_end_is_not_used():
    """Five seconds before its end a token might lapse on the way."""
    assert decide(GRANT, 1294.9) == Use(A1, refresh=True)
    assert decide(GRANT, 1295.0) == Refresh()


def test_a_grant_without_a_token_is_refreshed():
    """A planted grant has a refresh token only."""
    assert decide(replace(GRANT, access=None), 0.0) == Refresh()


def test_a_valid_token_is_used_while_somebody_else_refreshes():
    """A lease keeps us from refreshing, not from serving."""
    assert decide(replace(GRANT, state=State.REFRESHING, lease_left=40.0), 1290) == Use(A1)


def test_without_a_valid_token_the_lease_is_waited_for():
    """Only the lease's end, or the other's result, helps."""
    assert decide(replace(GRANT, state=State.REFRESHING, lease_left=40.0), 1400) == Wait(40.0)


@pytest.mark.parametrize("state", [State.REFRESHING, State.AMBIGUOUS])
def test_an_attempt_left_behind_is_repeated_when_its_lease_is_over(state):
    """Sending the same token again destroys nothing (reliability.md §3.3 step 7c)."""
    assert decide(replace(GRANT, state=state, lease_left=-1.0), 1400) == Refresh()


def test_a_failure_rests_before_the_next_attempt():
    """The old token serves meanwhile; without one the caller is told when to come again."""
    assert decide(GRANT, 1290, rest_until=1292) == Use(A1)
    assert decide(GRANT, 1400, rest_until=1410) == Later(10)


def test_a_lapsed_grant_serves_out_its_access_token():
    """Sage cannot revoke an access token (v31.md §2); afterwards only the owner helps."""
    lapsed = replace(GRANT, state=State.REAUTH_REQUIRED)
    assert decide(lapsed, 1200) == Use(A1)
    assert decide(lapsed, 1400) == AskOwner()


def test_a_revoked_grant_serves_nobody():
    """Not even with a token that still works."""
    assert decide(replace(GRANT, state=State.REVOKED), 1200) == AskOwner()


def test_a_grant_without_a_refresh_token_asks_its_owner():
    """There is nothing to refresh with."""
    assert decide(replace(GRANT, refresh=Secret("")), 1400) == AskOwner()


def test_the_end_of_a_refresh_token_is_for_sage_to_say():
    """Our clock may be wrong; Sage answers invalid_grant where it is over."""
    assert decide(replace(GRANT, refresh_until=1.0), 1400) == Refresh()


@given(st.integers(1, 10**6), st.floats(1, 10**6))
def test_the_early_margin_is_spread_and_within_the_life(grant_id, life):
    """105 to 135 s of 300; never all of a short life."""
    margin = early(replace(GRANT, id=grant_id, life=life))
    assert 0 < margin <= min(EARLY + 15, 0.45 * life) + 1e-6
    if life >= 300:
        assert margin >= EARLY - 15 - 1e-6


def test_grants_do_not_refresh_in_step():
    """Neighbouring ids have different margins."""
    assert len({early(replace(GRANT, id=i)) for i in range(31)}) == 31


def test_a_refused_token_is_dropped():
    """What v3.1 refused is not used again, so that decide() refreshes."""
    assert refused(GRANT, A1, 1100, None) == replace(GRANT, access=None)


def test_the_refusal_of_an_older_token_changes_nothing():
    """There is a newer one already."""
    assert refused(GRANT, A2, 1100, None) == GRANT


def test_a_second_refusal_within_moments_is_not_healed_by_a_refresh():
    """A 401 storm must not become a storm of refreshes (reliability.md §3.4 fault 16)."""
    assert refused(GRANT, A1, 1129.9, 1100.0) is None
    assert refused(GRANT, A1, 1130.0, 1100.0) == replace(GRANT, access=None)


def test_a_refresh_makes_the_next_generation():
    """Deadlines count from the start of the request."""
    tokens = Tokens(A2, 300.0, R2, 2_678_400.0, "user")
    assert after_refresh(replace(GRANT, state=State.AMBIGUOUS, lease_left=9.0), tokens, 2000.0) == Grant(
        EVEN, "app", 2, State.ACTIVE, R2, A2, 2300.0, 300.0, 2_680_400.0, R1, "user", 0.0
    )


def test_without_a_new_refresh_token_the_old_one_stays():
    """There was no rotation (R5, R8); what Sage does not tell again is kept."""
    before = replace(GRANT, refresh_until=5000.0, user="user")
    after = after_refresh(before, Tokens(A2, 300.0), 2000.0)
    assert (after.refresh, after.refresh_until, after.user) == (R1, 5000.0, "user")


def test_without_a_usable_access_token_the_old_one_serves_out_its_time():
    """The next generation has the new refresh token; what it lacks is fetched by another refresh."""
    after = after_refresh(replace(GRANT, user="user"), Tokens(None, 60.0, R2, 2_678_400.0), 1290.0)
    assert after == Grant(EVEN, "app", 2, State.ACTIVE, R2, A1, 1300.0, 300.0, 2_679_690.0, R1, "user", 0.0)
    assert decide(after, 1290.0) == Use(A1, refresh=True)
    assert decide(after, 1300.0) == Refresh()


@pytest.mark.parametrize("failure", [Failure.NOT_SENT, Failure.TRANSIENT])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (State.ACTIVE, State.ACTIVE),
        (State.AMBIGUOUS, State.AMBIGUOUS),
        (State.REFRESHING, State.AMBIGUOUS),
    ],
)
def test_an_unspent_token_gives_its_lease_back(failure, before, after):
    """What was in doubt before stays in doubt."""
    assert after_failure(replace(GRANT, state=before), Failed(failure), 1, 0.5) == Release(after, 0.5)


def test_an_unanswered_refresh_keeps_the_lease():
    """Until nobody can be in flight any more."""
    assert after_failure(GRANT, Failed(Failure.AMBIGUOUS), 1, 0.5) == Suspect()


def test_a_refused_refresh_token_is_read_again_before_it_counts():
    """Somebody else may have rotated it."""
    failed = Failed(Failure.INVALID_GRANT)
    assert after_failure(GRANT, failed, 1, 0.5) == Reread()
    assert after_failure(GRANT, failed, 1, 0.5, reread=True) == Lapse()


def test_a_refused_client_stops_the_app():
    """No user can mend a wrong client secret; hammering helps nobody."""
    assert after_failure(GRANT, Failed(Failure.INVALID_CLIENT), 1, 0.5) == Halt(State.ACTIVE, HALT)


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_the_rest_grows_within_bounds(tries, chance):
    """Full jitter from 0.5 s to 30 s (reliability.md §3.3 step 8)."""
    assert SHORTEST_REST <= rest_after(tries, chance) <= min(LONGEST_REST, 0.5 * 2.0 ** min(tries, 99))


def test_sage_may_ask_for_a_longer_rest():
    """Retry-After counts, up to five minutes."""
    assert rest_after(1, 0.0, 20.0) == 20.0
    assert rest_after(1, 0.0, 0.0) == SHORTEST_REST
    assert rest_after(1, 0.0, 1e9) == LONGEST_RETRY_AFTER


@pytest.mark.parametrize(
    ("told", "life"),
    [(300.0, 300.0), (60.0, 60.0), (None, 300.0), (0.0, 300.0), (-5.0, 300.0), (1e9, 3600.0)],
)
def test_a_senseless_life_becomes_the_usual_one(told, life):
    """R9: expires_in of 0, negative or huge."""
    assert sensible_life(told) == life


def test_a_carried_grant_has_no_refresh_token() -> None:
    """What a process keeps between calls can still be judged, and tells no refresh token."""
    grant = replace(GRANT, refresh=Secret("r"), previous=Secret("p"), lease_left=5.0)
    kept = carried(grant)
    assert kept == replace(grant, refresh=IN_THE_STORE, previous=None, lease_left=0.0)
    assert decide(kept, kept.access_until - 200) == decide(replace(grant, lease_left=0.0), kept.access_until - 200)
    assert carried(replace(grant, refresh=Secret(""))).refresh == Secret("")

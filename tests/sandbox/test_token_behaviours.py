"""R1 to R10 of reliability.md §3.3, without HTTP."""

from __future__ import annotations

import copy
import json

import pytest

from gateway.sandbox.authorization_server import AuthorizationServer
from gateway.sandbox.token_behaviours import ANSWERS, ROTATIONS, Behaviour, Policy

NOW = 1_000.0
DAY = 86_400.0


def begun(behaviour: str = "R2", **policy: float) -> tuple[AuthorizationServer, str]:
    """A server that behaves so, and a user's refresh token."""
    server = AuthorizationServer(Policy(behaviour, **policy))  # type: ignore[arg-type]
    return server, server.issue(server.consent("owner"), NOW)


def newer(server: AuthorizationServer, token: str, now: float = NOW) -> str:
    """The refresh token of a refresh that must succeed."""
    outcome = server.refresh(token, now)
    assert outcome.accepted
    return str(outcome.body["refresh_token"])


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("R1", "R1"),
        ("R5", "R5"),
        ("R6", "R2+R6"),
        ("R7", "R2+R7:truncated"),
        ("R8", "R5+R8"),
        ("R2+R8", "R2+R8"),
        ("R9:huge", "R2+R9:huge"),
        ("R3+R10:late", "R3+R10:late"),
    ],
)
def test_behaviours_have_names(name: str, whole: str) -> None:
    """A flaw comes with the strictest rotation, and in its first variant, unless another is named."""
    assert str(Behaviour.named(name)) == whole
    assert Behaviour.named(whole) == Behaviour.named(name)


@pytest.mark.parametrize(
    "name", ["", "R0", "R11", "r1", "R6+R1", "R1+", "+R6", "R1+R2", "R7:", "R7:x", "R6:late", "R1:x"]
)
def test_other_names_are_refused(name: str) -> None:
    """No behaviour is guessed."""
    with pytest.raises(ValueError, match="is no behaviour"):
        Behaviour.named(name)


def test_all_ten_are_there() -> None:
    """R1 to R5 say what becomes of the token, R6 to R10 what is wrong with the answer."""
    assert [*ROTATIONS, *ANSWERS] == [f"R{number}" for number in range(1, 11)]


def test_r1_refuses_a_spent_token_and_no_more() -> None:
    """The newest works on."""
    server, first = begun("R1")
    second = newer(server, first)
    refused = server.refresh(first, NOW)
    assert (refused.status, refused.body, refused.accepted) == (400, {"error": "invalid_grant"}, False)
    assert newer(server, second) not in (first, second)
    assert (server.accepted, server.refused) == (2, 1)


def test_r2_revokes_the_family_on_reuse() -> None:
    """The newest is refused from then on; another consent's tokens are not."""
    server, first = begun("R2")
    other = server.issue(server.consent("owner"), NOW)
    second = newer(server, first)
    assert server.works(second, NOW)
    assert not server.refresh(first, NOW).accepted
    assert not server.works(second, NOW)
    assert not server.refresh(second, NOW).accepted
    assert [family.ended for family in server.families] == ["reuse", ""]
    assert server.refresh(other, NOW).accepted


def test_r3_gives_the_same_pair_within_the_grace() -> None:
    """The very same, with what is left of its life; after the grace a reuse revokes."""
    server, first = begun("R3", refresh_grace=30)
    given = server.refresh(first, NOW).body
    again = server.refresh(first, NOW + 29).body
    assert (again["access_token"], again["refresh_token"]) == (given["access_token"], given["refresh_token"])
    assert (given["expires_in"], again["expires_in"]) == (300, 271)
    assert server.works(first, NOW + 29)
    assert not server.works(first, NOW + 30)
    assert not server.refresh(first, NOW + 30).accepted
    assert server.families[0].ended == "reuse"


def test_r4_gives_another_pair_within_the_grace() -> None:
    """All of them live; after the grace a reuse revokes."""
    server, first = begun("R4", refresh_grace=30)
    second, third = newer(server, first), newer(server, first, NOW + 29)
    assert server.live(server.families[0], NOW + 30) == [second, third]
    assert newer(server, third, NOW + 29) not in (second, third)
    assert not server.refresh(first, NOW + 30).accepted
    assert server.live(server.families[0], NOW + 30) == []


def test_r5_does_not_rotate() -> None:
    """The token stays, and lives 31 days from its last use."""
    server, first = begun("R5")
    assert newer(server, first, NOW + 30 * DAY) == first
    assert newer(server, first, NOW + 60 * DAY) == first
    assert not server.refresh(first, NOW + 91 * DAY).accepted


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_r6_commits_and_drops_the_answer(rotation: str) -> None:
    """Nothing arrives; what the client holds is then what the rotation makes of it."""
    server, first = begun(rotation)
    server.strike("R6")
    outcome = server.refresh(first, NOW)
    assert (outcome.accepted, outcome.received()) == (True, None)
    assert server.refresh(first, NOW + 61).accepted is (rotation in ("R3", "R4", "R5"))


@pytest.mark.parametrize("name", ["R7:truncated", "R7:invalid"])
def test_r7_answers_what_is_no_json(name: str) -> None:
    """The token is spent all the same."""
    server, first = begun(name)
    outcome = server.refresh(first, NOW)
    assert (outcome.status, server.works(first, NOW)) == (200, False)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(outcome.received() or b"")


def test_r8_answers_without_a_refresh_token() -> None:
    """The old one stays in force, unless another rotation is asked for."""
    server, first = begun("R8")
    body = server.refresh(first, NOW).body
    assert "access_token" in body
    assert "refresh_token" not in body
    assert server.works(first, NOW)
    server.strike("R1+R8")
    server.refresh(first, NOW)
    assert not server.works(first, NOW)


@pytest.mark.parametrize(
    ("name", "told"), [("R9", 0), ("R9:negative", -300), ("R9:string", "300"), ("R9:word", "soon"), ("R9:huge", 10**15)]
)
def test_r9_tells_a_senseless_life(name: str, told: object) -> None:
    """The access token itself lives as ever."""
    server, first = begun(name)
    body = server.refresh(first, NOW).body
    assert body["expires_in"] == told
    assert server.accesses[body["access_token"]].expires == NOW + 300


def test_r10_answers_a_minute_late() -> None:
    """It commits at once and waits; or, `late`, waits before it looks at the request."""
    server, first = begun("R10")
    behaviour = server.next_behaviour()
    outcome = server.refresh(first, NOW, behaviour)
    assert (server.patience(behaviour), outcome.wait, server.works(first, NOW)) == (0, 60, False)
    server.policy.behaviour = "R10:late"
    behaviour = server.next_behaviour()
    assert server.patience(behaviour) == 60
    assert server.refresh(str(outcome.body["refresh_token"]), NOW + 60, behaviour).wait == 0


def test_flaws_strike_the_next_refreshes_only() -> None:
    """So many, in order, with the policy's rotation; then it behaves as ever."""
    server, first = begun("R5")
    server.strike("R6", times=2)
    server.strike("R9:huge")
    outcomes = [server.refresh(first, NOW) for _ in range(4)]
    assert [outcome.delivery for outcome in outcomes] == ["dropped", "dropped", "whole", "whole"]
    assert [outcome.body["expires_in"] for outcome in outcomes] == [300, 300, 10**15, 300]
    with pytest.raises(ValueError, match="is no behaviour"):
        server.strike("R11")


def test_refusals_arrive_whole() -> None:
    """A flaw is one of an accepted refresh."""
    server, _ = begun("R6")
    assert server.refresh("unknown", NOW).received() == b'{"error":"invalid_grant"}'


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_refresh_tokens_die_after_31_days(rotation: str) -> None:
    """Under each rotation, spent or not."""
    server, first = begun(rotation)
    assert server.works(first, NOW + 31 * DAY - 1)
    assert not server.works(first, NOW + 31 * DAY)
    assert not server.refresh(first, NOW + 31 * DAY).accepted
    assert server.families[0].ended == ""


def test_revoking_ends_the_family() -> None:
    """By any of its refresh tokens; an unknown one changes nothing."""
    server, first = begun("R1")
    second = newer(server, first)
    server.revoke("unknown")
    server.revoke(first)
    assert (server.families[0].ended, server.works(second, NOW)) == ("revoked", False)


def test_a_copy_goes_its_own_way() -> None:
    """So that a model checker can try two futures from one state."""
    server, first = begun()
    other = copy.deepcopy(server)
    assert newer(server, first) == newer(other, first)
    assert hash(server.snapshot()) == hash(other.snapshot())
    assert not server.refresh(first, NOW).accepted
    assert (server.families[0].ended, other.families[0].ended) == ("reuse", "")
    assert server.snapshot() != other.snapshot()


def test_tokens_tell_whose_they_are() -> None:
    """Refresh and access tokens; nobody's are None."""
    server, first = begun()
    body = server.refresh(first, NOW).body
    assert {server.family_of(token) for token in (first, body["access_token"], body["refresh_token"])} == {
        server.families[0]
    }
    assert server.family_of("unknown") is None


def test_dead_tokens_are_forgotten() -> None:
    """A stand-in that refreshes for days does not grow, and no live token is lost."""
    server, token = begun(access_token_lifetime=1, refresh_token_lifetime=100)
    now = NOW
    for _ in range(20_000):
        now += 1
        token = newer(server, token, now)
    assert len(server.refreshes) + len(server.accesses) <= 8192

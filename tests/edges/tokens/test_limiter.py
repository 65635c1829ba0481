"""Wrong tokens, codes and secrets: counted by address and beginning."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from gateway.edges.authorization.limiter import WrongTokens
from gateway.errors import Throttled
from gateway.messages import V2Request, V2Response
from tests.edges.tokens.token_house import GRACE, PER_MINUTE, Desk, error, good


def refused(wrong: WrongTokens, peer: str | None, token: str) -> int | None:
    """The seconds to wait, None where the wrong token was merely counted."""
    try:
        wrong.count(peer, token)
    except Throttled as throttled:
        return throttled.retry_after
    return None


def test_an_address_has_so_many_a_minute() -> None:
    """Whatever it sends; then it waits until its minute is over, and another address does not."""
    seconds = 0.0
    wrong = WrongTokens(3, clock=lambda: seconds)
    assert [refused(wrong, "a", str(i)) for i in range(4)] == [None, None, None, 60]
    seconds = 30.5
    assert (refused(wrong, "a", "x"), refused(wrong, "b", "y")) == (30, None)
    seconds = 60.0
    assert refused(wrong, "a", "x") is None


def test_a_beginning_has_so_many_a_minute() -> None:
    """From whatever address: whoever knows the first eight characters may not try the others."""
    wrong = WrongTokens(3, clock=lambda: 0.0)
    assert [refused(wrong, str(i), f"01234567{i}") for i in range(4)] == [None, None, None, 60]
    assert refused(wrong, "9", "0123456") is None


def test_what_was_good_once_counts_for_itself_alone() -> None:
    """Without an address, only the beginning is counted."""
    wrong = WrongTokens(3, clock=lambda: 0.0)
    assert [refused(wrong, None, str(i)) for i in range(9)] == [None] * 9
    assert [refused(wrong, None, "same") for _ in range(4)] == [None, None, None, 60]


def test_what_is_remembered_is_bounded() -> None:
    """However many addresses send wrong tokens; and of neither anything can be read."""
    wrong = WrongTokens(3, clock=lambda: 0.0, size=50)
    for i in range(1000):
        wrong.count(f"192.0.2.{i}", f"{i}-secret-token")
    assert len(wrong._windows) == 50
    assert not any(b"192" in key or b"secret" in key for key in wrong._windows)


@pytest.mark.parametrize(
    ("remote", "headers", "named", "peer"),
    [
        ("192.0.2.1", (), None, "192.0.2.1"),
        ("192.0.2.1", (("X-Real-IP", "198.51.100.7"),), None, "192.0.2.1"),
        ("192.0.2.1", (("x-real-ip", "198.51.100.7"),), "X-Real-IP", "198.51.100.7"),
        ("192.0.2.1", (("X-Forwarded-For", "6.6.6.6, 198.51.100.7"),), "X-Forwarded-For", "198.51.100.7"),
        ("192.0.2.1", (("X-Real-IP", "6.6.6.6"), ("X-Real-IP", "198.51.100.7")), "X-Real-IP", "198.51.100.7"),
        ("192.0.2.1", (("X-Real-IP", "nonsense"),), "X-Real-IP", "192.0.2.1"),
        ("192.0.2.1", (), "X-Real-IP", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", (), None, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", (), None, "192.0.2.1"),
        (None, (), None, ""),
    ],
)
def test_an_address_is_the_connections_or_our_proxys_word(
    remote: str | None, headers: tuple[tuple[str, str], ...], named: str | None, peer: str
) -> None:
    """A header counts only where the settings name it, and of it only what our own proxy wrote, which comes last."""
    assert WrongTokens(3, clock=lambda: 0.0, address_header=named).peer(remote, headers) == peer


async def limited(sent: Awaitable[V2Response]) -> bool:
    """Whether a wrong call was told to wait, and for how long."""
    try:
        reply = await sent
    except Throttled as throttled:
        return throttled.retry_after >= 1
    assert reply.status == 400
    return False


async def test_guesses_at_the_token_address_are_limited(desk: Desk) -> None:
    """Codes, refresh tokens and secrets alike; who has a right one passes all the same."""
    pair, code = await desk.pair(), await desk.code()
    replies = [await limited(desk.refresh(f"{i}" * 40)) for i in range(PER_MINUTE + 1)]
    assert replies == [False] * PER_MINUTE + [True]
    assert await limited(desk.exchange("y" * 40))
    assert await limited(desk.exchange(code, client_secret="wrong"))
    good(await desk.refresh(pair["refresh_token"]))
    good(await desk.exchange(code))
    desk.seconds += 60
    assert not await limited(desk.refresh("z" * 40))


async def test_a_token_that_was_good_is_told_so_beside_guesses(desk: Desk) -> None:
    """Behind one address, a client whose token has ended still learns it, whatever others guess there; only its own
    token's repeats are limited."""
    pair = await desk.pair()
    good(await desk.refresh(pair["refresh_token"]))
    desk.seconds += GRACE + 1
    for i in range(PER_MINUTE + 3):
        await limited(desk.refresh(f"{i}" * 40))
    assert error(await desk.refresh(pair["refresh_token"])) == "invalid_grant"
    assert [await limited(desk.refresh(pair["refresh_token"])) for _ in range(PER_MINUTE)][-1]


async def test_guesses_at_the_revocation_address_are_limited(desk: Desk) -> None:
    """They would tell which tokens are good, were it not 200 for all."""
    for i in range(PER_MINUTE):
        good(await desk.revoke(f"{i}" * 40))
    assert await limited(desk.revoke("y" * 40))
    assert await limited(desk.revoke("y" * 40, client_id="shop-id", client_secret="wrong"))
    pair = await desk.pair()
    good(await desk.revoke(pair["access_token"]))


async def test_browsers_that_bring_nothing_of_ours_are_limited(desk: Desk) -> None:
    """Guessed states, links and clients; a page that goes on is given all the same, and whoever guesses tokens from
    there has fewer left."""
    wrong = V2Request("GET", "/oauth2/auth?state=wrong")
    assert [await limited(desk.send(wrong)) for _ in range(PER_MINUTE + 1)] == [False] * PER_MINUTE + [True]
    assert (await desk.send(V2Request("GET", "/oauth2/auth"))).status == 200
    assert await limited(desk.refresh("x" * 40))

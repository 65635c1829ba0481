"""What the public listener does for strangers, for wrong tokens and for tokens that end."""

from __future__ import annotations

import json

import pytest

from gateway.edges.authorization.parameters import LARGEST_BODY
from gateway.edges.limits import Limits
from tests.edges.edge_house import GOOD, LAPSED, NARROW, SHORT, House, house

CONTACTS = "/accounts/v2/contacts"


async def status_of(gateway: House, token: str, **headers: str) -> int:
    return (await gateway.get(CONTACTS, Authorization=f"Bearer {token}", **headers))[0]


async def test_a_token_works_to_its_end_and_no_longer(gateway: House) -> None:
    """Though tokens are remembered for longer: what was good for 15 seconds is good for 5."""
    assert await status_of(gateway, SHORT) == 200
    gateway.clock.seconds = 4.9
    assert await status_of(gateway, SHORT) == 200
    assert gateway.asked.count(SHORT) == 1
    gateway.clock.seconds = 5.0
    await status_of(gateway, SHORT)
    assert gateway.asked.count(SHORT) == 2


async def test_a_token_without_an_end_is_remembered_for_a_while(gateway: House) -> None:
    """15 seconds: so long a token that was taken away may go on."""
    for seconds in (0.0, 14.9, 15.0):
        gateway.clock.seconds = seconds
        assert await status_of(gateway, GOOD) == 200
    assert gateway.asked.count(GOOD) == 2


async def test_a_token_that_has_ended_is_invalid(gateway: House) -> None:
    """400 `invalid_token`, in the same words as an unknown one (v2.md §1.4)."""
    ended = await gateway.get(CONTACTS, Authorization=f"Bearer {LAPSED}")
    unknown = await gateway.get(CONTACTS, Authorization=f"Bearer {'z' * 40}")
    assert (ended[0], ended[2]) == (unknown[0], unknown[2])
    assert json.loads(ended[2])["error"] == "invalid_token"


async def test_a_token_of_scope_readonly_may_only_read(gateway: House) -> None:
    """Whatever its app may: 403 for a write (v2.md §1.4)."""
    headers = {"Authorization": f"Bearer {NARROW}"}
    assert (await gateway.ask("GET", CONTACTS, headers))[0] == 200
    status, _, body = await gateway.ask("POST", CONTACTS, headers, b"contact[name]=x")
    assert (status, json.loads(body)["$diagnoses"][0]["$dataCode"]) == (403, "AuthorizationFailure")
    assert (await gateway.ask("POST", CONTACTS, {"Authorization": f"Bearer {GOOD}"}, b"contact[name]=x"))[0] == 200


async def test_guessing_tokens_is_limited() -> None:
    """503 and when to come back; a good token passes, and a client whose token has ended still learns it."""
    async with house(wrong_per_minute=3) as gateway:
        assert [await status_of(gateway, f"{i}" * 40) for i in range(4)] == [400, 400, 400, 503]
        status, headers, _ = await gateway.get(CONTACTS, Authorization=f"Bearer {'9' * 300}")
        assert (status, headers["retry-after"]) == (503, "60")
        assert (gateway.lines[-1]["outcome"], gateway.lines[-1]["level"]) == ("client", "info")
        assert await status_of(gateway, GOOD) == 200
        assert await status_of(gateway, LAPSED) == 400
        assert await status_of(gateway, "8" * 40, X_Real_IP="198.51.100.7") == 400
        assert (await gateway.ask("GET", CONTACTS, {}))[0] == 400
        gateway.clock.seconds = 60.0
        assert await status_of(gateway, "7" * 40) == 400


async def test_a_repeated_dead_token_is_limited() -> None:
    """By its own beginning."""
    async with house(wrong_per_minute=3) as gateway:
        assert [await status_of(gateway, LAPSED) for _ in range(4)] == [400, 400, 400, 503]
        assert await status_of(gateway, "7" * 40) == 400


async def test_the_authorization_server_needs_no_token(gateway: House) -> None:
    """It gets the body and the client's address; the log names the resource, never what was sent."""
    status, _, body = await gateway.ask("POST", "/oauth2/token", {"X-Real-IP": "198.51.100.7"}, b"code=canary")
    assert (status, json.loads(body)) == (200, {"peer": "198.51.100.7", "body": "code=canary"})
    assert gateway.lines[-1]["resource"] == "oauth"
    assert "tenant" not in gateway.lines[-1]
    assert b"canary" not in gateway.log.getvalue()
    assert b"198.51.100.7" not in gateway.log.getvalue()
    assert gateway.asked == []


@pytest.mark.parametrize(("sent", "stays"), [(b"code=x", False), (b"code=known", True)])
async def test_a_stranger_has_one_call_a_connection(sent: bytes, stays: bool) -> None:
    """Who was recognised keeps it."""
    async with house() as gateway, gateway.connect() as (reader, writer):
        writer.write(b"POST /oauth2/token HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n%s" % (len(sent), sent))
        head = await reader.readuntil(b"\r\n\r\n")
        assert (b"connection: close" not in head.lower()) is stays


async def test_the_authorization_servers_bodies_are_small(gateway: House) -> None:
    """64 KiB: more is refused unread."""
    assert (await gateway.ask("POST", "/oauth2/token", {}, b"x" * LARGEST_BODY))[0] == 200
    assert (await gateway.ask("POST", "/oauth2/token", {}, b"x" * (LARGEST_BODY + 1)))[0] == 413


async def test_a_gateway_of_one_call_at_a_time_serves_strangers_too() -> None:
    """They have a share of their own."""
    async with house(limits=Limits(in_flight=1)) as gateway:
        assert (await gateway.ask("POST", "/oauth2/token", {}, b"x"))[0] == 200

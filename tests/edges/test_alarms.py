"""The webhook of alarms, against a real receiver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.edges.alarms import AT_MOST, QUIET, AlarmBell
from gateway.errors import StoreFailed
from gateway.grants.secret import Secret


class Receiver:
    """Somebody's pager: `statuses` are given in turn, then 204."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.tries = 0
        self.statuses: list[int] = []
        self.heard = asyncio.Event()
        self.url = ""
        self.failures = 0
        self.now = 1000.0
        self.slept: list[float] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.tries += 1
        status = self.statuses.pop(0) if self.statuses else 204
        if status < 300:
            self.got.append(await request.json())
            self.heard.set()
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def failed(self) -> None:
        self.failures += 1
        self.heard.set()

    def bell(self, describe=None) -> AlarmBell:
        async def about(event: str, grant: int) -> dict[str, Any]:
            return {"tenants": [f"t{grant}"], "mend": [event]}

        return AlarmBell(
            Secret(self.url),
            describe or about,
            clock=lambda: self.now,
            sleep=self.sleep,
            failed=self.failed,
        )


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/hook/secret", made.handle)
    server = TestServer(app)
    await server.start_server()
    made.url = str(server.make_url("/hook/secret"))
    yield made
    await server.close()


async def rung(receiver: Receiver, bell: AlarmBell, *events: tuple[str, int]) -> None:
    """Rings, and waits until the receiver has heard, or delivery was given up."""
    bell.start()
    for event, grant in events:
        bell.ring(event, grant)
    await receiver.heard.wait()
    await bell.close()


async def test_an_alarm_says_what_whom_and_how_to_mend_it(receiver):
    """The event, a sentence, the grant and what is known of it."""
    await rung(receiver, receiver.bell(), ("refreshed", 6), ("needs_consent", 7))
    [told] = receiver.got
    assert (told["alarm"], told["grant"], told["tenants"]) == ("needs_consent", 7, ["t7"])
    assert told["mend"] == ["needs_consent"]
    assert "authorise the app again" in told["message"]


async def test_one_alarm_about_one_grant_is_told_once_in_a_while(receiver):
    """Repeated after five minutes, other grants and events at once."""
    bell = receiver.bell()
    for event, grant in (("unsaved", 7), ("unsaved", 7), ("unsaved", 8), ("needs_consent", 7)):
        bell.ring(event, grant)
    assert bell._queue.qsize() == 3
    receiver.now += QUIET
    bell.ring("unsaved", 7)
    assert bell._queue.qsize() == 4
    assert len(bell._told) == 1


async def test_what_waits_when_the_gateway_stops_is_told(receiver):
    """A consent is lost by stopping: nobody would hear of it otherwise."""
    bell = receiver.bell()
    bell.start()
    bell.ring("needs_consent", 7)
    bell.ring("consent_lost", 0)
    await bell.close()
    assert [told["alarm"] for told in receiver.got] == ["needs_consent", "consent_lost"]


async def test_a_receiver_that_hangs_does_not_keep_the_gateway(receiver, monkeypatch):
    """Stopping waits for it a few seconds."""
    monkeypatch.setattr("gateway.edges.alarms.CLOSING_SECONDS", 0.05)
    receiver.statuses = [500] * 3
    receiver.sleep = lambda seconds: asyncio.Event().wait()
    bell = receiver.bell()
    bell.start()
    bell.ring("needs_consent", 7)
    await bell.close()
    assert receiver.got == []


async def test_a_receiver_that_fails_is_tried_again(receiver):
    """Redirects are not followed: they are failures too."""
    receiver.statuses = [500, 302]
    await rung(receiver, receiver.bell(), ("grant_dying", 7))
    assert (receiver.tries, len(receiver.got), receiver.slept) == (3, 1, [2.0, 4.0])


async def test_a_receiver_that_goes_on_failing_is_left_alone(receiver):
    """It is counted, and the next alarm gets its tries."""
    receiver.statuses = [500] * 3
    await rung(receiver, receiver.bell(), ("grant_dying", 7))
    assert (receiver.tries, receiver.failures) == (3, 1)


async def test_a_receiver_that_is_not_there_is_counted(receiver):
    """Nothing else happens."""
    receiver.url = "http://127.0.0.1:9/hook"
    await rung(receiver, receiver.bell(), ("grant_dying", 7))
    assert receiver.failures == 1


async def test_an_alarm_about_a_store_that_fails_is_told_without_names(receiver):
    """The alarm matters more."""

    async def describe(event: str, grant: int) -> dict[str, Any]:
        raise StoreFailed("no disk")

    await rung(receiver, receiver.bell(describe), ("unsaved", 7))
    assert receiver.got[0]["grant"] == 7


async def test_alarms_that_nobody_takes_are_dropped_and_counted(receiver):
    """Memory is bounded."""
    bell = receiver.bell()
    for grant in range(AT_MOST + 3):
        bell.ring("needs_consent", grant)
    assert receiver.failures == 3
    await bell.close()

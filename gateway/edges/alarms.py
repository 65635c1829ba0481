"""Tells a person what only a person can mend, by a webhook."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec

from gateway.errors import GatewayError
from gateway.grants.secret import Secret

ALARMS = {
    "needs_consent": "Sage refused a refresh token: the owner must authorise the app again.",
    "grant_dying": "A grant was not refreshed for four weeks and ends soon.",
    "invalid_client": "Sage refused the gateway's own client id or secret: nothing of this app is refreshed.",
    "unsaved": "The store does not take fresh tokens. Do not kill the gateway.",
    "consent_lost": "The gateway stopped before the store took a new consent's tokens: the owner must consent again.",
    "wrong_business": "Sage answered for another business than was asked.",
}
"""What is told of, and in which words."""
AT_MOST = 1000
"""Alarms that wait; more are dropped, for the log has them."""
QUIET = 300.0
"""Seconds in which one alarm about one grant is told once."""
TRIES = 3
REST = 2.0
CLOSING_SECONDS = 5.0
"""What waits when the gateway stops is told for so long: a consent that is lost then is an alarm too."""

Describe = Callable[[str, int], Awaitable[dict[str, Any]]]
"""What to say of an alarm and its grant beside: the tenants that it serves, how to mend it."""


class AlarmBell:
    """Posts each alarm as JSON to a URL; a receiver that fails is tried again, and then left alone."""

    def __init__(
        self,
        url: Secret,
        describe: Describe,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        tls: ssl.SSLContext | bool = True,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = url
        self._describe = describe
        self._clock = clock
        self._sleep = sleep
        self._tls = tls
        self._failed = failed
        self._told: dict[tuple[str, int], float] = {}
        self._queue: asyncio.Queue[tuple[str, int]] = asyncio.Queue(AT_MOST)
        self._task: asyncio.Task[None] | None = None

    def ring(self, event: str, grant: int) -> None:
        """Takes note of what happened to a grant; what is no alarm is passed over."""
        now = self._clock()
        if event not in ALARMS or now < self._told.get((event, grant), now - QUIET) + QUIET:
            return
        self._told = {key: at for key, at in self._told.items() if now < at + QUIET}
        self._told[event, grant] = now
        if self._queue.full():
            self._failed()
            return
        self._queue.put_nowait((event, grant))

    def start(self) -> None:
        """Starts telling, in the running loop."""
        self._task = asyncio.create_task(self._work(), name="tells alarms")

    async def close(self) -> None:
        """Tells what waits, for a few seconds at most, and stops."""
        if self._task is not None:
            told = asyncio.ensure_future(self._queue.join())
            await asyncio.wait({told, self._task}, timeout=CLOSING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=10),
            trust_env=False,
        ) as session:
            while True:
                event, grant = await self._queue.get()
                if not await self._tell(session, event, grant):
                    self._failed()
                self._queue.task_done()

    async def _tell(self, session: aiohttp.ClientSession, event: str, grant: int) -> bool:
        try:
            about = await self._describe(event, grant)
        except GatewayError:
            about = {}
        body = msgspec.json.encode({"alarm": event, "message": ALARMS[event], "grant": grant, **about})
        headers = {"Content-Type": "application/json", "User-Agent": "sage-gateway"}
        for again in range(TRIES):
            if again:
                await self._sleep(REST * again)
            try:
                async with session.post(
                    self._url.reveal(), data=body, headers=headers, allow_redirects=False
                ) as answer:
                    if answer.status < 300:
                        return True
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                continue
        return False

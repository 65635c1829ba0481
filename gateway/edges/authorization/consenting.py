"""From Sage's code to a stored grant, and the businesses that it reaches: nothing received is used before it is
stored."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.edges.authorization.apps import RegisteredApp
from gateway.edges.authorization.sage import Sage
from gateway.edges.refresh_sender import DICE, Notice
from gateway.errors import UpstreamFailed
from gateway.grants.business import Business
from gateway.grants.life import Failed, Failure, Tokens, rest_after
from gateway.grants.secret import Secret
from gateway.store.consents import Consents

CLOSING_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Received:
    """What a consent gave: the stored grant, and the businesses that it reaches."""

    grant: int
    businesses: tuple[Business, ...]


class Consenting:
    """Turns codes into grants. Each runs as a task of its own, which no browser that goes away can cancel."""

    def __init__(
        self,
        consents: Consents,
        sage: Sage,
        *,
        now: Callable[[], float],
        notice: Notice,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._consents = consents
        self._sage = sage
        self._now = now
        self._notice = notice
        self._sleep = sleep
        self._tasks: set[asyncio.Task[Received | str]] = set()
        self.unsaved = 0
        """Consents that Sage has given and the store has not taken yet."""

    async def receive(self, app: RegisteredApp, code: Secret, verifier: Secret) -> Received | str:
        """What a code gave; a word of OAuth's errors where it gave nothing (RFC 6749 §4.1.2.1). Raises StoreFailed
        where the store fails once the tokens are safe."""
        task = asyncio.create_task(self._receive(app, code, verifier))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Waits for what is under way; what the store does not take in 20 seconds is given up, with an alarm."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=CLOSING_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _receive(self, app: RegisteredApp, code: Secret, verifier: Secret) -> Received | str:
        started = self._now()
        answer = await self._sage.exchange(app, code, verifier)
        if isinstance(answer, Failed):
            self._notice(answer.failure.value, 0)
            mistake = answer.failure in (Failure.INVALID_GRANT, Failure.INVALID_CLIENT)
            return "server_error" if mistake else "temporarily_unavailable"
        if answer.refresh is None:
            self._notice(Failure.AMBIGUOUS.value, 0)
            return "server_error"
        grant = await self._keep(app.name, answer, started)
        if answer.access is None:
            return "temporarily_unavailable"
        try:
            if answer.user is None:
                user = await self._sage.user(answer.access)
                grant = await self._consents.identify(app.name, grant, user, self._now())
            businesses = await self._sage.businesses(answer.access)
        except UpstreamFailed:
            return "temporarily_unavailable"
        return Received(grant, businesses) if businesses else "access_denied"

    async def _keep(self, app: str, tokens: Tokens, started: float) -> int:
        """Stores what Sage gave, for as long as that takes: nobody can ask for it again."""
        self.unsaved += 1
        tries, grant = 0, 0
        try:
            while not grant:
                try:
                    grant = await self._consents.record(app, tokens, started, self._now())
                except Exception:  # noqa: BLE001 - whatever goes wrong, these may be the user's only live tokens
                    tries += 1
                    self._notice("unsaved", 0)
                    await self._sleep(rest_after(tries, DICE.random()))
        except asyncio.CancelledError:
            self._notice("consent_lost", 0)
            raise
        finally:
            self.unsaved -= 1
        self._notice("consented", grant)
        return grant

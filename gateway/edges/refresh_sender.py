"""One refresh of a grant, from the lease to the store (reliability.md §3.3 steps 3 to 8)."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from gateway.edges.token_client import Credentials, TokenClient
from gateway.errors import TableWrong
from gateway.grants.life import (
    Failed,
    Failure,
    Grant,
    Halt,
    Lapse,
    Release,
    Reread,
    State,
    Tokens,
    after_failure,
    after_refresh,
    rest_after,
)
from gateway.grants.secret import Secret
from gateway.store.grants import Grants

LEASE_SECONDS = 60.0
DICE = secrets.SystemRandom()

Notice = Callable[[str, int], None]
"""Told a word of what happened (`refreshed`, `rescued`, `unsaved`, `needs_consent`, or a Failure's value)
and the grant's store key."""


def anchored_clock() -> Callable[[], float]:
    """Seconds since 1970 that never jump: the wall clock at the start, moved on by the monotonic one."""
    start = time.time() - time.monotonic()
    return lambda: start + time.monotonic()


def boot_clock() -> float:
    """Seconds that run on while the machine sleeps: a lease must not seem young after a pause."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Chances:
    """Time and luck, which tests choose: `now` in seconds since 1970, `boot` for the age of leases."""

    now: Callable[[], float]
    boot: Callable[[], float] = boot_clock
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    dice: Callable[[], float] = DICE.random


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a refresh: the stored next generation, or a failure with the seconds to rest.

    `halt`: for so long nothing of this app is refreshed. All empty: somebody else stored a newer generation.
    A refresh token that came without an access token is stored, and a failure all the same.
    """

    grant: Grant | None = None
    failure: Failure | None = None
    rest: float = 0.0
    halt: float = 0.0


class RefreshSender:
    """Sends refreshes under the store's lease, and keeps every result."""

    def __init__(
        self,
        grants: Grants,
        client: TokenClient,
        apps: Mapping[str, tuple[str, str]],
        chances: Chances,
        lease_seconds: float,
        notice: Notice,
    ) -> None:
        self._grants = grants
        self._client = client
        self._apps = {name: Credentials(client_id, Secret(secret)) for name, (client_id, secret) in apps.items()}
        self._chances = chances
        self._lease_seconds = lease_seconds
        self._notice = notice
        self._owner = secrets.token_hex(8)
        self.unsaved = 0

    async def refresh(self, grant: Grant, failures: int) -> Sent | None:
        """Refreshes a grant as just loaded, after so many failures; None where its lease is not to be had.

        Raises StoreFailed where the store fails before anything is sent, or cannot be told of a failure.
        """
        credentials = self._apps.get(grant.app)
        if credentials is None:
            raise TableWrong("The settings hold no v3.1 client for this tenant's app.")
        attempt, begun = secrets.token_hex(16), self._chances.boot()
        epoch = await self._grants.take_lease(grant, self._owner, self._lease_seconds, attempt)
        if epoch is None:
            return None
        started = self._chances.now()
        answer = await self._client.refresh(
            credentials, grant.refresh, lambda: self._chances.boot() - begun < self._lease_seconds / 3
        )
        if isinstance(answer, Tokens):
            sent = await self._save(after_refresh(grant, answer, started), attempt)
            if answer.access is not None:
                return sent
            self._notice(Failure.AMBIGUOUS.value, grant.id)
            return Sent(failure=Failure.AMBIGUOUS)
        self._notice(answer.failure.value, grant.id)
        return await self._mend(grant, epoch, answer, failures + 1)

    async def _save(self, new: Grant, attempt: str) -> Sent:
        """Stores a result, for as long as that takes; only then may it be used."""
        self.unsaved += 1
        tries = 0
        while True:
            try:
                stored = await self._grants.save_refreshed(new, attempt, self._chances.now())
                break
            except Exception:  # noqa: BLE001 - whatever goes wrong, this may be the only live token
                tries += 1
                self._notice("unsaved", new.id)
                await self._chances.sleep(rest_after(tries, self._chances.dice()))
        self.unsaved -= 1
        self._notice("refreshed" if stored else "rescued", new.id)
        return Sent(new if stored else None)

    async def _mend(self, grant: Grant, epoch: int, failed: Failed, tries: int) -> Sent:
        remedy = after_failure(grant, failed, tries, self._chances.dice())
        if isinstance(remedy, Reread):
            if (await self._grants.load(grant.id)).generation != grant.generation:
                return Sent()
            remedy = after_failure(grant, failed, tries, self._chances.dice(), reread=True)
        now = self._chances.now()
        if isinstance(remedy, Lapse):
            if await self._grants.mark(grant, epoch, State.REAUTH_REQUIRED, now):
                self._notice("needs_consent", grant.id)
            return Sent(failure=failed.failure)
        if isinstance(remedy, Release):
            await self._grants.mark(grant, epoch, remedy.state, now)
            return Sent(failure=failed.failure, rest=remedy.rest)
        if isinstance(remedy, Halt):
            await self._grants.mark(grant, epoch, remedy.state, now)
            return Sent(failure=failed.failure, halt=remedy.seconds)
        await self._grants.mark(grant, epoch, State.AMBIGUOUS, now, keep_lease=True)
        return Sent(failure=failed.failure)

"""One refresh of a grant, from the lease to the store (reliability.md §3.3 steps 3 to 8)."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.edges.token_client import Credentials
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

LEASE_SECONDS = 60.0
LEASES_AT_ONCE = 4
"""So many leases one process takes at a time, fewer than a store has connections: tokens that were received are stored
before more are asked for, however many grants are due."""
DICE = secrets.SystemRandom()

Notice = Callable[[str, int], None]
"""Told a word of what happened (`refreshed`, `rescued`, `unsaved`, `needs_consent`, or a Failure's value)
and the grant's store key, 0 where there is none yet."""


def anchored_clock() -> Callable[[], float]:
    """Seconds since 1970 that never jump: the wall clock at the start, moved on by the monotonic one."""
    start = time.time() - time.monotonic()
    return lambda: start + time.monotonic()


def boot_clock() -> float:
    """Seconds that run on while the machine sleeps: a lease must not seem young after a pause."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Grants(Protocol):
    """Where grants are kept (`gateway.store.grants.Grants`); each method may raise StoreFailed."""

    async def load(self, grant_id: int) -> Grant:
        """The grant as stored now."""

    async def take_lease(self, grant: Grant, owner: str, seconds: float, attempt: str) -> int | None:
        """Permission to send this generation's refresh token, durably stored; None where it is not to be had."""

    async def mark(self, grant: Grant, epoch: int, state: State, now: float, *, keep_lease: bool = False) -> bool:
        """Sets the state, by the holder of the lease alone."""

    async def save_refreshed(self, new: Grant, attempt: str, now: float) -> bool:
        """Stores the next generation by compare-and-swap, else rescues its tokens and gives False."""

    async def adopt_rescued(self, grant: Grant, now: float) -> bool:
        """Makes rescued tokens the next generation; False where there are none."""


class TokenEndpoint(Protocol):
    """The v3.1 token endpoint (`gateway.edges.token_client.TokenClient`)."""

    async def refresh(
        self, credentials: Credentials, refresh: Secret, may_send: Callable[[], bool] = ...
    ) -> Tokens | Failed:
        """Trades a refresh token for the next pair; never raises but for cancellation."""


class Spool(Protocol):
    """A file for results that the store does not take at the moment (`gateway.store.spool.Spool`)."""

    async def put(self, new: Grant, attempt: str) -> bool:
        """Writes a result durably; False where there is no room, or the file cannot be written either."""

    async def clear(self, attempt: str) -> None:
        """Forgets a result that the store has by now."""


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
        client: TokenEndpoint,
        apps: Mapping[str, tuple[str, ...]],
        chances: Chances,
        lease_seconds: float,
        notice: Notice,
        spool: Spool | None = None,
    ) -> None:
        self._grants = grants
        self._client = client
        self._apps = {
            name: [Credentials(client_id, Secret(secret)) for secret in client_secrets]
            for name, (client_id, *client_secrets) in apps.items()
        }
        self._spool = spool
        self._chances = chances
        self._lease_seconds = lease_seconds
        self._notice = notice
        self._owner = secrets.token_hex(8)
        self._leasing = asyncio.Semaphore(LEASES_AT_ONCE)
        self.unsaved = 0

    async def refresh(self, grant: Grant, failures: int) -> Sent | None:
        """Refreshes a grant as just loaded, after so many failures; None where its lease is not to be had.

        Raises StoreFailed where the store fails before anything is sent, or cannot be told of a failure.
        """
        credentials = self._apps.get(grant.app)
        if credentials is None:
            raise TableWrong("The settings hold no v3.1 client for this tenant's app.")
        attempt, young = secrets.token_hex(16), self._lease_seconds / 3
        async with self._leasing:
            begun = self._chances.boot()
            epoch = await self._grants.take_lease(grant, self._owner, self._lease_seconds, attempt)
        if epoch is None:
            return None
        started = self._chances.now()
        answer = await self._ask(credentials, grant.refresh, lambda: self._chances.boot() - begun < young)
        if isinstance(answer, Tokens):
            sent = await self._save(after_refresh(grant, answer, started), attempt)
            if answer.access is not None:
                return sent
            self._notice(Failure.AMBIGUOUS.value, grant.id)
            return Sent(failure=Failure.AMBIGUOUS)
        self._notice(answer.failure.value, grant.id)
        return await self._mend(grant, epoch, answer, failures + 1)

    async def _ask(
        self, credentials: list[Credentials], refresh: Secret, may_send: Callable[[], bool]
    ) -> Tokens | Failed:
        """The endpoint's answer to the app's newest client secret that it takes: a refused one spends nothing."""
        answer: Tokens | Failed = Failed(Failure.INVALID_CLIENT)
        for one in credentials:
            answer = await self._client.refresh(one, refresh, may_send)
            if not isinstance(answer, Failed) or answer.failure is not Failure.INVALID_CLIENT:
                break
        return answer

    async def _save(self, new: Grant, attempt: str) -> Sent:
        """Stores a result, for as long as that takes; only then may it be used.

        Meanwhile it stands in the spool, for a process that is killed before the store takes it.
        """
        self.unsaved += 1
        tries, spooled = 0, False
        while True:
            try:
                stored = await self._grants.save_refreshed(new, attempt, self._chances.now())
                break
            except Exception:  # noqa: BLE001 - whatever goes wrong, this may be the only live token
                tries += 1
                self._notice("unsaved", new.id)
                if self._spool is not None and not spooled:
                    spooled = await self._spool.put(new, attempt)
                await self._chances.sleep(rest_after(tries, self._chances.dice()))
        if self._spool is not None and spooled:
            await self._spool.clear(attempt)
        self.unsaved -= 1
        self._notice("refreshed" if stored else "rescued", new.id)
        return Sent(new if stored else None)

    async def _mend(self, grant: Grant, epoch: int, failed: Failed, tries: int) -> Sent:
        remedy = after_failure(grant, failed, tries, self._chances.dice())
        if isinstance(remedy, Reread):
            if (await self._grants.load(grant.id)).generation != grant.generation:
                return Sent()
            if await self._grants.adopt_rescued(grant, self._chances.now()):
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

"""The program of a replica: the production refresher and keeper, whose ports ask the explorer's world."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from typing import Any

from gateway.edges.keeper import Keeper
from gateway.edges.refresh_sender import Chances
from gateway.edges.refresher import Refresher
from gateway.edges.token_client import Credentials
from gateway.errors import GatewayError, NeedsConsent, StoreFailed
from gateway.grants.health import Standing
from gateway.grants.life import Failed, Failure, Grant, State, Tokens
from gateway.grants.secret import Secret
from gateway.grants.tenant import Tenant
from tests.explorer.schedule import Process, Program

APPS = {"app": ("id", "secret")}
TENANT = Tenant(1, "t", "app", "business", 1)
PATIENCE = 3600.0
"""Callers wait as long as it takes: how long they do has no influence on a refresh."""
CALLS = 3
AGAIN = 31.0
"""Seconds after which a client calls again that was refused, so often in all."""


class Ports:
    """Every port of the refresher and the keeper, for one process. Attempts are numbered, for they are random."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._attempts: dict[str, str] = {}
        self.chances = Chances(lambda: process.now, lambda: process.boot, self.sleep, lambda: 0.5)

    def notice(self, word: str, grant: int) -> None:
        self._process.results.append(("notice", word))

    async def sleep(self, seconds: float) -> None:
        await self._process.ask("sleep", seconds)

    async def load(self, grant_id: int) -> Grant:
        grant: Grant = await self._process.ask("load", grant_id)
        return grant

    async def take_lease(self, grant: Grant, owner: str, seconds: float, attempt: str) -> int | None:
        number = self._attempts.setdefault(attempt, str(len(self._attempts) + 1))
        epoch: int | None = await self._process.ask("take_lease", grant, seconds, number)
        return epoch

    async def mark(self, grant: Grant, epoch: int, state: State, now: float, *, keep_lease: bool = False) -> bool:
        return bool(await self._process.ask("mark", grant, epoch, state, now, keep_lease))

    async def save_refreshed(self, new: Grant, attempt: str, now: float) -> bool:
        return bool(await self._process.ask("save_refreshed", new, self._attempts.get(attempt, attempt), now))

    async def adopt_rescued(self, grant: Grant, now: float) -> bool:
        return bool(await self._process.ask("adopt_rescued", grant, now))

    async def adopt_all_rescued(self, now: float) -> int:
        return int(await self._process.ask("adopt_all_rescued", now))

    async def standings(self, before: float) -> list[Standing]:
        return list(await self._process.ask("standings", before))

    async def forget_rescued(self, before: float) -> None:
        await self._process.ask("forget_rescued", before)

    async def refresh(
        self, credentials: Credentials, refresh: Secret, may_send: Callable[[], bool] = lambda: True
    ) -> Tokens | Failed:
        """As `TokenClient.refresh`: connects, asks once more whether it may, and only then writes."""
        if not await self._process.ask("connect") or not may_send():
            return Failed(Failure.NOT_SENT)
        answer: Tokens | Failed = await self._process.ask("send", refresh)
        return answer

    async def put(self, new: Grant, attempt: str) -> bool:
        return bool(await self._process.ask("put", new, self._attempts.get(attempt, attempt)))

    async def clear(self, attempt: str) -> None:
        await self._process.ask("clear", self._attempts.get(attempt, attempt))


Build = Callable[[Ports], Refresher]


def production(ports: Ports) -> Refresher:
    """The refresher as the gateway is put together with it."""
    return Refresher(ports, ports, APPS, chances=ports.chances, patience=PATIENCE, notice=ports.notice, spool=ports)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process does: `restart` replays the spools first; `sweep` keeps the idle alive; then calls come,
    each so many seconds after the one before."""

    calls: tuple[float, ...] = (0.0,)
    restart: bool = False
    sweep: bool = False


@cache
def program(plan: Plan, build: Build = production) -> Program:
    """A replica's life: its plan, then one call whenever the world says so (`idle`)."""

    def begin(process: Process) -> Coroutine[Any, Any, None]:
        return _live(process, plan, build)

    return begin


async def _live(process: Process, plan: Plan, build: Build) -> None:
    await process.ask("begin")
    ports = Ports(process)
    if plan.restart:
        await _take_spools(process, ports)
    refresher = build(ports)
    process.unsaved = lambda: refresher.unsaved
    if plan.sweep:
        keeper = Keeper(refresher, ports, ports.chances, ports.notice)
        try:
            await keeper.sweep()
        except StoreFailed:
            ports.notice("sweep_failed", 0)
    for delay in plan.calls:
        if delay:
            await ports.sleep(delay)
        await _call(process, ports, refresher)
    while True:
        await process.next_call()
        await _call(process, ports, refresher)


async def _take_spools(process: Process, ports: Ports) -> None:
    """What `Store.take_spools` does. A process that cannot ends, and is started again."""
    while True:
        try:
            for slot, attempt, new in await process.ask("left_behind"):
                await ports.save_refreshed(new, attempt, process.now)
                await process.ask("clear_left", slot, attempt)
        except StoreFailed:
            await ports.sleep(5.0)
        else:
            return


async def _call(process: Process, ports: Ports, refresher: Refresher) -> None:
    """One client: it takes the token, or comes again a few times."""
    for turn in range(CALLS):
        if turn:
            await ports.sleep(AGAIN)
        try:
            token = await refresher.token(TENANT)
        except NeedsConsent:
            process.results.append(("refused",))
            return
        except GatewayError as error:
            process.results.append(("later", type(error).__name__))
        else:
            process.results.append(("token", token, process.now))
            return

"""Refreshers and stores that are wrong in known ways: the explorer must find each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gateway.edges.refresh_sender import LEASE_SECONDS, RefreshSender, Sent
from gateway.edges.refresher import Refresher
from gateway.edges.token_client import Credentials
from gateway.grants.life import Failed, Failure, Grant, State, Tokens
from gateway.grants.secret import Secret
from tests.explorer import fake_store
from tests.explorer.fake_store import OPERATIONS, Kept
from tests.explorer.replica import APPS, Build, Ports, production

Operation = Callable[..., tuple[Kept, Any]]


def built_with(sender: type[RefreshSender]) -> Build:
    """A refresher with another sender."""

    def build(ports: Ports) -> Refresher:
        refresher = production(ports)
        refresher._sender = sender(ports, ports, APPS, ports.chances, LEASE_SECONDS, ports.notice, ports)
        return refresher

    return build


def stored_with(**changed: Operation) -> dict[str, Operation]:
    """A store with other operations."""
    return OPERATIONS | changed


def lease_for_all(
    kept: Kept, now: float, grant: Grant, owner: str, seconds: float, attempt: str
) -> tuple[Kept, int | None]:
    """Gives a lease whoever holds it."""
    free = replace(kept.row(grant.id), owner=None)
    return fake_store.take_lease(kept.with_row(free), now, grant, owner, seconds, attempt)


def save_by_holder_alone(kept: Kept, now: float, new: Grant, attempt: str, at: float) -> tuple[Kept, bool]:
    """Fences results with the lease's epoch, and drops what comes from an earlier one."""
    if kept.row(new.id).attempt != attempt:
        return kept, False
    return fake_store.save_refreshed(kept, now, new, attempt, at)


def save_or_drop(kept: Kept, now: float, new: Grant, attempt: str, at: float) -> tuple[Kept, bool]:
    """Drops what comes second."""
    after, saved = fake_store.save_refreshed(kept, now, new, attempt, at)
    return replace(after, rescued=kept.rescued), saved


def mark_whatever_is_there(
    kept: Kept, now: float, grant: Grant, epoch: int, state: State, at: float, keep_lease: bool
) -> tuple[Kept, bool]:
    """Marks without a fence."""
    row = kept.row(grant.id)
    present = replace(grant, generation=row.grant.generation)
    return fake_store.mark(kept, now, present, row.epoch, state, at, keep_lease)


def mark_but_never_lapsed(
    kept: Kept, now: float, grant: Grant, epoch: int, state: State, at: float, keep_lease: bool
) -> tuple[Kept, bool]:
    """Does not remember that a grant needs consent."""
    state = State.ACTIVE if state is State.REAUTH_REQUIRED else state
    return fake_store.mark(kept, now, grant, epoch, state, at, keep_lease)


def without_a_spool(ports: Ports) -> Refresher:
    """Keeps what the store does not take in memory alone."""
    refresher = production(ports)
    refresher._sender._spool = None
    return refresher


class Hasty(RefreshSender):
    """Does not look at its lease again before it writes."""

    async def _ask(self, credentials: list[Credentials], refresh: Secret, may_send: Callable[[], bool]) -> Any:
        return await super()._ask(credentials, refresh, lambda: True)


class Desperate(RefreshSender):
    """Takes an answer that did not come for a refusal."""

    async def _mend(self, grant: Grant, epoch: int, failed: Failed, tries: int) -> Sent:
        if failed.failure is Failure.AMBIGUOUS:
            failed = Failed(Failure.INVALID_GRANT)
        return await super()._mend(grant, epoch, failed, tries)


class Eager(RefreshSender):
    """Gives the lease back at once where no answer came."""

    async def _mend(self, grant: Grant, epoch: int, failed: Failed, tries: int) -> Sent:
        if failed.failure is Failure.AMBIGUOUS:
            await self._grants.mark(grant, epoch, State.AMBIGUOUS, self._chances.now())
            return Sent(failure=failed.failure)
        return await super()._mend(grant, epoch, failed, tries)


class Easygoing(RefreshSender):
    """Tries to store a result once, and uses it all the same."""

    async def _save(self, new: Grant, attempt: str) -> Sent:
        try:
            await self._grants.save_refreshed(new, attempt, self._chances.now())
        except Exception:  # noqa: BLE001 - as in the original
            return Sent(new)
        return Sent(new)


class Rash(RefreshSender):
    """Gives a grant up without a second look at the store."""

    async def _mend(self, grant: Grant, epoch: int, failed: Failed, tries: int) -> Sent:
        if failed.failure is Failure.INVALID_GRANT:
            await self._grants.mark(grant, epoch, State.REAUTH_REQUIRED, self._chances.now())
            return Sent(failure=failed.failure)
        return await super()._mend(grant, epoch, failed, tries)


class Stubborn(RefreshSender):
    """Sends the same token again and again while no answer comes, within one lease."""

    async def _ask(
        self, credentials: list[Credentials], refresh: Secret, may_send: Callable[[], bool]
    ) -> Tokens | Failed:
        answer = await super()._ask(credentials, refresh, may_send)
        while isinstance(answer, Failed) and answer.failure is Failure.INVALID_GRANT and may_send():
            answer = await super()._ask(credentials, refresh, may_send)
        return answer


class Silent(RefreshSender):
    """Tells nobody of a refusal, and tries again later."""

    async def _mend(self, grant: Grant, epoch: int, failed: Failed, tries: int) -> Sent:
        if failed.failure is Failure.INVALID_GRANT:
            failed = Failed(Failure.TRANSIENT, 120.0)
        return await super()._mend(grant, epoch, failed, tries)

"""A store of grants without a database: the same promises as `gateway.store.grants` and `consents`, as pure functions.

`tests/store/test_grants_contract.py` runs one suite over this and the real ones. `now` is the store's own clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gateway.errors import StoreFailed
from gateway.grants.health import Standing
from gateway.grants.life import Grant, State, Tokens, after_refresh
from gateway.grants.secret import Secret

LAPSED = (State.REAUTH_REQUIRED, State.REVOKED)


@dataclass(frozen=True, slots=True)
class Row:
    """A grant's row. The lease's times are the store's."""

    grant: Grant
    sage_user: str | None = None
    requested_by: str | None = None
    owner: str | None = None
    epoch: int = 0
    until: float = 0.0
    attempt: str | None = None
    refreshed_at: float | None = None
    since: float | None = None
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class Rescue:
    """Tokens that came second."""

    attempt: str
    new: Grant
    at: float


@dataclass(frozen=True, slots=True)
class Kept:
    """All that a store holds."""

    rows: tuple[Row, ...] = ()
    rescued: tuple[Rescue, ...] = ()

    def row(self, grant_id: int) -> Row:
        """Raises StoreFailed where there is none."""
        for row in self.rows:
            if row.grant.id == grant_id:
                return row
        raise StoreFailed("The tenant's grant is not in the store.")

    def with_row(self, row: Row) -> Kept:
        """One row more, or changed."""
        others = (other for other in self.rows if other.grant.id != row.grant.id)
        return replace(self, rows=tuple(sorted((*others, row), key=lambda one: one.grant.id)))

    def holds(self, refresh: str) -> bool:
        """Whether a refresh token can be found in it, without looking into the past."""
        return any(row.grant.refresh.reveal() == refresh for row in self.rows) or any(
            one.new.refresh.reveal() == refresh for one in self.rescued
        )


def load(kept: Kept, now: float, grant_id: int) -> tuple[Kept, Grant]:
    row = kept.row(grant_id)
    user = row.requested_by or row.sage_user
    return kept, replace(row.grant, user=user, lease_left=0.0 if row.owner is None else row.until - now)


def take_lease(
    kept: Kept, now: float, grant: Grant, owner: str, seconds: float, attempt: str
) -> tuple[Kept, int | None]:
    row = kept.row(grant.id)
    held = row.owner is not None and not row.until < now
    if row.grant.generation != grant.generation or row.grant.state in LAPSED or held:
        return kept, None
    taken = replace(
        row,
        grant=replace(row.grant, state=State.REFRESHING),
        owner=owner,
        epoch=row.epoch + 1,
        until=now + seconds,
        attempt=attempt,
    )
    return kept.with_row(taken), taken.epoch


def mark(
    kept: Kept, now: float, grant: Grant, epoch: int, state: State, at: float, keep_lease: bool
) -> tuple[Kept, bool]:
    row = kept.row(grant.id)
    if row.grant.generation != grant.generation or row.epoch != epoch:
        return kept, False
    row = replace(row, grant=replace(row.grant, state=state), since=at)
    return kept.with_row(row if keep_lease else replace(row, owner=None, until=0.0)), True


def save_refreshed(kept: Kept, now: float, new: Grant, attempt: str, at: float) -> tuple[Kept, bool]:
    row = kept.row(new.id)
    if row.grant.generation == new.generation - 1:
        saved = _generation(row, new, at)
        return kept.with_row(replace(saved, attempt=attempt, refreshed_at=at, requested_by=new.user)), True
    if row.attempt == attempt and row.grant.generation == new.generation:
        return kept, True
    if row.grant.state is State.REAUTH_REQUIRED:
        healed = _generation(row, replace(new, generation=row.grant.generation + 1), at)
        return kept.with_row(replace(healed, attempt=attempt, refreshed_at=at)), False
    if row.attempt != attempt and all(one.attempt != attempt for one in kept.rescued):
        kept = replace(kept, rescued=(*kept.rescued, Rescue(attempt, new, at)))
    return kept, False


def adopt_rescued(kept: Kept, now: float, grant: Grant, at: float) -> tuple[Kept, bool]:
    row = kept.row(grant.id)
    if row.grant.generation != grant.generation:
        return kept, True
    waiting = [one for one in kept.rescued if one.new.id == grant.id]
    if not waiting:
        return kept, False
    newest = min(waiting, key=lambda one: (-one.at, one.attempt))
    heir = replace(
        grant,
        generation=grant.generation + 1,
        state=State.ACTIVE,
        access=newest.new.access or None,
        access_until=newest.new.access_until,
        refresh=newest.new.refresh,
        refresh_until=newest.new.refresh_until,
        previous=grant.refresh or None,
    )
    left = tuple(one for one in kept.rescued if one is not newest)
    return replace(kept.with_row(_generation(row, heir, at)), rescued=left), True


def adopt_all_rescued(kept: Kept, now: float, at: float) -> tuple[Kept, int]:
    rescued_for = {one.new.id for one in kept.rescued}
    adopted = 0
    for row in kept.rows:
        if row.grant.id in rescued_for and row.grant.state is State.REAUTH_REQUIRED:
            kept, done = adopt_rescued(kept, now, load(kept, now, row.grant.id)[1], at)
            adopted += done
    return kept, adopted


def standings(kept: Kept, now: float, before: float) -> tuple[Kept, tuple[Standing, ...]]:
    def last(row: Row) -> float:
        return row.created if row.refreshed_at is None else row.refreshed_at

    due = [row for row in kept.rows if row.grant.state not in LAPSED]
    found = sorted((row for row in due if last(row) < before or row.refreshed_at is None), key=last)
    return kept, tuple(
        Standing(
            id=row.grant.id,
            app=row.grant.app,
            state=row.grant.state,
            since=row.since or row.created,
            refreshed_at=last(row),
            refresh_until=row.grant.refresh_until,
            never=row.refreshed_at is None,
        )
        for row in found
    )


def forget_rescued(kept: Kept, now: float, before: float) -> tuple[Kept, None]:
    return replace(kept, rescued=tuple(one for one in kept.rescued if not one.at < before)), None


def record(kept: Kept, now: float, app: str, tokens: Tokens, started: float, at: float) -> tuple[Kept, int]:
    """A consent: the user's grant, or a new one, starts its next generation."""
    mine = [row for row in kept.rows if tokens.user and (row.grant.app, row.sage_user) == (app, tokens.user)]
    new_id = 1 + max((row.grant.id for row in kept.rows), default=0)
    row = mine[0] if mine else Row(Grant(new_id, app, 0, State.REAUTH_REQUIRED, Secret("")), tokens.user, created=at)
    parent = Grant(row.grant.id, app, row.grant.generation, State.ACTIVE, Secret(""))
    told = Tokens(tokens.access, tokens.life, tokens.refresh, tokens.refresh_life)
    fresh = replace(after_refresh(parent, told, started), previous=None)
    row = replace(_generation(row, fresh, at), requested_by=tokens.user, refreshed_at=at)
    return kept.with_row(row), row.grant.id


OPERATIONS: dict[str, Callable[..., tuple[Kept, Any]]] = {
    one.__name__: one
    for one in (
        *(load, take_lease, mark, save_refreshed, adopt_rescued, adopt_all_rescued),
        *(standings, forget_rescued, record),
    )
}
READS = ("load", "standings")


def _generation(row: Row, new: Grant, at: float) -> Row:
    """The row with another generation, and no lease."""
    stored = replace(new, user=None, lease_left=0.0)
    return replace(row, grant=stored, owner=None, until=0.0, attempt=None, since=at)


class FakeGrants:
    """The fake store as the refresher's and the consents' ports have it, for the contract's suite."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.kept = Kept()
        self._clock = clock

    def _do(self, name: str, *args: Any) -> Any:
        self.kept, result = OPERATIONS[name](self.kept, self._clock(), *args)
        return result

    async def load(self, grant_id: int) -> Grant:
        grant: Grant = self._do("load", grant_id)
        return grant

    async def take_lease(self, grant: Grant, owner: str, seconds: float, attempt: str) -> int | None:
        epoch: int | None = self._do("take_lease", grant, owner, seconds, attempt)
        return epoch

    async def mark(self, grant: Grant, epoch: int, state: State, now: float, *, keep_lease: bool = False) -> bool:
        return bool(self._do("mark", grant, epoch, state, now, keep_lease))

    async def save_refreshed(self, new: Grant, attempt: str, now: float) -> bool:
        return bool(self._do("save_refreshed", new, attempt, now))

    async def adopt_rescued(self, grant: Grant, now: float) -> bool:
        return bool(self._do("adopt_rescued", grant, now))

    async def adopt_all_rescued(self, now: float) -> int:
        return int(self._do("adopt_all_rescued", now))

    async def standings(self, before: float) -> list[Standing]:
        return list(self._do("standings", before))

    async def forget_rescued(self, before: float) -> None:
        self._do("forget_rescued", before)

    async def record(self, app: str, tokens: Tokens, started: float, now: float) -> int:
        return int(self._do("record", app, tokens, started, now))

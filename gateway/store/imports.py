"""Many tenants at once, with the tokens that their clients hold already.

All is judged first, against the store and against itself, by a walk that keeps book of what each name, business and
token belongs to; then all that is good is written, in one transaction and few statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.database import Database
from gateway.store.grants import LAPSED, Grants
from gateway.store.legacy_tokens import AT_ONCE, IMPORTED, SETTINGS, Allowed, LegacyTokens
from gateway.store.sealing import Seal
from gateway.store.seeds import Key as Planted
from gateway.store.seeds import Seeds, empty_grant
from gateway.store.tables import grants, legacy_tokens, tenants
from gateway.store.tenants import LOCK, Named

Key = tuple[str, str]
"""An app and a business: what makes a tenant the same one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A tenant to import, and the line of the file that names it."""

    line: int
    named: Named


@dataclass(slots=True)
class Imported:
    """What became of an import. `wrong` and `hints` are sentences by line, none of which quotes a secret.

    `made` and `known` count tenants that are new or were there, `tokens` the legacy tokens that were unknown, `lapsed`
    the tenants of the file that need their owner's consent. Nothing was changed where `done` is false.
    """

    done: bool = True
    made: int = 0
    known: int = 0
    tokens: int = 0
    lapsed: int = 0
    wrong: dict[int, str] = field(default_factory=dict)
    hints: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Said:
    """An entry with the digests that the store would know its secrets by."""

    entry: Entry
    seed: bytes | None
    tokens: tuple[tuple[str, bytes], ...]

    @property
    def key(self) -> Key:
        return self.entry.named.key


@dataclass(slots=True)
class _Book:
    """What belongs to whom, in the store and in the lines read so far."""

    names: dict[str, Key]
    businesses: dict[Key, str]
    tokens: dict[bytes, Key]
    seeds: dict[Key, bytes] = field(default_factory=dict)

    def enter(self, said: _Said) -> str | None:
        """Keeps a line that agrees with all before; else what is wrong with it."""
        one = said.entry.named
        if self.names.get(one.name, one.key) != one.key:
            return f"the name {one.name} belongs to another app or business"
        if self.businesses.get(one.key, one.name) != one.name:
            return f"business {one.business} of app {one.app} is there already, as {self.businesses[one.key]}"
        for kind, digest in said.tokens:
            if self.tokens.get(digest, one.key) != one.key:
                return f"its {kind}_token is another tenant's"
        if said.seed is not None and self.seeds.setdefault(one.key, said.seed) != said.seed:
            return f"an earlier line gives {one.name} another v31_refresh_token"
        self.names[one.name], self.businesses[one.key] = one.key, one.name
        self.tokens.update((digest, one.key) for _, digest in said.tokens)
        return None


class Imports:
    """Imports tenants into one store."""

    def __init__(self, database: Database, seal: Seal, kept_grants: Grants) -> None:
        self._database = database
        self._seeds = Seeds(seal, kept_grants)
        self._tokens = LegacyTokens(seal, embedded=database.embedded)

    async def take(
        self, entries: Iterable[Entry], now: float, *, skip_bad: bool = False, judge: bool = False
    ) -> Imported:
        """Makes tenants and lets their tokens name them, for ever; safe to repeat.

        All or nothing, but with `skip_bad` all that is good; with `judge` nothing at all. What is there stays: names,
        ids, tokens, and a grant that is alive, whatever refresh token a line gives. A refresh token is planted once, as
        in `Named`; a tenant without one gets an empty grant, which needs its owner's consent.
        Raises StoreFailed; nothing is changed then.
        """
        said = [self._said(entry) for entry in entries]

        async def work(connection: AsyncConnection) -> Imported:
            await self._database.one_at_a_time(connection, LOCK)
            stored = await _stored(connection)
            owners = await _owners(connection, [digest for one in said for _, digest in one.tokens])
            outcome = Imported()
            good = _judged(said, stored, owners, outcome.wrong)
            if judge or (outcome.wrong and not skip_bad):
                outcome.done = False
                return outcome
            await self._make(connection, good, stored, now, outcome)
            await self._allow(connection, good, owners, now, outcome)
            return outcome

        return await self._database.write(work)

    def _said(self, entry: Entry) -> _Said:
        one = entry.named
        tokens = tuple((kind, self._tokens.digest(kind, token)) for kind, token in one.tokens())
        return _Said(entry, self._seeds.digest(one.app, one.seed) if one.seed else None, tokens)

    async def _make(
        self, connection: AsyncConnection, good: Sequence[_Said], stored: Mapping[Key, Any], now: float, told: Imported
    ) -> None:
        """Makes the tenants that are new, and plants the seeds of those whose grants are dead."""
        named = {one.key: one.entry.named for one in reversed(good)}
        seeds: dict[Key, Planted] = {}
        for one in good:
            row = stored.get(one.key)
            if row is not None and row.disconnected_at is not None:
                told.hints[one.entry.line] = "it is disconnected: no token of it is known until it is reconnected"
            if one.seed is None or (row is not None and row.seed == one.seed):
                continue
            if row is not None and row.state not in LAPSED:
                told.hints[one.entry.line] = "its grant is alive, so its v31_refresh_token is left alone"
            else:
                seeds.setdefault(one.key, (one.entry.named.app, one.seed))
        secrets = {seeds[one.key]: one.entry.named.seed for one in good if one.key in seeds and one.entry.named.seed}
        homes = await self._seeds.plant_all(connection, secrets, now)
        new = [key for key in named if key not in stored]
        bare = await _empty(connection, [key for key in new if key not in seeds], now)
        if new:
            rows = [
                {"name": named[key].name, "app": key[0], "business": key[1], "created_at": now}
                | {"grant_id": homes[seeds[key]] if key in seeds else bare[key]}
                | {"seed": seeds[key][1] if key in seeds else None}
                for key in new
            ]
            await connection.execute(insert(tenants), rows)
        await _move(
            connection, {key: (stored[key], homes[seed], seed[1]) for key, seed in seeds.items() if key in stored}
        )
        told.made, told.known = len(new), len(named) - len(new)

    async def _allow(
        self,
        connection: AsyncConnection,
        good: Sequence[_Said],
        owners: Mapping[bytes, Any],
        now: float,
        told: Imported,
    ) -> None:
        """Lets the tokens name their tenants. One that the settings gave stays when they name it no more."""
        stored = await _stored(connection)
        given = {digest: (stored[one.key].id, kind) for one in good for kind, digest in one.tokens}
        new = [
            Allowed(digest, tenant, kind, IMPORTED) for digest, (tenant, kind) in given.items() if digest not in owners
        ]
        await self._tokens.allow(connection, new, now)
        settled = [{"token": digest} for digest in given if digest in owners and owners[digest].origin == SETTINGS]
        if settled:
            kept = update(legacy_tokens).where(legacy_tokens.c.digest == bindparam("token")).values(origin=IMPORTED)
            await connection.execute(kept, settled)
        told.tokens = len(new)
        told.lapsed = sum(stored[key].state in LAPSED for key in {one.key for one in good})


def _judged(
    said: Iterable[_Said], stored: Mapping[Key, Any], owners: Mapping[bytes, Any], wrong: dict[int, str]
) -> list[_Said]:
    keys = {row.id: key for key, row in stored.items()}
    book = _Book(
        {row.name: key for key, row in stored.items()},
        {key: row.name for key, row in stored.items()},
        {digest: keys[row.tenant_id] for digest, row in owners.items()},
    )
    good = []
    for one in said:
        problem = book.enter(one)
        if problem is None:
            good.append(one)
        else:
            wrong[one.entry.line] = problem
    return good


async def _stored(connection: AsyncConnection) -> dict[Key, Any]:
    """All tenants with the state of their grants."""
    query = select(
        *(tenants.c.id, tenants.c.name, tenants.c.app, tenants.c.business, tenants.c.seed),
        *(tenants.c.grant_id, tenants.c.disconnected_at, grants.c.state),
    ).join(grants, tenants.c.grant_id == grants.c.id)
    return {(row.app, row.business): row for row in await connection.execute(query)}


async def _owners(connection: AsyncConnection, digests: Sequence[bytes]) -> dict[bytes, Any]:
    """Whose the known ones of these tokens are."""
    found: dict[bytes, Any] = {}
    for part in _parts(digests):
        query = select(legacy_tokens.c.digest, legacy_tokens.c.tenant_id, legacy_tokens.c.origin)
        rows = await connection.execute(query.where(legacy_tokens.c.digest.in_(part)))
        found.update((row.digest, row) for row in rows)
    return found


async def _empty(connection: AsyncConnection, new: Sequence[Key], now: float) -> dict[Key, int]:
    """Empty grants, one for each of these new tenants."""
    found: dict[Key, int] = {}
    for app in {app for app, _ in new}:
        keys = [key for key in new if key[0] == app]
        # The new rows are all alike, so it does not matter whose id is whose.
        made = await connection.execute(
            insert(grants).returning(grants.c.id), [empty_grant(app, None, now)] * len(keys)
        )
        found |= dict(zip(keys, made.scalars(), strict=True))
    return found


async def _move(connection: AsyncConnection, moved: Mapping[Key, tuple[Any, int, bytes]]) -> None:
    """Gives tenants the grants of their seeds. Those they had stay, also empty ones: gateways remember for a while by
    which grant a tenant lives, and SQLite would give a key that is free to the next."""
    if not moved:
        return
    rows = [{"tenant": row.id, "home": grant_id, "given": seed} for row, grant_id, seed in moved.values()]
    changed = update(tenants).where(tenants.c.id == bindparam("tenant"))
    await connection.execute(changed.values(grant_id=bindparam("home"), seed=bindparam("given")), rows)


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]

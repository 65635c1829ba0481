"""The tokens that v2 clients hold, kept as keyed hashes only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import StoreFailed
from gateway.grants.legacy import Pair, Presented
from gateway.grants.secret import Secret
from gateway.store.sealing import Seal
from gateway.store.tables import legacy_tokens

SETTINGS, ISSUED, IMPORTED = "settings", "issued", "imported"
"""Where a legacy token came from."""
PARTS = ("access", "refresh")
LENGTH = 40
"""Hexadecimal digits of a token that the gateway issues: clients keep them in columns of that width (v2.md §1.2)."""
AT_ONCE = 1000
"""Digests that one query asks for: databases limit its parameters."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A legacy token that is to name a tenant: `kind` is access or refresh, `until` seconds since 1970."""

    digest: bytes
    tenant: int
    kind: str
    origin: str
    until: float | None = None


class LegacyTokens:
    """The legacy tokens of one store."""

    def __init__(self, seal: Seal, *, embedded: bool) -> None:
        self._seal = seal
        self._insert = sqlite.insert if embedded else postgresql.insert

    def digest(self, kind: str, token: str) -> bytes:
        """What the store knows a token by."""
        return self._seal.digest(f"legacy {kind}", token)

    def pair(self, kind: str, presented: str) -> Pair:
        """The tokens that a `code` or `refresh` token is traded for: derived from it under the store's own key, so that
        a repeat gets the same ones though only hashes are stored."""
        access, refresh = (self._seal.digest(f"{part} of {kind}", presented).hex()[:LENGTH] for part in PARTS)
        return Pair(Secret(access), Secret(refresh))

    async def issue(
        self, connection: AsyncConnection, pair: Pair, found: Presented, until: float | None, now: float
    ) -> None:
        """Lets a pair name the tenant of what was traded for it; the access token ends at `until`, None for never.

        Of a pair that was issued before, only the access token's end changes.
        """
        both = (("access", pair.access, until), ("refresh", pair.refresh, None))
        rows = [
            {"digest": self.digest(kind, token.reveal()), "tenant_id": found.tenant.id, "kind": kind}
            | {"origin": ISSUED, "scope": found.scope, "expires_at": ends, "created_at": now}
            for kind, token, ends in both
        ]
        access, refresh = (self._insert(legacy_tokens).values(row) for row in rows)
        again = access.on_conflict_do_update(index_elements=[legacy_tokens.c.digest], set_={"expires_at": until})
        await connection.execute(again)
        await connection.execute(refresh.on_conflict_do_nothing())

    async def allow(self, connection: AsyncConnection, wanted: Sequence[Allowed], now: float) -> None:
        """Lets tokens name their tenants; those known already stay as they are.

        Raises StoreFailed for one that names another tenant.
        """
        if not wanted:
            return
        rows = [
            {"digest": one.digest, "tenant_id": one.tenant, "kind": one.kind}
            | {"origin": one.origin, "expires_at": one.until, "created_at": now}
            for one in wanted
        ]
        await connection.execute(self._insert(legacy_tokens).on_conflict_do_nothing(), rows)
        for start in range(0, len(wanted), AT_ONCE):
            part = {one.digest: one for one in wanted[start : start + AT_ONCE]}
            owners = select(legacy_tokens.c.digest, legacy_tokens.c.tenant_id).where(legacy_tokens.c.digest.in_(part))
            found = {row.digest: row.tenant_id for row in await connection.execute(owners)}
            for one in wanted[start : start + AT_ONCE]:
                if found[one.digest] != one.tenant:
                    raise StoreFailed(f"The legacy {one.kind} token given for one tenant is another tenant's.")

    async def withdraw(self, connection: AsyncConnection, wanted: Mapping[bytes, int]) -> dict[bytes, int]:
        """Takes away the settings' tokens but those that are wanted for the tenant they name; gives whom the rest
        name.

        A refresh token that was traded stays, and so stays spent, should the settings give it again.
        """
        columns = (legacy_tokens.c.digest, legacy_tokens.c.tenant_id, legacy_tokens.c.spent_at)
        given = select(*columns).where(legacy_tokens.c.origin == SETTINGS)
        rows = (await connection.execute(given)).all()
        present = {row.digest: row.tenant_id for row in rows}
        gone = [row.digest for row in rows if wanted.get(row.digest) != row.tenant_id and row.spent_at is None]
        if gone:
            statement = delete(legacy_tokens).where(legacy_tokens.c.digest == bindparam("gone"))
            await connection.execute(statement, [{"gone": digest} for digest in gone])
        return {digest: tenant for digest, tenant in present.items() if wanted.get(digest) == tenant}

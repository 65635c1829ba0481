"""The tokens that v2 clients hold, kept as keyed hashes only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import StoreFailed
from gateway.store.sealing import Seal
from gateway.store.tables import legacy_tokens

SETTINGS, ISSUED = "settings", "issued"
"""Where a legacy token came from."""
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
        name."""
        given = select(legacy_tokens.c.digest, legacy_tokens.c.tenant_id).where(legacy_tokens.c.origin == SETTINGS)
        present = {row.digest: row.tenant_id for row in await connection.execute(given)}
        gone = [digest for digest, tenant in present.items() if wanted.get(digest) != tenant]
        if gone:
            statement = delete(legacy_tokens).where(legacy_tokens.c.digest == bindparam("gone"))
            await connection.execute(statement, [{"gone": digest} for digest in gone])
        return {digest: tenant for digest, tenant in present.items() if wanted.get(digest) == tenant}

"""One-time connect links: whoever opens one and consents at Sage makes its tenant live."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.grants.secret import Secret
from gateway.store.database import Database
from gateway.store.sealing import Seal
from gateway.store.tables import links

LIFE = 86_400.0
PRUNED = 100
"""So many expired links go at most when one is made."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is for. `name` is the tenant's; with `business`, only a consent that reaches it is accepted."""

    digest: bytes
    name: str
    app: str
    business: str | None


class Links:
    """The connect links of one store; only their keyed hashes are kept."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    async def issue(self, name: str, app: str, business: str | None, now: float, life: float = LIFE) -> Secret:
        """A new link's token, 43 characters of a URL's path (`/connect/TOKEN`), good for `life` seconds and one
        consent. Raises StoreFailed."""
        token = secrets.token_urlsafe(32)
        values: dict[str, Any] = {"digest": self._digest(token), "name": name, "app": app, "business": business}
        values |= {"created_at": now, "expires_at": now + life}

        async def work(connection: AsyncConnection) -> None:
            old = select(links.c.digest).where(links.c.expires_at <= now).limit(PRUNED)
            await connection.execute(delete(links).where(links.c.digest.in_(old)))
            present = select(links.c.digest).where(links.c.digest == values["digest"])
            if (await connection.execute(present)).first() is None:
                await connection.execute(insert(links).values(values))

        await self._database.write(work)
        return Secret(token)

    async def find(self, token: str, now: float) -> Link | None:
        """The link with this token, None where it is unknown, used or over. Reading spends nothing."""
        return await self.at(self._digest(token), now)

    async def at(self, digest: bytes, now: float) -> Link | None:
        """The link with this digest, as `find` does."""
        rows = await self._database.read(
            select(links).where(links.c.digest == digest, links.c.used_at.is_(None), links.c.expires_at > now)
        )
        return _link(rows[0]) if rows else None

    async def spend(self, connection: AsyncConnection, digest: bytes, now: float) -> bool:
        """Uses the link up in the transaction that makes its tenant live; False where somebody else was first."""
        spent = update(links).where(links.c.digest == digest, links.c.used_at.is_(None)).values(used_at=now)
        return (await connection.execute(spent)).rowcount == 1

    def _digest(self, token: str) -> bytes:
        return self._seal.digest("connect link", token)


def _link(row: Row[Any]) -> Link:
    return Link(row.digest, row.name, row.app, row.business)

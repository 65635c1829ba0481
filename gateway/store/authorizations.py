"""Browsers on their way to Sage and back: each step is taken once, whichever replica it reaches."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.grants.business import Business
from gateway.grants.secret import Secret
from gateway.store.database import Database
from gateway.store.links import Links
from gateway.store.sealing import Seal
from gateway.store.tables import authorizations

LIFE = 600.0
"""Seconds for the way to Sage and back, and again for the choice of a business."""
PRUNED = 100
"""So many expired ways go at most when one is begun."""
LONGEST = 256
ASKED, REDEEMING, CHOOSING, DONE = "asked", "redeeming", "choosing", "done"

_kept = msgspec.json.Decoder(tuple[str, str | None])
_businesses = msgspec.json.Decoder(tuple[Business, ...])


class PassageOver(Exception):  # noqa: N818 - it says what is the case
    """The way was walked to its end already, or the link it began with has been used."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One browser's way to Sage and back.

    Either an app's `redirect_uri`, with its `client_state` percent-encoded as it goes back (None: none was sent), or
    the digest of a connect `link`. `scope` is what the app may have. `country` is the callback's, in lower case.
    """

    digest: bytes
    app: str
    scope: str
    verifier: Secret
    redirect_uri: str | None = None
    client_state: str | None = field(default=None, repr=False)
    link: bytes | None = None
    grant: int | None = None
    country: str = ""
    businesses: tuple[Business, ...] = ()


class Authorizations:
    """The ways of one store. States and cookies are kept as keyed hashes only; verifiers, the apps' own
    states and businesses sealed."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal
        self._links = Links(database, seal)

    def signed(self, purpose: str, text: str) -> str:
        """A text with its signature: what was not made here is refused without asking the database."""
        return f"{text}.{self._signature(purpose, text)}"

    def genuine(self, purpose: str, signed: str) -> str | None:
        """The text of a signed one, None where the signature is not ours. Takes the same time for each."""
        text, _, signature = signed[:LONGEST].partition(".")
        ours = self._signature(purpose, text)
        return text if hmac.compare_digest(ours.encode(), signature.encode("utf-8", "surrogatepass")) else None

    def _signature(self, purpose: str, text: str) -> str:
        return self._digest(f"{purpose} signature", text).hex()

    async def begin(
        self,
        state: str,
        browser: str,
        *,
        app: str,
        scope: str,
        verifier: Secret,
        now: float,
        redirect_uri: str | None = None,
        client_state: str | None = None,
        link: bytes | None = None,
    ) -> None:
        """Remembers a way for 600 seconds. `state` and `browser` are fresh random texts: what goes to Sage, and what
        the browser's cookie holds. Raises StoreFailed."""
        digest = self._digest("state", state)
        values: dict[str, Any] = {"digest": digest, "stage": ASKED, "app": app, "scope": scope, "link": link}
        values |= {"browser": self._digest("browser", browser), "redirect_uri": redirect_uri}
        values |= {"created_at": now, "expires_at": now + LIFE}
        # The app's state is a secret of its own: it stands between the app's users and forged answers.
        kept = msgspec.json.encode((verifier.reveal(), client_state)).decode()
        values |= {"verifier_ct": self._sealed(kept, "verifier_ct", digest)}

        async def work(connection: AsyncConnection) -> None:
            old = select(authorizations.c.digest).where(authorizations.c.expires_at <= now).limit(PRUNED)
            await connection.execute(delete(authorizations).where(authorizations.c.digest.in_(old)))
            present = select(authorizations.c.digest).where(authorizations.c.digest == digest)
            if (await connection.execute(present)).first() is None:
                await connection.execute(insert(authorizations).values(values))

        await self._database.write(work)

    async def redeem(self, state: str, browser: str, now: float) -> Passage | None:
        """Takes the way back from Sage, once; None where the state is unknown, over, used, or another browser's,
        and then nothing is changed. Raises StoreFailed."""
        own = self._own(state, browser, ASKED, now)
        statement = update(authorizations).where(*own).values(stage=REDEEMING).returning(authorizations)

        async def work(connection: AsyncConnection) -> Passage | None:
            row = (await connection.execute(statement)).first()
            return None if row is None else await self._seal.opening(lambda: self._passage(row))

        return await self._database.write(work)

    async def offer(
        self, passage: Passage, grant: int, country: str, businesses: Iterable[Business], now: float
    ) -> Passage:
        """Remembers, for 600 seconds, what was received and what there is to choose from. Raises PassageOver where
        the way is none any more, and StoreFailed."""
        offered = replace(passage, grant=grant, country=country, businesses=tuple(businesses))
        text = msgspec.json.encode(offered.businesses).decode()
        values = {"stage": CHOOSING, "grant_id": grant, "country": country, "expires_at": now + LIFE}
        values |= {"businesses_ct": self._sealed(text, "businesses_ct", passage.digest)}
        where = (authorizations.c.digest == passage.digest, authorizations.c.stage.in_((REDEEMING, CHOOSING)))

        async def work(connection: AsyncConnection) -> None:
            if (await connection.execute(update(authorizations).where(*where).values(values))).rowcount != 1:
                raise PassageOver

        await self._database.write(work)
        return offered

    async def choice(self, state: str, browser: str, now: float) -> Passage | None:
        """The way whose browser is to choose; None as in `redeem`. Reading changes nothing."""
        rows = await self._database.read(_all().where(*self._own(state, browser, CHOOSING, now)))
        return await self._seal.opening(lambda: self._passage(rows[0])) if rows else None

    def end(self, passage: Passage, now: float) -> Callable[[AsyncConnection], Awaitable[None]]:
        """Ends the way, and uses up its link, as a part of the transaction that makes the tenant live.

        The part raises PassageOver where somebody else has ended it or used the link. A transaction may run twice, so
        what ends a way leaves a mark by which it knows itself.
        """
        mark = secrets.token_hex(16)
        values = {"stage": DONE, "businesses_ct": self._sealed(mark, "businesses_ct", passage.digest)}
        here = authorizations.c.digest == passage.digest

        async def work(connection: AsyncConnection) -> None:
            ended = update(authorizations).where(here, authorizations.c.stage == CHOOSING).values(values)
            if (await connection.execute(ended)).rowcount != 1:
                row = (await connection.execute(_all().where(here, authorizations.c.stage == DONE))).first()
                if row is None:
                    raise PassageOver
                if await self._seal.opening(lambda: self._opened(row, "businesses_ct")) != mark:
                    raise PassageOver
            elif passage.link is not None and not await self._links.spend(connection, passage.link, now):
                raise PassageOver

        return work

    def _own(self, state: str, browser: str, stage: str, now: float) -> tuple[Any, ...]:
        return (
            authorizations.c.digest == self._digest("state", state),
            authorizations.c.browser == self._digest("browser", browser),
            authorizations.c.stage == stage,
            authorizations.c.expires_at > now,
        )

    def _digest(self, purpose: str, text: str) -> bytes:
        return self._seal.digest(f"authorization {purpose}", text)

    def _sealed(self, text: str, column: str, digest: bytes) -> bytes:
        return self._seal.seal(Secret(text), "authorizations", column, digest.hex(), 0)

    def _opened(self, row: Row[Any], column: str) -> str:
        return self._seal.unseal(getattr(row, column), "authorizations", column, row.digest.hex(), 0).reveal()

    def _passage(self, row: Row[Any]) -> Passage:
        listed = _businesses.decode(self._opened(row, "businesses_ct")) if row.businesses_ct is not None else ()
        verifier, client_state = _kept.decode(self._opened(row, "verifier_ct"))
        return Passage(
            digest=row.digest,
            app=row.app,
            scope=row.scope,
            verifier=Secret(verifier),
            redirect_uri=row.redirect_uri,
            client_state=client_state,
            link=row.link,
            grant=row.grant_id,
            country=row.country or "",
            businesses=listed,
        )


def _all() -> Select[Any]:
    return select(authorizations)

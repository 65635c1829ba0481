"""Opening the store: the right schema, the right key, then its parts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from gateway.store.authorizations import Authorizations
from gateway.store.codes import Codes
from gateway.store.consents import Consents
from gateway.store.database import Database
from gateway.store.erasure import Erasure
from gateway.store.failures import SchemaOld, naming
from gateway.store.grants import Grants
from gateway.store.id_pairs import IdPairs
from gateway.store.imports import Imports
from gateway.store.issued_tokens import IssuedTokens
from gateway.store.kept_fields import KeptFields
from gateway.store.keyring import Keyring, OperatorKeys, open_keyring
from gateway.store.links import Links
from gateway.store.marker import Identity
from gateway.store.reseal import StoreKeys
from gateway.store.schema import bring_up_to_date, is_old
from gateway.store.sealing import Seal
from gateway.store.spool import Spool, open_spools
from gateway.store.tables import meta
from gateway.store.tenant_rows import TenantRows
from gateway.store.tenants import Tenants


class Store:
    """What the gateway remembers. Every failure of it is a StoreFailed."""

    ids: IdPairs
    grants: Grants
    tenants: Tenants
    kept: KeptFields
    consents: Consents
    rows: TenantRows
    erasure: Erasure
    imports: Imports
    authorizations: Authorizations
    links: Links
    codes: Codes
    tokens: IssuedTokens

    keys: StoreKeys
    identity: Identity

    def __init__(self, database: Database, seal: Seal, keyring: Keyring) -> None:
        self._database = database
        self._seal = seal
        self.keys = StoreKeys(database, seal, keyring)
        self.identity = Identity(database, seal.cluster)
        self.cluster = seal.cluster
        """A random name made with the store: copies share it."""
        self.ids = IdPairs(database)
        self.grants = Grants(database, seal)
        self.tenants = Tenants(database, seal, self.grants)
        self.kept = KeptFields(database, seal)
        self.consents = Consents(database, self.grants)
        self.rows = TenantRows(database)
        self.erasure = Erasure(database, self.grants)
        self.imports = Imports(database, seal, self.grants)
        self.authorizations = Authorizations(database, seal)
        self.codes = Codes(database, seal)
        self.tokens = IssuedTokens(database, seal)
        self.links = Links(database, seal)

    @classmethod
    async def open(cls, url: str, key: bytes, *, former: Sequence[bytes] = (), migrate: bool | None = None) -> Store:
        """Opens `sqlite:///PATH` or `postgresql://…` with the 32-byte key that its secrets are sealed under, or with
        a `former` one, until `keys.rotate` has run.

        `migrate`: bring an old schema up to date; None does so on SQLite only.
        Raises SchemaOld where the schema is old and may not be migrated, KeyWrong for a key that does not
        fit, StoreFailed for all else.
        """
        operator = OperatorKeys(key, former)
        database = Database(url)
        try:
            with naming(database.place):
                if await is_old(database):
                    if not (database.embedded if migrate is None else migrate):
                        raise SchemaOld(
                            "The store's schema is old: run `sage-gateway store migrate`, then start again."
                        )
                    await bring_up_to_date(database)
                return cls(database, *await open_keyring(database, operator, time.time()))
        except BaseException:
            await database.close()
            raise

    async def take_spools(self, path: Path, now: float) -> Spool:
        """This process's spool, once all that was left behind there is in the store.

        Raises StoreFailed, KeyWrong where a record does not open.
        """
        own, *others = open_spools(path, self._seal)
        try:
            for spool in (own, *others):
                for left in spool.left_behind():
                    await self.grants.save_refreshed(left.new, left.attempt, now)
                    await spool.clear(left.attempt)
        except BaseException:
            own.close()
            raise
        finally:
            for spool in others:
                spool.close()
        return own

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose, the same as long as the store lives."""
        return self._seal.derive(purpose)

    async def ready(self) -> None:
        """Raises StoreFailed where the store cannot be read."""
        await self._database.read(select(meta.c.value).where(meta.c.name == "cluster_id"))

    async def close(self) -> None:
        """Closes all connections."""
        await self._database.close()


async def migrate(url: str) -> None:
    """Brings the schema of the store at `url` up to date; does nothing where it is. Raises StoreFailed."""
    database = Database(url)
    try:
        with naming(database.place):
            await bring_up_to_date(database)
    finally:
        await database.close()

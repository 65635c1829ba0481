"""The store's own keys, each wrapped by the operator's: so a new operator's key needs nothing sealed anew."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.database import Database
from gateway.store.failures import KeyWrong
from gateway.store.sealing import DIGEST_KEY, FORM, HEAD, KEY_BYTES, Keys, Seal, decrypt, encrypt
from gateway.store.tables import meta, sealing_keys

LOCK = 0x5A6E_0003
"""PostgreSQL's advisory lock that lets one process change the keys at a time."""
FIRST_KEY = 1
DATA, DIGEST, RETIRED = "data", "digest", "retired"
"""What a key is for; a retired one seals no more and still opens."""
ANY = bytes(4)
"""The fingerprint in wraps of gateways that wrote none."""


class OperatorKeys:
    """The operator's keys of 32 bytes: the present one wraps, it and the former ones unwrap.

    A wrap names its key by a fingerprint. Raises KeyWrong for a key of another length.
    """

    def __init__(self, present: bytes, former: Sequence[bytes] = ()) -> None:
        if any(len(key) != KEY_BYTES for key in (present, *former)):
            raise KeyWrong("The store's key must be 32 bytes.")
        self._present = present
        self._all = (present, *former)

    @property
    def fingerprint(self) -> bytes:
        """Four bytes that name the present key, and tell nothing of it."""
        return fingerprint(self._present)

    def wrap(self, key: bytes, place: str) -> bytes:
        """A key of the store, for its place in the store."""
        return encrypt(self._present, self.fingerprint, key, place)

    def unwrap(self, blob: bytes, place: str) -> bytes:
        """The key in a wrap; raises KeyWrong."""
        named = wrapped_by(blob)
        for key in self._all:
            if named in (ANY, fingerprint(key)):
                try:
                    return decrypt(key, blob, place)
                except KeyWrong:
                    continue
        other = "" if named == ANY else f" (that of fingerprint {named.hex()})"
        raise KeyWrong(
            f"The store was sealed with another key than store.key{other}: set that one, as store.old_key where "
            "store.key is its successor."
        )


def fingerprint(key: bytes) -> bytes:
    """Four bytes that name an operator's key."""
    return hmac.digest(key, b"sage-gateway operator key", hashlib.sha256)[:4]


def wrapped_by(blob: bytes) -> bytes:
    """The fingerprint of the key that made a wrap."""
    return blob[len(FORM) : HEAD]


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What is known of a key of the store without opening it. Times are seconds since 1970; `wrapped_by` is the
    fingerprint of the operator's key in hexadecimal, empty where the wrap names none."""

    id: int
    purpose: str
    wrapped_by: str
    made: float | None
    retired: float | None


class Keyring:
    """The wrapped keys of one store, opened by the operator's keys. Every method may raise StoreFailed."""

    def __init__(self, database: Database, operator: OperatorKeys, cluster: str) -> None:
        self._database = database
        self._operator = operator
        self._cluster = cluster

    @property
    def fingerprint(self) -> str:
        """The present operator's key, as `KeyFacts.wrapped_by` names it."""
        return self._operator.fingerprint.hex()

    async def load(self) -> Keys:
        """The keys that open with the operator's keys of this process: perhaps not all that were made since."""
        found = {}
        for row in await self._database.read(select(sealing_keys)):
            try:
                found[row.id] = self._operator.unwrap(row.wrapped, self._place(row.id))
            except KeyWrong:
                continue
        return found

    async def facts(self) -> list[KeyFacts]:
        """All keys, the oldest first."""
        known = select(meta.c.name, meta.c.value).where(meta.c.name.startswith("key_", autoescape=True))
        times = {row.name: float(row.value) for row in await self._database.read(known)}
        return [
            KeyFacts(
                id=row.id,
                purpose=row.purpose,
                wrapped_by="" if wrapped_by(row.wrapped) == ANY else wrapped_by(row.wrapped).hex(),
                made=times.get(_made(row.id)),
                retired=times.get(_retired(row.id)),
            )
            for row in await self._database.read(select(sealing_keys).order_by(sealing_keys.c.id))
        ]

    async def renew(self, now: float) -> bool:
        """Wraps every key under the present operator's key, and makes a new data key, which seals from now on.

        False: there is one already whose forerunner is not retired, so an earlier rotation is to be finished first.
        """
        fresh = os.urandom(KEY_BYTES)

        async def work(connection: AsyncConnection) -> bool:
            await self._database.one_at_a_time(connection, LOCK)
            rows = (await connection.execute(select(sealing_keys))).all()
            for row in rows:
                wrapped = self._operator.wrap(
                    self._operator.unwrap(row.wrapped, self._place(row.id)), self._place(row.id)
                )
                await connection.execute(
                    update(sealing_keys).where(sealing_keys.c.id == row.id).values(wrapped=wrapped)
                )
            if sum(row.purpose == DATA for row in rows) > 1:
                return False
            new = max(row.id for row in rows) + 1
            values = {"id": new, "purpose": DATA, "wrapped": self._operator.wrap(fresh, self._place(new))}
            await connection.execute(sealing_keys.insert().values(values))
            await connection.execute(meta.insert().values(name=_made(new), value=str(now)))
            return True

        return await self._database.write(work)

    async def retire(self, connection: AsyncConnection, key_id: int, now: float) -> None:
        """Lets a key seal no more, for whoever learns the keys; it opens as before."""
        changed = (
            update(sealing_keys)
            .where(sealing_keys.c.id == key_id, sealing_keys.c.purpose == DATA)
            .values(purpose=RETIRED)
        )
        if (await connection.execute(changed)).rowcount:
            await connection.execute(meta.insert().values(name=_retired(key_id), value=str(now)))

    async def destroy(self, connection: AsyncConnection, key_id: int) -> None:
        """Forgets a retired key."""
        gone = delete(sealing_keys).where(sealing_keys.c.id == key_id, sealing_keys.c.purpose == RETIRED)
        if (await connection.execute(gone)).rowcount:
            await connection.execute(delete(meta).where(meta.c.name.in_((_made(key_id), _retired(key_id)))))

    def _place(self, key_id: int) -> str:
        return _place(self._cluster, key_id)


async def open_keyring(database: Database, operator: OperatorKeys, now: float) -> tuple[Seal, Keyring]:
    """The store's seal and its keys, made on first use. Raises KeyWrong for an operator's key that is not this
    store's."""

    async def work(connection: AsyncConnection) -> tuple[str, dict[int, bytes]]:
        insert = sqlite.insert if database.embedded else postgresql.insert
        named = {"name": "cluster_id", "value": os.urandom(16).hex()}
        await connection.execute(insert(meta).values(named).on_conflict_do_nothing())
        cluster = (await connection.execute(select(meta.c.value).where(meta.c.name == "cluster_id"))).scalar_one()
        if not await _wrapped(connection):
            for key_id, purpose in ((FIRST_KEY, DATA), (DIGEST_KEY, DIGEST)):
                wrapped = operator.wrap(os.urandom(KEY_BYTES), _place(cluster, key_id))
                row = {"id": key_id, "purpose": purpose, "wrapped": wrapped}
                await connection.execute(insert(sealing_keys).values(row).on_conflict_do_nothing())
                made = {"name": _made(key_id), "value": str(now)}
                await connection.execute(insert(meta).values(made).on_conflict_do_nothing())
        return cluster, await _wrapped(connection)

    cluster, wrapped = await database.write(work)
    keyring = Keyring(database, operator, cluster)
    keys = {key_id: operator.unwrap(blob, _place(cluster, key_id)) for key_id, blob in wrapped.items()}
    return Seal(cluster, keys, keyring.load), keyring


async def _wrapped(connection: AsyncConnection) -> dict[int, bytes]:
    rows = await connection.execute(select(sealing_keys.c.id, sealing_keys.c.wrapped))
    return {row.id: row.wrapped for row in rows}


def _place(cluster: str, key_id: int) -> str:
    return f"{cluster}|sealing_keys|{key_id}"


def _made(key_id: int) -> str:
    return f"key_{key_id}_made"


def _retired(key_id: int) -> str:
    return f"key_{key_id}_retired"

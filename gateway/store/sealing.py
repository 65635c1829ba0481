"""Secrets at rest (reliability.md §6): sealed with AES-256-GCM, or kept only as a keyed hash.

The operator's key wraps two random keys kept in the store, so it can be changed without sealing all anew.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.grants.secret import Secret
from gateway.store.database import Database
from gateway.store.failures import KeyWrong
from gateway.store.tables import meta, sealing_keys

KEY_BYTES = 32
NONCE_BYTES = 12
FORM = b"\x01"
"""The first byte of every blob; then four bytes of key id, the nonce, and the ciphertext with its tag."""
HEAD = len(FORM) + 4
DATA_KEY, DIGEST_KEY = 1, 2
PURPOSES = {DATA_KEY: "data", DIGEST_KEY: "digest"}


def _seal(key: bytes, key_id: int, text: bytes, place: str) -> bytes:
    head = FORM + key_id.to_bytes(4)
    nonce = os.urandom(NONCE_BYTES)
    return head + nonce + AESGCM(key).encrypt(nonce, text, head + place.encode())


def _unseal(key: bytes, blob: bytes, place: str) -> bytes:
    head, nonce, sealed = blob[:HEAD], blob[HEAD : HEAD + NONCE_BYTES], blob[HEAD + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, sealed, head + place.encode())
    except (InvalidTag, ValueError):
        raise KeyWrong("A stored secret does not open with this key, or is not where it was written.") from None


class Seal:
    """Seals and opens secrets of one store, and hashes legacy tokens.

    A blob opens only in the store, table, column, row and generation that it was written for.
    """

    def __init__(self, cluster: str, keys: dict[int, bytes]) -> None:
        self.cluster = cluster
        self._keys = keys

    def _place(self, table: str, column: str, row: int | str, generation: int) -> str:
        return f"{self.cluster}|{table}|{column}|{row}|{generation}"

    def seal(self, secret: Secret, table: str, column: str, row: int | str, generation: int) -> bytes:
        """The blob to store."""
        text = secret.reveal().encode("utf-8", "surrogatepass")
        return _seal(self._keys[DATA_KEY], DATA_KEY, text, self._place(table, column, row, generation))

    def unseal(self, blob: bytes, table: str, column: str, row: int | str, generation: int) -> Secret:
        """The secret in a blob; raises KeyWrong where it does not open here."""
        key = self._keys.get(int.from_bytes(blob[len(FORM) : HEAD])) if blob[: len(FORM)] == FORM else None
        if key is None:
            raise KeyWrong("A stored secret was sealed with a key that this store does not have.")
        text = _unseal(key, blob, self._place(table, column, row, generation))
        return Secret(text.decode("utf-8", "surrogatepass"))

    def digest(self, purpose: str, token: str) -> bytes:
        """HMAC-SHA256 of a token under the store's own key: equal tokens of one purpose, equal digests."""
        message = f"{purpose}|".encode() + token.encode("utf-8", "surrogatepass")
        return hmac.digest(self._keys[DIGEST_KEY], message, hashlib.sha256)


async def open_seal(database: Database, key: bytes) -> Seal:
    """The store's seal, made on first use. Raises KeyWrong for a key not of 32 bytes or not this store's."""
    if len(key) != KEY_BYTES:
        raise KeyWrong("The store's key must be 32 bytes.")

    async def work(connection: AsyncConnection) -> tuple[str, dict[int, bytes]]:
        insert = sqlite.insert if database.embedded else postgresql.insert
        named = {"name": "cluster_id", "value": os.urandom(16).hex()}
        await connection.execute(insert(meta).values(named).on_conflict_do_nothing())
        cluster = (await connection.execute(select(meta.c.value).where(meta.c.name == "cluster_id"))).scalar_one()
        found = await _wrapped(connection)
        for key_id, purpose in PURPOSES.items():
            if key_id not in found:
                wrapped = _seal(key, 0, os.urandom(KEY_BYTES), f"{cluster}|sealing_keys|{key_id}")
                row = {"id": key_id, "purpose": purpose, "wrapped": wrapped}
                await connection.execute(insert(sealing_keys).values(row).on_conflict_do_nothing())
        return cluster, await _wrapped(connection)

    cluster, wrapped = await database.write(work)
    return Seal(cluster, {i: _unseal(key, blob, f"{cluster}|sealing_keys|{i}") for i, blob in wrapped.items()})


async def _wrapped(connection: AsyncConnection) -> dict[int, bytes]:
    rows = await connection.execute(select(sealing_keys.c.id, sealing_keys.c.wrapped))
    return {row.id: row.wrapped for row in rows}

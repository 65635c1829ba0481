"""Secrets at rest (reliability.md §6): sealed with AES-256-GCM, or kept only as a keyed hash."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.grants.secret import Secret
from gateway.store.failures import KeyWrong

T = TypeVar("T")

KEY_BYTES = 32
NONCE_BYTES = 12
FORM = b"\x01"
"""The first byte of every blob; then four bytes of key id, the nonce, and the ciphertext with its tag."""
HEAD = len(FORM) + 4
DIGEST_KEY = 2
"""The id of the key of hashes, and of all that must never change; every other key seals, or did."""
REST = 5.0
"""Seconds without another look for a key that the last look did not find."""

Keys = Mapping[int, bytes]
"""A store's keys by their ids."""


class UnknownKey(KeyWrong):
    """A blob was sealed under a key that this process does not know: one made since it looked, perhaps."""

    def __init__(self, key_id: int) -> None:
        super().__init__("A stored secret was sealed with a key that this store does not have.")
        self.key_id = key_id


def encrypt(key: bytes, key_id: bytes, text: bytes, place: str) -> bytes:
    """A blob that opens only with the key and for the place; `key_id` is four bytes."""
    head = FORM + key_id
    nonce = os.urandom(NONCE_BYTES)
    return head + nonce + AESGCM(key).encrypt(nonce, text, head + place.encode())


def decrypt(key: bytes, blob: bytes, place: str) -> bytes:
    """What is in a blob; raises KeyWrong."""
    head, nonce, sealed = blob[:HEAD], blob[HEAD : HEAD + NONCE_BYTES], blob[HEAD + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, sealed, head + place.encode())
    except (InvalidTag, ValueError):
        raise KeyWrong("A stored secret does not open with this key, or is not where it was written.") from None


def head_of(key_id: int) -> bytes:
    """How every blob begins that was sealed under a key."""
    return FORM + key_id.to_bytes(4)


def key_of(blob: bytes) -> int:
    """The id of the key that a blob was sealed under."""
    return int.from_bytes(blob[len(FORM) : HEAD])


class Seal:
    """Seals and opens secrets of one store, and hashes legacy tokens.

    A blob opens only in the store, table, column, row and generation that it was written for. The newest key seals,
    all open. `reload` gives the keys as the store has them now; `clock` is seconds of any beginning.
    """

    def __init__(
        self,
        cluster: str,
        keys: Keys,
        reload: Callable[[], Awaitable[Keys]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cluster = cluster
        self._digest_key = keys[DIGEST_KEY]
        self._keys: dict[int, bytes] = {}
        self._reload = reload
        self._clock = clock
        self._learning = asyncio.Lock()
        self._rest_until = clock()
        self._take(keys)

    @property
    def newest(self) -> int:
        """The id of the key that seals."""
        return self._newest

    def seal(self, secret: Secret, table: str, column: str, row: int | str, generation: int) -> bytes:
        """The blob to store."""
        text = secret.reveal().encode("utf-8", "surrogatepass")
        place = self._place(table, column, row, generation)
        return encrypt(self._keys[self._newest], self._newest.to_bytes(4), text, place)

    def unseal(self, blob: bytes, table: str, column: str, row: int | str, generation: int) -> Secret:
        """The secret in a blob; raises KeyWrong where it does not open here, UnknownKey (see `opening`) among them."""
        if blob[: len(FORM)] != FORM or len(blob) < HEAD:
            raise KeyWrong("A stored secret is not in the form that this gateway writes.")
        key_id = key_of(blob)
        if key_id not in self._keys:
            raise UnknownKey(key_id)
        text = decrypt(self._keys[key_id], blob, self._place(table, column, row, generation))
        return Secret(text.decode("utf-8", "surrogatepass"))

    async def opening(self, work: Callable[[], T]) -> T:
        """What `work` gives, which unseals: run once more where it meets a key that was made since this process
        looked (`keys rotate` runs beside it). Raises KeyWrong, and StoreFailed where the store cannot be read."""
        try:
            return work()
        except UnknownKey as unknown:
            await self._learn(unknown.key_id)
            return work()

    async def refresh(self) -> None:
        """Learns the keys as the store has them now. Raises StoreFailed."""
        if self._reload is not None:
            self._take(await self._reload())

    def digest(self, purpose: str, token: str) -> bytes:
        """HMAC-SHA256 of a token under the store's own key: equal tokens of one purpose, equal digests."""
        message = f"{purpose}|".encode() + token.encode("utf-8", "surrogatepass")
        return hmac.digest(self._digest_key, message, hashlib.sha256)

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose, the same as long as the store lives: no rotation changes it."""
        return self.digest("derive", purpose)

    def _place(self, table: str, column: str, row: int | str, generation: int) -> str:
        return f"{self.cluster}|{table}|{column}|{row}|{generation}"

    def _take(self, keys: Keys) -> None:
        self._keys |= {key_id: key for key_id, key in keys.items() if key_id != DIGEST_KEY}
        self._newest = max(self._keys)

    async def _learn(self, key_id: int) -> None:
        async with self._learning:
            if key_id in self._keys or self._clock() < self._rest_until:
                return
            await self.refresh()
            if key_id not in self._keys:
                self._rest_until = self._clock() + REST

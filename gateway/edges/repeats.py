"""Writes that a client sends again, with the same nonce and the same bytes, get their first answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec
from cachetools import TTLCache

from gateway.grants.tenant import Tenant
from gateway.messages import V2Request, V2Response

SECONDS = 24 * 3600.0
"""How long a reply is remembered; v3.1 itself knows a write's id for 7 days (v31.md §9)."""
MEMORY = 8 * 1024 * 1024
"""Bytes of replies that are remembered in all."""
REPLAYED = ("Idempotent-Replayed", "true")


class Repeats:
    """The successful replies to writes with a nonce, in this process.

    A plan may not be run twice: its own checks would refuse a line that is gone, or a lock version that the first
    call has made stale. `clock` gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._replies: TTLCache[bytes, bytes] = TTLCache(MEMORY, SECONDS, timer=clock, getsizeof=len)

    def key(self, tenant: Tenant, nonce: str | None, call: V2Request) -> bytes | None:
        """What a call and its repetition have in common; None where they could not be told from others."""
        if nonce is None or call.method == "GET":
            return None
        mark = hashlib.sha256()
        for part in (str(tenant.id), tenant.app, tenant.business, nonce, call.method, call.target):
            text = part.encode("utf-8", "surrogatepass")
            mark.update(len(text).to_bytes(4, "big") + text)
        mark.update(call.body)
        return mark.digest()

    def first(self, key: bytes) -> V2Response | None:
        """The first reply to this call, marked as given again; None where it is the first."""
        kept = self._replies.get(key)
        if kept is None:
            return None
        status, headers, body = msgspec.json.decode(kept)
        pairs = tuple((name, value) for name, value in headers)
        return V2Response(status, body, (*pairs, REPLAYED))

    def keep(self, key: bytes, reply: V2Response) -> None:
        """Remember a reply that says that something was done."""
        if reply.status >= 400 or isinstance(reply.body, bytes):
            return
        made = msgspec.json.encode((reply.status, reply.headers, reply.body))
        if len(made) <= MEMORY:
            self._replies[key] = made

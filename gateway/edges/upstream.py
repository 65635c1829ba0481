"""v3.1, for anybody: who may be reached how, and which bytes a write is."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import ssl
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import TypeAlias
from urllib.parse import quote

from cachetools import TTLCache
from yarl import URL

from gateway.edges.limits import Turns
from gateway.edges.retry import Kind
from gateway.edges.sending import AccessTokens, Alarm, Fate, Letter, Sending, UpstreamLimits
from gateway.errors import BadCall, TableWrong
from gateway.grants.tenant import Tenant
from gateway.messages import Pairs, V2Request, V3Request, V3Response
from gateway.translate.headers import outbound
from gateway.translate.idempotent import derived_id, listed, tenant_key, with_id, write_body

MEMORY = 32 * 1024 * 1024
"""Bytes of sent writes that are remembered in all."""
MEMORY_SECONDS = 24 * 3600.0
"""How long a sent write is remembered: far less than the 7 days that v3.1 keeps an id (v31.md §9)."""

LONGEST_QUERY = 7000
"""Characters of a request's query: servers commonly refuse a request line of more than 8,000."""

Written: TypeAlias = tuple[str, ...]
Remembered: TypeAlias = tuple[bytes, Fate]

_PATH = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")
_UNSCOPED = frozenset({"user", "businesses"})
_SAFE = "-._~,:"
_PLAIN = re.compile(r"[A-Za-z0-9._~,:-]*")


class Upstream:
    """v3.1 behind one base URL, for every tenant; one of these a process.

    `key` is the secret from which idempotency ids are derived; `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        api: str,
        tokens: AccessTokens,
        *,
        key: bytes,
        limits: UpstreamLimits | None = None,
        via: str = "1.1 sage-gateway",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random_nonce: Callable[[], str] = lambda: secrets.token_hex(16),
        on_alarm: Alarm = lambda _code, _tenant: None,
        tls: ssl.SSLContext | bool = True,
    ) -> None:
        base = URL(api.rstrip("/"))
        self._path = base.raw_path.rstrip("/")
        self.via = via
        self.key = key
        self.random_nonce = random_nonce
        self.sending = Sending(
            tokens, base.origin(), limits or UpstreamLimits(), clock=clock, sleep=sleep, on_alarm=on_alarm, tls=tls
        )
        self.turns = Turns()
        self.sent: TTLCache[Written, Remembered] = TTLCache(
            MEMORY, MEMORY_SECONDS, timer=clock, getsizeof=lambda remembered: len(remembered[0])
        )

    def bind(self, tenant: Tenant, call: V2Request, nonce: str | None) -> BoundUpstream:
        """v3.1 for one call of one tenant. `nonce` is the client's; without one, nothing is remembered."""
        return BoundUpstream(self, tenant, call, nonce)

    async def close(self) -> None:
        """Close all connections."""
        await self.sending.close()

    def target(self, path: str, query: Pairs) -> str:
        """The path and query of a request, as they are sent.

        Raises TableWrong for a path of anything but route words and plain ids, and BadCall for parameters that no URL
        can hold.
        """
        if not _PATH.fullmatch(path):
            raise TableWrong("a request's path holds more than route words and ids")
        asked = _query(query)
        if len(asked) > LONGEST_QUERY:
            raise BadCall("The parameters are too long to be searched for.")
        return f"{self._path}{path}?{asked}" if asked else f"{self._path}{path}"


def _query(pairs: Pairs) -> str:
    if _PLAIN.fullmatch("".join(map("".join, pairs))):  # as most are: one look at all of it
        return "&".join(map("=".join, pairs))
    try:
        return "&".join(f"{quote(name, safe=_SAFE)}={quote(value, safe=_SAFE)}" for name, value in pairs)
    except UnicodeEncodeError:
        raise BadCall("A parameter holds half a character (a lone surrogate).") from None


class BoundUpstream:
    """v3.1 for one call of one tenant: the port that `gateway.exchange` needs."""

    def __init__(self, upstream: Upstream, tenant: Tenant, call: V2Request, nonce: str | None) -> None:
        self._upstream = upstream
        self._tenant = tenant
        self._call = call
        self._given = nonce
        self._places: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._writes: defaultdict[tuple[str, str, bytes], int] = defaultdict(int)

    @cached_property
    def _nonce(self) -> str:
        return self._given or self._upstream.random_nonce()

    async def send(self, request: V3Request) -> V3Response:
        """The answer to a request, whatever it says below 500.

        A listed write carries an `idempotency_id`; a repeated call sends the bytes that the first one sent.
        Raises UpstreamFailed, UpstreamLate, Throttled, NeedsConsent, StoreFailed or TableWrong.
        """
        if not listed(request.method, request.path):
            kind = Kind.READ if request.method == "GET" else Kind.OTHER
            body = None if request.body is None else write_body(request.body)
            return await self._deliver(request, kind, body, Fate())
        place = self._place(request)
        # The same call may come twice at once; v3.1 does not say what two equal ids at one time do.
        async with self._upstream.turns.of("\0".join(place)):
            body, fate = self._written(request, place)
            if self._given and len(body) <= MEMORY:
                self._upstream.sent[place] = body, fate
            answer = await self._deliver(request, Kind.LISTED, body, fate)
            if answer.status >= 400:
                # Nothing was changed, else this would have been raised: the call may be repeated once that is mended.
                self._upstream.sent.pop(place, None)
            return answer

    def _place(self, request: V3Request) -> Written:
        """Which write of which call this is, the same for a call and its repetition."""
        self._places[request.method, request.path] += 1
        call = self._call
        return (
            str(self._tenant.id),
            self._tenant.app,
            self._tenant.business,
            self._nonce,
            call.method,
            call.target,
            hashlib.sha256(call.body).hexdigest(),
            request.method,
            request.path,
            str(self._places[request.method, request.path]),
        )

    def _written(self, request: V3Request, place: Written) -> Remembered:
        if self._given and (sent := self._upstream.sent.get(place)) is not None:
            return sent
        body = request.body or {}
        bare = write_body(body)
        nth = self._writes[request.method, request.path, bare]
        self._writes[request.method, request.path, bare] += 1
        tenant = self._tenant
        key = tenant_key(self._upstream.key, tenant.app, tenant.business)
        name = derived_id(key, tenant.business, request.method, request.path, self._nonce, bare, nth)
        return write_body(with_id(body, name)), Fate()

    def _deliver(self, request: V3Request, kind: Kind, body: bytes | None, fate: Fate) -> Awaitable[V3Response]:
        upstream = self._upstream
        target = upstream.target(request.path, request.query)
        scoped = request.path.split("/", 2)[1] not in _UNSCOPED
        business = self._tenant.business if scoped else None

        def headers(token: str) -> Mapping[str, str]:
            return outbound(request, token=token, business=business, via=upstream.via)

        letter = Letter(kind, request.method, target, body, request.accept, business, headers, fate, request.rows)
        return upstream.sending.deliver(self._tenant, letter)

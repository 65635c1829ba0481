"""Sends one prepared request to v3.1 and brings back its answer, re-sending it where that is safe."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from msgspec import Struct
from multidict import CIMultiDictProxy
from yarl import URL

from gateway.edges.answers import Trouble, read_answer, speaks_of_token
from gateway.edges.connections import Unsent
from gateway.edges.retry import Failure, Kind, Resend, Tried, decide_retry
from gateway.edges.wire import TooLarge, Wire
from gateway.errors import GatewayError, Throttled, UpstreamLate
from gateway.grants.tenant import Tenant
from gateway.messages import Pairs, V3Response


class AccessTokens(Protocol):
    """Where access tokens come from."""

    async def token(self, tenant: Tenant) -> str:
        """A token that lives. Raises NeedsConsent, UpstreamFailed or StoreFailed."""

    async def stale(self, tenant: Tenant, token: str) -> str:
        """Another token than this one, which v3.1 has refused. Raises like `token`."""


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """Limits on talking to v3.1 (reliability.md §3.5): times in seconds, sizes in bytes."""

    connect: float = 3.0
    """DNS, connect and TLS together."""
    total: float = 60.0
    """One attempt; no attempt but the second one of a listed write begins later than this after the first."""
    queue: float = 5.0
    body: int = 32 * 1024 * 1024
    """An answer's body, inflated."""
    in_flight: int = 150
    """Requests of one app at a time (v31.md §11)."""
    idle: float = 15.0
    """How long an unused connection is kept: the shorter, the rarer a write meets one just closed."""


@dataclass(slots=True)
class Fate:
    """What is known of one write, over all its attempts, those of the calls that it repeats among them."""

    may_be_done: bool = False
    """It was executed, or the answer to an attempt was lost: no later refusal says that nothing has changed."""


class Letter(Struct, frozen=True):
    """A request as it goes over the wire, all but its token; sent again, it is the same bytes."""

    kind: Kind
    method: str
    target: str
    """Path and query, as they are sent."""
    body: bytes | None
    accept: str
    business: str | None
    """The business that the answer must be about, if it names one; None for `/user` and `/businesses`."""
    headers: Callable[[str], Mapping[str, str]]
    """The header fields, given the access token."""
    fate: Fate
    rows: type[Struct] | None = None
    """The type of a list's rows (`V3Request.rows`)."""


_UNTRIED = Tried()

Alarm = Callable[[str, Tenant], None]
"""Told of what a person must look at: a fixed code (`wrong_business`) and the tenant it happened to."""


class Sending:
    """The pooled connections to v3.1, and the rules of sending over them."""

    def __init__(
        self,
        tokens: AccessTokens,
        origin: URL,
        limits: UpstreamLimits,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        on_alarm: Alarm,
        tls: ssl.SSLContext | bool = True,
    ) -> None:
        self._tokens = tokens
        self._origin = origin
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._on_alarm = on_alarm
        self._tls = tls
        self._wire: Wire | None = None
        self._slots: dict[str, asyncio.Semaphore] = {}

    async def close(self) -> None:
        """Close all connections."""
        if self._wire is not None:
            await self._wire.close()

    async def deliver(self, tenant: Tenant, letter: Letter) -> V3Response:
        """The answer to a letter, whatever it says below 500.

        Raises UpstreamFailed, UpstreamLate or Throttled where there is none, and what the tokens raise; UpstreamFailed
        too where a write is refused that may be done already.
        """
        token = await self._tokens.token(tenant)
        began, tried = self._clock(), _UNTRIED
        while True:
            answer, trouble = await self._outcome(tenant, letter, token)
            if trouble is None and (answer is None or not speaks_of_token(answer)):
                break
            failure = Failure.STALE_TOKEN if trouble is None else trouble.failure
            in_time = self._clock() - began < self._limits.total
            decision = decide_retry(letter.kind, failure, tried, in_time=in_time)
            tried = tried.and_then(failure)
            letter.fate.may_be_done |= letter.kind is not Kind.READ and tried.doubtful > 0
            if not isinstance(decision, Resend):
                break
            if failure is Failure.STALE_TOKEN:
                token = await self._another(tenant, letter, token)
            else:
                await self._sleep(decision.wait)
        if answer is not None and answer.status >= 400 and letter.fate.may_be_done:
            trouble = Trouble(Failure.FINAL, f"Sage refuses a write that may be done already (status {answer.status}).")
        if trouble is not None:
            raise trouble.error(doubtful=letter.fate.may_be_done) from None
        assert answer is not None  # noqa: S101 -- either there is an answer or trouble
        letter.fate.may_be_done |= letter.kind is not Kind.READ and answer.status < 400
        return answer

    async def _another(self, tenant: Tenant, letter: Letter, token: str) -> str:
        """Another token than the refused one; that there is none does not hide what may be done."""
        try:
            return await self._tokens.stale(tenant, token)
        except GatewayError as error:
            if letter.fate.may_be_done:
                raise Trouble(Failure.FINAL, str(error)).error(doubtful=True) from error
            raise

    async def _outcome(self, tenant: Tenant, letter: Letter, token: str) -> tuple[V3Response | None, Trouble | None]:
        slots = self._slots.get(tenant.app)
        if slots is None:
            slots = self._slots[tenant.app] = asyncio.Semaphore(self._limits.in_flight)
        try:
            await (self._wait(slots) if slots.locked() else slots.acquire())
            try:
                return await self._attempt(tenant, letter, token), None
            finally:
                slots.release()
        except Trouble as trouble:
            return None, trouble

    async def _wait(self, slots: asyncio.Semaphore) -> None:
        """Take one of an app's slots when one is free. Raises Trouble where none became free in time."""
        try:
            async with asyncio.timeout(self._limits.queue):
                await slots.acquire()
        except TimeoutError:
            wait = max(1, round(self._limits.queue))
            raise Trouble(
                Failure.FINAL,
                "Too many requests of this app to Sage at once; try again later.",
                lambda message: Throttled(message, wait),
            ) from None

    async def _attempt(self, tenant: Tenant, letter: Letter, token: str) -> V3Response:
        def heed(headers: CIMultiDictProxy[str]) -> None:
            self._check_business(tenant, letter, headers)

        try:
            headers = letter.headers(token)
            status, answered, raw = await self._open().ask(letter.method, letter.target, headers, letter.body, heed)
        except Unsent as unsent:
            raise Trouble(Failure.NEVER_SENT, f"Sage cannot be reached ({unsent}).") from None
        except TooLarge:
            raise Trouble(Failure.UNUSABLE, "Sage's answer is too large.") from None
        except (aiohttp.ClientError, OSError, EOFError) as error:
            raise _trouble(error) from None
        pairs: Pairs = tuple(answered.items())
        empty = letter.method == "DELETE"
        return read_answer(status, pairs, raw, accept=letter.accept, empty=empty, rows=letter.rows)

    def _check_business(self, tenant: Tenant, letter: Letter, headers: CIMultiDictProxy[str]) -> None:
        wanted = letter.business
        if wanted is None:
            return
        for named in headers.getall("X-Business", ()):
            if named != wanted and _same(named) != _same(wanted):
                self._on_alarm("wrong_business", tenant)
                raise Trouble(Failure.UNUSABLE, "Sage answered for another business; its answer is not used.")

    def _open(self) -> Wire:
        if self._wire is None:
            limits = self._limits
            self._wire = Wire(
                self._origin,
                total=limits.total,
                connect=limits.connect,
                idle=limits.idle,
                most=limits.body,
                tls=self._tls,
            )
        return self._wire


def _same(business: str) -> str:
    """A business id without what two spellings of it may differ in."""
    return business.strip().replace("-", "").lower()


def _trouble(error: Exception) -> Trouble:
    """What was raised once a request had been sent, as Trouble."""
    if isinstance(error, TimeoutError):
        return Trouble(Failure.LATE, "Sage did not answer in time.", UpstreamLate)
    return Trouble(Failure.LOST, f"Sage's answer did not arrive whole ({type(error).__name__}).")

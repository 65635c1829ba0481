"""One call's exchange with v3.1: bound to its tenant, timed, and in its turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeAlias

from msgspec.structs import replace

from gateway.edges.callers import Known
from gateway.edges.limits import Turns
from gateway.edges.recent import Recent
from gateway.edges.repeats import Repeats
from gateway.edges.telemetry import Line, Telemetry
from gateway.exchange import exchange, name_of, routed, turn_of
from gateway.grants.tenant import Tenant
from gateway.messages import Exchange, Note, V2Request, V3Request, V3Response, header

CarriedOut: TypeAlias = Callable[[], Awaitable[Exchange]]


def utc_day() -> str:
    """Today, by UTC."""
    return datetime.now(UTC).date().isoformat()


class Sender(Protocol):
    """Sends v3.1 requests for one tenant."""

    async def send(self, request: V3Request) -> V3Response:
        """The answer, whatever its status; raises UpstreamFailed and its kin where there is none."""


class Upstream(Protocol):
    """v3.1, for anybody."""

    def bind(self, tenant: Tenant, call: V2Request, nonce: str | None) -> Sender:
        """v3.1 for one call of one tenant; a call without a nonce of its own cannot be known as a repeat."""


class Lookup(Protocol):
    """The looker-up of facts, for any business."""

    def bind(self, business: str, upstream: Any) -> Any:
        """The lookup port of `exchange`, for one business, reading from v3.1 where the store has nothing."""


class Conversation:
    """Runs exchanges. Writes to one record, and those that v3.1 numbers, go one at a time per business.

    `today` gives the day (UTC, ISO).
    """

    def __init__(
        self, upstream: Upstream, lookup: Lookup, telemetry: Telemetry, today: Callable[[], str] = utc_day
    ) -> None:
        self._upstream = upstream
        self._lookup = lookup
        self._telemetry = telemetry
        self._today = today
        self._turns = Turns()
        self._repeats = Repeats(telemetry.clock)
        self._recent = Recent(telemetry.clock)

    async def hold(self, call: V2Request, known: Known, line: Line) -> Exchange:
        """The call's exchange, never a GatewayError: those are its reply."""
        nonce = (header(call.headers, "X-Nonce") or "").strip() or None
        sender = Timed(self._upstream.bind(known.tenant, call, nonce), self._telemetry, line)
        lookup = self._lookup.bind(known.tenant.business, sender)
        route = routed(call)
        caller = replace(known.caller, today=self._today())
        carried_out = partial(exchange, call, caller, lookup, sender, route)
        turn = turn_of(call.method, route)
        if turn:
            async with self._turns.of(f"{known.tenant.business}/{turn}"):
                return await self._written(call, known.tenant, nonce, name_of(route), carried_out)
        if route is not None and route.table.lasts:
            return await self._read_again(call, known.tenant, route.table.lasts, carried_out)
        return await carried_out()

    async def _written(
        self, call: V2Request, tenant: Tenant, nonce: str | None, resource: str, carried_out: CarriedOut
    ) -> Exchange:
        """A write's exchange; its repetition gets the first reply."""
        key = self._repeats.key(tenant, nonce, call)
        if key is not None and (reply := self._repeats.first(key)) is not None:
            note = Note("repeated", "", "the same call came before: it gets its first answer")
            return Exchange(call, (), reply, (note,), resource)
        try:
            made = await carried_out()
        finally:
            self._recent.forget(tenant)  # a write that was broken off may have been carried out
        if key is not None:
            self._repeats.keep(key, made.reply)
        return made

    async def _read_again(self, call: V2Request, tenant: Tenant, seconds: float, carried_out: CarriedOut) -> Exchange:
        """The exchange of a read whose reply may be some seconds old."""
        place = self._recent.place(tenant, call)
        made = self._recent.find(place)
        if made is None:
            made = await carried_out()
            self._recent.keep(place, made, seconds)
        return made


class Timed:
    """A sender that tells the call's log line about each request."""

    def __init__(self, sender: Sender, telemetry: Telemetry, line: Line) -> None:
        self._sender = sender
        self._telemetry = telemetry
        self._line = line

    async def send(self, request: V3Request) -> V3Response:
        """Send the request and note how long it took; status 0 where no answer came."""
        telemetry = self._telemetry
        began, status = telemetry.clock(), 0
        try:
            answer = await self._sender.send(request)
            status = answer.status
        finally:
            telemetry.step(self._line, request.method, request.path, status, telemetry.clock() - began)
        return answer

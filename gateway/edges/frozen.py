"""A gateway on a copy of another's store: it reads while the tokens it holds last, and changes nothing
(reliability.md §3.3 step 10)."""

from __future__ import annotations

from typing import Protocol

from gateway.edges.callers import Known
from gateway.edges.telemetry import Line
from gateway.errors import StoreFailed
from gateway.messages import Exchange, V2Request

COPY = "This gateway serves a copy of another's store: it reads, and changes nothing"


class Conversations(Protocol):
    """What has a call answered."""

    async def hold(self, call: V2Request, known: Known, line: Line) -> Exchange:
        """The call's exchange."""


class ReadingOnly:
    """Lets reads through, and refuses every other call with 503."""

    def __init__(self, inner: Conversations) -> None:
        self._inner = inner

    async def hold(self, call: V2Request, known: Known, line: Line) -> Exchange:
        """The call's exchange; raises StoreFailed for what is no read."""
        if call.method not in ("GET", "HEAD"):
            raise StoreFailed(COPY)
        return await self._inner.hold(call, known, line)

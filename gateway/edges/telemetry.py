"""What leaves the gateway about an exchange: one JSON log line on an allow-list, and its counts.

No target, header, body, message of an exception or client address is ever logged: each may hold a secret
or somebody's name (reliability.md G8). What may be said is listed in `FIELDS`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, BinaryIO

import msgspec
import structlog

from gateway.edges.log_lines import LogLines
from gateway.edges.metrics import VERBS, Metrics
from gateway.errors import WrongTooOften
from gateway.messages import Note, V2Response

FIELDS = frozenset(
    {
        "event",
        "level",
        "time",
        "request",
        "tenant",
        "app",
        "resource",
        "method",
        "status",
        "outcome",
        "ms",
        "upstream",
        "notes",
        "signature",
        "variant",
        "error",
        "where",
        "logger",
        "reason",
        "kind",
        "grant",
        "attempt",
    }
)
"""Every key a log line may have."""

_LEVELS = {"ok": "info", "client": "info", "owner": "warning", "sage": "warning", "gateway": "error"}
_MAX_NOTES = 20
_ALARMS = frozenset(
    {"unsaved", "rescued", "wrong_business", "needs_consent", "invalid_client", "grant_dying", "consent_lost"}
)

Event = MutableMapping[str, Any]

_encode = msgspec.json.Encoder().encode


class UnknownField(Exception):  # noqa: N818 - DESIGN names errors by what is wrong
    """A log line has a key that `FIELDS` does not list: a mistake in our code."""


@dataclass(slots=True)
class Line:
    """What is known so far of one exchange: `began` by the clock, `upstream` the requests it took."""

    request: str
    method: str
    began: float
    tenant: str = ""
    app: str = ""
    resource: str = ""
    signature: str = ""
    variant: str = ""
    notes: tuple[Note, ...] = ()
    exchanged: bool = False
    """Whether the call got as far as an exchange: an `invalid_token` after that is the owner's to mend."""
    upstream: list[dict[str, str | int | float]] = field(default_factory=list)


class Told(msgspec.Struct, omit_defaults=True):
    """An exchange's log line: nothing but these can be said. What is empty is left out."""

    time: str
    event: str
    level: str
    request: str
    tenant: str = ""
    app: str = ""
    resource: str = ""
    method: str = ""
    status: int = 0
    outcome: str = ""
    ms: float = -1.0
    upstream: list[dict[str, str | int | float]] = []
    notes: list[str] = []
    signature: str = ""
    variant: str = ""


class Telemetry:
    """Where edges tell what happened.

    `strict` raises UnknownField for a key that is not in `FIELDS` (tests); otherwise it is left out.
    `clock` gives monotonic seconds for durations, `now` the time of a line. A line may wait `patience` seconds, to be
    written together with others: whoever gives any calls `flush` at the end.
    """

    def __init__(
        self,
        stream: BinaryIO,
        metrics: Metrics,
        *,
        strict: bool = False,
        clock: Callable[[], float] = time.perf_counter,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = 0.0,
    ) -> None:
        self.metrics = metrics
        self.clock = clock
        self._now = now
        self._lines = LogLines(stream, metrics.lines_lost, patience)
        self.flush = self._lines.flush
        self._log = structlog.wrap_logger(
            self._lines,
            processors=[structlog.processors.add_log_level, _stamp(now), _allow(strict), _render],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            cache_logger_on_first_use=True,
        )

    def say(self, event: str, *, level: str = "info", **fields: Any) -> None:
        """Log a line; `event` is a fixed sentence. A log that cannot be written is counted and stops nothing."""
        getattr(self._log, level)(event, **fields)

    def open(self, request: str, method: str) -> Line:
        """Begin an exchange's line."""
        self.metrics.in_flight += 1
        return Line(request, method if method in VERBS else "other", self.clock())

    def step(self, line: Line, method: str, path: str, status: int, seconds: float) -> None:
        """Note one request to v3.1, and how it was answered (0: not at all)."""
        kind = self.metrics.kind_of(path)
        line.upstream.append({"method": method, "kind": kind, "status": status, "ms": round(seconds * 1000, 1)})
        self.metrics.upstream(method, kind, status, seconds)

    def close(self, line: Line, reply: V2Response) -> None:
        """Write the exchange's line and count it."""
        seconds = self.clock() - line.began
        outcome = outcome_of(reply, line.exchanged)
        metrics = self.metrics
        metrics.in_flight -= 1
        metrics.exchange(line.resource, line.method, reply.status, outcome, seconds)
        if line.signature:
            metrics.signature(line.signature)
        for note in line.notes:
            metrics.note(line.resource, note.code)
        level = _LEVELS[outcome]
        getattr(self._lines, level)(_encode(self._told(line, reply.status, outcome, level, seconds)))

    def _told(self, line: Line, status: int, outcome: str, level: str, seconds: float) -> Told:
        return Told(
            time=_written(self._now()),
            event="exchange",
            level=level,
            request=line.request,
            tenant=line.tenant,
            app=line.app,
            resource=line.resource or "none",
            method=line.method,
            status=status,
            outcome=outcome,
            ms=round(seconds * 1000, 2),
            upstream=line.upstream,
            notes=[note.code for note in line.notes[:_MAX_NOTES]],
            signature=line.signature,
            variant=line.variant,
        )

    def crashed(self, request: str, error: BaseException) -> None:
        """Log a mistake of ours: the exception's type and where it arose, never its message."""
        self.say(
            "a call failed",
            level="error",
            request=request,
            error=type(error).__name__,
            where=frames(error.__traceback__),
        )

    def happened(self, event: str, grant: int) -> None:
        """Something happened to a grant, by the refresher's or upstream's word for it."""
        self.metrics.happening(event)
        level = "info" if event in ("refreshed", "consented") else "error" if event in _ALARMS else "warning"
        self.say("a grant's news", level=level, reason=event, grant=grant)

    def unreadable(self, reason: str, request: str = "") -> None:
        """A request that could not be parsed; `reason` is an exception's name, `late` or `unread`; `request` the
        reply's `X-Request-Id`, where there was one."""
        self.metrics.unreadable()
        self.say("unreadable request", request=request, reason=reason)


def outcome_of(reply: V2Response, exchanged: bool) -> str:
    """`ok`, or whose fault the reply is, from its status and v2 data code (errors.py)."""
    if reply.status < 400:
        return "ok"
    body = reply.body if isinstance(reply.body, dict) else {}
    if reply.status < 500:
        return "owner" if exchanged and body.get("error") == "invalid_token" else "client"
    found = body.get("$diagnoses") or [{}]
    code = found[0].get("$dataCode")
    if code == WrongTooOften.code:
        return "client"
    return "sage" if code in ("UpstreamFailed", "Throttled") else "gateway"


def frames(traceback: TracebackType | None, deepest: int = 8) -> list[str]:
    """The innermost places of a traceback as `module:line`: no paths of the machine, no values."""
    places: list[str] = []
    while traceback is not None:
        name = traceback.tb_frame.f_globals.get("__name__", "?")
        places.append(f"{name}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return places[-deepest:]


class LibraryLogs(logging.Handler):
    """Turns what libraries log into lines that say where, and how bad, but not what.

    Their messages are not ours to trust: aiohttp's quote raw requests, asyncio's the text of exceptions.
    """

    def __init__(self, telemetry: Telemetry, level: int = logging.WARNING) -> None:
        super().__init__(level)
        self._telemetry = telemetry

    def emit(self, record: logging.LogRecord) -> None:
        """Log a library's record by its place."""
        where = [f"{record.module}:{record.lineno}"]
        error = ""
        if record.exc_info and record.exc_info[0] is not None:
            error = record.exc_info[0].__name__
            where += frames(record.exc_info[2])
        level = "error" if record.levelno >= logging.ERROR else "warning"
        self._telemetry.say("a library logged", level=level, logger=record.name, error=error, where=where)


def adopt_library_logs(telemetry: Telemetry) -> None:
    """Make `LibraryLogs` the only handler of the standard library's root logger."""
    root = logging.getLogger()
    root.handlers[:] = [LibraryLogs(telemetry)]
    root.setLevel(logging.WARNING)


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _stamp(now: Callable[[], datetime]) -> Callable[[Any, str, Event], Event]:
    def stamp(_logger: Any, _method: str, event: Event) -> Event:
        event["time"] = _written(now())
        return event

    return stamp


def _allow(strict: bool) -> Callable[[Any, str, Event], Event]:
    def allow(_logger: Any, _method: str, event: Event) -> Event:
        if event.keys() <= FIELDS:
            return event
        unknown: Iterable[str] = event.keys() - FIELDS
        if strict:
            raise UnknownField(", ".join(sorted(unknown)))
        return {key: value for key, value in event.items() if key in FIELDS}

    return allow


def _render(_logger: Any, _method: str, event: Event) -> bytes:
    told = {key: value for key, value in event.items() if value not in ("", [])}
    return _encode({"time": told.pop("time"), "event": told.pop("event"), **told})

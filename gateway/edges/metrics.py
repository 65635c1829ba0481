"""What the gateway counts, for Prometheus: every label is from a closed set, so none can name a person."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

VERBS = frozenset({"GET", "POST", "PUT", "DELETE"})
OUTCOMES = frozenset({"ok", "client", "sage", "owner", "gateway"})
"""`ok`, or whose fault a reply is (`errors.Blame`)."""
VERDICTS = frozenset({"published", "variant", "bad", "unsigned", "off"})
"""What a call's signature was; `off` where the app's are not looked at."""
NOTES = frozenset(
    {
        "unmapped",
        "unsupported",
        "cut",
        "computed",
        "read_only",
        "merged",
        "unreadable",
        "contact_found",
        "contact_created",
        "ledger_defaulted",
        "date_defaulted",
        "repeated",
        "contested",
        "kept",
        "not_kept",
    }
)
"""Codes of `messages.Note`; a newer one counts as `other` until it is named here."""

HAPPENINGS = frozenset(
    {
        "refreshed",
        "rescued",
        "unsaved",
        "needs_consent",
        "wrong_business",
        "not_sent",
        "transient",
        "ambiguous",
        "invalid_grant",
        "invalid_client",
    }
)
"""What may happen to a grant: the refresher's notices and upstream's alarms."""

# A second series for each counter, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


M = TypeVar("M", Counter, Histogram)


class Metrics:
    """Counters and histograms in a registry of their own.

    `resources` are the v2 resources' names and `kinds` v3.1's: what is in neither is counted as `other`.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, resources: Collection[str], kinds: Collection[str]) -> None:
        self._resources = frozenset(resources)
        self._kinds = frozenset(kinds)
        self.registry = CollectorRegistry(auto_describe=True)
        own = self.registry
        self._exchanges = _children(
            Counter(
                "sage_gateway_exchanges",
                "Calls answered, by v2 resource, verb, status and whose fault a failure is.",
                ("resource", "verb", "status", "outcome"),
                registry=own,
            )
        )
        self._exchange_seconds = _children(
            Histogram(
                "sage_gateway_exchange_seconds",
                "Time from a call's headers to its reply.",
                ("resource", "verb"),
                buckets=_BUCKETS,
                registry=own,
            )
        )
        self._upstream = _children(
            Counter(
                "sage_gateway_upstream_calls",
                "Requests to v3.1, by method, kind of record and status (`none`: no answer).",
                ("method", "kind", "status"),
                registry=own,
            )
        )
        self._upstream_seconds = _children(
            Histogram(
                "sage_gateway_upstream_seconds",
                "Time v3.1 took to answer.",
                ("method", "kind"),
                buckets=_BUCKETS,
                registry=own,
            )
        )
        self._unmapped = _children(
            Counter("sage_gateway_unmapped_fields", "Fields of calls that no rule knows.", ("resource",), registry=own)
        )
        self._notes = _children(
            Counter(
                "sage_gateway_notes",
                "What the gateway did, or could not do, that nobody asked for.",
                ("resource", "code"),
                registry=own,
            )
        )
        self._id_misses = _children(
            Counter("sage_gateway_id_misses", "Ids that were not in the store.", ("kind",), registry=own)
        )
        self._signatures = _children(
            Counter("sage_gateway_signatures", "Calls by what their signature was.", ("verdict",), registry=own)
        )
        self._happenings = _children(
            Counter("sage_gateway_grant_events", "What happened to grants and their tokens.", ("event",), registry=own)
        )
        self._unreadable = Counter(
            "sage_gateway_unreadable_requests", "Requests that could not be read as HTTP.", registry=own
        )
        self.lost_lines = Counter("sage_gateway_lost_log_lines", "Log lines that could not be written.", registry=own)
        self.in_flight = Gauge("sage_gateway_calls_in_flight", "Calls being worked on.", registry=own)

    def exchange(self, resource: str, method: str, status: int, outcome: str, seconds: float) -> None:
        """Count one reply."""
        resource, verb = self._resource(resource), _one_of(VERBS, method)
        self._exchanges(resource, verb, _status(status), _one_of(OUTCOMES, outcome)).inc()
        self._exchange_seconds(resource, verb).observe(seconds)

    def upstream(self, method: str, kind: str, status: int, seconds: float) -> None:
        """Count one request to v3.1; status 0 means that no answer came."""
        method, kind = _one_of(VERBS, method), _one_of(self._kinds, kind)
        self._upstream(method, kind, _status(status)).inc()
        self._upstream_seconds(method, kind).observe(seconds)

    def note(self, resource: str, code: str) -> None:
        """Count one note of an exchange."""
        resource = self._resource(resource)
        if code == "unmapped":
            self._unmapped(resource).inc()
        self._notes(resource, _one_of(NOTES, code)).inc()

    def id_missed(self, kind: str) -> None:
        """Count an id that the store did not know."""
        self._id_misses(_one_of(self._kinds, kind)).inc()

    def signature(self, verdict: str) -> None:
        """Count what a call's signature was."""
        self._signatures(_one_of(VERDICTS, verdict)).inc()

    def happening(self, event: str) -> None:
        """Count what happened to a grant."""
        self._happenings(_one_of(HAPPENINGS, event)).inc()

    def unreadable(self) -> None:
        """Count a request that could not be parsed."""
        self._unreadable.inc()

    def kind_of(self, path: str) -> str:
        """The kind a v3.1 path is about (`/contacts/f909…` → `contacts`), or `other`."""
        return _one_of(self._kinds, path.lstrip("/").partition("/")[0])

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _resource(self, resource: str) -> str:
        return _one_of(self._resources, resource) if resource else "none"


def _children(metric: M) -> Callable[..., M]:
    """A metric's `labels`, remembered: prometheus_client's own takes a lock each time. Labels are from closed sets."""
    return cache(metric.labels)


def _one_of(closed: frozenset[str], value: str) -> str:
    return value if value in closed else "other"


def _status(status: int) -> str:
    if status == 0:
        return "none"
    return str(status) if 100 <= status <= 599 else "other"

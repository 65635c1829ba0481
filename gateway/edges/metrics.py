"""What the gateway counts, for Prometheus: every label is from a closed set, so none can name a person."""

from __future__ import annotations

from collections.abc import Collection

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gateway.edges.counts import Counter, Histogram

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
        "grant_idle",
        "grant_dying",
        "sweep_failed",
        "alarm_not_delivered",
        "consented",
        "consent_lost",
    }
)
"""What may happen to a grant: the refresher's notices and upstream's alarms."""

# A second series for each counter, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]


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
        self._exchanges = Counter(
            "sage_gateway_exchanges",
            "Calls answered, by v2 resource, verb, status and whose fault a failure is.",
            ("resource", "verb", "status", "outcome"),
            own,
        )
        self._exchange_seconds = Histogram(
            "sage_gateway_exchange_seconds", "Time from a call's headers to its reply.", ("resource", "verb"), own
        )
        self._upstream = Counter(
            "sage_gateway_upstream_calls",
            "Requests to v3.1, by method, kind of record and status (`none`: no answer).",
            ("method", "kind", "status"),
            own,
        )
        self._upstream_seconds = Histogram(
            "sage_gateway_upstream_seconds", "Time v3.1 took to answer.", ("method", "kind"), own
        )
        self._unmapped = Counter(
            "sage_gateway_unmapped_fields", "Fields of calls that no rule knows.", ("resource",), own
        )
        self._notes = Counter(
            "sage_gateway_notes",
            "What the gateway did, or could not do, that nobody asked for.",
            ("resource", "code"),
            own,
        )
        self._id_misses = Counter("sage_gateway_id_misses", "Ids that were not in the store.", ("kind",), own)
        self._signatures = Counter("sage_gateway_signatures", "Calls by what their signature was.", ("verdict",), own)
        self._happenings = Counter(
            "sage_gateway_grant_events", "What happened to grants and their tokens.", ("event",), own
        )
        self._unreadable = prometheus_client.Counter(
            "sage_gateway_unreadable_requests", "Requests that could not be read as HTTP.", registry=own
        )
        self._lost_lines = prometheus_client.Counter(
            "sage_gateway_lost_log_lines", "Log lines that could not be written.", registry=own
        )
        self.in_flight = 0
        """Calls being worked on."""
        gauge = Gauge("sage_gateway_calls_in_flight", "Calls being worked on.", registry=own)
        gauge.set_function(lambda: self.in_flight)
        self.frozen = False
        """Whether the store is taken for a copy of another's: nothing is written or refreshed."""
        frozen = Gauge("sage_gateway_frozen", "1 where the store is taken for a copy of another's.", registry=own)
        frozen.set_function(lambda: self.frozen)

    def exchange(self, resource: str, method: str, status: int, outcome: str, seconds: float) -> None:
        """Count one reply."""
        resource, verb = self._resource(resource), _one_of(VERBS, method)
        self._exchanges.add(resource, verb, _status(status), _one_of(OUTCOMES, outcome))
        self._exchange_seconds.add(seconds, resource, verb)

    def upstream(self, method: str, kind: str, status: int, seconds: float) -> None:
        """Count one request to v3.1; status 0 means that no answer came."""
        method, kind = _one_of(VERBS, method), _one_of(self._kinds, kind)
        self._upstream.add(method, kind, _status(status))
        self._upstream_seconds.add(seconds, method, kind)

    def note(self, resource: str, code: str) -> None:
        """Count one note of an exchange."""
        resource = self._resource(resource)
        if code == "unmapped":
            self._unmapped.add(resource)
        self._notes.add(resource, _one_of(NOTES, code))

    def id_missed(self, kind: str) -> None:
        """Count an id that the store did not know."""
        self._id_misses.add(_one_of(self._kinds, kind))

    def signature(self, verdict: str) -> None:
        """Count what a call's signature was."""
        self._signatures.add(_one_of(VERDICTS, verdict))

    def happening(self, event: str) -> None:
        """Count what happened to a grant."""
        self._happenings.add(_one_of(HAPPENINGS, event))

    def unreadable(self) -> None:
        """Count a request that could not be parsed."""
        self._unreadable.inc()

    def lines_lost(self, count: int) -> None:
        """Count log lines that could not be written."""
        self._lost_lines.inc(count)

    def kind_of(self, path: str) -> str:
        """The kind a v3.1 path is about (`/contacts/f909…` → `contacts`), or `other`."""
        return _one_of(self._kinds, path.lstrip("/").partition("/")[0])

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _resource(self, resource: str) -> str:
        return _one_of(self._resources, resource) if resource else "none"


def _one_of(closed: frozenset[str], value: str) -> str:
    return value if value in closed else "other"


def _status(status: int) -> str:
    if status == 0:
        return "none"
    return str(status) if 100 <= status <= 599 else "other"

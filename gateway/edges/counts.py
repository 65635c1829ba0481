"""Counters and histograms as plain numbers, which Prometheus collects.

Every call counts a dozen times, always in the event loop's thread: prometheus_client's own values take a lock each
time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of a histogram's buckets, in seconds; a last one holds what took longer."""

_BOUNDS = [*map(str, BUCKETS), "+Inf"]


class Counter:
    """Counts by labels, which must be of closed sets: each new combination is a series for ever."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...], registry: CollectorRegistry) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._counts: defaultdict[tuple[str, ...], int] = defaultdict(int)
        registry.register(self)

    def add(self, *labels: str) -> None:
        """Count one more."""
        self._counts[labels] += 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What Prometheus reads."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family


class Histogram:
    """How long things took, by labels of closed sets."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...], registry: CollectorRegistry) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._counts: defaultdict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * len(_BOUNDS))
        self._sums: defaultdict[tuple[str, ...], float] = defaultdict(float)
        registry.register(self)

    def add(self, seconds: float, *labels: str) -> None:
        """Count something that took so long."""
        self._counts[labels][bisect_left(BUCKETS, seconds)] += 1
        self._sums[labels] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What Prometheus reads: each bucket holds those below it too."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for labels, counts in self._counts.items():
            family.add_metric(labels, list(zip(_BOUNDS, accumulate(counts), strict=True)), self._sums[labels])
        yield family

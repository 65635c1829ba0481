"""What Prometheus reads of plain numbers."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from gateway.edges.counts import Counter, Histogram


def test_counts_and_times_are_exposed_as_prometheus_own_are() -> None:
    """Buckets hold all below them, the last one everything; a bound belongs to its own bucket."""
    registry = CollectorRegistry()
    counter = Counter("calls", "Calls.", ("verb", "kind"), registry)
    counter.add("GET", "a")
    counter.add("GET", "a")
    took = Histogram("took_seconds", "Time.", ("verb",), registry)
    for seconds in (0.005, 0.006, 99.0):
        took.add(seconds, "GET")
    text = generate_latest(registry).decode()
    assert "# TYPE calls_total counter" in text
    assert 'calls_total{kind="a",verb="GET"} 2.0' in text
    assert "# TYPE took_seconds histogram" in text
    assert 'took_seconds_bucket{le="0.005",verb="GET"} 1.0' in text
    assert 'took_seconds_bucket{le="0.01",verb="GET"} 2.0' in text
    assert 'took_seconds_bucket{le="60.0",verb="GET"} 2.0' in text
    assert 'took_seconds_bucket{le="+Inf",verb="GET"} 3.0' in text
    assert 'took_seconds_count{verb="GET"} 3.0' in text
    assert 'took_seconds_sum{verb="GET"} 99.011' in text

"""I/O and nothing but: server, upstream, lookup, refresher, telemetry."""

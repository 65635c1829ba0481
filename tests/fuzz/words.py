"""How long the fuzz tests run."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

LONG = "FUZZ_CALLS" in os.environ
CALLS = int(os.environ.get("FUZZ_CALLS", "60"))
"""Examples of each test: few in `make test`, and the same ones each time; `make fuzz` sets more."""

quick = settings(
    max_examples=CALLS,
    deadline=None,
    database=None,
    derandomize=not LONG,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)

slow = settings(quick, max_examples=max(CALLS // 8, 8))
"""For calls that are sent again after a pause."""

"""The clocks of a gateway, which tests choose."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.edges.refresh_sender import Chances, anchored_clock


@dataclass(frozen=True, slots=True)
class Times:
    """`wall` gives seconds since 1970, which other machines agree on; `steady` seconds that never jump; `chances` are
    the refresher's."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    chances: Chances = field(default_factory=lambda: Chances(anchored_clock()))

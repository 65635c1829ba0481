"""No dump of a gateway's memory, in which every token would be (reliability.md G8)."""

from __future__ import annotations

import ctypes
import resource
import sys

PR_SET_DUMPABLE = 4


def forbid_dumps(*, attachable: bool = False) -> None:
    """Lets this process leave no core dump; and, but for `attachable`, keeps debuggers and other processes of the same
    user out of its memory (on Linux, whose prctl(2) also stops dumps that a pipe would take)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and not attachable:
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)

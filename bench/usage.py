"""What a process and those it started have used, from /proc (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")
"""Microseconds of one unit of /proc's times."""


def tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text("ascii").split()]
    return found


def cpu(pid: int) -> float:
    """Microseconds of user and system time, children included, also those that have ended."""
    total = 0
    for each in tree(pid):
        # The name, in brackets, may hold anything; fields are counted from behind it (proc(5)).
        fields = Path(f"/proc/{each}/stat").read_text("ascii").rpartition(")")[2].split()
        total += sum(int(field) for field in (fields[11:13] if each != pid else fields[11:15]))
    return total * TICK


def resident(pid: int) -> int:
    """Bytes of memory that the process and its children hold: RSS, which counts shared pages."""
    total = 0
    for each in tree(pid):
        for line in Path(f"/proc/{each}/status").read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total

"""What a file lies on: some file systems forget."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/mounts")
IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})
OF_A_CONTAINER = frozenset({"overlay", "aufs"})


def lies_on(path: Path) -> str:
    """The kind of file system that a path lies on, such as `ext4`; empty where the system does not say."""
    try:
        return kind_of(path.resolve(), MOUNTS.read_text("utf-8", "surrogateescape"))
    except OSError:
        return ""


def kind_of(path: Path, mounts: str) -> str:
    """The kind of file system of an absolute path, by the lines of /proc/mounts: of those that hold it the nearest,
    of several mounts in one place the last."""
    found, nearest = "", -1
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        place = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1]))
        if path.is_relative_to(place) and len(place.parts) >= nearest:
            found, nearest = fields[2], len(place.parts)
    return found

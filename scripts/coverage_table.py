"""Puts what `sage-gateway tables --short` prints into README.md, between its two marks."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from gateway.commands.tables import overview

README = Path(__file__).parent.parent / "README.md"
SECTION = re.compile(r"(?<=<!-- sage-gateway tables --short -->\n).*?(?=<!-- end -->)", re.DOTALL)


def refreshed(text: str) -> str:
    """The README with today's table."""
    table = "\n".join(overview()) + "\n"
    return SECTION.sub(lambda _: table, text)


def main() -> int:
    """Write it, or with `--check` only say by the exit code whether it is as it should be."""
    text = README.read_text("utf-8")
    made = refreshed(text)
    if "--check" in sys.argv:
        return int(made != text)
    README.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

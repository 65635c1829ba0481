"""Write the lock files from pyproject.toml: versions and hashes, and nothing of the machine that made them.

    .venv/bin/python scripts/lock.py                 keeps what is locked, adds what is new
    .venv/bin/python scripts/lock.py --upgrade       takes the newest of everything
    .venv/bin/python scripts/lock.py -P aiohttp      takes the newest aiohttp

requirements.lock is what `serve` needs, requirements-build.lock what makes the wheel, and
requirements-dev.lock both of them with all that the tests need.  A package in several has one version.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEADER = "# Made by scripts/lock.py from pyproject.toml; not to be edited.\n"
OPTIONS = (
    "--quiet",
    "--generate-hashes",
    "--strip-extras",
    "--allow-unsafe",
    "--no-header",
    "--no-annotate",  # it would name the temporary input
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
)


def main(options: Sequence[str]) -> None:
    """Make all three locks, each held to the versions of those before it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    runtime = project["project"]["dependencies"]
    build = project["build-system"]["requires"]
    dev = project["dependency-groups"]["dev"]
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder, "constraints.txt")
        for name, requirements in (
            ("requirements.lock", runtime),
            ("requirements-build.lock", build),
            ("requirements-dev.lock", runtime + build + dev),
        ):
            lock = ROOT / name
            compile_lock(requirements, lock, held, options)
            with held.open("a", encoding="utf-8") as file:
                file.writelines(f"{pin}\n" for pin in pins(lock))


def compile_lock(requirements: Iterable[str], lock: Path, held: Path, options: Sequence[str]) -> None:
    """Write one lock.  An existing one is pip-compile's preference where `options` do not say otherwise."""
    wanted = held.with_name(f"{lock.stem}.in")
    held.touch()
    wanted.write_text("".join(f"{line}\n" for line in (*requirements, f"-c {held.name}")), "utf-8")
    command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, *options, "-o", str(lock), str(wanted)]
    subprocess.run(command, check=True, cwd=wanted.parent)
    told = lock.read_text("utf-8").splitlines(keepends=True)
    lock.write_text(HEADER + "".join(line for line in told if line.strip() and line[0] != "#"), "utf-8")


def pins(lock: Path) -> list[str]:
    """The `name==version` of every package in `lock`, without hashes."""
    return [line.split()[0] for line in lock.read_text("utf-8").splitlines() if "==" in line]


if __name__ == "__main__":
    main(sys.argv[1:])

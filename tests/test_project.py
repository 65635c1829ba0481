"""The project's habits, as far as a test can see them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import gateway

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RUNTIME = PROJECT["project"]["dependencies"]
BUILD = PROJECT["build-system"]["requires"]
LOCKS = {
    "requirements.lock": RUNTIME,
    "requirements-build.lock": BUILD,
    "requirements-dev.lock": RUNTIME + BUILD + PROJECT["dependency-groups"]["dev"],
}

LONG_FILES: dict[str, str] = {}
"""Modules of more than 300 lines, and why each is one thought all the same."""
LONG_FUNCTIONS = {
    "gateway/commands/explain.py:explain": "its parameters are the command's options, each with its help",
    "gateway/commands/serve.py:serve": "its parameters are the command's options, each with its help",
    "gateway/edges/metrics.py:__init__": "a declaration: one metric after the other",
    "gateway/resources/other_payments.py:other_payments": "a declaration: one rule after the other",
    "gateway/store/migrations/versions/v0001_first.py:_tenants": "a declaration: three tables, column by column",
    "gateway/translate/resource.py:__init__": "its parameters are all that a table may say",
}
"""Functions of more than 40 lines (`path:name`), and why."""

# Spelt in parts, so that this file is none of those it looks for.
MACHINE = re.compile("/(" + "work|farm|root" + r")/|file:/{2}|\." + r"library/")


def tracked(*folders: str) -> list[str]:
    """The tracked files under `folders` (all where none is named) that are still there."""
    listed = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, check=True, capture_output=True)
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def pins(lock: str) -> dict[str, str]:
    """The version of every package in a lock, by its canonical name."""
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_versions_and_hashes_and_no_address(lock):
    """Every line is a pinned version or a SHA-256; there is no place where an index or a path could stand."""
    pin = r"[\w.-]+==[\w.+!-]+( ; [\w <>='\".]+)? \\"
    line = re.compile(rf"#[^:/]*scripts/lock\.py[^:/]*|{pin}| {{4}}--hash=sha256:[0-9a-f]{{64}}( \\)?")
    text = (ROOT / lock).read_text("utf-8")
    assert [odd for odd in text.splitlines() if not line.fullmatch(odd)] == []
    assert len(re.findall("==", text)) == len(pins(lock)) > 0


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_answers_to_pyproject(lock):
    """Each requirement of pyproject.toml is locked, at a version it allows; scripts/lock.py mends it."""
    locked = pins(lock)
    wanted = [Requirement(line) for line in LOCKS[lock]]
    unmet = [str(one) for one in wanted if locked.get(canonicalize_name(one.name), "") not in one.specifier]
    assert unmet == []


def test_a_package_has_one_version_in_all_locks():
    """What the tests prove is what `serve` and the image install."""
    dev = pins("requirements-dev.lock")
    assert {**dev, **pins("requirements.lock"), **pins("requirements-build.lock")} == dev


def test_the_version_is_stated_alike():
    """pyproject.toml, the package and the change log speak of one version."""
    assert PROJECT["project"]["version"] == gateway.__version__
    assert f"## [{gateway.__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_wheel_holds_the_package_whole_and_nothing_else(tmp_path):
    """Modules and data under gateway/ ship, the licence too; tests, scripts and configuration do not."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(tracked("gateway")) - names == set()
    assert {name.partition("/")[0] for name in names} == {
        "gateway",
        f"sage_gateway-{gateway.__version__}.dist-info",
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_no_module_is_longer_than_a_thought():
    """A module over 300 lines, or a function over 40, is a reason to talk about the design."""
    modules = [name for name in tracked("gateway") if name.endswith(".py")]
    long = {name for name in modules if len((ROOT / name).read_text("utf-8").splitlines()) > 300}
    assert long == set(LONG_FILES)
    assert {where for name in modules for where in long_functions(name)} == set(LONG_FUNCTIONS)


def long_functions(name: str) -> Iterator[str]:
    """Each function of the module that has more than 40 lines, its docstring aside."""
    for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            docstring = first if ast.get_docstring(node) is not None else None
            told = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
            if (node.end_lineno or 0) - node.lineno + 1 - told > 40:
                yield f"{name}:{node.name}"


def test_no_module_has_a_name_that_could_hold_anything():
    """A module is named after what it does; a resource after v2's own noun, of which `core` is one."""
    vague = {"utils", "helpers", "common", "core", "manager", "base", "misc"}
    named = {Path(name).with_suffix("") for name in tracked("gateway")} - {Path("gateway/resources/core")}
    assert [str(path) for path in named if vague & set(path.parts)] == []


def test_no_tracked_file_names_a_machine():
    """No file names a folder of the machine that it was written on; recorded data may say anything."""
    named = []
    for name in tracked():
        if not name.startswith("tests/data/"):
            text = (ROOT / name).read_bytes().decode("utf-8", "replace")
            named += [f"{name}: {line.strip()[:80]}" for line in text.splitlines() if MACHINE.search(line)]
    assert named == []


def test_make_offers_the_promised_targets():
    """The eight commands are there, each with a line that `make help` prints."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    told = re.findall(r"^([a-z]+):.*## \w", makefile, re.MULTILINE)
    assert told == ["help", "install", "serve", "test", "lint", "bench", "fuzz", "soak", "explore"]
    assert re.search(r"^\.DEFAULT_GOAL := help$", makefile, re.MULTILINE)


def test_where_no_python_fits_the_message_says_what_to_do():
    """`make install` without a Python from 3.11 ends with a sentence that helps."""
    asked = subprocess.run(
        ["sh", "scripts/find_python.sh"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHON": "/nowhere/python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (asked.returncode, asked.stdout) == (1, "")
    assert "No Python 3.11 or newer" in asked.stderr
    assert "make PYTHON=" in asked.stderr


def test_the_python_found_is_the_one_named():
    """PYTHON chooses, also where its path holds a space."""
    asked = subprocess.run(
        ["sh", "scripts/find_python.sh"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (asked.returncode, asked.stdout.strip()) == (0, sys.executable)

"""Every command and example of README.md works as it stands."""

from __future__ import annotations

import json
import re
import secrets
import shlex
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.resources.registry import TABLES
from gateway.settings import load

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SHELL = [block.replace("\\\n", " ").strip() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """The base URL of what `make serve` runs, on a free port."""
    command = [sys.executable, "-m", "gateway", "serve", "--sandbox", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        found = next(match for line in server.stdout if (match := re.search(r"listens on (http://\S+)", line)))
        yield found[1]
        server.terminate()
        server.stdout.read()


def paste(line: str, base: str) -> tuple[int, Any]:
    """What a curl line of the README gets, with the base URL in place of the README's."""
    words = iter(shlex.split(line.replace("http://127.0.0.1:8080", base)))
    assert next(words) == "curl"
    url, headers, data = "", {}, []
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            data.append(next(words))
        elif not word.startswith("-"):
            url = word
    body = "&".join(data).encode() if data else None
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:  # noqa: S310 - our own server
        return answer.status, json.load(answer)


def test_the_first_example_answers_as_printed(gateway: str):
    """The README's first curl line gets what stands below it."""
    line = next(block for block in SHELL if block.startswith("curl") and "itemsPerPage" in block)
    status, body = paste(line, gateway)
    printed = re.search(r"```json\n(.*?) …", README)
    assert printed is not None
    assert status == 200
    assert json.dumps(body, separators=(",", ":")).startswith(printed[1])


def test_the_invoice_example_is_booked_as_told(gateway: str):
    """The README's invoice is created, with the amount that the text names."""
    status, body = paste(next(block for block in SHELL if "sales_invoices" in block), gateway)
    assert (status, body["outstanding"], type(body["id"])) == (201, "18.0", int)


def test_the_explain_example_runs():
    """The README's explain line prints the three calls of a merging update."""
    line = next(block for block in SHELL if "explain" in block)
    words = [sys.executable, "-m", "gateway", *shlex.split(line)[1:]]
    output = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [word for word in ("1. curl -X GET", "2. curl -X PUT", "3. curl -X GET") if word in output] == [
        "1. curl -X GET",
        "2. curl -X PUT",
        "3. curl -X GET",
    ]


def configured(folder: Path) -> Path:
    """The README's settings, with the files that they name."""
    found = re.search(r"```toml\n(.*?)```", README, re.DOTALL)
    assert found is not None
    text = found[1].replace("\n   ", "\n")
    tomllib.loads(text)
    folder.mkdir(exist_ok=True)
    for name in re.findall(r'_file = "(.*?)"', text):
        (folder / name).write_text(secrets.token_hex(32))
        (folder / name).chmod(0o600)
    (folder / "gateway.toml").write_text(text)
    return folder / "gateway.toml"


def test_the_settings_example_is_complete(tmp_path: Path):
    """The README's settings, with the files that they name, leave nothing to be set."""
    assert load(configured(tmp_path), {}).lacks() == ()


def test_the_tenants_examples_run(tmp_path: Path):
    """The README's import takes its columns, and its link is of the public URL; both tenants are listed then."""
    configured(tmp_path / "config")
    columns = re.search(r"`(tenant,app,business,\S*)`", README)
    assert columns is not None
    (tmp_path / "tenants.csv").write_text(f"{columns[1]}\nacme_dublin,acme,b1,{'a' * 40},{'b' * 40},\n")

    def run(line: str) -> str:
        words = [sys.executable, "-m", "gateway", *shlex.split(line)[1:]]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    for line in (block for block in SHELL if block.startswith("sage-gateway tenants import")):
        assert "acme_dublin" in run(line) + run("sage-gateway tenants list --json")
    for line in (block for block in SHELL if block.startswith("sage-gateway tenants add")):
        assert re.search(r"https://sage\.example\.com/connect/\S{43}", run(line))
    assert "acme_dublin" in run("sage-gateway tenants export")


@pytest.mark.parametrize("command", [["serve"], ["sandbox"], ["explain"], ["tables"], ["check"], ["store", "migrate"],
    ["store", "adopt"], ["keys", "rotate"], ["apps", "hash"],
    *(["tenants", name] for name in ("add", "import", "list", "show", "reconnect", "disconnect", "erase", "export")),
])  # fmt: skip
def test_every_command_named_exists(command: list[str]):
    """Each command that the README or its help names has a help page, and the README's options are in it."""
    words = [sys.executable, "-m", "gateway", *command, "--help"]
    output = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "Usage" in output
    for line in (block for block in SHELL if f"sage-gateway {' '.join(command)} " in block):
        assert all(word in output for word in shlex.split(line) if word.startswith("--"))


@pytest.mark.parametrize("target", ["serve", "test", "lint", "bench", "fuzz", "soak", "help"])
def test_every_make_target_named_exists(target: str):
    """Each make target that the README names is one."""
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("table", [pytest.param(table, id=table.name) for table in TABLES])
def test_every_resource_is_in_the_table_of_what_is_served(table: Any):
    """No resource is served that the README does not name."""
    name = table.path.replace("*", "{id}")
    assert f"`{name}`" in README or f"`core/v2/{name}`" in README


def test_the_coverage_table_is_made_from_the_tables():
    """`scripts/coverage_table.py` has nothing to change."""
    ended = subprocess.run([sys.executable, "scripts/coverage_table.py", "--check"], cwd=ROOT, check=False)
    assert ended.returncode == 0

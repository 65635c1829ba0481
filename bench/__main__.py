"""`make bench`: CPU microseconds per request of the gateway, a bare aiohttp proxy and nginx, in one run."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench import tokens
from bench.canned import CONTACTS, canned
from bench.load import Load
from bench.processes import NotStarted, Subject, start
from bench.usage import cpu, resident

CASES = {"one": "one contact", "many": f"a list of {CONTACTS} full contacts"}
AIMS = {"one": 2.0, "many": 3.0}
"""At most so many times the CPU time of the bare aiohttp proxy (issue 2)."""
AIM_RSS = 130
"""MiB."""
WARMING = 400
NO_NGINX = "NGINX IS NOT INSTALLED: it is not measured (Debian: apt-get install nginx)"


def main() -> int:
    """Measure and print. Exit code 1 where something did not start or a reply was not 200."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured; medians are shown")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement")
    parser.add_argument("--connections", type=int, default=8, help="keep-alive connections of the load generator")
    options = parser.parse_args()
    with ExitStack() as running:
        folder = Path(running.enter_context(TemporaryDirectory(prefix="sage-gateway-bench-")))
        try:
            result = measure(start(running, folder, asyncio.run(canned())), options)
        except (NotStarted, Failed) as failed:
            print(f"{failed}\n{_logs(folder)}", file=sys.stderr)
            return 1
    memory, authenticated = asyncio.run(tokens.measured(tokens.TENANTS)), tokens.authentication()
    if options.json:
        print(json.dumps({**result, "tokens": memory, "authentication_us": authenticated}))
    else:
        print(f"{report(result)}\n\n{tokens.report(memory, authenticated)}")
    return 0


class Failed(Exception):  # noqa: N818 - named by what is wrong
    """A subject did not answer 200 to every request."""


def measure(subjects: list[Subject], options: argparse.Namespace) -> dict[str, Any]:
    """Every case and subject in turn, round after round. Raises Failed."""
    for subject in subjects:
        for case in CASES:
            load(subject, case, Load(0, "", options.connections, 20.0, WARMING))
    found: dict[str, dict[str, list[dict[str, Any]]]] = {case: {each.name: [] for each in subjects} for case in CASES}
    for number in range(options.rounds):
        turn = number % len(subjects)
        for case in CASES:
            for subject in (*subjects[turn:], *subjects[:turn]):
                wanted = Load(0, "", options.connections, options.seconds, 200_000)
                before = cpu(subject.pid)
                done = load(subject, case, wanted)
                used = cpu(subject.pid) - before
                found[case][subject.name].append(
                    {
                        "cpu": used / done["requests"],
                        "rate": done["requests"] / done["seconds"],
                        "bytes": done["size"],
                        "half": done["waits"][0] * 1000,
                        "most": done["waits"][1] * 1000,
                    }
                )
    gateway = next(subject for subject in subjects if subject.name == "gateway")
    return {"cases": {case: _summed(found[case]) for case in CASES}, "rss_mib": resident(gateway.pid) / 1024 / 1024}


def load(subject: Subject, case: str, wanted: Load) -> dict[str, Any]:
    """Let the load generator loose on a subject. Raises Failed."""
    asked = {**asdict(wanted), "port": subject.port, "request": subject.requests[case]}
    ended = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=wanted.seconds + 60,
    )
    if ended.returncode:
        raise Failed(f"{subject.name}: {ended.stderr}")
    done: dict[str, Any] = json.loads(ended.stdout)
    if done["failed"] or not done["requests"]:
        raise Failed(f"{subject.name}, {CASES[case]}: {done['failed']} failed, such as {done['example']!r}")
    return done


def _summed(rounds: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians of every subject, and of the gateway's ratio to each other one, round by round."""
    found: dict[str, Any] = {}
    for name, measured in rounds.items():
        ratios = [ours["cpu"] / theirs["cpu"] for ours, theirs in zip(rounds["gateway"], measured, strict=True)]
        found[name] = {
            "cpu_us": median(each["cpu"] for each in measured),
            "requests_per_second": median(each["rate"] for each in measured),
            "p50_ms": median(each["half"] for each in measured),
            "p99_ms": median(each["most"] for each in measured),
            "bytes": measured[0]["bytes"],
            "gateway_to_this": median(ratios),
        }
    return found


def report(result: dict[str, Any]) -> str:
    """The result as a person reads it."""
    lines = []
    for case, subjects in result["cases"].items():
        head = ("CPU us/request", "requests/s", "p50 ms", "p99 ms", "bytes", "gateway : this")
        lines.append(f"{CASES[case]:<32}" + "".join(f"{title:>16}" for title in head))
        for name, told in subjects.items():
            ratio = "" if name == "gateway" else f"{told['gateway_to_this']:.2f}"
            lines.append(
                f"  {name:<30}{told['cpu_us']:>16.0f}{told['requests_per_second']:>16.0f}"
                f"{told['p50_ms']:>16.2f}{told['p99_ms']:>16.2f}{told['bytes']:>16}{ratio:>16}"
            )
        reached = subjects["bare aiohttp"]["gateway_to_this"]
        verdict = "reached" if reached <= AIMS[case] else "MISSED"
        lines.append(f"  aim: at most {AIMS[case]:g} x bare aiohttp: {verdict} ({reached:.2f})")
        if "nginx" not in subjects:
            lines.append(f"  {NO_NGINX}")
        lines.append("")
    verdict = "reached" if result["rss_mib"] <= AIM_RSS else "MISSED"
    lines.append(f"memory of the gateway (RSS): {result['rss_mib']:.0f} MiB; aim: at most {AIM_RSS} MiB: {verdict}")
    return "\n".join(lines)


def _logs(folder: Path) -> str:
    """The ends of what the processes wrote to standard error."""
    told = ((path.name, path.read_text("utf-8", "replace").splitlines()[-5:]) for path in sorted(folder.glob("*.log")))
    return "\n".join(f"{name}: {line}" for name, lines in told for line in lines)


if __name__ == "__main__":
    sys.exit(main())

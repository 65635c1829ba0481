"""`make soak`: 8 replicas, 200 tenants, 20,000 rotations; exit code 1 where a tenant was locked out in vain."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time

from tests.postgres import postgres
from tests.soak.soak import Plan, soak


def tell(text: str) -> None:
    """Shows how far it is, where somebody watches."""
    if sys.stderr.isatty() or os.environ.get("SOAK_TOLD"):
        sys.stderr.write(f"\r{text}")
        sys.stderr.flush()


def main() -> int:
    """Run it and print the report."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--rotations", type=int, default=20_000)
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--tenants", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    plan = Plan(
        replicas=given.replicas,
        tenants=given.tenants,
        rotations=given.rotations,
        seconds=60,
        access_life=3,
        rest=3,
        trouble=8,
        lease=20,
        at_most=3600,
        seed=given.seed,
    )
    with postgres(connections=400) as server:
        report = asyncio.run(soak(plan, server, tell))
    sys.stdout.write(f"{report}\n")
    if report.rotations < plan.rotations:
        sys.stdout.write(f"FAULT: the time was over before {plan.rotations} rotations were made\n")
        return 1
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())

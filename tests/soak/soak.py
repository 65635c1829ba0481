"""The soak: replicas on one PostgreSQL, tenants that call, tokens that live seconds, kills and pauses."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from gateway.store import Store
from tests.soak.clients import Clients
from tests.soak.fleet import Replica, Trouble
from tests.soak.journal import address, begin_journal, clear_away, prepare, read_journal
from tests.soak.sage import Sage
from tests.soak.verdict import Evidence, LockOut


@dataclass(frozen=True, slots=True)
class Plan:
    """How large and how rough a soak is. Times are seconds."""

    replicas: int
    tenants: int
    rotations: int
    """It goes on until so many refreshes were made, and `seconds` are over."""
    seconds: float
    access_life: int
    rest: float
    """Between two calls of one tenant, on average."""
    trouble: float
    """Between two kills or pauses, on average."""
    lease: float
    at_most: float
    seed: int = 0


@dataclass(slots=True)
class Report:
    """What came of a soak."""

    seconds: float = 0.0
    rotations: int = 0
    kills: int = 0
    pauses: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    undisturbed: list[float] = field(default_factory=list)
    """Seconds that the answered calls took: all, and those whose replica did not sleep meanwhile; sorted."""
    refused_calls: int = 0
    """Calls to the API with an access token that was over."""
    lock_outs: list[LockOut] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    crashes: int = 0
    events: Counter[str] = field(default_factory=Counter)
    """What the replicas' logs tell of grants."""

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        return [
            *(f"avoidable lock-out: {one}" for one in self.lock_outs if one.avoidable),
            *(f"neither answered nor refused: {tenant}" for tenant in self.unsettled),
            *(f"presented twice under one lease: {one}" for one in self.twice),
            *([f"{self.crashes} tracebacks in the logs"] if self.crashes else []),
        ]

    def __str__(self) -> str:
        calls = ", ".join(f"{count} {what}" for what, count in sorted(self.calls.items()))
        unavoidable = [one for one in self.lock_outs if not one.avoidable]
        lines = [
            f"{self.rotations} rotations in {self.seconds:.0f} s; {self.kills} kills, {self.pauses} pauses",
            f"calls: {calls}",
            f"  all that were answered: {_spread(self.waits)}",
            f"  by replicas that were awake: {_spread(self.undisturbed)}",
            f"calls of v3.1 with a token that was over: {self.refused_calls}",
            f"lock-outs: {len(self.lock_outs) - len(unavoidable)} avoidable, {len(unavoidable)} unavoidable",
            *(f"  unavoidable: {one}" for one in unavoidable),
            f"tokens presented twice under one lease: {len(self.twice)}",
            f"told in the logs: {', '.join(f'{count} {event}' for event, count in sorted(self.events.items()))}",
            *(f"FAULT: {fault}" for fault in self.faults),
        ]
        return "\n".join(lines)


def _spread(waits: list[float]) -> str:
    half, most = (waits[len(waits) * share // 100] * 1000 if waits else 0 for share in (50, 99))
    return f"p50 {half:.0f} ms, p99 {most:.0f} ms"


async def soak(plan: Plan, server: str, tell: Callable[[str], None] = lambda text: None) -> Report:
    """Runs a soak on a PostgreSQL server; `tell` hears how far it is. Raises AssertionError where a replica does not
    start."""
    async with AsyncExitStack() as running:
        folder = Path(running.enter_context(TemporaryDirectory(prefix="sage-gateway-soak-")))
        database = f"soak_{secrets.token_hex(6)}"
        running.push_async_callback(clear_away, server, database, plan.replicas)
        await prepare(server, database, plan.replicas)
        sage = Sage(plan.access_life)
        runner = web.ServerRunner(web.Server(sage.serve))
        await runner.setup()
        running.push_async_callback(runner.cleanup)
        await (site := web.TCPSite(runner, "127.0.0.1", 0)).start()
        tokens = {f"t{number}": secrets.token_hex(20) for number in range(plan.tenants)}
        key = secrets.token_hex(32)
        common = _tenants(plan, key, sage, tokens)
        own = address(server, database, 0)
        await (await Store.open(own, bytes.fromhex(key), migrate=True)).close()
        await begin_journal(own)
        fleet = []
        for number in range(plan.replicas):
            here = _replica(number, address(server, database, number), f"http://127.0.0.1:{site.port}", folder)
            environ = {f"SAGE_GATEWAY_{name}": value for name, value in {**common, **here}.items()}
            fleet.append(Replica(number, environ, folder))
            running.push_async_callback(fleet[-1].stop)
        await fleet[0].start()
        await asyncio.gather(*(one.start() for one in fleet[1:]))
        clients = Clients(fleet, tokens, random.Random(plan.seed))  # noqa: S311 - no secret
        running.push_async_callback(clients.close)
        trouble = Trouble(fleet, plan.lease, plan.trouble, random.Random(plan.seed + 1))  # noqa: S311
        report = await _run(plan, sage, clients, trouble, list(tokens), tell)
        changes = await read_journal(own)
        evidence = Evidence(sage.presented, changes, trouble.stops)
        report.lock_outs = [evidence.judge(one.tenant) for one in report.lock_outs]
        report.twice = [f"{first} and {second}" for first, second in evidence.twice_under_lease()]
        report.crashes = sum(one.log().count("Traceback") for one in fleet)
        report.events = sum((one.events() for one in fleet), Counter())
        return report


async def _run(
    plan: Plan, sage: Sage, clients: Clients, trouble: Trouble, tenants: list[str], tell: Callable[[str], None]
) -> Report:
    over, begun = asyncio.Event(), time.monotonic()
    living = [asyncio.create_task(clients.live(tenant, plan.rest, over)) for tenant in tenants]
    troubling = asyncio.create_task(trouble.make(over))
    while (passed := time.monotonic() - begun) < plan.at_most:
        await asyncio.sleep(0.5)
        tell(f"{passed:.0f} s: {sage.rotations} rotations, {trouble.kills} kills")
        if troubling.done() or (sage.rotations >= plan.rotations and time.monotonic() >= begun + plan.seconds):
            break
    report = Report(seconds=time.monotonic() - begun, rotations=sage.rotations)
    over.set()
    await troubling
    await asyncio.gather(*living)
    report.waits, report.undisturbed = sorted(clients.waits), sorted(clients.undisturbed)
    report.calls = +clients.seen
    # A replica that holds a lease may be gone: its lease is waited for, then refreshing takes a moment.
    ends = await asyncio.gather(
        *(clients.until_settled(tenant, 3 * plan.lease + 90) for tenant in tenants), return_exceptions=True
    )
    for tenant, end in zip(tenants, ends, strict=True):
        if isinstance(end, BaseException):
            report.unsettled.append(f"{tenant} ({end!r})")
        elif not end:
            report.lock_outs.append(LockOut(tenant, 0, None, "it needs consent"))
    report.kills, report.pauses = trouble.kills, len(trouble.stops) - trouble.kills
    report.refused_calls = sage.refused_calls
    return report


def _tenants(plan: Plan, key: str, sage: Sage, tokens: dict[str, str]) -> dict[str, str]:
    """The settings that all replicas share."""
    settings = {
        "STORE__KEY": key,
        "TOKENS__LEASE_SECONDS": str(plan.lease),
        "APPS__SHOP__CLIENT_ID": "shop",
        "APPS__SHOP__SIGNATURE": "off",
        "APPS__SHOP__V31_CLIENT_ID": "shop31",
        "APPS__SHOP__V31_CLIENT_SECRET": secrets.token_hex(16),
    }
    for tenant, token in tokens.items():
        name = f"TENANTS__{tenant.upper()}"
        settings |= {f"{name}__APP": "shop", f"{name}__BUSINESS": f"b{tenant}", f"{name}__ACCESS_TOKEN": token}
        settings[f"{name}__V31_REFRESH_TOKEN"] = sage.seed(tenant)
    return settings


def _replica(number: int, db: str, sage: str, folder: Path) -> dict[str, str]:
    return {
        "STORE__DB": db,
        "STORE__SPOOL": str(folder / "spool"),
        "UPSTREAM__API": f"{sage}/v3.1",
        "UPSTREAM__TOKEN": f"{sage}/{number}/token",
    }

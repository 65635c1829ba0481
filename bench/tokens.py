"""What tokens cost: memory of many tenants, refreshing ahead for the active ones, and CPU of authentication."""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from bench.canned import TOKEN_LENGTH
from bench.usage import resident
from gateway.edges.callers import Callers, Terms
from gateway.edges.keeper import TEND_SECONDS
from gateway.edges.refresh_sender import Chances
from gateway.edges.refresher import Refresher
from gateway.edges.token_client import Credentials
from gateway.grants.life import Tokens
from gateway.grants.secret import Secret
from gateway.grants.tenant import Held, Tenant
from gateway.messages import V2Request
from gateway.store import Named, Store
from gateway.translate.headers import bearer
from gateway.translate.signature import verify

TENANTS, ACTIVE, LIVES = 10_000, 500, 3
LIFE = 300.0
CALL_EVERY = 60.0
"""Simulated seconds between two calls of an active tenant."""
AIM_MEMORY = 40.0
"""MiB above the empty process (issue 4)."""
AIMS_CPU = {"off": 20.0, "on": 60.0}
"""Microseconds of authentication, with signature verification off and on (issue 4)."""
KEY = bytes(32)
URL = "https://gateway.example"
SECRET = "signing secret"
FORM = (
    b"sales_invoice%5Bcontact_id%5D=53117843&sales_invoice%5Bdate%5D=2015-08-01"
    b"&sales_invoice%5Bline_items_attributes%5D%5B0%5D%5Bdescription%5D=Consulting"
    b"&sales_invoice%5Bline_items_attributes%5D%5B0%5D%5Bquantity%5D=2"
    b"&sales_invoice%5Bline_items_attributes%5D%5B0%5D%5Bunit_price%5D=49.95"
    b"&sales_invoice%5Bline_items_attributes%5D%5B0%5D%5Btax_code_id%5D=1"
)


class Sage:
    """A token endpoint that answers at once, with tokens as long as Sage's, on a clock of our own."""

    def __init__(self) -> None:
        self.now = time.time()
        self.refreshes = 0

    async def refresh(
        self, credentials: Credentials, refresh: Secret, may_send: Callable[[], bool] = lambda: True
    ) -> Tokens:
        """The next pair."""
        self.refreshes += 1
        await asyncio.sleep(0)
        access = secrets.token_urlsafe(TOKEN_LENGTH)[:TOKEN_LENGTH]
        return Tokens(Secret(access), LIFE, Secret(secrets.token_urlsafe(800)), 2_678_400.0, "user")


async def fill(url: str, tenants: int) -> None:
    """A store with so many connected tenants, each with a grant and a legacy token of its own."""
    store = await Store.open(url, KEY, migrate=True)
    named = (Named(f"t{n}", "bench", f"b{n}", Secret(f"seed {n}"), Secret(legacy(n)), None) for n in range(tenants))
    await store.tenants.settle(named, time.time())
    await store.close()


def legacy(number: int) -> str:
    """A tenant's own access token."""
    return hashlib.sha1(str(number).encode()).hexdigest()


async def live(url: str, active: int, lives: int) -> dict[str, Any]:
    """One process that serves the active tenants for so many lives of a token.

    Gives the MiB that it has at the end above the empty process; how many calls had to `wait` for a token; refreshes;
    and the CPU microseconds of each.
    """
    store, sage = await Store.open(url, KEY), Sage()
    waits = 0
    refresher = Refresher(store.grants, sage, {"bench": ("id", "secret")}, chances=Chances(lambda: sage.now))
    callers = Callers(lambda token: store.tenants.held(token, sage.now), {"bench": Terms()}, clock=lambda: sage.now)
    await store.ready()
    empty = resident(os.getpid())
    known = [(await callers.recognise(legacy(number))).tenant for number in range(active)]
    for tenant in known:
        await refresher.token(tenant)
    first, begun, end = sage.refreshes, time.process_time(), sage.now + lives * LIFE
    turn = 0
    while sage.now < end:
        sage.now += TEND_SECONDS
        refresher.tend()
        await at_rest(refresher)
        asked, before = active * TEND_SECONDS / CALL_EVERY, turn
        turn += int(asked)
        for number in range(before, turn):
            waits += await call(refresher, known[number % active])
    used = time.process_time() - begun
    waits += sum([await call(refresher, tenant) for tenant in known])
    grown = (resident(os.getpid()) - empty) / 1024 / 1024
    await refresher.close()
    await store.close()
    made = sage.refreshes - first
    return {"mib": grown, "waits": waits, "refreshes": made, "us_each": used / max(made, 1) * 1e6}


async def call(refresher: Refresher, tenant: Tenant) -> bool:
    """Whether a call has to wait for a token: one that is at hand comes without a pause."""
    token = refresher.token(tenant)
    try:
        token.send(None)
    except StopIteration:
        return False
    token.close()
    return True


async def at_rest(refresher: Refresher) -> None:
    """Until no refresh is under way."""
    while tasks := [held.task for held in refresher._held.values() if held.task is not None]:
        await asyncio.wait(tasks)


def authentication() -> dict[str, dict[str, float]]:
    """CPU microseconds per call of recognising a known token, by kind of call and signature verification."""
    token = legacy(0)
    get = f"{URL}/accounts/v2/contacts?$itemsPerPage=20&$startIndex=0"
    post = f"{URL}/accounts/v2/sales_invoices"
    calls = {
        "GET": signed("GET", get, b"", token),
        "form POST": signed("POST", post, FORM, token),
    }
    return {kind: {mode: asyncio.run(timed(call, mode == "on")) for mode in AIMS_CPU} for kind, call in calls.items()}


async def timed(call: V2Request, verified: bool, rounds: int = 100, times: int = 100) -> float:
    """The best of many short rounds: what the call itself takes, without what disturbs it."""

    async def never(token: str) -> None:
        raise AssertionError("the token is not remembered")

    known = Callers(never, {"bench": Terms()}, clock=time.monotonic)
    token = bearer(call.headers) or ""
    known._remembered[token] = known._introduce(Held(Tenant(1, "t", "bench", "b", 1), "full_access", None), token)
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(times):
            caller = await known.recognise(bearer(call.headers))
            if verified and not verify(call, SECRET, caller.token, (URL,)).ok:
                raise AssertionError("the signature does not hold")
        best = min(best, (time.process_time() - begun) / times * 1e6)
    return best


def signed(method: str, url: str, body: bytes, token: str) -> V2Request:
    """A call as real clients sign it (v2.md §2.1)."""
    target = url.removeprefix(URL)
    address, _, query = url.partition("?")
    pairs = sorted(pair for pair in (query or body.decode()).split("&") if pair)
    parameters = "&".join("=".join(quote(part, safe="-._~%") for part in pair.split("=")) for pair in pairs)
    nonce = secrets.token_hex(16)
    text = "&".join([method, *(quote(part, safe="-._~") for part in (address, parameters, nonce))])
    digest = hmac.digest(f"{quote(SECRET, safe='-._~')}&{token}".encode(), text.encode(), "sha1")
    headers = (
        ("Host", "gateway.example"),
        ("Accept", "*/*"),
        ("User-Agent", "bench"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Authorization", f"Bearer {token}"),
        ("X-Nonce", nonce),
        ("X-Signature", base64.b64encode(digest).decode()),
    )
    return V2Request(method, target, headers, body)


def report(memory: dict[str, Any], cpu: dict[str, dict[str, float]]) -> str:
    """Both as a person reads them."""
    verdict = "reached" if memory["mib"] <= AIM_MEMORY else "MISSED"
    lines = [
        f"memory of {TENANTS} tenants, {ACTIVE} of them active: {memory['mib']:.0f} MiB above the empty process",
        f"  aim: at most {AIM_MEMORY:g} MiB: {verdict}",
        f"  {LIVES} lives of their tokens: {memory['refreshes']} refreshes, {memory['us_each']:.0f} us CPU each",
        f"  calls that had to wait for a token: {memory['waits']}",
        "authentication of a known token, CPU us per call",
    ]
    for kind, modes in cpu.items():
        for mode, spent in modes.items():
            verdict = "reached" if spent <= AIMS_CPU[mode] else "MISSED"
            lines.append(f"  {kind:<12} signature {mode:<4}{spent:>6.1f}; aim: at most {AIMS_CPU[mode]:g}: {verdict}")
    return "\n".join(lines)


def main() -> int:
    """Measure and print; with `--live`, be the process that is measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.tokens", description=__doc__)
    parser.add_argument("--live", help="the store's URL", metavar="URL")
    given = parser.parse_args()
    if given.live:
        print(json.dumps(asyncio.run(live(given.live, ACTIVE, LIVES))))
        return 0
    print(report(asyncio.run(measured(TENANTS)), authentication()))
    return 0


async def measured(tenants: int) -> dict[str, Any]:
    """What `live` found in a process of its own."""
    with TemporaryDirectory(prefix="sage-gateway-bench-") as folder:
        url = f"sqlite:///{folder}/store.db"
        await fill(url, tenants)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.tokens", "--live", url),
            cwd=Path(__file__).parents[1],
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await process.communicate()
    found: dict[str, Any] = json.loads(told)
    return found


if __name__ == "__main__":
    sys.exit(main())

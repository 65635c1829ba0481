"""The soak's v2 clients: each tenant's app calls at random, any replica that is up."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

import aiohttp

from tests.soak.fleet import Replica

PATIENCE = 20.0


class Clients:
    """The apps of all tenants; `tokens` are their legacy access tokens by tenant."""

    def __init__(self, fleet: list[Replica], tokens: dict[str, str], dice: random.Random) -> None:
        self._fleet = fleet
        self._tokens = tokens
        self._dice = dice
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        self.seen: Counter[str] = Counter()
        """What calls led to: a status, or `cut off` where the replica was killed or slept."""
        self.waits: list[float] = []
        """Seconds that each answered call took."""
        self.undisturbed: list[float] = []
        """Those of calls whose replica was neither stopped nor started meanwhile."""

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()

    async def live(self, tenant: str, rest: float, over: asyncio.Event) -> None:
        """Calls, with so many seconds between two calls on average."""
        await asyncio.sleep(self._dice.uniform(0, rest))
        while not over.is_set():
            await self.call(tenant)
            await asyncio.sleep(self._dice.expovariate(1 / rest))

    async def until_settled(self, tenant: str, patience: float) -> bool:
        """Calls until the tenant is answered, True, or surely needs consent, False. Raises TimeoutError.

        A replica may believe for a few seconds that consent is needed: only a refusal that lasts counts.
        """
        refused_since: float | None = None
        async with asyncio.timeout(patience):
            while True:
                status = await self.call(tenant)
                if status == 200:
                    return True
                if status != 400:
                    refused_since = None
                elif refused_since is None:
                    refused_since = time.monotonic()
                elif time.monotonic() - refused_since > 8:
                    return False
                await asyncio.sleep(0.5)

    async def call(self, tenant: str) -> int:
        """One call of one replica; the status, 0 where there was none."""
        replica = self._dice.choice(self._fleet)
        url, disturbed = replica.url, replica.busy
        if url is None:
            return 0
        begun = time.monotonic()
        headers = {"Authorization": f"Bearer {self._tokens[tenant]}"}
        try:
            async with self._session.get(f"{url}/accounts/v2/contacts", headers=headers) as reply:
                await reply.read()
        except (aiohttp.ClientError, TimeoutError):
            self.seen["cut off"] += 1
            return 0
        self.waits.append(time.monotonic() - begun)
        if not disturbed and not replica.busy:
            self.undisturbed.append(self.waits[-1])
        self.seen[str(reply.status)] += 1
        return reply.status

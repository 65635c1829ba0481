"""The replicas of the soak: real `sage-gateway serve` processes, started, killed, put to sleep and woken."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.soak.verdict import Stop

ROOT = Path(__file__).parents[2]
STARTING = 60.0


class Replica:
    """One place in the fleet, and the process that fills it at the moment."""

    def __init__(self, number: int, settings: Mapping[str, str], folder: Path) -> None:
        self.number = number
        self.url: str | None = None
        self.busy = False
        """Somebody is stopping or starting it."""
        self._settings = settings
        self._log = folder / f"replica-{number}.log"
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts the process, and waits until it listens."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SAGE_GATEWAY_")}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "serve", "--port", "0", "--admin", "off"),
                cwd=self._folder,
                env={**kept, **self._settings, "PYTHONPATH": str(ROOT)},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(STARTING):
            while line := (await self._process.stdout.readline()).decode():
                if found := re.search(r"listens on (http://\S+)", line):
                    self.url = found[1]
                    return
        raise AssertionError(f"replica {self.number} did not start:\n{self.log()[-2000:]}")

    async def kill(self) -> Stop:
        """SIGKILL."""
        assert self._process is not None
        at = time.time()
        self.url = None
        self._process.kill()
        await self._process.communicate()
        return Stop(self.number, at, time.time(), killed=True)

    async def sleep(self, seconds: float) -> Stop:
        """SIGSTOP, and SIGCONT after so long."""
        assert self._process is not None
        at = time.time()
        self._process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        self._process.send_signal(signal.SIGCONT)
        return Stop(self.number, at, time.time(), killed=False)

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STARTING):
                await self._process.communicate()
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.communicate()
        return int(self._process.returncode or 0)

    def events(self) -> Counter[str]:
        """How often its processes told which news of a grant."""
        return Counter(re.findall(r'"reason":"(\w+)","grant"', self.log()))

    def log(self) -> str:
        """All that its processes wrote to standard error."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""


class Trouble:
    """Kills replicas and puts them to sleep at random, some for longer than a lease, until told to end."""

    def __init__(self, fleet: list[Replica], lease: float, every: float, dice: random.Random) -> None:
        """Something happens every so many seconds on average."""
        self._fleet = fleet
        self._lease = lease
        self._every = every
        self._dice = dice
        self.stops: list[Stop] = []

    async def make(self, over: asyncio.Event) -> None:
        """Makes trouble; returns when it is over and all replicas are up, or one did not start."""
        async with asyncio.TaskGroup() as under_way:
            while not over.is_set():
                await asyncio.sleep(self._dice.expovariate(1 / self._every))
                idle = [one for one in self._fleet if not one.busy]
                if len(idle) > len(self._fleet) * 5 // 8:
                    under_way.create_task(self._trouble(self._dice.choice(idle)))

    async def _trouble(self, replica: Replica) -> None:
        replica.busy = True
        if self._dice.random() < 0.6:
            self.stops.append(await replica.kill())
            await asyncio.sleep(self._dice.uniform(0, 2))
            await replica.start()
        else:
            short = self._dice.random() < 0.7
            length = self._dice.uniform(0.1, 0.6) if short else self._dice.uniform(1.05, 1.4)
            self.stops.append(await replica.sleep(length * self._lease))
        replica.busy = False

    @property
    def kills(self) -> int:
        return sum(stop.killed for stop in self.stops)

"""SIGSTOP in the middle of a refresh, for longer and for shorter than the lease, and what SIGCONT makes of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kills.world import Left, Scene, Victim, a_process, strace

LEASE = 3.0
TOLD_OVER = 0.6 * LEASE
"""Longer than a request may take, which is half a lease at most."""


async def stopped(victim: Victim) -> None:
    """Returns when the process has stopped."""
    while state(victim.pid) not in "tT":  # noqa: ASYNC110 - nobody tells of another's child
        await asyncio.sleep(0)


def state(pid: int) -> str:
    """A process's state in a letter (proc(5)); its name before it may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]


async def another_takes_over(left: Left, token: str) -> str:
    """The token that another process gets, which wants it as much, when the lease is over."""
    async with a_process(left.folder, left.url, lease=LEASE) as other:
        await other.token(left.tenant)
        return await other.stale(left.tenant, token)


def stop(victim: Victim) -> Callable[[], None]:
    return lambda: os.kill(victim.pid, signal.SIGSTOP)


@pytest.mark.system("strace")
async def test_who_slept_before_the_send_sends_no_more(scene: Scene) -> None:
    """The lease is over, another process has refreshed: the sleeper looks at its clock once the connection stands,
    sends nothing, and takes the other's token. Sage sees no token twice."""
    async with scene.victim("R2", LEASE) as (victim, left):
        words = ("-e", "trace=connect", "-e", "inject=connect:signal=STOP:when=1")
        async with strace(victim.threads["loop"], *words):
            await victim.go()
            await stopped(victim)
            new = await another_takes_over(left, victim.token)
            os.kill(victim.pid, signal.SIGCONT)
            assert await victim.says() == f"published {new}"
    assert (left.sage.tokens.accepted, left.sage.tokens.refused) == (2, 0)


@pytest.mark.parametrize("behaviour", ["R2", "R3", "R4", "R5"])
async def test_who_slept_beyond_its_lease_with_the_answer_in_its_socket(scene: Scene, behaviour: str) -> None:
    """Nobody can tell it from a dead one, so its token is sent again. With a grace, or without rotation, both go on;
    where reuse kills (R2) the protocol leaves no way, and the owner is asked: it is not hidden, and nobody loops."""
    async with scene.victim(behaviour, LEASE) as (victim, left):
        left.sage.before_answer.append(stop(victim))
        await victim.go()
        await stopped(victim)
        if behaviour == "R2":
            with pytest.raises(Exception, match="authorise"):
                await another_takes_over(left, victim.token)
        else:
            await another_takes_over(left, victim.token)
        os.kill(victim.pid, signal.SIGCONT)
        assert (await victim.says()).startswith("published")
        await victim.end()
        assert await left.recovers(behaviour) is (behaviour != "R2")
        assert left.sage.tokens.accepted + left.sage.tokens.refused <= 5


async def test_who_slept_longer_than_a_request_may_take_reads_the_answer(scene: Scene) -> None:
    """Its time is over when it goes on, but not its lease: the answer lies in its socket, and is stored."""
    async with scene.victim("R2", LEASE) as (victim, left):
        left.sage.before_answer.append(stop(victim))
        await victim.go()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(victim.says(), TOLD_OVER)
        os.kill(victim.pid, signal.SIGCONT)
        assert (await victim.says()).startswith("published")
        await victim.end()
        assert (left.generation(), left.sage.tokens.refused) == (3, 0)
        assert await left.recovers("R2")

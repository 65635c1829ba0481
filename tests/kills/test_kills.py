"""SIGKILL at every write, fsync, send and receipt of a refresh, and what a restart finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kills.world import Left, Point, Scene, points, strace

pytestmark = pytest.mark.system("strace")

WAKING = "anon_inode"
"""A thread wakes the event loop: nothing reaches a file or the network."""


async def kill_at(scene: Scene, point: Point, behaviour: str) -> tuple[bool, Left, dict[str, bool]]:
    """Whether the process met the point, and whether a restart recovers, by Sage's behaviour afterwards."""
    async with scene.victim(behaviour) as (victim, left):
        inject = f"inject={point.call}:signal=KILL:when={point.number}"
        async with strace(victim.threads[point.thread], "-e", f"trace={point.call}", "-e", inject):
            await victim.go()
            met = await victim.says() == ""
        await victim.end()
        after = ("R1", "R2", "R3", "R4") if behaviour == "R2" else (behaviour,)
        return met, left, {each: await left.recovers(each) for each in after} | {"durable": left.generation() == 3}


async def test_no_received_token_is_lost_wherever_the_process_is_killed(scene: Scene, tmp_path: Path) -> None:
    """With a grace (R3, R4) or without rotation (R5) the grant always recovers. Without a grace (R1, R2) it does
    unless the kill fell between Sage's commit and ours: from the request's send to the last frame of the log."""
    plan = [point for point in await points(scene, tmp_path) if (point.call, WAKING) != ("read", point.what[:10])]
    lost, missed = [], []
    for point in plan[1:]:
        met, left, recovered = await kill_at(scene, point, "R2")
        spent = left.accepted == 2
        assert (recovered["R3"], recovered["R4"]) == (True, True), str(point)
        assert recovered["R1"] == recovered["R2"] == (recovered["durable"] or not spent), str(point)
        if WAKING in point.what:
            continue
        missed += [] if met else [point]
        lost += [] if recovered["R2"] else [point]
        if not recovered["R2"]:
            _, _, without_rotation = await kill_at(scene, point, "R5")
            assert without_rotation["R5"], str(point)
    assert missed == []
    effects = [point for point in plan[1:] if WAKING not in point.what]
    sent = next(index for index, point in enumerate(effects) if (point.thread, point.call) == ("loop", "write"))
    frames = [index for index, point in enumerate(effects) if point.call == "pwrite64"]
    assert effects[sent].what == "socket"
    assert len(frames) >= 4
    assert lost == effects[sent + 1 : frames[-1] + 1], "\n".join(map(str, effects))


@pytest.fixture(params=["ENOSPC", "EIO"])
def error(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def failing(point: Point, error: str) -> tuple[str, ...]:
    """strace's words: from this point on the call fails."""
    return "-e", f"trace={point.call}", "-e", f"inject={point.call}:error={error}:when={point.number}+"


async def saving(scene: Scene, folder: Path) -> list[Point]:
    """The writes and fsyncs of the store after Sage's answer."""
    plan = await points(scene, folder)
    read = next(index for index, point in enumerate(plan) if (point.call, point.what) == ("read", "socket"))
    return [point for point in plan[read:] if point.call in ("pwrite64", "fdatasync")]


async def test_a_token_is_kept_while_the_store_fails_and_stored_afterwards(
    scene: Scene, tmp_path: Path, error: str
) -> None:
    """Whichever write or fsync fails after Sage's answer: the process says so, hands the token to nobody, spools it,
    and stores it once the disk works again. Where it is killed before, a restart finds it in the spool."""
    for point in await saving(scene, tmp_path):
        async with scene.victim() as (victim, left):
            async with strace(victim.threads[point.thread], *failing(point, error)):
                await victim.go()
                assert await victim.says() == "unsaved", str(point)
                assert await victim.says() == "unsaved", str(point)
                assert left.spooled()
                assert await left.recovers("R2"), f"killed after {point}"
            told = [await victim.says()]
            while told[-1] == "unsaved":
                told.append(await victim.says())
            assert told[-1].startswith("published"), str(point)
            assert (left.generation(), left.spooled(), left.accepted) == (3, False, 2)
            assert await left.recovers("R2")


async def test_a_token_is_kept_in_memory_where_the_spool_fails_too(scene: Scene, tmp_path: Path, error: str) -> None:
    """The whole disk is full, or broken, for a while: no file has the token, and no restart can help before the
    disk works again."""
    point = (await saving(scene, tmp_path))[0]
    async with scene.victim() as (victim, left):
        spool = Point("spool", "pwrite64", 1, "spool")
        async with (
            strace(victim.threads["spool"], *failing(spool, error)),
            strace(victim.threads[point.thread], *failing(point, error)),
        ):
            await victim.go()
            assert await victim.says() == "unsaved"
            assert await victim.says() == "unsaved"
            assert not left.spooled()
            assert left.generation() == 2
        told = [await victim.says()]
        while told[-1] == "unsaved":
            told.append(await victim.says())
        assert told[-1].startswith("published")
        assert left.generation() == 3


SPOOLING = [
    (Point("spool", "pwrite64", 1, "spool"), False),
    (Point("spool", "fdatasync", 1, "spool"), False),
    (Point("spool", "pwrite64", 2, "spool"), False),
    (Point("spool", "fdatasync", 2, "spool"), True),
]
"""The spool's own writes, and whether a token survives a kill there, where Sage grants no grace: the second write is
the record's head."""


@pytest.mark.parametrize(("point", "survives"), SPOOLING, ids=str)
async def test_a_kill_while_spooling_leaves_a_whole_record_or_none(
    scene: Scene, tmp_path: Path, point: Point, survives: bool
) -> None:
    """Before the record's head is written the token was in memory alone; with a grace it is had again all the same."""
    broken = (await saving(scene, tmp_path))[0]
    async with scene.victim() as (victim, left):
        kill = ("-e", f"trace={point.call}", "-e", f"inject={point.call}:signal=KILL:when={point.number}")
        async with (
            strace(victim.threads["spool"], *kill),
            strace(victim.threads[broken.thread], *failing(broken, "ENOSPC")),
        ):
            await victim.go()
            assert await victim.says() == "unsaved"
            assert await victim.says() == ""
        await victim.end()
        assert left.generation() == 2
        assert (await left.recovers("R2"), await left.recovers("R3")) == (survives, True)

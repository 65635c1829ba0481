"""The spool: what the database does not take survives the process."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import StoreFailed
from gateway.grants.life import Grant, State
from gateway.grants.secret import Secret
from gateway.store import KeyWrong
from gateway.store.sealing import Seal
from gateway.store.spool import SLOT_BYTES, SLOTS, Spool, Spooled, open_spools
from tests.store.planting import NOW, next_of, planted

GRANT = Grant(
    7, "app", 4, State.ACTIVE, Secret("fresh-refresh"), Secret("fresh-access"), NOW + 300, 300.0, NOW + 9e5, None, "u"
)


def seal(key: bytes = b"\x01" * 32) -> Seal:
    return Seal("cluster", {1: key, 2: b"\x02" * 32})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db.spool"


def only(path: Path, key: Seal | None = None) -> Spool:
    [spool] = open_spools(path, key or seal())
    return spool


async def test_what_was_put_is_there_for_the_next_process(path):
    """Tokens, ends and the attempt; nobody can read them in the file, and only its owner can open it."""
    spool = only(path)
    assert spool.left_behind() == []
    assert await spool.put(GRANT, "attempt")
    spool.close()
    assert b"fresh" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = only(path)
    assert again.left_behind() == [Spooled(GRANT, "attempt")]
    await again.clear("attempt")
    again.close()
    last = only(path)
    assert last.left_behind() == []
    last.close()


async def test_it_has_its_room_from_the_start(path):
    """Nothing has to grow when the disk is full."""
    spool = only(path)
    assert path.stat().st_blocks * 512 >= SLOTS * SLOT_BYTES == 65536
    for number in range(SLOTS):
        assert await spool.put(GRANT, str(number))
    assert not await spool.put(GRANT, "too many")
    await spool.clear("3")
    assert await spool.put(replace(GRANT, id=8), "instead")
    assert path.stat().st_size == 65536
    await spool.clear("unknown")
    spool.close()
    again = only(path)
    assert {left.attempt for left in again.left_behind()} == {"0", "1", "2", "4", "5", "6", "7", "instead"}
    again.close()


async def test_a_long_access_token_is_left_out_before_the_refresh_token(path):
    """The refresh token is what cannot be had again."""
    spool = only(path)
    assert await spool.put(replace(GRANT, access=Secret("a" * 8000)), "long")
    assert not await spool.put(replace(GRANT, refresh=Secret("r" * 8000)), "too long")
    spool.close()
    again = only(path)
    [left] = again.left_behind()
    assert (left.new.access, left.new.refresh) == (None, Secret("fresh-refresh"))
    again.close()


async def test_each_process_has_its_own_file_and_takes_over_those_of_the_dead(path):
    """A file that a living process holds is not touched."""
    first, second = only(path), only(path)
    assert await second.put(GRANT, "second")
    assert path.with_name("store.db.spool.1").exists()
    second.close()
    [third] = open_spools(path, seal())
    assert third.left_behind() == [Spooled(GRANT, "second")]
    third.close()
    first.close()
    own, other = open_spools(path, seal())
    assert own.left_behind() == []
    assert other.left_behind() == [Spooled(GRANT, "second")]
    own.close()
    other.close()


async def test_a_torn_write_leaves_an_empty_slot(path):
    """The head is written last: without it there is nothing."""
    spool = only(path)
    assert await spool.put(GRANT, "whole")
    spool.close()
    with path.open("r+b") as file:
        file.seek(SLOT_BYTES + 8)
        file.write(os.urandom(100))
        file.seek(2 * SLOT_BYTES)
        file.write(b"SGW1\xff\xff\xff\xff")
    again = only(path)
    assert [left.attempt for left in again.left_behind()] == ["whole"]
    again.close()


async def test_a_record_under_another_key_is_refused_not_dropped(path):
    """It may be the only live token of a grant."""
    spool = only(path)
    assert await spool.put(GRANT, "a")
    spool.close()
    other = only(path, seal(b"\x09" * 32))
    with pytest.raises(KeyWrong):
        other.left_behind()
    other.close()


async def test_a_spool_that_cannot_be_made_is_a_sentence(tmp_path):
    """At the start, not in need."""
    with pytest.raises(StoreFailed, match="cannot be opened"):
        open_spools(tmp_path / "no" / "folder", seal())


async def test_a_file_that_cannot_be_written_is_no_crash(path):
    """The caller goes on trying the store."""
    spool = only(path)
    assert await spool.put(GRANT, "kept")
    read_only = os.open(path, os.O_RDONLY)
    os.dup2(read_only, spool._file)
    assert not await spool.put(GRANT, "not kept")
    await spool.clear("kept")
    assert "kept" in spool._slots
    os.close(read_only)
    spool.close()


async def test_at_a_start_the_store_gets_what_was_left_behind(store, tmp_path):
    """As the next generation, or rescued where that has come otherwise; then the spools are empty."""
    grant, other = await planted(store), await planted(store, "u", "c", "seed2")
    first, second = [only(tmp_path / "spool", store._seal) for _ in range(2)]
    assert await first.put(next_of(grant, "x"), "x")
    assert await second.put(next_of(other, "y"), "y")
    first.close()
    second.close()
    assert await store.grants.save_refreshed(next_of(other, "z"), "z", NOW)
    own = await store.take_spools(tmp_path / "spool", NOW)
    assert (await store.grants.load(grant.id)).refresh == Secret("rx")
    present = await store.grants.load(other.id)
    assert present.refresh == Secret("rz")
    assert await store.grants.adopt_rescued(present, NOW)
    own.close()
    again, another = open_spools(tmp_path / "spool", store._seal)
    assert again.left_behind() == another.left_behind() == []
    again.close()
    another.close()


async def test_a_spool_that_does_not_open_is_not_held_on_to(store, tmp_path):
    """The start is refused, and the next one may try again."""
    spool = only(tmp_path / "spool")
    assert await spool.put(GRANT, "foreign")
    spool.close()
    for _ in range(2):
        with pytest.raises(KeyWrong):
            await store.take_spools(tmp_path / "spool", NOW)

"""A file for freshly received tokens that the database does not take (reliability.md §3.3 step 6).

It is made at the start, with all the room that it will need, so that it can be written on a full disk. Each process
has its own: `PATH`, `PATH.1`, … whichever no other process holds.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.errors import StoreFailed
from gateway.grants.life import Grant, State
from gateway.grants.secret import Secret
from gateway.store.failures import KeyWrong
from gateway.store.sealing import Seal

SLOTS = 8
SLOT_BYTES = 8192
MARK = b"SGW1"
HEAD = len(MARK) + 4
FILES = 64
"""So many processes may share a path."""


class _Record(msgspec.Struct):
    """A result as it stands in the spool."""

    attempt: str
    grant: int
    app: str
    generation: int
    refresh: str
    refresh_until: float | None
    access: str
    access_until: float
    life: float
    user: str | None

    def __repr__(self) -> str:
        return f"the spool's record of grant {self.grant}, generation {self.generation}"


@dataclass(frozen=True, slots=True)
class Spooled:
    """A result that was not stored: the grant's next generation, and the attempt that gave it."""

    new: Grant
    attempt: str


class Spool:
    """One process's spool file, held exclusively. Its methods may be called from one event loop."""

    def __init__(self, file: int, seal: Seal) -> None:
        """`file` is an open file that this process holds (`open_spools`)."""
        self._seal = seal
        self._file = file
        self._slots: dict[str, int] = {}
        self._lock = asyncio.Lock()

    async def put(self, new: Grant, attempt: str) -> bool:
        """Writes a result durably; False where all slots are taken, or the file cannot be written either."""
        async with self._lock:
            free = next((slot for slot in range(SLOTS) if slot not in self._slots.values()), None)
            if free is None:
                return False
            try:
                await asyncio.to_thread(self._write, free, self._sealed(new, attempt, free))
            except OSError:
                return False
            self._slots[attempt] = free
            return True

    async def clear(self, attempt: str) -> None:
        """Forgets a result that the store has; one that cannot be forgotten is offered to the store again."""
        async with self._lock:
            slot = self._slots.get(attempt)
            if slot is None:
                return
            try:
                await asyncio.to_thread(self._write, slot, b"")
            except OSError:
                return
            del self._slots[attempt]

    def left_behind(self) -> list[Spooled]:
        """What an earlier process could not store; they keep their slots until cleared. Raises KeyWrong where one
        does not open: a key that once was is missing."""
        found = []
        for slot in range(SLOTS):
            blob = self._read(slot)
            if blob is not None:
                spooled = _grant(self._seal.unseal(blob, "spool", "record", slot, 0))
                self._slots[spooled.attempt] = slot
                found.append(spooled)
        return found

    def close(self) -> None:
        """Lets another process have the file."""
        os.close(self._file)

    def _sealed(self, new: Grant, attempt: str, slot: int) -> bytes:
        blob = b""
        # The access token is but a convenience: where both are too long, the refresh token goes alone.
        for access in (new.access, None):
            text = msgspec.json.encode(_record(new, attempt, access)).decode()
            blob = self._seal.seal(Secret(text), "spool", "record", slot, 0)
            if len(blob) <= SLOT_BYTES - HEAD:
                return blob
        raise OSError("the tokens are too long for the spool")

    def _write(self, slot: int, blob: bytes) -> None:
        """Puts a blob into a slot, or empties it: the head last, so that a torn write leaves an empty slot."""
        place = slot * SLOT_BYTES
        if blob:
            _write_all(self._file, blob, place + HEAD)
            os.fdatasync(self._file)
        head = MARK + len(blob).to_bytes(4) if blob else bytes(HEAD)
        _write_all(self._file, head, place)
        os.fdatasync(self._file)

    def _read(self, slot: int) -> bytes | None:
        head = os.pread(self._file, HEAD, slot * SLOT_BYTES)
        size = int.from_bytes(head[len(MARK) :])
        if head[: len(MARK)] != MARK or not 0 < size <= SLOT_BYTES - HEAD:
            return None
        return os.pread(self._file, size, slot * SLOT_BYTES + HEAD)


def open_spools(path: Path, seal: Seal) -> list[Spool]:
    """This process's own spool, then those of `path` that processes left behind that are gone.

    Raises StoreFailed where none can be made.
    """
    own = next((file for file in map(_take, _names(path)) if file is not None), None)
    if own is None:
        raise StoreFailed(f"All spool files of {path} are held by other processes.")
    others = (_take(name) for name in _names(path) if name.exists())
    return [Spool(own, seal), *(Spool(file, seal) for file in others if file is not None)]


def _names(path: Path) -> Iterator[Path]:
    yield path
    yield from (path.with_name(f"{path.name}.{number}") for number in range(1, FILES))


def _take(name: Path) -> int | None:
    """The file, made with all its room, and held; None where another process, or this one, holds it."""
    try:
        file = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreFailed(f"The spool {name} cannot be opened ({error.strerror}).") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    try:
        os.posix_fallocate(file, 0, SLOTS * SLOT_BYTES)
        os.fsync(file)
    except OSError as error:
        os.close(file)
        raise StoreFailed(f"The spool {name} cannot be given its room ({error.strerror}).") from error
    return file


def _write_all(file: int, data: bytes, place: int) -> None:
    while data:
        written = os.pwrite(file, data, place)
        data, place = data[written:], place + written


def _record(new: Grant, attempt: str, access: Secret | None) -> _Record:
    return _Record(
        attempt=attempt,
        grant=new.id,
        app=new.app,
        generation=new.generation,
        refresh=new.refresh.reveal(),
        refresh_until=new.refresh_until,
        access=access.reveal() if access else "",
        access_until=new.access_until,
        life=new.life,
        user=new.user,
    )


def _grant(text: Secret) -> Spooled:
    try:
        record = msgspec.json.decode(text.reveal(), type=_Record)
    except msgspec.DecodeError:
        raise KeyWrong("A record of the spool is not one of this gateway's.") from None
    new = Grant(
        id=record.grant,
        app=record.app,
        generation=record.generation,
        state=State.ACTIVE,
        refresh=Secret(record.refresh),
        access=Secret(record.access) if record.access else None,
        access_until=record.access_until,
        life=record.life,
        refresh_until=record.refresh_until,
        user=record.user,
    )
    return Spooled(new, record.attempt)

"""Log lines on their way out."""

from __future__ import annotations

import asyncio
import io

from gateway.edges.log_lines import LogLines


class Stream(io.BytesIO):
    """Counts how often it is written to, and says when."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.written = asyncio.Event()

    def write(self, data: object) -> int:
        self.writes += 1
        self.written.set()
        return super().write(data)  # type: ignore[arg-type]


def none_lost(count: int) -> None:
    raise AssertionError(f"{count} lines were lost")


async def test_lines_of_a_moment_are_written_together() -> None:
    """One write for all lines of the time that a line may wait, and a new one for those after it."""
    stream = Stream()
    lines = LogLines(stream, none_lost, patience=0.001)
    lines.info(b"one")
    lines.info(b"two")
    assert stream.getvalue() == b""
    await stream.written.wait()
    assert (stream.getvalue(), stream.writes) == (b"one\ntwo\n", 1)
    lines.info(b"three")
    stream.written.clear()
    await stream.written.wait()
    assert stream.getvalue() == b"one\ntwo\nthree\n"


async def test_a_warning_waits_for_nothing() -> None:
    """A warning is written at once, behind the lines that were waiting; none is written twice."""
    stream = Stream()
    lines = LogLines(stream, none_lost, patience=60)
    lines.info(b"one")
    lines.warning(b"two")
    lines.error(b"three")
    assert stream.getvalue() == b"one\ntwo\nthree\n"
    lines.flush()
    assert stream.writes == 2


async def test_nothing_is_lost_at_the_end() -> None:
    """What waits is written by `flush`, and lines after it wait anew."""
    stream = Stream()
    lines = LogLines(stream, none_lost, patience=60)
    lines.info(b"one")
    lines.flush()
    lines.info(b"two")
    assert stream.getvalue() == b"one\n"
    lines.flush()
    assert stream.getvalue() == b"one\ntwo\n"


def test_without_an_event_loop_no_line_waits() -> None:
    """What is said before the loop runs, or after it, is written at once."""
    stream = Stream()
    LogLines(stream, none_lost, patience=60).info(b"one")
    assert stream.getvalue() == b"one\n"


def test_lines_that_cannot_be_written_are_counted() -> None:
    """A stream that takes no more stops nothing; all lines that waited for it are counted."""
    stream, lost = Stream(), list[int]()
    stream.close()
    lines = LogLines(stream, lost.append)
    lines.info(b"one")
    lines.warning(b"two")
    assert lost == [1, 1]

"""Log lines on their way out: those of a moment are written together, since a write costs more than making a line.

A warning or an error is written at once, and with it all that wait. What waits is lost only where the process is killed
without any notice; `flush` is called when the gateway stops for whatever other reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import BinaryIO


class LogLines:
    """The lines of one stream, in order.

    `patience` is how many seconds a line may wait for others, 0 for none; without a running event loop none waits.
    `lost` is told how many lines could not be written.
    """

    def __init__(self, stream: BinaryIO, lost: Callable[[int], None], patience: float = 0.0) -> None:
        self._stream = stream
        self._lost = lost
        self._patience = patience
        self._waiting: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def info(self, line: bytes) -> None:
        """Write a line, soon."""
        self._waiting.append(line)
        if self._timer is None:
            self._arrange()

    def warning(self, line: bytes) -> None:
        """Write a line, now."""
        self._waiting.append(line)
        self.flush()

    error = warning

    def _arrange(self) -> None:
        try:
            loop = asyncio.get_running_loop() if self._patience else None
        except RuntimeError:
            loop = None
        if loop is None:
            self.flush()
        else:
            self._timer = loop.call_later(self._patience, self.flush)

    def flush(self) -> None:
        """Write all that wait. A stream that takes no more stops nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._waiting = self._waiting, []
        if lines:
            try:
                self._stream.write(b"\n".join((*lines, b"")))
                self._stream.flush()
            except (OSError, ValueError):
                self._lost(len(lines))

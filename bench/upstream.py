"""The static upstream, a process of its own: fixed bytes for a contact, the list of them, and a token.

`python -m bench.upstream FOLDER` serves `FOLDER/one`, `FOLDER/many` and `FOLDER/token`, whole HTTP answers,
and prints its port.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

import uvloop

NAMES = ("one", "many", "token")


class Upstream(asyncio.Protocol):
    """Answers each request of a connection by its path alone."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self._answers = answers
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's has another parent

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end]
            length = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if len(self._read) < end + 4 + length:
                return
            self._read = self._read[end + 4 + length :]
            self._transport.write(self._answer(head.split(b" ", 2)[1].partition(b"?")[0]))

    def _answer(self, path: bytes) -> bytes:
        if path == b"/token":
            return self._answers["token"]
        return self._answers["many" if path == b"/v3.1/contacts" else "one"]


async def main(folder: Path) -> None:
    """Serve until the process is ended."""
    answers = {name: (folder / name).read_bytes() for name in NAMES}
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1])))

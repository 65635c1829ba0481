"""HTTP as bytes: what a client wrote is what the gateway gets, to the letter."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, replace
from http.client import HTTPResponse
from typing import Any

PATIENCE = 30.0
"""Seconds that a reply may take before the test fails."""


@dataclass(frozen=True)
class Message:
    """A request: header names in the client's spelling and order."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """A header's value, by its name in any spelling."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_header(self, name: str, value: str) -> Message:
        """The same with another value for a header that it has, where it has it."""
        return replace(
            self, headers=tuple((key, value if key.lower() == name.lower() else old) for key, old in self.headers)
        )

    def head(self) -> bytes:
        """Request line and headers."""
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{key}: {value}" for key, value in self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("utf-8")


@dataclass(frozen=True)
class Reply:
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value; amounts stay text."""
        return json.loads(self.body)


def send(port: int, message: Message) -> Reply:
    """Sends a request over a connection of its own and reads the whole reply.

    A client that asks `Expect: 100-continue` keeps its body until the gateway says so, as .NET does.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        waits = (message.header("Expect") or "").lower() == "100-continue"
        connection.sendall(message.head() if waits else message.head() + message.body)
        if waits:
            assert read_line(connection).startswith(b"HTTP/1.1 100"), "the gateway did not ask for the body"
            assert read_line(connection) == b"\r\n"
            connection.sendall(message.body)
        response = HTTPResponse(connection, method=message.method)
        response.begin()
        assert response.getheader("Content-Length") is not None
        body = response.read()
        return Reply(response.status, {key.lower(): value for key, value in response.getheaders()}, body)


def read_line(connection: socket.socket) -> bytes:
    """One line, byte by byte: what follows stays unread."""
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        assert byte, "the connection was closed"
        line += byte
    return line

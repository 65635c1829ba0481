"""Requests and answers of the stand-in as plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gateway.sandbox.problems import Problem, Refusal

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request: `path` is the whole path, decoded; `headers` by lower-case name."""

    method: str
    path: str
    query: Pairs = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: `body` is JSON, bytes that are sent as they are (of `media`), or None for nothing.

    It leaves after `wait` seconds; `dropped`: not at all, the connection is cut.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = "application/json"
    dropped: bool = False
    wait: float = 0.0

    def content(self) -> bytes:
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that the stand-in got, for tests. `Authorization` is only a fingerprint of the token."""

    method: str
    path: str
    query: Pairs
    body: Any
    """Decoded JSON; text where it is none; None for nothing. On OAuth paths only what is no secret."""
    headers: Pairs


def decoded(body: bytes) -> Any:
    """Strict JSON with Decimal for fractions; anything else is 400."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Refusal(400, Problem("The body is not valid JSON.", "", "InvalidRequest")) from None


def _refuse(name: str) -> Any:
    raise ValueError(name)

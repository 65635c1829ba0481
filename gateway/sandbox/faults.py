"""Faults on demand: what a test wants to go wrong with the next requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

FaultKind: TypeAlias = Literal["status", "html", "reset_before", "reset_after", "truncate", "delay"]


@dataclass(slots=True)
class Fault:
    """One fault; `times` is how often it still strikes.

    `status` answers so without executing; `html` likewise with a page; `reset_before` drops the connection
    without executing; `reset_after` executes, then drops it; `truncate` executes and sends half
    of the answer; `delay` waits `seconds`, then executes and answers as usual.
    """

    method: str
    path_prefix: str
    kind: FaultKind = "status"
    status: int = 500
    retry_after: str | None = None
    body: Any = None
    seconds: float = 0.0
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)

    def strikes(self, method: str, path: str) -> bool:
        below = path.removeprefix("/v3.1")
        return (
            self.times > 0
            and self.method in ("*", method)
            and (path.startswith(self.path_prefix) or below.startswith(self.path_prefix))
        )


@dataclass(slots=True)
class Faults:
    """The faults that wait, in the order they were added."""

    waiting: list[Fault] = field(default_factory=list)

    def add(
        self,
        method: str,
        path_prefix: str,
        *,
        kind: FaultKind = "status",
        status: int = 500,
        retry_after: int | str | None = None,
        body: Any = None,
        seconds: float = 0.0,
        times: int = 1,
        headers: dict[str, str] | None = None,
    ) -> Fault:
        """A fault for requests of this verb (`*`: any) whose path, with or without `/v3.1`, begins so."""
        after = None if retry_after is None else str(retry_after)
        fault = Fault(method.upper(), path_prefix, kind, status, after, body, seconds, times, dict(headers or {}))
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that strikes this request, used up by one."""
        for fault in self.waiting:
            if fault.strikes(method, path):
                fault.times -= 1
                if not fault.times:
                    self.waiting.remove(fault)
                return fault
        return None

"""A gateway process as an automaton: the production code's coroutines, run by hand, one answer of a port at a time.

What a process does depends on nothing but the answers it was given and the clocks it read meanwhile. So its history of
answers *is* its state, and each history needs to be run but once, however many interleavings of processes pass
through it (`Histories`).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NamedTuple

KEPT_RUNNING = 2000
"""Processes kept for the next answer; others are run again from their beginning."""


class Request(NamedTuple):
    """What a process waits for: a port's method and its arguments."""

    kind: str
    args: tuple[Any, ...] = ()


class HandLoop(asyncio.AbstractEventLoop):
    """An event loop that runs what is ready and stops. Its timers never fire: the world decides what time it is."""

    def __init__(self) -> None:
        self._ready: deque[asyncio.Handle] = deque()
        self.tasks: list[asyncio.Task[Any]] = []

    def run_ready(self) -> None:
        """Runs callbacks until all tasks wait. Raises what a task raised and nobody is to hear."""
        asyncio._set_running_loop(self)
        try:
            while self._ready:
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            asyncio._set_running_loop(None)
        for task in self.tasks:
            if task.done() and not task.cancelled() and (wrong := task.exception()) is not None:
                raise wrong
        self.tasks = [task for task in self.tasks if not task.done()]

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return asyncio.TimerHandle(delay, callback, args, self, context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Any = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self.tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A killed process's tasks are dropped while they wait; that is meant."""

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def get_debug(self) -> bool:
        return False

    def time(self) -> float:
        return 0.0


class Process:
    """One run of a program. `now` and `boot` are its clocks."""

    def __init__(self, program: Program) -> None:
        self.now = self.boot = 0.0
        self._request = Request("none")
        self.results: list[tuple[Any, ...]] = []
        self.unsaved: Callable[[], int] = lambda: 0
        self._answer: asyncio.Future[Any] | None = None
        self._call: asyncio.Future[Any] | None = None
        self._loop = HandLoop()  # type: ignore[abstract]  # what is not there is not asked for
        self._loop.create_task(program(self))
        self._loop.run_ready()

    @property
    def request(self) -> Request:
        """What it waits for; `idle`: for nothing but the next call."""
        return Request("idle") if self._answer is None and self._call is not None else self._request

    async def next_call(self) -> None:
        """Waits until a client calls, while refreshes go on."""
        self._call = self._loop.create_future()
        await self._call

    async def ask(self, kind: str, *args: Any) -> Any:
        """A port's call: waits until the world answers. An answer that is an exception is raised."""
        assert self._answer is None, f"{kind} while {self.request.kind} is under way"
        self._request = Request(kind, args)
        self._answer = self._loop.create_future()
        return await self._answer

    def give(self, answer: Any, now: float, boot: float) -> None:
        """Answers the request, and runs on to the next."""
        if self._answer is None:
            future, self._call = self._call, None
        else:
            future, self._answer = self._answer, None
        assert future is not None
        self._request, self.now, self.boot = Request("none"), now, boot
        if isinstance(answer, Exception):
            future.set_exception(type(answer)(*answer.args))
        else:
            future.set_result(answer)
        self._loop.run_ready()


Program = Callable[[Process], Coroutine[Any, Any, None]]
Given = tuple[Any, float, float]
"""An answer, and what the process's two clocks say as it comes."""


@dataclass(slots=True, eq=False)
class History:
    """A process's state: all answers that it was given; what it waits for then, and what has come of it."""

    id: int
    program: Program
    before: History | None
    given: Given | None
    request: Request
    results: tuple[tuple[Any, ...], ...]
    unsaved: int
    then: dict[Given, History] = field(default_factory=dict)


class Histories:
    """All histories met so far. `runs` counts the steps that production code was run for."""

    def __init__(self) -> None:
        self._all: list[History] = []
        self._running: OrderedDict[int, Process] = OrderedDict()
        self._roots: dict[Program, History] = {}
        self.runs = 0

    def __getitem__(self, number: int) -> History:
        return self._all[number]

    def __len__(self) -> int:
        return len(self._all)

    def start(self, program: Program) -> History:
        """A program's process before its first answer."""
        if program not in self._roots:
            self._roots[program] = self._note(Process(program), program, None, None)
        return self._roots[program]

    def after(self, history: History, given: Given) -> History:
        """The history with one answer more."""
        found = history.then.get(given)
        if found is None:
            process = self._running.pop(history.id, None) or self._again(history)
            process.give(*given)
            self.runs += 1
            found = history.then[given] = self._note(process, history.program, history, given)
        return found

    def _note(self, process: Process, program: Program, before: History | None, given: Given | None) -> History:
        made = History(
            len(self._all), program, before, given, process.request, tuple(process.results), process.unsaved()
        )
        self._all.append(made)
        self._running[made.id] = process
        if len(self._running) > KEPT_RUNNING:
            self._running.popitem(last=False)
        return made

    def _again(self, history: History) -> Process:
        answers: list[Given] = []
        at: History | None = history
        while at is not None and at.given is not None:
            answers.append(at.given)
            at = at.before
        process = Process(history.program)
        for given in reversed(answers):
            process.give(*given)
        self.runs += len(answers)
        return process

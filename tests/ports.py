"""Honest small fakes of the exchange's two ports, driven by what an exchange file states."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.messages import Caller, V3Request, V3Response
from gateway.translate.draft import Hole
from gateway.translate.exchange_compare import compare_request
from gateway.translate.exchange_file import Recorded, named


class StatedFacts:
    """A lookup that knows what a file states and what ids say by their names; it remembers what it was asked."""

    def __init__(self, stated: Mapping[Hole, Any]) -> None:
        self.stated = stated
        self.asked: set[Hole] = set()
        self.problems: list[str] = []
        self.kept: dict[tuple[str, str], dict[str, Any]] = {}

    async def facts(self, holes: Collection[Hole]) -> dict[Hole, Any]:
        found: dict[Hole, Any] = {}
        for hole in holes:
            stated = hole if hole in self.stated else replace(hole, on="")
            self.asked.add(stated)
            if stated in self.stated:
                value = self.stated[stated]
                if value is not None or hole.want not in ("id", "legacy_id"):
                    found[hole] = value
            elif (value := named(hole)) is not None:
                found[hole] = value
            elif hole.want == "kept":
                found[hole] = self.kept.get((hole.kind, hole.known), {})
            else:
                self.problems.append(f"a fact is asked for and not stated: {hole}")
        return found

    async def keep(self, pairs: Sequence[tuple[str, str, int]]) -> dict[tuple[str, str], int]:
        return {}

    async def retain(self, kind: str, modern: str, values: Mapping[str, Any] | None) -> None:
        self.kept[kind, modern] = {**self.kept.get((kind, modern), {}), **(values or {})}


class RecordedAnswers:
    """An upstream that gives the file's answers, one after the other, and compares the requests."""

    def __init__(self, steps: Sequence[tuple[V3Request, V3Response]]) -> None:
        self.steps = list(steps)
        self.problems: list[str] = []

    async def send(self, request: V3Request) -> V3Response:
        if not self.steps:
            raise AssertionError(f"a request that the file does not have: {request}")
        expected, answer = self.steps.pop(0)
        self.problems += compare_request(expected, request)
        return answer


def caller_of(recorded: Recorded) -> Caller:
    """The caller that a file's settings describe."""
    known: dict[str, Any] = {
        name: value for name, value in recorded.settings.items() if name in Caller.__struct_fields__
    }
    return Caller(**{"business": "b-1", **known})

"""Judges a request against the spec.

A *violation* is a sentence about something the spec lacks or refuses: a test fails on it. A *problem* is what
v3.1 itself would say. An unknown attribute is a violation and ignored; a missing required one is only a
problem, since a client may well have left it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gateway.sandbox.problems import Problem, required
from gateway.sandbox.spec import Operation, Type
from gateway.sandbox.values import day, decimal, moment

EMPTY: tuple[Any, ...] = (None, "", [], {})


@dataclass(slots=True)
class Verdict:
    """What is wrong with one request."""

    about: str
    """The verb and path template, the start of each sentence."""
    violations: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def violated(self, what: str) -> None:
        self.violations.append(f"{self.about}: {what}")

    def refused(self, source: str, message: str) -> None:
        self.violated(f"{source}: {message}")
        self.problems.append(Problem(message, source))


def check_query(operation: Operation, query: Iterable[tuple[str, str]], verdict: Verdict) -> None:
    """Names, types, enums and limits of query parameters."""
    seen = set()
    for name, text in query:
        found = operation.query.get(name)
        if found is None:
            verdict.violated(f"the query parameter {name} does not exist")
            continue
        seen.add(name)
        reason = wrong(found, from_text(found, text))
        if reason:
            verdict.refused(name, reason)
    for name, found in operation.query.items():
        if found.must and name not in seen:
            verdict.problems.append(required(name))


def from_text(found: Type, text: str) -> Any:
    """The JSON value that the text of a query parameter stands for; else the text itself."""
    if found.word == "integer":
        return int(text) if re.fullmatch(r"-?\d{1,9}", text) else text
    if found.word == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text


def check_body(operation: Operation, body: Any, verdict: Verdict) -> None:
    """A write body with its root: unknown attributes, missing ones, types, enums and lengths."""
    if not isinstance(body, dict) or not isinstance(body.get(operation.root), dict):
        verdict.violated(f"the body is not an object under {operation.root}")
        verdict.problems.append(required(operation.root))
        return
    for name in body:
        if name != operation.root:
            verdict.violated(f"the root key {name} does not exist")
    assert operation.body is not None  # noqa: S101 - only operations with a root get here
    _object(operation.body, body[operation.root], "", verdict, holds=_ids_allowed(operation))


def _ids_allowed(operation: Operation) -> bool:
    """Items of arrays may carry `id` in a PUT, though the spec lists none (v31_resources.md, Part A)."""
    return operation.method == "PUT"


def _object(
    found: Type, value: Mapping[str, Any], prefix: str, verdict: Verdict, *, holds: bool, item: bool = False
) -> None:
    for name, inner in value.items():
        known = found.attributes.get(name)
        if known is None:
            if not (item and holds and name == "id" and isinstance(inner, str)):
                verdict.violated(f"the attribute {prefix}{name} does not exist")
        elif inner is not None:
            _value(known, inner, prefix + name, verdict, holds=holds)
    for name in found.required:
        if value.get(name) in EMPTY:
            verdict.problems.append(required(prefix + name))


def _value(found: Type, value: Any, source: str, verdict: Verdict, *, holds: bool) -> None:
    reason = wrong(found, value)
    if reason:
        verdict.refused(source, reason)
    elif found.word == "object":
        _object(found, value, source + ".", verdict, holds=holds)
    elif found.word == "array" and found.items is not None:
        for inner in value:
            reason = wrong(found.items, inner)
            if reason:
                verdict.refused(source, reason)
            elif found.items.word == "object":
                _object(found.items, inner, source + ".", verdict, holds=holds, item=True)


def wrong(found: Type, value: Any) -> str:
    """Why a JSON value is not of a type, as v3.1 might say it; "" where it is."""
    if not _fits(found.word, value):
        return f"is not a valid {found.word}"
    if found.enum and value not in found.enum:
        return "is not included in the list"
    if isinstance(value, str):
        return _wrong_text(found, value)
    if isinstance(value, int) and not isinstance(value, bool):
        if found.minimum is not None and value < found.minimum:
            return f"must be greater than or equal to {found.minimum}"
        if found.maximum is not None and value > found.maximum:
            return f"must be less than or equal to {found.maximum}"
    return ""


def _wrong_text(found: Type, text: str) -> str:
    if found.max_length is not None and len(text) > found.max_length:
        return f"is too long (maximum is {found.max_length} characters)"
    if found.pattern and not re.fullmatch(found.pattern, text):
        return "is invalid"
    if found.sorts:
        name, _, order = text.partition(":")
        if name not in found.sorts or order not in ("", "asc", "desc"):
            return "is not included in the list"
    return ""


def _fits(word: str, value: Any) -> bool:
    match word:
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "decimal":
            return decimal(value) is not None
        case "date":
            return day(value) is not None
        case "date-time":
            return moment(value) is not None
        case "array":
            return isinstance(value, list)
        case "object" | "record":
            return isinstance(value, dict)
        case _:
            return isinstance(value, (str, int, bool, Decimal, list, dict))

"""How v3.1 says no (v31.md §10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One item of an error array; `source` is an attribute path, `base` or "" (v31.md §10)."""

    message: str
    source: str = ""
    code: str = "RecordInvalid"

    def shown(self) -> dict[str, str]:
        return {
            "$severity": "error",
            "$dataCode": self.code,
            "$message": self.message,
            "$source": self.source,
        }


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault of the stand-in
    """v3.1 refuses a request: a status and at least one problem."""

    def __init__(self, status: int, *problems: Problem, body: Any = None) -> None:
        super().__init__(problems[0].message if problems else str(status))
        self.status = status
        self.body = body if body is not None else [problem.shown() for problem in problems]


def invalid(message: str, source: str = "") -> Refusal:
    """422 RecordInvalid."""
    return Refusal(422, Problem(message, source))


def required(source: str) -> Problem:
    return Problem("This field is required.", source)


def no_record() -> Refusal:
    """404 for an unknown key, or one of another business."""
    return Refusal(404, Problem("Couldn't find record.", "", "RecordNotFound"))

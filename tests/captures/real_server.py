"""Exchanges with Sage's real v1 server, and how a reply of ours differs from a recorded one."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.captures.recorded import DATA, SAME

FIXED_LISTS = {
    *("account_types", "contact_types", "countries", "expense_methods", "income_methods", "period_types", "tax_rates"),
}
"""Lists that are the same in all books: their values are compared."""
FIXED_REFERENCES = {
    *("tax_code", "status", "contact_type", "payment_method", "carriage_tax_code", "category", "category_group"),
    "country",
}
"""References whose numbers were the same in all books."""
OF_ITS_BOOKS = {
    *("created_at", "updated_at", "last_updated", "business_id", "tax_scheme_period_id", "artefact_number"),
    *("invoice_number", "lock_version"),
}
"""What is another in other books, of a record made by the same call."""
MISSING = "missing"
FORMS = {
    "dd/mm/yyyy": r"\d\d/\d\d/\d{4}",
    "yyyy-mm-dd": r"\d{4}-\d\d-\d\d",
    "moment": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)",
    "amount": r"-?\d+\.\d+",
}


@dataclass(frozen=True)
class Real:
    """One recorded exchange; `line` is its place in real_v1_server.jsonl, from 1."""

    line: int
    method: str
    target: str
    sent: bytes
    status: int
    kind: str
    body: Any

    @property
    def endpoint(self) -> str:
        """`GET /accounts/v1/contacts/{id}`: without the numbers, and of the query only what changes the shape."""
        path, _, query = self.target.partition("?")
        typed = "?contact_type_id" if "contact_type_id" in query else ""
        failed = "" if self.status < 400 else f" {self.status}"
        return f"{self.method} {re.sub(r'/[0-9]+', '/{id}', path)}{typed}{failed}"

    @property
    def path(self) -> list[str]:
        return self.target.partition("?")[0].split("/")[3:]

    @property
    def resource(self) -> str:
        """v2's name of it."""
        return SAME.get(self.path[0], self.path[0])

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.line} {self.method} {self.target[:60]}"


def read_real() -> list[Real]:
    lines = (DATA / "real_v1_server.jsonl").read_text().splitlines()
    return [real(number, json.loads(line)) for number, line in enumerate(lines, 1)]


def real(number: int, row: Mapping[str, Any]) -> Real:
    sent, kind = (row["request_body"] or "").encode(), row["headers"]["Content-Type"]
    return Real(number, row["method"], row["target"], sent, row["status"], kind, json.loads(row["body"]))


@dataclass(frozen=True, order=True)
class Difference:
    """What a client of the real server would find otherwise here."""

    endpoint: str
    field: str
    recorded: str
    ours: str


def read_differences() -> dict[Difference, str]:
    """The listed differences, each with its reason."""
    given = tomllib.loads((DATA / "v1_differences.toml").read_text())["difference"]
    return {
        Difference(endpoint, each["field"], each["recorded"], each["ours"]): each["reason"]
        for each in given
        for endpoint in each["endpoints"]
    }


@dataclass(frozen=True)
class Comparison:
    """Compares a reply with a recording. `fixed`: it is the same list everywhere; `written`: the record was written
    here by the call that wrote the recorded one, so its values are the same but for numbers and moments; of them only
    those named in `only`, if it names any."""

    endpoint: str
    fixed: bool = False
    written: bool = False
    only: frozenset[str] = frozenset()

    def of(self, recorded: list[Any], ours: Any, at: str = "", name: str = "") -> Iterator[Difference]:
        """How our value differs from all that was recorded at one place."""
        kinds = {kind_of(each) for each in recorded}
        mine = kind_of(ours)
        told = self.strict and (not self.only or at in self.only)
        of_books = kinds == {"null"} or (mine in SHOWN and kinds <= SHOWN)
        if mine not in kinds and not (of_books and not told):
            yield self.say(at, " or ".join(sorted(kinds)), mine)
        elif mine == "object":
            yield from self.objects([each for each in recorded if kind_of(each) == "object"], ours, at, name)
        elif mine == "array":
            yield from self.rows([each for each in recorded if isinstance(each, list)], ours, at)
        elif told and not self.free(name) and ours not in recorded:
            yield self.say(at, json.dumps(recorded[0]), json.dumps(ours))

    def objects(self, recorded: list[Any], ours: Any, at: str, name: str) -> Iterator[Difference]:
        if not recorded:
            return
        always = set.intersection(*(set(each) for each in recorded))
        if "$itemsPerPage" in ours:
            yield from self.window(recorded[0], ours)
        for key in sorted(set().union(*recorded)):
            place = f"{at}.{key}" if at else key
            if key in ours:
                yield from self.of([each[key] for each in recorded if key in each], ours[key], place, f"{name}.{key}")
            elif key in always:
                yield self.say(place, kind_of(recorded[0][key]), MISSING)

    def window(self, recorded: dict[str, Any], ours: dict[str, Any]) -> Iterator[Difference]:
        """What an envelope says of its window: the same, or here, too, the size of the whole list."""
        start, size, total = "$startIndex", "$itemsPerPage", "$totalResults"
        if ours[start] != recorded[start]:
            yield self.say(start, json.dumps(recorded[start]), json.dumps(ours[start]))
        whole = recorded[size] == recorded[total] and ours[size] == ours[total]
        if ours[size] != recorded[size] and not whole:
            yield self.say(size, json.dumps(recorded[size]), json.dumps(ours[size]))

    def rows(self, recorded: list[list[Any]], ours: list[Any], at: str) -> Iterator[Difference]:
        wanted = [row for rows in recorded for row in rows]
        if self.strict and len(ours) != len(recorded[0]):
            yield self.say(at, f"{len(recorded[0])} rows", f"{len(ours)} rows")
        if self.strict:
            numbers = [row.get("id") for row in wanted]
            if numbers[0] and self.fixed:
                order = {number: place for place, number in enumerate(numbers)}
                sorted_ours = sorted(ours, key=lambda row: order.get(row["id"], len(order)))
                if sorted_ours != ours:
                    yield self.say(at, "its order", "another order")
                ours = sorted_ours
            for want, have in zip(wanted, ours, strict=False):
                yield from self.of([want], have, at)
        elif wanted:
            for have in ours:
                yield from self.of(wanted, have, at)

    @property
    def strict(self) -> bool:
        """Whether values are compared."""
        return self.fixed or self.written

    def free(self, name: str) -> bool:
        """Whether a value may be another here."""
        *above, last = name.split(".")
        if self.fixed:
            return False
        number = last in ("id", "$key") or last.endswith("_id")
        return last in OF_ITS_BOOKS or (number and (not above or above[-1] not in FIXED_REFERENCES))

    def say(self, at: str, recorded: str, ours: str) -> Difference:
        return Difference(self.endpoint, at, recorded, ours)


SHOWN = {"object", "empty reference"}
"""Both are a reference; which it is depends on the books. So does what stands where only null was recorded."""


def kind_of(value: Any) -> str:
    """A value's JSON type; of texts with a form, the form; of references, whether there is a record."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, list):
        return "array"
    if isinstance(value, dict):
        return "empty reference" if value == {"$key": None} else "object"
    return next((form for form, pattern in FORMS.items() if re.fullmatch(pattern, value)), "text")

"""The captures of calls to the API, and what they say about themselves."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.captures.wire import Message

DATA = Path(__file__).parents[1] / "data"

PORTUGUESE = ("DAMA", "AndresvL", "thomasbogg")
"""Clients of the Portuguese product (captures/README.md)."""

ROUTE = re.compile(r"(/+test)?/+(?:accounts|core|api)/+(v[12])/+([^?]*)", re.IGNORECASE)
SAME = {"expenditures": "expenses", "payment_statuses": "artefact_statuses"}
"""v1's names, and v2's."""
EXPIRED = "expired-token"


@dataclass(frozen=True)
class Capture:
    """One request of a legacy client. `line` is its place in requests.jsonl, from 1."""

    line: int
    client: str
    message: Message
    scheme: str
    secret: str
    token: str
    notes: str
    verifies: str
    deviations: tuple[dict[str, str], ...]

    @property
    def name(self) -> str:
        """For people: `13 DAMA no Jornal: PDF of the invoice`."""
        return f"{self.line} {self.client[:24]}: {self.notes[:48]}"

    @property
    def trial(self) -> bool:
        """Whether it has the prefix of v2's sandbox."""
        return self.message.target.startswith("/test/")

    @property
    def portuguese(self) -> bool:
        return self.client.startswith(PORTUGUESE)

    @property
    def path(self) -> list[str]:
        """What follows the version in the path: `["sales_invoices", "7003", "payments"]`."""
        found = ROUTE.match(self.message.target)
        return [part for part in found[3].lower().split("/") if part] if found else []

    @property
    def version(self) -> str:
        """`v2`, or `v1`, its ancestor."""
        found = ROUTE.match(self.message.target)
        return found[2] if found else ""

    @property
    def resource(self) -> str:
        """`contacts`, `sales_invoices`, `payments`: v2's name of it."""
        last = next(part for part in reversed(self.path) if not part.isdigit())
        return SAME.get(last, last)

    @property
    def root(self) -> str:
        """The root key of its body: `contact`, `sales_invoice_payment`."""
        last = next(part for part in reversed(self.path) if not part.isdigit())
        return {"payments": "sales_invoice_payment", "financial_settings": last}.get(last, last.removesuffix("s"))

    @property
    def pdf(self) -> bool:
        return self.message.header("Accept") == "application/pdf"


def read_captures() -> list[Capture]:
    """Every request but those of OAuth, in the order recorded."""
    return [each for each in everything() if each.path]


def read_oauth() -> list[Capture]:
    """Every request of OAuth: token calls, and browsers on their way to the authorisation page."""
    return [each for each in everything() if "oauth" in each.message.target]


def everything() -> Iterator[Capture]:
    lines = (DATA / "requests.jsonl").read_text().splitlines()
    return (capture(number, json.loads(line)) for number, line in enumerate(lines, 1))


def capture(number: int, row: dict[str, Any]) -> Capture:
    headers = tuple((name, value) for name, value in row["headers"])
    body = (row["body"] or "").encode()
    return Capture(
        number,
        row["client"],
        Message(row["method"], row["target"], headers, body),
        row["scheme"],
        row["signing_secret"] or "",
        row["access_token"] or "",
        row["notes"] or "",
        row["verifies"] or "unsigned",
        tuple(row["deviations"] or ()),
    )


@dataclass(frozen=True)
class Refused:
    """An entry of refused.toml: captures that rightly get an error."""

    what: str
    lines: tuple[int, ...]
    notes: str
    status: int
    why: str = ""
    meant: bool = False
    says: str = ""
    source: str = ""
    shape: str = "diagnoses"


def read_refused() -> list[Refused]:
    given = tomllib.loads((DATA / "refused.toml").read_text())
    return [Refused(**{**each, "lines": tuple(each["lines"])}) for each in given["refused"]]

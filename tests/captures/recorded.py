"""The captures of this issue's resources, and what they say about themselves."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.captures.wire import Message

DATA = Path(__file__).parents[1] / "data"

RESOURCES = {
    *("contacts", "contact_types", "sales_invoices", "products", "services", "bank_accounts", "tax_rates"),
    *("ledger_accounts", "ledger_account_types", "artefact_statuses", "period_types", "payment_types", "countries"),
    *("user", "business"),
}
LATER = frozenset({"balance", "balances", "summary"})
"""Parts of a path that make it another issue's."""

PORTUGUESE = ("DAMA", "AndresvL", "thomasbogg")
"""Clients of the Portuguese product (captures/README.md)."""

ROUTE = re.compile(r"(/+test)?/+(?:accounts|core)/+v2/+([^?]*)")
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
        return [part for part in found[2].split("/") if part] if found else []

    @property
    def resource(self) -> str:
        """`contacts`, `sales_invoices`, `payments`."""
        return next(part for part in reversed(self.path) if not part.isdigit())

    @property
    def ours(self) -> bool:
        """Whether this issue serves it."""
        path = self.path
        return bool(path) and path[0] in RESOURCES and not LATER.intersection(path)

    @property
    def pdf(self) -> bool:
        return self.message.header("Accept") == "application/pdf"


def read_captures() -> list[Capture]:
    """Every v2 request of this issue's resources, in the order recorded."""
    lines = (DATA / "requests.jsonl").read_text().splitlines()
    found = (capture(number, json.loads(line)) for number, line in enumerate(lines, 1))
    return [each for each in found if each is not None and each.ours]


def capture(number: int, row: dict[str, Any]) -> Capture | None:
    if row["api_version"] != "v2":
        return None
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

"""A capture that has been sent, and what came of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gateway.sandbox.books import Record
from tests.captures.capture_house import House
from tests.captures.fitting import Fitted
from tests.captures.read_by import SDATA, unreadable
from tests.captures.recorded import Capture
from tests.captures.wire import Reply

SHELVES = {"payments": "contact_payments", "incomes": "other_payments", "expenses": "other_payments"}
UNSIGNED = "off"
PARTS = {"addresses", "contact_persons", "transactions", "ledger_entries", "stock_items", "payments_on_account"}
"""What v3.1 makes of itself beside the record that was asked for."""


class Replayed:
    """A capture that has been sent: its reply, and what it changed in v3.1's books."""

    def __init__(self, house: House, capture: Capture, fitted: Fitted) -> None:
        self.capture, self.fitted, self.client = capture, fitted, fitted.client
        self.books = house.books(fitted.client)
        violations = len(house.stand_in.violations)
        before = house.snapshot()
        self.reply: Reply = house.send(fitted.message)
        after = house.snapshot()
        assert house.stand_in.violations[violations:] == []
        self.created = {key for key in after if key not in before}
        self.changed = {key for key in before if after.get(key) != before[key]}
        assert {business for business, _, _ in self.created | self.changed} <= {fitted.client.business}
        assert not any(invoice["sent"] for invoice in self.books.live("sales_invoices"))
        assert self.signature(house.line(self.reply)) == self.signed()

    @property
    def shelf(self) -> str:
        return SHELVES.get(self.capture.resource, self.capture.resource)

    def signature(self, line: dict[str, Any]) -> tuple[str, str]:
        return line["signature"], line.get("variant", "")

    def signed(self) -> tuple[str, str]:
        """How the gateway must have judged the signature."""
        if self.capture.verifies == "never":
            return "bad", ""
        if self.capture.verifies == "unsigned":
            return UNSIGNED, ""
        return ("variant", self.fitted.variant) if self.fitted.variant else ("published", "")

    def made(self) -> Record:
        """The one record that came into being."""
        (found,) = (self.books.shelf(self.shelf)[key] for _, shelf, key in self.created if shelf == self.shelf)
        return found

    def also(self, keys: set[tuple[str, str, str]]) -> Counter[str]:
        """What else, beside the parts that v3.1 makes of itself."""
        return Counter(shelf for _, shelf, _ in keys if shelf not in PARTS)

    def body(self, status: int = 200) -> Any:
        """The body of a success, as v2 clients must get it."""
        assert self.reply.status == status, self.reply
        assert self.reply.headers["content-type"] == SDATA
        assert b"\n" not in self.reply.body
        body = self.reply.json
        assert unreadable(self.capture, body) == []
        return body

"""The messages of one exchange: plain values, no behaviour.

A *call* and its *reply* are what a v2 client sends and gets; a *request* and its *answer* are
what the gateway sends v3.1 and gets. A *step* is one request with its answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from msgspec import Struct, field

Json: TypeAlias = "None | bool | int | Decimal | str | list[Json] | dict[str, Json]"
"""Decoded JSON: numbers with a fraction are Decimal, never float."""

Record: TypeAlias = dict[str, Any]
"""A decoded JSON object whose shape a table knows."""

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""Ordered name-value pairs: headers or query parameters."""


def header(pairs: Pairs, name: str) -> str | None:
    """The first value of a header, by its case-insensitive name; None where it is absent."""
    name = name.lower()
    for key, value in pairs:
        if key.lower() == name:
            return value
    return None


class V2Request(Struct, frozen=True):
    """A v2 client's call, as it came over the wire.

    `target` is the request-target in origin form, byte for byte as sent (latin-1 text):
    signatures are computed over it, so nothing is decoded or folded here.
    """

    method: str
    target: str
    headers: Pairs = ()
    body: bytes = b""


class V3Request(Struct, frozen=True):
    """A request to v3.1. `path` is below the API base (`/contacts/f909…`) and holds route words and checked ids.

    `rows` is the type of a list's rows where no more of them is read: the answer may show them as that, or as records.
    """

    method: str
    path: str
    query: Pairs = ()
    body: Record | None = None
    accept: str = "application/json"
    rows: type[Struct] | None = None


class V3Response(Struct, frozen=True):
    """An answer of v3.1: `body` is decoded JSON, or bytes where JSON was not asked for, or None where it is empty."""

    status: int
    body: Any = None
    headers: Pairs = ()


class V2Response(Struct, frozen=True):
    """A reply to the v2 client: `body` is JSON to be written on one line, or bytes sent as they are."""

    status: int
    body: Any = None
    headers: Pairs = ()


class Step(Struct, frozen=True):
    """One request with its answer."""

    request: V3Request
    answer: V3Response


class Note(Struct, frozen=True):
    """Something the gateway did or could not do that the caller did not ask for, with the v2 field it concerns.

    `code` is one of a small closed set (`unmapped`, `unsupported`, `cut`, `contact_found`, `contact_created`,
    `ledger_defaulted`, `computed`…) and may become a metric label; `text` may not.
    """

    code: str
    field: str
    text: str


class Caller(Struct, frozen=True):
    """What the gateway's configuration knows of who calls, as far as it changes the translation.

    `business` is the tenant's pinned v3.1 business id; `country` an ISO 3166 code in lower case;
    `today` is the day of the call (UTC, ISO), which the edge says, "" where nothing asks for it.
    `date_order` is `dmy` or `mdy`; `date_out` is `iso` or `dmy`. `cash_customer` and `sales_ledger_account`
    are legacy ids (text of digits) used where a document names no contact or no ledger account. `keeps`: the gateway
    keeps what v3.1 has no place for.
    """

    business: str = ""
    country: str = "gb"
    date_order: str = "dmy"
    date_out: str = "iso"
    today: str = ""
    cash_customer: str | None = None
    sales_ledger_account: str | None = None
    keeps: bool = True


class Exchange(Struct, frozen=True):
    """One call with everything that followed."""

    call: V2Request
    steps: tuple[Step, ...]
    reply: V2Response
    notes: tuple[Note, ...] = ()
    resource: str = ""
    """The v2 resource's name for logs and metrics (`contacts`), or "" where none was found."""
    facts: Mapping[Any, Any] = field(default_factory=dict)
    """What was looked up on the way: Hole -> value."""
    kept: tuple[tuple[str, str, Record], ...] = ()
    """What is kept beside records from now on: (kind, modern id, values by v2 name)."""

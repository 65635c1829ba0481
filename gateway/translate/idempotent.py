"""Which v3.1 writes are idempotent, and the id that makes them so (reliability.md §4.1, §4.2, v31.md §9)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from gateway.errors import BadCall, TableWrong
from gateway.messages import Record

COLLECTIONS = frozenset(
    {
        "addresses",
        "bank_accounts",
        "bank_deposits",
        "bank_opening_balances",
        "bank_reconciliations",
        "bank_transfers",
        "business_exchange_rates",
        "contact_allocations",
        "contact_opening_balances",
        "contact_payments",
        "contact_persons",
        "contacts",
        "hosted_artefact_payment_settings",
        "journal_codes",
        "journals",
        "ledger_account_opening_balances",
        "ledger_accounts",
        "migration_tax_returns",
        "opening_balance_journals",
        "other_payments",
        "product_sales_price_types",
        "products",
        "purchase_corrective_invoices",
        "purchase_credit_notes",
        "purchase_invoices",
        "purchase_quick_entries",
        "sales_corrective_invoices",
        "sales_credit_notes",
        "sales_estimates",
        "sales_invoices",
        "sales_quick_entries",
        "sales_quotes",
        "service_rate_types",
        "services",
        "stock_items",
        "stock_movements",
        "tax_profiles",
    }
)
"""The collections whose records take an `idempotency_id` on create and update (v31.md §9)."""

DEEPEST = 32
"""Records inside one another in a body: more than any table writes."""


def listed(method: str, path: str) -> bool:
    """Whether v3.1 takes an `idempotency_id` for this write: `POST /contacts`, `PUT /contacts/{id}`."""
    words = path.strip("/").split("/")
    return words[0] in COLLECTIONS and (method, len(words)) in {("POST", 1), ("PUT", 2)}


def write_body(body: Record) -> bytes:
    """A body as JSON: money as text in plain digits, in the order of the body.

    Raises TableWrong for a float or anything else that is no JSON of ours, BadCall for text that is not
    Unicode.
    """
    try:
        return msgspec.json.encode(_plain(body, DEEPEST))
    except UnicodeEncodeError:
        raise BadCall("A text holds half a character (a lone surrogate).") from None


def with_id(body: Record, idempotency_id: str) -> Record:
    """The body with the id inside its root object. Raises TableWrong where it has not one root object."""
    roots = list(body.items())
    if len(roots) != 1 or not isinstance(roots[0][1], dict) or "idempotency_id" in roots[0][1]:
        raise TableWrong("a listed write needs one root object without an idempotency_id")
    root, record = roots[0]
    return {root: {"idempotency_id": idempotency_id, **record}}


def tenant_key(key: bytes, app: str, business: str) -> bytes:
    """The secret that a tenant's idempotency ids are derived with; the same as long as `key` is."""
    return hmac.digest(key, _framed("idempotency", app, business), hashlib.sha256)


def derived_id(key: bytes, business: str, method: str, path: str, nonce: str, body: bytes, nth: int = 0) -> str:
    """The `idempotency_id` of a write: 32 hexadecimal digits that only this write has (reliability.md §4.2).

    `key` is the tenant's; `body` the JSON without the id; `nth` counts equal writes before it in the call.
    """
    parts = ["v1", business, method, path, nonce, hashlib.sha256(body).hexdigest()]
    if nth:
        parts.append(str(nth))
    return hmac.digest(key, _framed(*parts), hashlib.sha256).hex()[:32]


def _framed(*parts: str) -> bytes:
    # A nonce may hold any character, so a separator alone would let two different writes meet.
    return b"|".join(b"%d:%s" % (len(raw), raw) for raw in _raw(parts))


def _raw(parts: tuple[str, ...]) -> Iterator[bytes]:
    return (part.encode("utf-8", "surrogatepass") for part in parts)


def _plain(value: Any, deepest: int) -> Any:
    if isinstance(value, str | int | None):  # bool is an int
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, dict) and deepest:
        return {str(name): _plain(member, deepest - 1) for name, member in value.items()}
    if isinstance(value, list | tuple) and deepest:
        return [_plain(member, deepest - 1) for member in value]
    raise TableWrong(f"a body for v3.1 holds a {type(value).__name__}, which is not written")

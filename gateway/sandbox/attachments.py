"""Attachments: a file in base64 that hangs on a record (v31_resources.md).

Their ids have hyphens, and they never had legacy ids.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from gateway.sandbox.attached import owners
from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.kinds import Kind
from gateway.sandbox.problems import Refusal, invalid, required

LARGEST = 2_621_440
"""Bytes of a file (2.5 MiB, the spec's limit of `file_size`)."""

CONTEXTS = {
    "PURCHASE_INVOICE": "purchase_invoices",
    "PURCHASE_CREDIT_NOTE": "purchase_credit_notes",
    "OTHER_PAYMENT": "other_payments",
    "OTHER_RECEIPT": "other_payments",
    "JOURNAL": "journals",
    "SALES_INVOICE": "sales_invoices",
    "SALES_CREDIT_NOTE": "sales_credit_notes",
    "SALES_QUOTE": "sales_quotes",
    "SALES_ESTIMATE": "sales_estimates",
}
"""Context type -> collection. The sales ones are inferred: their lists filter by `has_attachments`."""

NEEDS = {
    "attachment_context_id": ("attachment_context_type_id",),
    "attachment_context_type_id": ("attachment_context_id",),
    "legacy_attachment_context_id": ("legacy_attachment_context_type",),
    "legacy_attachment_context_type": ("legacy_attachment_context_id",),
}
"""Filters that come in pairs."""


def settle(books: Books, new: Record, old: Record | None) -> None:
    """Checks the file and what it hangs on."""
    if old is None:
        digits = new["id"]
        new["id"] = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        new.pop("legacy_id", None)
        new["is_public"] = bool(new.get("is_public"))
    new["file_size"] = len(content(new["file"]))
    if new["file_size"] > LARGEST:
        raise invalid(f"must be less than or equal to {LARGEST}", "file_size")
    if not new.get("file_extension"):
        _, dot, tail = str(new["file_name"]).rpartition(".")
        new["file_extension"] = dot + tail
    _settle_context(books, new)


def content(text: str) -> bytes:
    """The bytes of a file; 422 for what is no base64."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise invalid("is invalid", "file") from None


def _settle_context(books: Books, new: Record) -> None:
    """A parent may be named by its own id, by its transaction's, or by `transaction_id` alone."""
    key = new.pop("attachment_context_id", None)
    kind: Any = new.get("attachment_context_type")
    if key:
        if kind is None:
            raise Refusal(422, required("attachment_context_type_id"))
        owner = _owner(books, CONTEXTS[kind.id], key)
        if owner is None:
            raise invalid("Couldn't find Attachment Context.", "attachment_context_id")
        new["attachment_context"] = Ref(CONTEXTS[kind.id], owner["id"])
        new["transaction"] = owner.get("transaction")
    elif new.get("transaction") and not new.get("attachment_context"):
        transaction = books.at(new["transaction"]) or {}
        posted = transaction["transaction_type"].id.removesuffix("_REFUND")
        if posted in CONTEXTS:
            new["attachment_context"] = transaction["_origin"]
            new["attachment_context_type"] = Ref("attachment_context_types", posted)


def _owner(books: Books, collection: str, key: str) -> Record | None:
    found = books.find(collection, key)
    if found is not None:
        return found
    by_transaction = Ref("transactions", key)
    return next((one for one in books.live(collection) if one.get("transaction") == by_transaction), None)


def _of_legacy(books: Books, attachment: Record, text: str) -> bool:
    owner = books.at(attachment.get("attachment_context"))
    return owner is not None and str(owner.get("legacy_id")) == text


def _of_type(_books: Books, attachment: Record, text: str) -> bool:
    """`PURCHASE_INVOICE`, `purchase_invoice` and `PurchaseInvoice`: which one v3.1 wants is not published."""
    kind = attachment.get("attachment_context_type")
    return kind is not None and kind.id.replace("_", "").casefold() == text.replace("_", "").casefold()


def context(books: Books, attachment: Record) -> Ref | None:
    """The parent; by the switch under its transaction's id, as the guide has it."""
    name = "transaction" if books.switches.attachments_name_transactions else "attachment_context"
    ref: Ref | None = attachment.get(name)
    return ref


KINDS = (
    Kind(
        "attachments",
        title=lambda _books, _attachment: None,
        settle=settle,
        derived={
            "attachment_context": context,
            "$file_path": lambda _books, attachment: f"/attachments/{attachment['id']}/file",
        },
        filters={
            "attachment_context_id": lambda _books, attachment, text: text in owners(attachment),
            "legacy_attachment_context_id": _of_legacy,
            "legacy_attachment_context_type": _of_type,
        },
        needs=NEEDS,
    ),
)

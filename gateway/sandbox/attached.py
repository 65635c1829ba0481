"""Which attachments hang on a record."""

from __future__ import annotations

from gateway.sandbox.books import Books, Record, Ref


def attached(books: Books, record: Record) -> list[Record]:
    """The live attachments of a record, or of the one that a transaction was posted for."""
    keys = {record["id"]}
    for name in ("transaction", "_origin"):
        ref = record.get(name)
        if isinstance(ref, Ref):
            keys.add(ref.id)
    return [one for one in books.live("attachments") if keys & owners(one)]


def owners(attachment: Record) -> set[str]:
    """The ids under which an attachment is found: its context's and its transaction's."""
    refs = (attachment.get("attachment_context"), attachment.get("transaction"))
    return {ref.id for ref in refs if isinstance(ref, Ref)}

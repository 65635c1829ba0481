"""`attachments` (v2.md §6.3): files that hang on a record. v3.1 takes and gives their content in base64 inside JSON.

v2's shapes have no evidence: all but the path is (inferred), from v3.1's names. v3.1's attachments never had legacy
ids, so their numbers are minted. A list never shows the content; a single read does.
"""

from __future__ import annotations

from typing import Any

from gateway.resources._attached import (
    CONTEXT,
    CONTEXT_TYPE,
    TYPES,
    OfContext,
    attach,
    attachment,
    attachments,
    change,
    remove,
    shown_context,
)
from gateway.resources._files import BASE64, extension_of, mime_type_of, size_of
from gateway.resources._parts import STAMPS
from gateway.translate.codecs import NOTE, STAMP, WHOLE
from gateway.translate.queries import Filter
from gateway.translate.resource import Table
from gateway.translate.rules import Aside, Computed, Constant, Field, Identity, ReadOnly, Reference
from gateway.translate.rules.write_only import WriteOnly
from gateway.translate.writing import Writing

LARGEST_REQUEST = 8 * 1024 * 1024
"""Bytes of a call (reliability.md §3.5): a file of 2.5 MiB has 3.5 MB in base64, and forms escape some of it."""


def from_name(guess: Any) -> Any:
    """What a file's name says, where the client does not."""
    return lambda writing: guess(writing.take("file_name"))


def size(writing: Writing) -> int | None:
    """The bytes of the file that is about to be written."""
    content = writing.take("file")
    return None if content is None else size_of(content)


TABLES = (
    Table(
        "attachments",
        Identity(),
        WriteOnly("file", codec=BASE64, required="blank"),
        Field("file_name", required="blank"),
        Field("mime_type", default=from_name(mime_type_of)),
        Field("file_extension", default=from_name(extension_of)),
        ReadOnly("file_size", codec=WHOLE, heeded=True),
        Constant("file_size", size),
        Field("description", codec=NOTE),
        Reference("attachment_context_type", to=TYPES, name="displayed_as"),
        Aside(CONTEXT, "the number of the record that it hangs on, of the kind that the type names"),
        Computed(
            "attachment_context",
            of=("attachment_context", "attachment_context_type", "transaction"),
            told=shown_context,
            heeded=True,
        ),
        *STAMPS,
        v3="attachments",
        root="attachment",
        verbs="list one create update delete",
        filters=(
            OfContext(CONTEXT, aliases=(CONTEXT_TYPE,)),
            Filter("legacy_attachment_context_type"),
            Filter("legacy_attachment_context_id", codec=WHOLE),
            Filter("updated_or_created_since", codec=STAMP),
        ),
        plans={"list": attachments, "one": attachment, "create": attach, "update": change, "delete": remove},
        body_limit=LARGEST_REQUEST,
        notes="A file has 2,621,440 bytes at most. The numbers of context types other than 3 are inferred.",
    ),
)

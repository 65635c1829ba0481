"""The content of a file as base64 text, and what its name says of it."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

from gateway.errors import BadCall
from gateway.translate.codecs import Codec, same, text_up
from gateway.translate.headers import OCTETS

LARGEST_FILE = 2_621_440
"""Bytes: 2.5 MiB (v31.md §11, the one published limit)."""

TOO_LARGE = f"is larger than {LARGEST_FILE:,} bytes, the most that Sage takes"
NO_BASE64 = "is not base64"

_PADDED = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_FOLDS = re.compile(r" *[\r\n\t]+ *")
_URL_SAFE = str.maketrans("-_ ", "+/+")


def base64_up(value: Any, source: str) -> str | None:
    """Base64 as v3.1 takes it: on one line, in the usual alphabet, padded. Blank means none.

    Clients break lines, use the alphabet for URLs, leave out the padding, send a `data:` URL, or a form whose `+` is
    not escaped and arrives as a blank. What is clean already is not copied. Raises BadCall, also for a file over
    LARGEST_FILE.
    """
    text = text_up(value, source)
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.rstrip().lower().endswith(";base64"):
            raise BadCall(NO_BASE64, source)
    text = text.strip()
    if not text:
        return None
    if not _PADDED.fullmatch(text):
        text = _FOLDS.sub("", text).translate(_URL_SAFE)
        if not text.endswith("="):
            text += "=" * (-len(text) % 4)
        if not _PADDED.fullmatch(text):
            raise BadCall(NO_BASE64, source)
    if size_of(text) > LARGEST_FILE:
        raise BadCall(TOO_LARGE, source)
    return text


def size_of(base64_text: str) -> int:
    """The bytes that padded base64 stands for."""
    return len(base64_text) // 4 * 3 - base64_text[-2:].count("=")


BASE64 = Codec("base64", base64_up, same, None, identity=True)

MIME_TYPES = MappingProxyType(
    {
        "bmp": "image/bmp",
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "eml": "message/rfc822",
        "gif": "image/gif",
        "heic": "image/heic",
        "jpe": "image/jpeg",
        "jpeg": "image/jpeg",
        "jpg": "image/jpeg",
        "json": "application/json",
        "ods": "application/vnd.oasis.opendocument.spreadsheet",
        "odt": "application/vnd.oasis.opendocument.text",
        "pdf": "application/pdf",
        "png": "image/png",
        "rtf": "application/rtf",
        "tif": "image/tiff",
        "tiff": "image/tiff",
        "txt": "text/plain",
        "webp": "image/webp",
        "xls": "application/vnd.ms-excel",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xml": "application/xml",
        "zip": "application/zip",
    }
)
"""By extension (IANA's registry): a fixed table, since the system's own differs from one machine to the next."""


def extension_of(file_name: Any) -> str | None:
    """`.pdf` of `note.PDF`, as v2's example has it (v2.md §6.3, inferred); None where there is none."""
    stem, dot, last = file_name.rpartition(".") if isinstance(file_name, str) else ("", "", "")
    return f".{last.lower()}" if stem and dot and last else None


def mime_type_of(file_name: Any) -> str:
    """What kind of file a name promises."""
    return MIME_TYPES.get((extension_of(file_name) or "")[1:], OCTETS)

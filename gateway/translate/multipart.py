"""multipart/form-data as a form: fields are pairs, and a file is three of them (RFC 7578, RFC 2046 §5.1).

`attachment[file]` with a file name becomes `attachment[file][filename]`, `attachment[file][type]` and
`attachment[file][content]` in base64, which is the shape that Rack gives a file, so that everything behind the forms
sees text alone. What browsers and home-made clients really send is read: lines that end in LF alone, text before the
first boundary, names that are quoted, bare, escaped or percent-encoded, a whole Windows path as the file's name.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from gateway.errors import Malformed
from gateway.translate.rack import MAX_PARAMS, FormPairs, decode_text

MAX_HEAD = 8192
"""Bytes of one part's headers."""

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s";,]+))', re.IGNORECASE)
_REST_OF_LINE = re.compile(rb"[ \t]*(\r?\n)")
_FOLD = re.compile(r"\r?\n[ \t]+")
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))', re.DOTALL)
_ENCODED_QUOTES = re.compile("%(?:22|0D|0A)", re.IGNORECASE)


class Part(NamedTuple):
    """One part: its name, its file's name ("" for a file without one, None for a field), type, and bytes."""

    name: str
    file_name: str | None
    media: str
    coding: str
    content: memoryview


def multipart_pairs(body: bytes, content_type: str, *, files: bool = False) -> FormPairs:
    """The fields of a body, in order, and its files where `files` says so. Raises Malformed."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise Malformed("The content type multipart/form-data names no boundary.")
    pairs: FormPairs = []
    for count, part in enumerate(_parts(body, (found[1] or found[2]).encode()), 1):
        if count > MAX_PARAMS:
            raise Malformed("The multipart body has too many parts.")
        if part.file_name is None:
            pairs.append((part.name, decode_text(bytes(part.content))))
        elif files and (part.file_name or part.content):  # a browser's empty choice is no file
            pairs += [
                (f"{part.name}[filename]", part.file_name),
                (f"{part.name}[type]", part.media),
                (f"{part.name}[content]", _base64(part)),
            ]
    return pairs


def _base64(part: Part) -> str:
    if part.coding == "base64":
        return decode_text(bytes(part.content))
    return b2a_base64(part.content, newline=False).decode("ascii")


def _parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    """The parts of a body, none of which is copied. Raises Malformed where a part or the end is missing."""
    view, mark = memoryview(body), b"--" + boundary
    begin, newline = -1, b""
    at = body.find(mark)
    while at >= 0:
        after = at + len(mark)
        rest = _REST_OF_LINE.match(body, after)
        last = body.startswith(b"--", after)
        begins_line = at == 0 or body.endswith(newline or b"\n", 0, at)
        if begins_line and (rest or last):
            if begin >= 0:
                yield _part(body, view, begin, max(begin, at - len(newline)), newline)
            if rest is None:
                return
            newline = newline or rest[1]
            begin = after = rest.end()
        at = body.find(mark, after)
    raise Malformed("The multipart body does not end with its boundary.")


def _part(body: bytes, view: memoryview, begin: int, end: int, newline: bytes) -> Part:
    """The part between two boundaries."""
    blank = body.find(newline * 2, begin, min(end + 2 * len(newline), begin + MAX_HEAD))
    if blank < 0:
        raise Malformed("A part of the multipart body has no name, or too much of a head.")
    fields: dict[str, str] = {}
    for line in _FOLD.sub(" ", decode_text(body[begin:blank])).splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), value.strip())
    told = _parameters(fields.get("content-disposition", ""))
    if "name" not in told:
        raise Malformed("A part of the multipart body has no name.")
    return Part(
        told["name"],
        told.get("filename"),
        fields.get("content-type", "").partition(";")[0].strip().lower(),
        fields.get("content-transfer-encoding", "").lower(),
        view[min(blank + 2 * len(newline), end) : end],
    )


def _parameters(disposition: str) -> dict[str, str]:
    """`name` and `filename` of a Content-Disposition; `filename*` (RFC 5987) wins; of a path only the end counts."""
    told: dict[str, str] = {}
    for name, quoted, bare in _PARAMETER.findall(disposition):
        told.setdefault(name.lower(), _ENCODED_QUOTES.sub(_decoded, quoted.replace('\\"', '"')) or bare)
    if "filename*" in told:
        told["filename"] = decode_text(unquote_to_bytes(told["filename*"].split("'", 2)[-1]))
    if "filename" in told:
        told["filename"] = told["filename"].replace("\\", "/").rpartition("/")[2]
    return told


def _decoded(found: re.Match[str]) -> str:
    """A quote, which HTML writes as `%22`; line breaks are no part of a name."""
    return '"' if found[0] == "%22" else ""

"""What a recorded form meant, read without the gateway's own reader: by how its client wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

Sent = list[tuple[str, str]]

LINE = re.compile(
    r"(?:line_items_attributes|invoice_lines|journal_lines)[\[\]]+(\d*)\]?(?:\[ledger_account\])?\[(\w+)\]+$"
)


def sent(body: bytes) -> Sent:
    """The pairs, `contact[main_address][town]` and its value, in the order sent.

    .NET clients wrote values as they were: then only an `&` before the root key parts two pairs.
    """
    if body.startswith(b"{"):
        return list(members(json.loads(body)))
    root = re.match(rb"\w+", body)
    if root and b" " in body and body[root.end() : root.end() + 1] == b"[":
        chunks = re.split(rb"&(?=" + root[0] + rb"\[)", body)
        return [literal(chunk) for chunk in chunks]
    return [decoded(chunk) for chunk in body.split(b"&") if chunk]


def members(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """A JSON object as a form would have it."""
    for key, held in value.items():
        place = f"{name}[{key}]" if name else key
        if isinstance(held, dict):
            yield from members(held, place)
        elif held is not None:
            yield place, str(held)


def literal(chunk: bytes) -> tuple[str, str]:
    key, _, value = chunk.decode("utf-8").partition("=")
    return key, value


def decoded(chunk: bytes) -> tuple[str, str]:
    key, _, value = chunk.replace(b"+", b" ").partition(b"=")
    return typed(unquote_to_bytes(key)), typed(unquote_to_bytes(value))


def typed(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("cp1252")


def fields(pairs: Sent) -> dict[str, str]:
    """What stands directly under the root key, nested names with dots: `main_address.town`."""
    found = {}
    for key, value in pairs:
        if not LINE.search(key) and "[" in key:
            found[".".join(re.findall(r"\[(\w+)\]", key))] = value
    return found


def lines(pairs: Sent) -> list[dict[str, str]]:
    """The document lines in the order of their indices; with `[]` a name that comes again begins the next."""
    found: dict[int, dict[str, str]] = {}
    for key, value in pairs:
        if match := LINE.search(key):
            last = len(found) - 1
            number = int(match[1]) if match[1] else last + (last < 0 or match[2] in found[last])
            found.setdefault(number, {})[match[2]] = value
    return [found[number] for number in sorted(found)]

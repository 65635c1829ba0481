"""What a v2 client sent, as nested values, and back: `a[b][0][c]=1` ↔ `{"a": {"b": {"0": {"c": "1"}}}}`.

`gateway.translate.rack` reads forms as the real server did; this module adds what real clients need
beyond that (captures/README.md §3): wrongly nested brackets, an index repeated for every line,
parameters in query and body at once, JSON, and bodies whatever their content type says.
Whether a member is a list is known by a resource's table alone, so it asks `as_rows`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast
from urllib.parse import quote

from gateway.errors import BadCall, Malformed, TooLarge
from gateway.messages import Pairs, header
from gateway.translate.bodies import read_json
from gateway.translate.multipart import multipart_pairs
from gateway.translate.rack import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_PARAMS,
    FormPairs,
    Params,
    body_pairs,
    is_raw,
    parse_nested,
    query_pairs,
    raw_chunks,
    shown,
)

__all__ = [
    "Params",
    "as_rows",
    "body_pairs",
    "build_nested",
    "is_raw",
    "parse_nested",
    "query_pairs",
    "raw_chunks",
    "read_fields",
    "read_params",
]

_INDEX = re.compile(r"\[([0-9]{1,9})\](?=\[)")
_TOKEN = re.compile(r"[^\[\]]+|\[\]")


def read_params(
    method: str, query: str, headers: Pairs, body: bytes, root: str | None = None, limit: int = MAX_BYTES
) -> Params:
    """All parameters of a call, query and body together, whatever the method.

    `query` is the text after `?`, latin-1 as on the wire; `root` the resource's root key, or None; `limit` the bytes
    that a body may have. A file of a multipart body is a record: `filename`, `type`, and `content` in base64.
    Pairs that query and body share count once, and of one key given in both the body wins.
    Raises Malformed (400) for text that cannot be read, TooLarge (413) over a limit.
    """
    if not body:
        return parse_nested(_mend(query_pairs(query))) if query else {}
    media = _check_body(headers, body, limit)
    if media == "json":
        return _merge(parse_nested(_mend(query_pairs(query))), read_json(body))
    raw_root = root if method in ("POST", "PUT") else None
    pairs = multipart_pairs(body, media, files=True) if media else body_pairs(body, raw_root, limit)
    return parse_nested(_together(_mend(query_pairs(query)), _mend(pairs)))


def read_fields(headers: Pairs, query: str, body: bytes) -> dict[str, str]:
    """The flat fields of a token call: urlencoded (whatever the content type), multipart, JSON and query.

    The body wins over the query; a field without a value is "" (v2.md §1.3).
    Raises Malformed where the text cannot be read or a JSON field is no text, TooLarge over a limit.
    """
    fields = {name: value or "" for name, value in query_pairs(query)}
    if not body:
        return fields
    media = _check_body(headers, body)
    if media == "json":
        for name, value in read_json(body).items():
            if isinstance(value, dict | list):
                raise Malformed(f"`{shown(name)}` must be text.", shown(name))
            fields[name] = _leaf_text(value)
        return fields
    pairs = multipart_pairs(body, media) if media else body_pairs(body)
    fields.update((name, value or "") for name, value in pairs)
    return fields


def _check_body(headers: Pairs, body: bytes, limit: int = MAX_BYTES) -> str:
    """`json`, the content type of a multipart body, or "": everything else is form text."""
    if len(body) > limit:
        raise TooLarge(f"The body has {len(body)} bytes; at most {limit} are accepted.")
    if body[:32].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "json"
    content_type = header(headers, "content-type") or ""
    media = content_type.partition(";")[0].strip().lower()
    if media.endswith("json"):
        return "json"
    return content_type if media == "multipart/form-data" else ""


def _together(query: FormPairs, body: FormPairs) -> FormPairs:
    """One list, query first. A pair of both counts once, where the body has it, so that the body wins."""
    if not query:
        return body
    again = set(body)
    pairs = [pair for pair in query if pair not in again] + body
    if len(pairs) > MAX_PARAMS:
        raise TooLarge(f"Query and body have {len(pairs)} parameters; at most {MAX_PARAMS} are accepted.")
    return pairs


def _mend(pairs: FormPairs) -> FormPairs:
    """The names that real clients send, as they were meant."""
    if any(name.endswith("]]") for name, _ in pairs):
        pairs = [(_straighten(name), value) for name, value in pairs]
    return _spread_repeats(pairs)


def _straighten(name: str) -> str:
    """`a[b[0][c]]` as `a[b][0][c]`. Rack reads most such names so, but `a[b[]]` loses its value there."""
    if not name.endswith("]]") or name.count("[") != name.count("]"):
        return name
    first, *others = cast("list[str]", _TOKEN.findall(name))
    return first + "".join(token if token == "[]" else f"[{token}]" for token in others)  # noqa: S105


def _spread_repeats(pairs: FormPairs) -> FormPairs:
    """Gives each line its own index where a client repeats one index for every line.

    A name that comes again inside an element starts a new one, as long as its list uses no other index:
    `l[0][a]=1&l[0][b]=2&l[0][a]=3` has two lines. In nested lists the innermost grows.
    """
    names = {name for name, _ in pairs}
    if len(names) == len(pairs):
        return pairs
    indices: dict[str, set[str]] = {}
    for name in names:
        for slot, index in _indices(name):
            indices.setdefault(slot, set()).add(index)
    moved: dict[str, int] = {}
    taken: set[str] = set()
    spread: FormPairs = []
    for name, value in pairs:
        slots = [slot for slot, _ in _indices(name)]
        new, slot = _renumber(name, moved)
        if new in taken and slots and len(indices[slots[-1]]) == 1 and "[]" not in name:
            moved[slot] = moved.get(slot, 0) + 1
            new, _ = _renumber(name, moved)
        taken.add(new)
        spread.append((new, value))
    return spread


def _indices(name: str) -> Iterator[tuple[str, str]]:
    """Each index that has members, with what stands before it; none in a name that is too deep to be read."""
    if name.count("[") < MAX_DEPTH:
        for found in _INDEX.finditer(name):
            yield name[: found.start()], found[1]


def _renumber(name: str, moved: dict[str, int]) -> tuple[str, str]:
    """A name with its indices moved, and what then stands before the last of them."""
    new, done, slot = "", 0, ""
    for before, index in _indices(name):
        slot = new + before[done:]
        steps = moved.get(slot, 0)
        new = f"{slot}[{int(index) + steps if steps else index}]"
        done = len(before) + len(index) + 2
    return new + name[done:], slot


def _merge(under: Params, over: Params) -> Params:
    """`over` laid on `under`; the depth is that of `under`, which came from a query."""
    for name, value in over.items():
        below = under.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            _merge(below, value)
        else:
            under[name] = value
    return under


def as_rows(value: Any, source: str) -> list[dict[str, Any]]:
    """A member that is a list of records, in the order meant.

    `source` is the v2 attribute, for messages. A list keeps its order; a hash whose keys are all numbers is
    taken in numeric order, gaps and all (0, 1, 2, 10); any other hash is a list of one; nothing (None, "") is
    an empty list. Raises BadCall for anything else.
    """
    if value is None or value in ("", {}):
        return []
    if isinstance(value, dict):
        numbered = [key for key in value if key.isascii() and key.isdigit()]
        if not numbered:
            return [value]
        if len(numbered) < len(value):
            other = shown(next(key for key in value if key not in numbered))
            raise BadCall(f"`{source}` mixes numbered lines with the attribute `{other}`.", source)
        # Never int(key): its length is the client's choice (reliability.md finding 8).
        rows = [value[key] for key in sorted(numbered, key=_numeric)]
    elif isinstance(value, list):
        rows = value
    else:
        raise BadCall(f"`{source}` must be a list of records.", source)
    for row in rows:
        if not isinstance(row, dict):
            raise BadCall(f"`{source}` must be a list of records, but one of its lines is none.", source)
    return rows


def _numeric(digits: str) -> tuple[int, str]:
    digits = digits.lstrip("0")
    return len(digits), digits


def build_nested(tree: Params) -> str:
    """The way back: form text with readable brackets, such that `parse_nested` reads `tree` from it again.

    Two things form text cannot say as they are: a list of records is written with indices and comes back as
    its numbered hash, which `as_rows` reads alike; numbers and booleans come back as text.
    Raises ValueError for an empty hash or list, a list of lists and a key that is empty or holds a bracket.
    """
    return "&".join(_build("", tree)) if tree else ""


def _build(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, list) and any(isinstance(row, dict) for row in value):
        value = {str(index): row for index, row in enumerate(value)}
    if isinstance(value, dict | list) and not value:
        raise ValueError(f"{name}: form text has no empty hash or list")
    if isinstance(value, dict):
        for key, inner in value.items():
            if not key or "[" in key or "]" in key:
                raise ValueError(f"{key!r}: no name for a form")
            step = quote(key, safe="")
            yield from _build(f"{name}[{step}]" if name else step, inner)
    elif isinstance(value, list):
        if any(isinstance(item, list) for item in value):
            raise ValueError(f"{name}: form text has no list of lists")
        for item in value:
            yield from _build(name + "[]", item)
    else:
        yield name if value is None else f"{name}={quote(_leaf_text(value), safe='/:,@')}"


def _leaf_text(value: Any) -> str:
    """A JSON leaf as a form would say it; numbers without exponent."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is no value of a form")
    return value

"""Form text as Rack 2.2 reads it: v2 was Rails, so Rack's decoder is the truth (reliability.md finding 7).

Two layers: text to pairs (`query_pairs`, `body_pairs`), and pairs to nested values (`parse_nested`).
The second is checked against the real Ruby code: `tests/data/rack_corpus.jsonl`, `scripts/compare_rack.py`.
What is read more kindly than Rack did is in `gateway.translate.forms`, except the two things that
concern bytes: text that is not UTF-8, and raw bodies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

from gateway.errors import Malformed, TooLarge

Params: TypeAlias = dict[str, Any]
"""Leaves of forms are str, or None for a key without `=`; of JSON also bool, int and Decimal."""

FormPairs: TypeAlias = list[tuple[str, str | None]]
"""Decoded names and values in the order sent; the value is None where there was no `=`."""

MAX_BYTES = 1_048_576
"""Bytes of a query or a body (reliability.md §3.5; Rack: 4 MiB)."""
MAX_PARAMS = 4096
"""Chunks between separators, empty ones too, as Rack counts them."""
MAX_DEPTH = 32
"""Names inside one another: `a[b]` has two (Rack: 100)."""
KEY_SPACE = 65_536
"""Characters of all keys of one hash (Rack's key space limit)."""

_CP1252 = {byte: bytes((byte,)).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xA0)}

_SPACED = re.compile("& +")
_BAD_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_GOOD_PERCENT = re.compile(b"%([0-9A-Fa-f]{2})")
_BRACKETS = (("%5B", "["), ("%5b", "["), ("%5D", "]"), ("%5d", "]"))

# Rack's own expressions; Ruby's ^ and $ are always those of lines.
_NAME = re.compile(r"[\[\]]*([^\[\]]+)\]*")
_LIST_OF_HASHES = re.compile(r"^\[\]\[([^\[\]]+)\]$", re.MULTILINE)
_LIST_OF_ANY = re.compile(r"^\[\](.+)$", re.MULTILINE)
_PLAIN_NAME = re.compile(r"[^\[\]]++(?:\[[^\[\]]++\])*+\Z")
_PATH = re.compile(r"[\[\]]+")


def decode_text(raw: bytes) -> str:
    """Bytes as text: UTF-8, else CP1252, whose five undefined bytes become C1 controls of the same number.

    Clients with an ISO-8859-1 or Windows default send `Jo%E3o` (captures/README.md §3). Never fails.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1").translate(_CP1252)


def query_pairs(query: str) -> FormPairs:
    """The pairs of a query: split on `&` and `;`. `query` is the text after `?`, latin-1 as on the wire.

    Raises Malformed for a bad percent escape, TooLarge over a limit.
    """
    if not query:
        return []
    if not query.isascii() and max(query) > "\xff":
        raise Malformed("The query holds characters that are no bytes.")
    return _pairs(query.replace(";", "&"), "query")


def body_pairs(body: bytes, root: str | None = None, limit: int = MAX_BYTES) -> FormPairs:
    """The pairs of a form body: split on `&` only. `root` is the resource's root key if the body may be raw; `limit`
    the bytes that it may have.

    Raises Malformed for a bad percent escape, TooLarge over a limit.
    """
    if root is not None and is_raw(body, root):
        return _raw_pairs(body, root, limit)
    # Rack drops one NUL that Safari used to append.
    return _pairs(body.removesuffix(b"\0").decode("latin-1"), "body", limit)


def is_raw(body: bytes, root: str | None) -> bool:
    """Whether a body was written without any encoding, as .NET clients do.

    It begins with the root key and a bracket, and has a byte that no encoder leaves: a space or non-ASCII.
    """
    return root is not None and (b" " in body or not body.isascii()) and _begins(body, root.encode())


def raw_chunks(body: bytes, root: str, limit: int = MAX_BYTES) -> list[bytes]:
    """A raw body's parameters as sent: `contact[name]=Smith & Sons&contact[email]=` has two.

    An `&` chunk that does not begin with the root key belongs to the value before it, if there is one:
    a chunk without `=` has no value that could go on.
    Raises TooLarge over `limit` or MAX_PARAMS.
    """
    _check_size(len(body), body.count(b"&"), "body", limit)
    key = root.encode()
    chunks: list[list[bytes]] = []
    open_value = False
    for chunk in body.split(b"&"):
        if open_value and not _begins(chunk, key):
            chunks[-1].append(chunk)
        else:
            chunks.append([chunk])
            open_value = b"=" in chunk
    return [b"&".join(parts) for parts in chunks]


def _begins(chunk: bytes, key: bytes) -> bool:
    return chunk.startswith(key) and chunk[len(key) :].startswith((b"[", b"%5B", b"%5b"))


def _raw_pairs(body: bytes, root: str, limit: int) -> FormPairs:
    """Values are literal. Names may have their brackets encoded: they are unescaped, but never refused."""
    pairs: FormPairs = []
    for chunk in raw_chunks(body, root, limit):
        name, equals, value = chunk.partition(b"=")
        name = _GOOD_PERCENT.sub(lambda found: bytes((int(found[1], 16),)), name)
        pairs.append((decode_text(name), decode_text(value) if equals else None))
    return pairs


def _check_size(size: int, separators: int, where: str, limit: int = MAX_BYTES) -> None:
    if size > limit:
        raise TooLarge(f"The {where} has {size} bytes; at most {limit} are accepted.")
    if separators >= MAX_PARAMS:
        raise TooLarge(f"The {where} has {separators + 1} parameters; at most {MAX_PARAMS} are accepted.")


def _pairs(text: str, where: str, limit: int = MAX_BYTES) -> FormPairs:
    """Pairs of latin-1 text whose only separator is `&`."""
    _check_size(len(text), text.count("&"), where, limit)
    if "& " in text:
        text = _SPACED.sub("&", text)
    if "+" in text:
        text = text.replace("+", " ")
    if "%" in text:
        # Most escapes are brackets. A bad escape stays bad without them, as no bracket is a digit.
        for code, bracket in _BRACKETS:
            text = text.replace(code, bracket)
        if _BAD_PERCENT.search(text):
            raise _bad_percent(text, where)
    plain = text.isascii() and "%" not in text
    pairs: FormPairs = []
    for chunk in text.split("&"):
        name, equals, value = chunk.partition("=")
        if not plain and ("%" in chunk or not chunk.isascii()):
            name, value = _unescape(name), _unescape(value)
        if chunk:
            pairs.append((name, value if equals else None))
    return pairs


def _unescape(piece: str) -> str:
    return decode_text(unquote_to_bytes(piece.encode("latin-1")))


def _bad_percent(text: str, where: str) -> Malformed:
    chunk = next(chunk for chunk in text.split("&") if _BAD_PERCENT.search(chunk))
    name = shown(_unescape(chunk.partition("=")[0]))
    return Malformed(f"The {where} has a % that two hexadecimal digits do not follow, in the parameter `{name}`.", name)


def shown(name: str) -> str:
    """A client's name for a parameter, cut so that it fits in a message."""
    return name if len(name) <= 80 else name[:80] + "…"


def parse_nested(pairs: Iterable[tuple[str, str | None]]) -> Params:
    """Rack 2.2's `parse_nested_query` over decoded pairs.

    `a[b]` makes hashes, `a[]` lists, `a[][b]` lists of hashes with a new one at each repeated key; of a plain
    key given twice the last wins; a key without `=` is None; numbers in brackets are keys like any other.
    Raises Malformed where two names disagree on whether something is text, a hash or a list, and over
    MAX_DEPTH or KEY_SPACE.
    """
    params: Params = {}
    room = KEY_SPACE
    parent, inside = "", params
    for name, value in pairs:
        room -= len(name)
        before, _, last = name.rpartition("[")
        if before == parent != "" and 0 < last.find("]") == len(last) - 1:
            inside[last[:-1]] = value
        elif _PLAIN_NAME.match(name):
            parent, inside = before, _set_plain(params, name, value)
        else:
            parent = ""
            _normalize(params, name, value, MAX_DEPTH, name)
    if room < 0:
        _check_key_space(params)
    return params


def _set_plain(params: Params, name: str, value: str | None) -> Params:
    """The common case of `_normalize`, `a[b][c]`, without its expressions; the hash that the value went into.

    As long as names go into the same hash, they need not find it again.
    """
    if name[-1] != "]":
        params[name] = value
        return params
    first, *path = name[:-1].replace("][", "[").split("[")
    if len(path) >= MAX_DEPTH:
        raise _too_deep(name)
    last = path.pop()
    inner = params
    for key in (first, *path):
        below = inner.get(key)
        if below is None:
            below = inner[key] = {}
        elif below.__class__ is not dict:
            raise _wrong_type("Hash", below, key, name)
        inner = below
    inner[last] = value
    return inner


def _normalize(params: Params, name: str, value: str | None, depth: int, whole: str) -> Any:
    """Rack's `normalize_params`, line for line; at most MAX_DEPTH calls deep. `whole` is for messages."""
    if depth <= 0:
        raise _too_deep(whole)
    found = _NAME.match(name)
    if found is None:
        return [value] if value is not None and name == "[]" else None
    key, after = found[1], name[found.end() :]
    if after == "":
        params[key] = value
    elif after == "[":
        params[name] = value
    elif after == "[]":
        _list(params, key, whole).append(value)
    elif child := _LIST_OF_HASHES.search(after) or _LIST_OF_ANY.search(after):
        rows, inner = _list(params, key, whole), child[1]
        if rows and isinstance(rows[-1], dict) and not _has_key(rows[-1], inner):
            _normalize(rows[-1], inner, value, depth - 1, whole)
        else:
            rows.append(_normalize({}, inner, value, depth - 1, whole))
    else:
        below = params.get(key)
        if below is None:
            below = params[key] = {}
        elif not isinstance(below, dict):
            raise _wrong_type("Hash", below, key, whole)
        params[key] = _normalize(below, after, value, depth - 1, whole)
    return params


def _list(params: Params, key: str, whole: str) -> list[Any]:
    rows = params.get(key)
    if rows is None:
        rows = params[key] = []
    elif not isinstance(rows, list):
        raise _wrong_type("Array", rows, key, whole)
    return rows


def _has_key(row: Params, key: str) -> bool:
    if "[]" in key:
        return False
    inner: Any = row
    for part in _PATH.split(key):
        if part:
            if not isinstance(inner, dict) or part not in inner:
                return False
            inner = inner[part]
    return True


def _too_deep(name: str) -> Malformed:
    return Malformed(f"`{shown(name)}` nests names deeper than {MAX_DEPTH}.", shown(name))


_WORDS = {"Hash": "a record", "Array": "a list", "str": "a plain value", "dict": "a record", "list": "a list"}


def _wrong_type(wanted: str, got: Any, key: str, name: str) -> Malformed:
    before = _WORDS[type(got).__name__]
    return Malformed(
        f"`{shown(name)}` takes `{shown(key)}` for {_WORDS[wanted]}, but another parameter made it {before}.",
        shown(name),
    )


def _check_key_space(params: Params) -> None:
    waiting: list[Any] = [params]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            if sum(map(len, value)) > KEY_SPACE:
                raise TooLarge(f"The names of the parameters are longer than {KEY_SPACE} characters together.")
            waiting.extend(value.values())

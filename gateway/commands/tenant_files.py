"""Files of tenants: CSV with a header, or JSON lines; read for `import`, written by `export` without secrets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic import TypeAdapter, ValidationError

from gateway.grants.secret import Secret
from gateway.settings_values import Business, TenantName
from gateway.store.tenants import Named

NEEDED = ("tenant", "app", "business", "access_token", "refresh_token")
COLUMNS = (*NEEDED, "v31_refresh_token")
SHOWN = ("tenant", "app", "business", "state", "since", "days")
USUAL_TOKEN = re.compile(r"[0-9a-fA-F]{40}")
"""What Sage issued (v2.md §1.2)."""
SENT = re.compile(r"[\x21-\x7e]+")
"""What may stand in a header or a form without being escaped."""
LONGEST = {"access_token": 256, "refresh_token": 256, "v31_refresh_token": 8192}
"""Longer legacy tokens are refused at the door (`gateway.edges.callers`); v3.1's take up to 2,048 (v31.md §2)."""

_names = TypeAdapter[str](TenantName)
_businesses = TypeAdapter[str](Business)


class FileWrong(Exception):  # noqa: N818 -- a sentence
    """The file as a whole cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file, numbered from 1: the tenant it names, or what is `wrong`; `hints` are worth knowing.

    No sentence quotes a token.
    """

    number: int
    named: Named | None
    wrong: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


def read(content: bytes) -> Iterator[Line]:
    """The tenants in a file, which is JSON lines where it begins with a brace, else CSV. Raises FileWrong."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileWrong("it is not UTF-8 text") from None
    return _json_lines(text) if text.lstrip().startswith("{") else _csv_lines(text)


def _json_lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _json_line(number, line)


def _json_line(number: int, line: str) -> Line:
    try:
        row = msgspec.json.decode(line, type=dict[str, str | None])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return Line(number, None, ("it is not a JSON object with texts as values",))
    unknown = sorted(row.keys() - set(COLUMNS))
    if unknown:
        return Line(number, None, (f"there is no field {unknown[0][:40]!r}; there are {', '.join(COLUMNS)}",))
    return _line(number, row)


def _csv_lines(text: str) -> Iterator[Line]:
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in head else ",", strict=True)
    try:
        columns = [cell.strip().lower() for cell in next(reader, [])]
    except csv.Error:
        columns = []
    _check(columns)
    number = reader.line_num + 1
    try:
        for cells in reader:
            if cells and len(cells) != len(columns):
                yield Line(number, None, (f"it has {len(cells)} values and the header {len(columns)}",))
            elif cells:
                yield _line(number, dict(zip(columns, cells, strict=True)))
            number = reader.line_num + 1
    except csv.Error:
        yield Line(number, None, ("its quotation marks or its length are not those of CSV; nothing after it is read",))


def _check(columns: list[str]) -> None:
    """Refuses a header that is none. It is not quoted: a file without one begins with tokens."""
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise FileWrong(f"its first line names no column {missing[0]}; a CSV file's header is {','.join(COLUMNS)}")
    if len(columns) != len(set(columns)) or set(columns) - set(COLUMNS):
        raise FileWrong(f"its header has a column too many; there are {', '.join(COLUMNS)}, each once")


def _line(number: int, row: Mapping[str, str | None]) -> Line:
    given = {name: (row.get(name) or "").strip() for name in COLUMNS}
    wrong = list(_wrong(given))
    if wrong:
        return Line(number, None, tuple(wrong))
    hints = tuple(
        f"its {name} is not 40 hexadecimal digits, as Sage's were; it is taken as it is"
        for name in ("access_token", "refresh_token")
        if given[name] and not USUAL_TOKEN.fullmatch(given[name])
    )
    secrets = {name: Secret(given[name]) if given[name] else None for name in LONGEST}
    named = Named(
        given["tenant"],
        given["app"],
        given["business"],
        secrets["v31_refresh_token"],
        secrets["access_token"],
        secrets["refresh_token"],
    )
    return Line(number, named, (), hints)


def _wrong(given: Mapping[str, str]) -> Iterator[str]:
    if not is_name(given["tenant"]):
        yield "its tenant is no name: letters, digits and . _ @ - are, up to 64, the first a letter or digit"
    if not given["app"]:
        yield "it names no app"
    elif not is_name(given["app"]):
        yield "its app is no name, and none of the settings"
    if not is_business(given["business"]):
        yield "its business is no id of v3.1: letters, digits, _ and -, up to 64"
    if not (given["access_token"] or given["refresh_token"]):
        yield "it has neither access_token nor refresh_token, so no client could be this tenant"
    for name in ("tenant", "app", "business"):
        if USUAL_TOKEN.fullmatch(given[name]):  # else logs would name it for ever
            yield f"its {name} looks like a token: the columns may be in another order"
    for name, longest in LONGEST.items():
        if len(given[name]) > longest:
            yield f"its {name} is longer than {longest} characters"
        elif given[name] and not SENT.fullmatch(given[name]):
            yield f"its {name} has a space or another character that no token has"


def is_name(text: str) -> bool:
    """Whether a tenant may be called so."""
    return _fits(_names, text)


def is_business(text: str) -> bool:
    """Whether it can be the id of a v3.1 business."""
    return _fits(_businesses, text)


def _fits(kind: TypeAdapter[str], text: str) -> bool:
    try:
        kind.validate_python(text)
    except ValidationError:
        return False
    return True


def write(rows: Iterable[Mapping[str, Any]], *, jsonl: bool) -> Iterator[str]:
    """The lines of a file with the columns of `SHOWN`."""
    if jsonl:
        yield from (msgspec.json.encode({name: row[name] for name in SHOWN}).decode() for row in rows)
        return
    yield ",".join(SHOWN)
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(["" if row[name] is None else row[name] for name in SHOWN])
        yield line.getvalue()

"""Exchange files: one call with everything that followed, as text that people can read and tests can run.

```
file     = { "### " title NL { "@ " name ": " value NL } { prose line } block { block } }
block    = marker NL text                      marker alone on its line; blank lines around text are dropped
order    = ">>> v2"  [ "=== facts" ]  { ">>> v3.1" "<<< v3.1" }  "<<< v2"  [ "=== notes" ]
           [ "=== kept" ]
message  = start { NL header ": " value } [ NL NL body ]      start: METHOD target, or a status
fact     = kind SP [ by ":" ] known [ SP want ] [ " on " date ] " = " JSON
                                              digits without by: a legacy id; else a modern one
kept     = kind SP modern " = " JSON object                    what is kept beside a record from now on
note     = code SP field                                       fields in any order; "-" for no field, odd ones as JSON
```

The modern id of legacy *n* of kind *k* reads `k-n`, and back; every other id or fact is stated under `=== facts`,
null where there is no such record. An object or a v3.1 query that ends in `...` need only hold what it names.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import msgspec

from gateway.errors import Malformed
from gateway.messages import Exchange, Note, Pairs, V2Request, V2Response, V3Request, V3Response
from gateway.translate.draft import Hole

MARKERS = (">>> v2", "=== facts", ">>> v3.1", "<<< v3.1", "<<< v2", "=== notes", "=== kept")
OPEN = "..."
"""The member that marks an object as open: it may hold more."""

_JSON = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_WORD = re.compile(r'[^\s"=:]+')
_SPECIAL = re.compile(r"[\s&=]|^\.\.\.$|%(?=[0-9A-Fa-f]{2})")
"""In a query: what would end a value, a line or a message, stand for more, or look like an escape."""
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\.\.\.')
_FACT = re.compile(
    r'(?P<kind>\w+) (?:(?P<by>[\w.]+):)?(?P<known>"(?:[^"\\]|\\.)*"|[^\s"=]+)'
    r"(?: (?P<want>[\w.]+))?(?: on (?P<on>[\d-]+))? = (?P<json>.+)"
)
_LAYOUT = re.compile(r"\r?\n\s*(?=&)")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange of a file. `facts` by hole; None there means that v3.1 has no such record.

    `notes` are (code, field) pairs."""

    title: str
    settings: dict[str, str]
    call: V2Request
    facts: dict[Hole, Any]
    steps: list[tuple[V3Request, V3Response]]
    reply: V2Response
    notes: list[tuple[str, str]] = field(default_factory=list)
    kept: list[tuple[str, str, Any]] = field(default_factory=list)


def read_exchanges(text: str) -> list[Recorded]:
    """The exchanges of a file. Raises Malformed with the title of the one that cannot be read."""
    parts = re.split(r"^### ", text, flags=re.MULTILINE)
    return [_read_one(part) for part in parts[1:]]


def _read_one(part: str) -> Recorded:
    title, _, rest = part.partition("\n")
    settings: dict[str, str] = {}
    blocks: list[tuple[str, list[str]]] = []
    for line in rest.split("\n"):
        if line.strip() in MARKERS:
            blocks.append((line.strip(), []))
        elif blocks:
            blocks[-1][1].append(line)
        elif line.startswith("@ "):
            name, _, value = line[2:].partition(":")
            settings[name.strip()] = value.strip()
    texts = [(marker, "\n".join(lines).strip("\n")) for marker, lines in blocks]
    try:
        return _assemble(title.strip(), settings, texts)
    except (ValueError, IndexError, msgspec.DecodeError) as error:
        raise Malformed(f"{title.strip()}: {error}") from None


def _assemble(title: str, settings: dict[str, str], blocks: list[tuple[str, str]]) -> Recorded:
    by_marker: dict[str, list[str]] = {marker: [] for marker in MARKERS}
    for marker, text in blocks:
        by_marker[marker].append(text)
    requests, answers = by_marker[">>> v3.1"], by_marker["<<< v3.1"]
    if len(by_marker[">>> v2"]) != 1 or len(by_marker["<<< v2"]) != 1 or len(requests) != len(answers):
        raise ValueError("one call, one reply, and an answer for each request are needed")
    method, target, headers, body = _message(by_marker[">>> v2"][0])
    if settings.get("body") == "base64":
        raw = base64.b64decode("".join(body.split()), validate=True)
    else:
        raw = (body if body.startswith("{") else _LAYOUT.sub("", body)).encode()
    status, _, reply_headers, reply_body = _message(by_marker["<<< v2"][0])
    return Recorded(
        title,
        settings,
        V2Request(method, target, headers, raw),
        dict(_fact(line) for text in by_marker["=== facts"] for line in text.split("\n") if line.strip()),
        [(_request(one), _answer(two)) for one, two in zip(requests, answers, strict=True)],
        V2Response(int(status), read_value(reply_body), reply_headers),
        [_note(line) for text in by_marker["=== notes"] for line in text.split("\n") if line.strip()],
        [_kept(line) for text in by_marker["=== kept"] for line in text.split("\n") if line.strip()],
    )


def _message(text: str) -> tuple[str, str, Pairs, str]:
    head, _, body = text.partition("\n\n")
    start, *lines = head.split("\n")
    first, _, rest = start.strip().partition(" ")
    headers = []
    for line in lines:
        name, colon, value = line.partition(": ")
        if not colon:
            raise ValueError(f"not a header: {line!r}")
        headers.append((name, value))
    return first, rest.strip(), tuple(headers), body.strip("\n")


def _request(text: str) -> V3Request:
    method, target, headers, body = _message(text)
    path, _, query = target.partition("?")
    parts = (part.partition("=") for part in query.split("&") if part)
    pairs = tuple((unquote(name), unquote(value)) for name, _, value in parts)
    return V3Request(method, path, pairs, read_value(body), dict(headers).get("Accept", "application/json"))


def _answer(text: str) -> V3Response:
    status, _, headers, body = _message(text)
    return V3Response(int(status), read_value(body), headers)


def _note(line: str) -> tuple[str, str]:
    code, _, where = line.strip().partition(" ")
    if where.startswith('"'):
        return code, msgspec.json.decode(where, type=str)
    return code, "" if where == "-" else where


def _kept(line: str) -> tuple[str, str, Any]:
    record, _, values = line.strip().partition(" = ")
    kind, _, modern = record.partition(" ")
    return kind, modern, read_value(values)


def _fact(line: str) -> tuple[Hole, Any]:
    match = _FACT.fullmatch(line.strip())
    if match is None:
        raise ValueError(f"not a fact: {line!r}")
    known = match["known"]
    if known.startswith('"'):
        known = msgspec.json.decode(known, type=str)
    by = match["by"] or ("legacy_id" if known.isdigit() else "id")
    want = match["want"] or ("legacy_id" if by == "id" else "id")
    return Hole(match["kind"], known, want=want, by=by, on=match["on"] or ""), read_value(match["json"])


def read_value(text: str) -> Any:
    """JSON with Decimals, in which an object may end in `...`; None for no text."""
    if not text.strip():
        return None
    opened = _PIECE.sub(lambda m: f'"{OPEN}": true' if m[0] == OPEN else m[0], text)
    return _JSON.decode(opened)


def named(hole: Hole) -> Any:
    """What an id's name alone says: the modern id of legacy 7 of contacts is `contacts-7`; None for nothing."""
    if hole.by == "legacy_id" and hole.want == "id":
        return f"{hole.kind}-{hole.known}"
    if hole.by == "id" and hole.want == "legacy_id":
        kind, _, number = hole.known.rpartition("-")
        return int(number) if kind == hole.kind and number.isdigit() else None
    return None


def query_text(query: Iterable[tuple[str, str]]) -> str:
    """A query as exchange files write it: plain, but for what would be read as something else."""
    return "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in query)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text)


def write_exchange(exchange: Exchange, title: str) -> str:
    """An exchange as text, such that `read_exchanges` reads it again.

    Of the call's headers only those are there that its body and reply are read by, since others hold tokens.
    """
    call = exchange.call
    lines = [f"### {' '.join(title.split())}"]
    body = _one_line(call.body)
    if body is None:
        body, lines = base64.b64encode(call.body).decode(), [*lines, "@ body: base64"]
    lines += ["", ">>> v2", f"{call.method} {call.target}"]
    lines += [f"{name}: {value}" for name, value in call.headers if name.lower() in ("accept", "content-type")]
    lines += ["", body] if body else []
    stated = {hole: value for hole, value in exchange.facts.items() if named(hole) != value}
    if stated:
        lines += ["", "=== facts", *(fact_line(hole, value) for hole, value in stated.items())]
    for step in exchange.steps:
        request, answer = step.request, step.answer
        query = f"?{query_text(request.query)}" if request.query else ""
        lines += ["", ">>> v3.1", f"{request.method} {request.path}{query}"]
        if request.accept != "application/json":
            lines.append(f"Accept: {request.accept}")
        lines += _body(request.body)
        lines += ["", "<<< v3.1", str(answer.status), *_body(answer.body)]
    lines += ["", "<<< v2", str(exchange.reply.status), *_body(exchange.reply.body)]
    if exchange.notes:
        lines += ["", "=== notes", *(_note_line(note) for note in exchange.notes)]
    if exchange.kept:
        lines += ["", "=== kept", *(f"{kind} {modern} = {json_text(values)}" for kind, modern, values in exchange.kept)]
    return "\n".join(lines) + "\n"


def _one_line(body: bytes) -> str | None:
    """A body that a file can hold as it is: one line that is nothing else; None for any other."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    whole = text == text.strip() and len(text.splitlines()) < 2
    return text if whole and text not in MARKERS and not text.startswith("### ") else None


def _note_line(note: Note) -> str:
    where = note.field if _WORD.fullmatch(note.field) and note.field != "-" else json_text(note.field)
    return f"{note.code} {where if note.field else '-'}"


def fact_line(hole: Hole, value: Any) -> str:
    """A fact as exchange files state it."""
    known = hole.known if _WORD.fullmatch(hole.known) else json_text(hole.known)
    usual_by = "legacy_id" if hole.known.isdigit() else "id"
    by = "" if hole.by == usual_by else f"{hole.by}:"
    usual_want = "legacy_id" if hole.by == "id" else "id"
    want = "" if hole.want == usual_want else f" {hole.want}"
    on = f" on {hole.on}" if hole.on else ""
    return f"{hole.kind} {by}{known}{want}{on} = {json_text(value)}"


def _body(body: Any) -> list[str]:
    if body is None:
        return []
    if isinstance(body, bytes):
        return ["", f'"{len(body)} bytes"']
    return ["", json_text(body)]


def json_text(value: Any) -> str:
    """JSON on one line; numbers stay numbers, digit by digit."""
    return _ENCODER.encode(value).decode()

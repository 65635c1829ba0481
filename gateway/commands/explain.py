"""`sage-gateway explain`: what a v2 call becomes, without any network."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gateway.commands.curl_words import ORDER, joined
from gateway.commands.imagined import Explained, explain_call
from gateway.edges.conversation import utc_day
from gateway.errors import Malformed
from gateway.messages import Caller, Pairs, V2Request, V3Request
from gateway.translate.exchange_file import Recorded, query_text, read_exchanges

API = "https://api.accounting.sage.com/v3.1"


def explain(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[METHOD] URL",
            help="The call, as on curl's command line (the word `curl` may stand first). The host does not matter, "
            "nor do curl's -i -k -L -s -S -v.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[str | None, typer.Option("-X", "--request", help="The method.", show_default=False)] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("-d", "--data", "--data-ascii", help="Form text or JSON, or @FILE; several are joined with &."),
    ] = None,
    raw: Annotated[list[str] | None, typer.Option("--data-raw", help="The same, where @ means nothing.")] = None,
    binary: Annotated[
        list[str] | None, typer.Option("--data-binary", help="The same, where a file's line breaks stay.")
    ] = None,
    encoded: Annotated[
        list[str] | None, typer.Option("--data-urlencode", help="NAME=TEXT or NAME@FILE, to be percent-encoded.")
    ] = None,
    get: Annotated[bool, typer.Option("-G", "--get", help="Data is the query of a GET.")] = False,
    headers: Annotated[list[str] | None, typer.Option("-H", "--header", help="`Name: value`.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="A raw HTTP message or an exchange file; - for standard input."),
    ] = None,
    country: Annotated[str, typer.Option(help="The app's country, as in its settings.")] = "gb",
    date_order: Annotated[str, typer.Option(help="dmy or mdy, as in the app's settings.")] = "dmy",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
    silent: Annotated[bool, typer.Option("-s", "--silent", hidden=True)] = False,
    show_error: Annotated[bool, typer.Option("-S", "--show-error", hidden=True)] = False,
    insecure: Annotated[bool, typer.Option("-k", "--insecure", hidden=True)] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", hidden=True)] = False,
    include: Annotated[bool, typer.Option("-i", "--include", hidden=True)] = False,
    location: Annotated[bool, typer.Option("-L", "--location", hidden=True)] = False,
) -> None:
    """Show the v3.1 calls that a v2 call becomes, each rule that fired, and what v3.1 has no place for.

    Nothing is sent anywhere. Ids and other facts that only v3.1 knows stand as placeholders: `contacts-580` is the
    v3.1 id of the contact that v2 knows as 580; in an exchange file its own facts and answers are used.

    \b
    Example:
      sage-gateway explain /accounts/v2/contacts \\
        -d 'contact[contact_type_id]=1' -d 'contact[name]=Jo Pike'
    """
    caller = Caller(business="{your business}", country=country, date_order=date_order, today=utc_day())
    try:
        given = {"data": data or [], "raw": raw or [], "binary": binary or [], "encoded": encoded or []}
        body = joined(context.meta[ORDER], given) if any(given.values()) else None
        calls = read_file(file) if file else [(read_words(words or [], method, body, headers or [], get=get), None)]
    except (Malformed, ValueError, OSError) as error:
        typer.echo(f"The call cannot be read: {error}", err=True)
        raise typer.Exit(2) from None
    found = [(call, explain_call(call, caller, recorded)) for call, recorded in calls]
    if as_json:
        made = [plain(call, one) for call, one in found]
        typer.echo(msgspec.json.format(msgspec.json.encode(made if len(made) > 1 else made[0]), indent=2).decode())
    else:
        typer.echo("\n\n".join(told(call, one) for call, one in found))
    if any(one.refusal for _, one in found):
        raise typer.Exit(1)


def read_words(
    words: list[str], method: str | None, data: bytes | None, headers: list[str], *, get: bool = False
) -> V2Request:
    """A call from curl-like words. Data makes it a POST, or with `get` is its query. Raises ValueError."""
    words = words[1:] if words[:1] == ["curl"] else words
    if len(words) == 2 and words[0].isalpha() and words[0].isupper():
        method, words = words[0], words[1:]
    if len(words) != 1:
        raise ValueError("give one URL, or --file (see --help)")
    target = target_of(words[0])
    if get and data:
        target, data = f"{target}{'&' if '?' in target else '?'}{data.decode('latin-1')}", None
    pairs: Pairs = tuple((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in headers))
    return V2Request(method or ("GET" if data is None else "POST"), target, pairs, data or b"")


def target_of(url: str) -> str:
    """The request-target of a URL, or the path itself."""
    if "://" in url:
        rest = url.split("://", 1)[1]
        url = "/" + rest.partition("/")[2]
    return url if url.startswith("/") else f"/{url}"


def read_file(path: Path) -> list[tuple[V2Request, Recorded | None]]:
    """The calls of a file: exchanges, or one raw HTTP message. Raises Malformed, ValueError, OSError."""
    raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    if b">>> v2" in raw:
        return [(one.call, one) for one in read_exchanges(raw.decode())]
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    start, *lines = head.decode("latin-1").strip().split("\n")
    words = start.split()
    if len(words) < 2:
        raise ValueError("the first line should be a method and a target")
    pairs: Pairs = tuple((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return [(V2Request(words[0], target_of(words[1]), pairs, body.strip(b"\n")), None)]


def curl(request: V3Request) -> str:
    """A v3.1 request as a curl line."""
    query = f"?{query_text(request.query)}" if request.query else ""
    words = ["curl", "-X", request.method, shlex.quote(f"{API}{request.path}{query}")]
    words += ["-H", "'Authorization: Bearer ACCESS_TOKEN'", "-H", "'X-Business: BUSINESS_ID'"]
    if request.accept != "application/json":
        words += ["-H", shlex.quote(f"Accept: {request.accept}")]
    if request.body is not None:
        words += ["-H", "'Content-Type: application/json'", "-d", shlex.quote(text_of(request.body))]
    return " ".join(words)


def text_of(value: Any) -> str:
    """JSON on one line."""
    return msgspec.json.encode(value).decode()


def told(call: V2Request, one: Explained) -> str:
    """An explanation for people."""
    lines = [f"{call.method} {call.target}"]
    if one.resource:
        lines[0] += f"   ({one.resource}, {one.verb})"
    if one.requests:
        lines += ["", "v3.1 calls"] + [f"  {n}. {curl(request)}" for n, request in enumerate(one.requests, 1)]
    elif one.refusal is None:
        lines += ["", "v3.1 calls", "  none: the gateway serves it itself"]
    if one.rules:
        lines += ["", "Rules that fired", *(f"  {name}  ->  {what}" for name, what in one.rules)]
    if one.facts:
        lines += ["", "Facts that would be looked up", *(f"  {what}  (here {value})" for what, value in one.facts)]
    if one.notes:
        lines += ["", "Notes", *(f"  {note.code}: {note.field}: {note.text}" for note in one.notes)]
    if one.refusal is not None:
        lines += ["", f"Refused with {one.refusal.status}"]
        lines += [f"  {d.source or '-'}: {d.message}" for d in one.refusal.diagnoses]
    return "\n".join(lines)


def plain(call: V2Request, one: Explained) -> dict[str, Any]:
    """An explanation for programs."""
    return {
        "call": {"method": call.method, "target": call.target},
        "resource": one.resource,
        "verb": one.verb,
        "requests": [
            {"method": r.method, "path": r.path, "query": [list(pair) for pair in r.query], "body": r.body}
            for r in one.requests
        ],
        "rules": [{"field": name, "becomes": what} for name, what in one.rules],
        "facts": [{"question": what, "placeholder": value} for what, value in one.facts],
        "notes": [{"code": note.code, "field": note.field, "text": note.text} for note in one.notes],
        "refused": None
        if one.refusal is None
        else {
            "status": one.refusal.status,
            "diagnoses": [{"message": d.message, "source": d.source} for d in one.refusal.diagnoses],
        },
    }

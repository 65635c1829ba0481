"""Errors as v2 clients expect them: v3.1's, with field names taken down, and our own; rendered here alone."""

from __future__ import annotations

from gateway.errors import (
    AccessDenied,
    Diagnosis,
    GatewayError,
    InvalidToken,
    NeedsConsent,
    NotFound,
    Refused,
    Throttled,
    UpstreamFailed,
)
from gateway.messages import Pairs, Record, V2Response, V3Response, header
from gateway.translate.calls import Call
from gateway.translate.headers import SDATA_TYPE
from gateway.translate.rules import RuleSet

JSON: Pairs = (("Content-Type", "application/json"),)
SDATA: Pairs = (("Content-Type", SDATA_TYPE),)


def render(error: GatewayError) -> V2Response:
    """The reply for an error: `$diagnoses`, or `{"error":"invalid_token"}` (v2.md §1.4, §4.4)."""
    if isinstance(error, InvalidToken | NeedsConsent):
        body: Record = {"error": "invalid_token", "error_description": str(error)}
        return V2Response(error.status, body, JSON)
    body = {
        "$diagnoses": [
            {"$severity": "error", "$dataCode": d.code, "$message": d.message, "$source": d.source}
            for d in error.diagnoses
        ]
    }
    headers = JSON if isinstance(error, AccessDenied) else SDATA
    if isinstance(error, Throttled):
        headers = (*headers, ("Retry-After", str(error.retry_after)))
    status = error.refusal if isinstance(error, Refused) else error.status
    return V2Response(status, body, headers)


def refusal(call: Call, answer: V3Response) -> GatewayError:
    """What a v3.1 answer of 400 or more means for the client (v31.md §10).

    A lapsed subscription and missing rights are 403 with v3.1's message; a token that v3.1 keeps refusing needs the
    owner's consent; a missing record is 404; what is wrong with the values is 422, by v2's names.
    """
    items = [item for item in answer.body if isinstance(item, dict)] if isinstance(answer.body, list) else []
    status = answer.status
    if status == 401:
        if not any("subscription" in str(item.get("$message", "")).lower() for item in items):
            return NeedsConsent("Sage no longer accepts this authorisation; the app must be authorised again")
        status = 403
    if status == 404:
        return NotFound("Not Found")
    if status == 429:
        return Throttled("Sage asks to wait", seconds(header(answer.headers, "Retry-After")))
    if status >= 500 or status in (405, 406, 415):
        return UpstreamFailed(f"Sage answered {answer.status}")
    known = status if status in (403, 409) else 422
    code = {403: "AuthorizationFailure", 409: "Conflict"}.get(known, "ValidationError")
    names = sources(call)
    found = [
        Diagnosis(
            str(item.get("$message") or "was refused by Sage"),
            "" if known == 403 else v2_source(str(item.get("$source") or ""), names, call),
            code,
        )
        for item in items
    ]
    return Refused(known, found or [Diagnosis("was refused by Sage", "base", code)])


def seconds(value: str | None) -> int:
    """A Retry-After in seconds, at least 1 and at most an hour; 5 where it says nothing readable."""
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 9:
        return 5
    return min(max(int(value), 1), 3600)


def sources(call: Call) -> dict[str, str]:
    """v3.1 error source -> v2 name; of several, the first rule's."""
    found: dict[str, str] = {}
    for v3, v2 in call.table.rules.explains():
        found.setdefault(".".join(part for part in v3.split(".") if not part.isdigit()), v2)
    return found


def v2_source(source: str, names: dict[str, str], call: Call) -> str:
    """v3.1's error source in v2's words: exact, then with or without `_id`, then its nearest parent, else `base`."""
    path = ".".join(part for part in source.split(".") if not part.isdigit())
    path = path.removeprefix(f"{call.table.v3_root}.")
    while path:
        for name in (path, f"{path}_id", path.removesuffix("_id"), f"{path[:-1]}_ids"):
            if name in names:
                return as_sent(names[name], call)
        path = path.rpartition(".")[0]
    return "base"


def as_sent(name: str, call: Call) -> str:
    """Of several v2 names for one attribute, the one that the client used (`company_name` for `company`)."""
    head, dot, rest = name.partition(".")
    if any(nested.v2 == name for nested in call.table.nested_rules()):
        return name
    if not dot:
        return used(head, call.table.rules, [call.sent])
    part = next(nested for nested in call.table.nested_rules() if nested.v2 == head)
    return f"{head}.{used(rest, part.rules, rows_of(call.sent, call.table.rules.synonyms[head]))}"


def used(name: str, rules: RuleSet, rows: list[Record]) -> str:
    """The synonym of a name that some row has."""
    for synonym in (name, *rules.synonyms.get(name, ())):
        if any(synonym in row for row in rows):
            return synonym
    return name


def rows_of(sent: Record, heads: tuple[str, ...]) -> list[Record]:
    """The items that were sent under any of a list's names."""
    for head in heads:
        value = sent.get(head)
        if isinstance(value, list):
            return [row for row in value if isinstance(row, dict)]
        if isinstance(value, dict):
            below = [row for row in value.values() if isinstance(row, dict)]
            return below or [value]
    return []

"""What a call takes: read, list, create, update, delete.

A plan is a generator. It yields a drafted request (it is sent; the answer comes back) or a draft of facts
(filled; it comes back) and returns the drafted reply. An answer of 400 or more ends a plan in the driver, so no
plan tests a status; an `optional` request that fails is answered with None.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from gateway.errors import Conflict, NotFound, Retired, UpstreamFailed
from gateway.messages import Record, V3Response
from gateway.translate.calls import Call
from gateway.translate.codecs import decimal_of
from gateway.translate.draft import Draft, FactsDraft, Hole, ReplyDraft, RequestDraft, corrected
from gateway.translate.headers import SDATA_TYPE
from gateway.translate.pages import DEFAULT_SIZE, Window, envelope, window
from gateway.translate.queries import WINDOW, names
from gateway.translate.resource import Table
from gateway.translate.source import Plain
from gateway.translate.writing import Writing

Plan: TypeAlias = Generator[Draft, Any, ReplyDraft]

SDATA = (("Content-Type", SDATA_TYPE),)
PDF = "application/pdf"
MOST_PAGES = 500
"""Of one list: 100,000 rows."""


def plan_of(call: Call) -> Plan:
    """The plan of a call: its table's own, or the usual one."""
    chosen = call.table.plans.get(call.verb) or USUAL[call.verb]
    made: Plan = chosen(call)
    return made


def selection(table: Table, verb: str) -> list[list[Any]]:
    """The fixed parameters of a read: what to show, legacy ids, and what keeps a read from changing anything."""
    query = [list(pair) for pair in table.queries.get(verb, ())]
    if verb == "list" and table.attributes:
        query.append(["attributes", ",".join(table.attributes)])
    if verb in table.expands and table.nested[verb]:
        query.append(["nested_attributes", ",".join(table.nested[verb])])
    if table.legacy:
        query.append(["show_legacy_id", "true"])
    return query


def get(call: Call, key: Any = None, *, optional: bool = False, table: Table | None = None) -> RequestDraft:
    """The request that reads the call's record, or the one with a modern id."""
    table = table or call.table
    path = [table.v3] if table.singleton else [table.v3, key if key is not None else call.key(table.kind)]
    return RequestDraft("GET", path, selection(table, "one"), optional=optional)


def down(
    call: Call, record: Record, status: int = 200, *, asked: bool = True, table: Table | None = None
) -> ReplyDraft:
    """The reply with one record. `asked`: the answer was asked to show legacy ids."""
    reply = ReplyDraft(status, None, SDATA)
    table = table or call.table
    reply.body = table.rules.down(record, reply, asked and table.legacy)
    reply.again = lambda numbers: down(call, corrected(record, numbers), status, asked=asked, table=table)
    return reply


def read(call: Call) -> Plan:
    """GET one, as PDF where that is asked for. Raises UpstreamFailed for an answer that is none."""
    if call.pdf and call.table.pdf:
        request = get(call)
        request.accept = PDF
        answer: V3Response = yield request
        if not isinstance(answer.body, bytes | str):  # exchange files hold text
            raise UpstreamFailed("Sage's answer is no PDF")
        return ReplyDraft(200, answer.body, (("Content-Type", PDF),))
    answer = yield get(call)
    return down(call, answer.body)


def filtered(call: Call, draft: RequestDraft) -> RequestDraft:
    """The list's filters, written into its request; parameters that v2 did not have are noted."""
    for each in call.table.filters:
        each.write(draft, call.params)
    known = names(call.table.filters) | WINDOW
    for name in call.params:
        if name not in known:
            draft.note("unmapped", name, "v2 had no such parameter; it was left out")
    return draft


def gather(call: Call, rows: Window, plain: Plain | None = None) -> Generator[Draft, Any, None]:
    """Read the window's rows, in as few pages as hold them. `plain`: they may be plain records, for `down_all`."""
    first = True
    while True:
        request = RequestDraft("GET", [call.table.v3], selection(call.table, "list"))
        if not WINDOW.issuperset(call.params):
            filtered(call, request)
        request.rows = plain and plain.type
        if not first:
            request.notes.clear()
        request.query += [["items_per_page", str(rows.per_page)], ["page", str(rows.page)]]
        if not rows.take((yield request).body):
            return
        first = False


def every(collection: str, query: list[list[Any]]) -> Generator[Draft, Any, list[Record]]:
    """All rows of a v3.1 list, 200 a page. A page past the end repeats the last one, and is left out. Raises
    UpstreamFailed for a list that has no end."""
    rows: list[Record] = []
    for page in range(1, MOST_PAGES + 1):
        place = [["items_per_page", "200"], ["page", str(page)]]
        body = (yield RequestDraft("GET", [collection], [*map(list, query), *place])).body
        if body.get("$page", page) != page:
            return rows
        if not isinstance(items := body["$items"], list):
            break
        rows += items
        if not body.get("$next"):
            return rows
        if not items:
            break
    raise UpstreamFailed(f"Sage's list of {collection} has no end")


def listing(call: Call) -> Plan:
    """GET list, a window of it. Lists that come whole have plans of their own."""
    rows = Window(*window(call.params))
    yield from gather(call, rows, call.table.rules.plain)
    return down_all(call, rows.rows, (rows.total, rows.start, rows.size))


def whole_size(call: Call, count: int) -> int:
    """The size that a list reports which comes whole: its count where the client asked for a size, else the usual
    twenty, or its count if that is more (v2.md §4.1, recorded)."""
    return max(count, DEFAULT_SIZE) if WINDOW.isdisjoint(call.params) else count


def down_all(call: Call, records: list[Record], place: tuple[int, int, int]) -> ReplyDraft:
    """The reply with a collection; `place` is the total, the first row and the size served."""
    reply = ReplyDraft(200, None, SDATA)
    rules, asked = call.table.rules, call.table.legacy
    rows = [rules.downs.get(type(record), rules.down)(record, reply, asked) for record in records]
    reply.body = listed(call, *place, rows)
    reply.again = lambda numbers: down_all(call, corrected(records, numbers), place)
    return reply


def listed(call: Call, total: int, start: int, size: int, rows: list[Record]) -> Any:
    """A collection as its table shows it: in v2's envelope, or bare."""
    bare = call.table.bare
    if bare is True or (bare and bare(call)):
        return rows
    return envelope(total, start, size, rows)


def up(
    call: Call, current: Record | None = None, *, creating: bool = False, known: Record | None = None
) -> RequestDraft:
    """The write that the call becomes; `current` is what v3.1 has, where parts must be merged, and `known` what a
    plan has found out already, in v3.1's words."""
    table = call.table
    path = [table.v3] if creating or table.singleton else [table.v3, current["id"] if current else call.key()]
    draft = RequestDraft("POST" if creating else "PUT", path, root=table.v3_root)
    keeps = call.caller.keeps and table.rules.keeps
    writing = Writing(
        draft, call.sent, call.caller, creating=creating, current=current, parts=table.parts, body=known, keeps=keeps
    )
    table.rules.write(writing)
    draft.body = writing.body
    draft.kind, draft.kept, draft.kept_inside = table.kind, writing.kept, writing.kept_inside
    return draft


def shown(call: Call, record: Record, status: int) -> Plan:
    """The reply with a record just written, read once more: an answer to a write shows neither parts nor legacy ids.

    Where that read fails the write has still happened, so its own answer is shown.
    """
    again: V3Response | None = None
    if call.table.legacy:
        again = yield get(call, record["id"], optional=True)
    if again is None:
        return down(call, record, status, asked=False)
    return down(call, again.body, status)


def create(call: Call, known: Record | None = None) -> Plan:
    """POST; `known` is what a table's own plan has found out already."""
    answer: V3Response = yield up(call, creating=True, known=known)
    return (yield from shown(call, answer.body, 201))


def update(call: Call) -> Plan:
    """PUT: what v3.1 replaces whole is read and merged first."""
    current: Record | None = None
    if call.table.rules.together(call.sent) or call.sent.get("lock_version") not in (None, ""):
        answer: V3Response = yield get(call)
        current = answer.body
        unchanged(call, current)
        yield with_legacy_ids(call.table, current)
    draft = up(call, current)
    if not draft.body:
        request = get(call)
        request.kind, request.kept = draft.kind, draft.kept
        answer = yield request
        reply = down(call, answer.body)
        reply.notes += draft.notes
        return reply
    answer = yield draft
    return (yield from shown(call, answer.body, 200))


def with_legacy_ids(table: Table, current: Record) -> FactsDraft:
    """The items of a record's lists, each with the legacy id that clients know: by it they say which they mean."""
    draft = FactsDraft(current)
    for nested in table.nested_rules():
        items = current.get(nested.path) if nested.many else None
        for item in items or ():
            if item.get("legacy_id") is not None:
                draft.seen.append((nested.holds, item["id"], item["legacy_id"]))
            else:
                draft.gap(item, "legacy_id", Hole(nested.holds, item["id"], want="legacy_id", shown=True))
    return draft


def lock_version(created_at: Any, updated_at: Any) -> int:
    """v3.1 has no lock version: whole seconds from creation to the last change grow likewise (reliability.md G3)."""
    if created_at == updated_at:
        return 0
    try:
        since = datetime.fromisoformat(updated_at) - datetime.fromisoformat(created_at)
    except (TypeError, ValueError):
        return 0
    return max(int(since.total_seconds()), 0)


def unchanged(call: Call, current: Record) -> None:
    """Raises Conflict where the client saw an older state than v3.1 has, by the `lock_version` it sent."""
    sent = call.sent.get("lock_version")
    if sent in (None, ""):
        return
    if decimal_of(sent, "lock_version") < lock_version(current.get("created_at"), current.get("updated_at")):
        raise Conflict("the record has been changed since it was read", "lock_version")


def delete(call: Call) -> Plan:
    """DELETE: v2 answered with the record that was deleted (v2.md §3.4)."""
    answer: V3Response = yield get(call)
    yield RequestDraft("DELETE", [call.table.v3, answer.body["id"]])
    return down(call, answer.body)


def fixed_list(call: Call) -> Plan:
    """GET list of rows that the gateway serves itself."""
    yield from ()
    table = call.table
    assert table.local is not None  # noqa: S101 - Table refuses this plan without rows
    rows = [fixed_row(number, word) for number, _, word in table.local.rows]
    return ReplyDraft(200, listed(call, len(rows), 0, whole_size(call, len(rows)), rows), SDATA)


def fixed_one(call: Call) -> Plan:
    """GET one of the rows that the gateway serves itself."""
    yield from ()
    table = call.table
    assert table.local is not None  # noqa: S101 - Table refuses this plan without rows
    for number, _, word in table.local.rows:
        if str(number) == call.keys[-1]:
            return ReplyDraft(200, fixed_row(number, word), SDATA)
    raise NotFound("Not Found")


def fixed_row(number: int, word: str) -> Record:
    """A row of a fixed list (v2.md §6.20)."""
    return {"id": number, "name": word, "$key": number}


def refuse(why: str) -> Callable[[Call], Plan]:
    """A plan for what nothing can serve."""

    def plan(call: Call) -> Plan:
        yield from ()
        raise Retired(why)

    return plan


USUAL: Mapping[str, Callable[[Call], Plan]] = {
    "list": listing,
    "one": read,
    "create": create,
    "update": update,
    "delete": delete,
}
FIXED: Mapping[str, Callable[[Call], Plan]] = {"list": fixed_list, "one": fixed_one}

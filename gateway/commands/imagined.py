"""A call's plan driven without any network: v3.1's answers are imagined, facts stand as placeholders."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.errors import BadCall, GatewayError, UpstreamFailed
from gateway.exchange import LOST, UNREADABLE
from gateway.messages import Caller, Note, Record, V2Request, V3Request, V3Response
from gateway.resources.registry import find
from gateway.translate.calls import Call
from gateway.translate.draft import Draft, Hole, RequestDraft, unknown
from gateway.translate.exchange_file import Recorded, named
from gateway.translate.faults import refusal
from gateway.translate.forms import as_rows
from gateway.translate.plans import plan_of
from gateway.translate.rules import Computed, Constant, Field, Kept, Nested, Reference, Rule, RuleSet, Unsupported

WHOLE = "v3.1 replaces lists and parts whole: what it has of them beside the fields sent goes along, as just read"


class Imagined(dict[str, Any]):
    """A v3.1 record of which nothing is known: each attribute is itself imagined, each id a placeholder."""

    def __init__(self, kind: str, **known: Any) -> None:
        super().__init__(id=f"{{{kind}.id}}", **known)
        self.kind = kind

    def __missing__(self, name: str) -> Imagined:
        return Imagined(f"{self.kind}.{name}")


@dataclass(slots=True)
class Explained:
    """What a v2 call becomes. `facts` are (what would be looked up, the placeholder that stands for it); `rules` are
    (v2 field, what becomes of it)."""

    resource: str = ""
    verb: str = ""
    requests: list[V3Request] = field(default_factory=list)
    rules: list[tuple[str, str]] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    refusal: GatewayError | None = None


def explain_call(request: V2Request, caller: Caller, recorded: Recorded | None = None) -> Explained:
    """What becomes of a call. A recorded exchange's answers and facts take the place of imagined ones."""
    made = Explained()
    try:
        call = find(request, caller)
        made.resource, made.verb = call.table.name, call.verb
        made.rules = list(fired(call.table.rules, call.sent)) if call.verb in ("create", "update") else []
        drive(call, made, recorded)
    except GatewayError as error:
        made.refusal = error
    except UNREADABLE:
        made.refusal = UpstreamFailed(LOST)
    return made


def drive(call: Call, made: Explained, recorded: Recorded | None) -> None:
    """Run the plan on imagined or recorded answers. Raises GatewayError, as the exchange would."""
    plan = plan_of(call)
    answer: Any = None
    facts: Mapping[Hole, Any] = recorded.facts if recorded else {}
    answers = iter([step[1] for step in recorded.steps] if recorded else [])
    seen: dict[tuple[str, str], None] = {}
    try:
        while True:
            draft = plan.send(answer)
            seen.update(dict.fromkeys(stand_in(draft, facts)))
            made.notes += draft.notes
            if isinstance(draft, RequestDraft):
                made.requests.append(draft.message)
                if draft.method == "PUT" and any(isinstance(v, dict | list) for v in (draft.body or {}).values()):
                    made.notes.append(Note("merged", "base", WHOLE))
                answer = next(answers, None) or imagine(call, draft)
                if answer.status >= 400:
                    if not draft.optional:
                        raise refusal(call, answer)
                    answer = None
            else:
                answer = draft
    except StopIteration as done:
        made.notes += done.value.notes
    finally:
        made.facts = list(seen)


def stand_in(draft: Draft, facts: Mapping[Hole, Any]) -> Iterator[tuple[str, str]]:
    """Fill the draft's holes with stated facts or placeholders; gives (question, placeholder) for each."""
    while draft.gaps:
        open_gaps, draft.gaps = draft.gaps, []
        for container, key, hole, source in open_gaps:
            known = hole if hole in facts else replace(hole, on="")
            if known in facts:
                if facts[known] is None and hole.want in ("id", "legacy_id"):
                    raise unknown(hole, source)
                value = hole.then(facts[known]) if hole.then else facts[known]
                draft.place(container, key, value, source)
                yield question(hole), str(facts[known])
                continue
            if hole.want == "kept":
                draft.place(container, key, hole.then({}) if hole.then else {}, source)
                yield question(hole), "nothing"
                continue
            placeholder = named(hole) if hole.then is None else None
            if placeholder is None:
                placeholder = 0 if hole.want == "legacy_id" else f"{{{key}}}"
            container[key] = placeholder
            yield question(hole), str(placeholder)


def question(hole: Hole) -> str:
    """A hole in words."""
    which = {
        "id": f"whose id is {hole.known}",
        "legacy_id": f"that v2 knows as {hole.known}",
        "first": f"first listed by {hole.known}",
    }.get(hole.by, f"whose {hole.by} is {hole.known}")
    wanted = {"id": "v3.1 id", "legacy_id": "v2 number", "kept": "kept values"}.get(hole.want, hole.want)
    day = f" on {hole.on}" if hole.on else ""
    return f"{hole.kind}: the {wanted}{day} of the one {which}"


def imagine(call: Call, draft: RequestDraft) -> V3Response:
    """An answer that says nothing: an empty list, or a record that has the items the call names."""
    if draft.method == "GET" and len(draft.path) == 1 and not call.table.singleton:
        return V3Response(200, {"$items": [], "$total": 0, "$page": 1, "$next": None, "$itemsPerPage": 20})
    record = Imagined(draft.path[0])
    if len(draft.path) == 2:
        record["id"] = draft.path[1]
    for nested in call.table.nested_rules():
        rows = sent_rows(call.sent, nested) if nested.many else []
        if rows:
            record[nested.path] = [
                Imagined(nested.holds, legacy_id=int(str(row["id"])))
                for row in rows
                if str(row.get("id", "")).isdigit()
            ]
            for item in record[nested.path]:
                item["id"] = f"{nested.holds}-{item['legacy_id']}"
    return V3Response(200, record)


def sent_rows(sent: Record, nested: Nested) -> list[Record]:
    """The items of a list that the call names."""
    for name in (nested.v2, *nested.aliases):
        for spelt in (name, f"{name}_attributes"):
            if spelt in sent:
                try:
                    return as_rows(sent[spelt], spelt)
                except BadCall:
                    return []
    return []


def fired(rules: RuleSet, sent: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(v2 field, what becomes of it) for each field sent, and for what follows from them."""
    for name, value in sent.items():
        rule = rules.by_name.get(name)
        if rule is None:
            yield prefix + name, "v2 had no such attribute: left out"
        elif isinstance(rule, Nested):
            rows = rows_of(value) if rule.many else [value]
            yield prefix + name, f"{rule.path}, {'a list' if rule.many else 'a part'} that v3.1 replaces whole"
            for row in rows:
                if isinstance(row, dict):
                    yield from fired(rule.rules, row, f"{prefix}{name}.")
        else:
            yield prefix + name, becomes(rule, inside=bool(prefix))


def rows_of(value: Any) -> Sequence[Any]:
    """The items of a list as sent."""
    try:
        return as_rows(value, "")
    except BadCall:
        return []


def becomes(rule: Rule, *, inside: bool = False) -> str:
    """What one rule does with a field, in a few words; `inside`: of a record inside another one."""
    written: Collection[str] = list(rule.writes())
    if isinstance(rule, Unsupported):
        return f"nothing: {rule.why}"
    if isinstance(rule, Kept):
        return f"kept by the gateway: {rule.why}"
    if isinstance(rule, Reference):
        return f"{next(iter(written), 'nothing')} (v3.1 id of {rule.kind})"
    if isinstance(rule, Field):
        limit = (
            f", at most {rule.codec.limit} characters{'' if inside else '; more is kept'}" if rule.codec.limit else ""
        )
        return f"{rule.path} ({rule.codec.name}{limit})" if written else "nothing: v2 only showed it"
    if isinstance(rule, Computed):
        return f"{rule.v3} (what is sent wins over what would be reckoned)" if written else "nothing: it is reckoned"
    if isinstance(rule, Constant):
        return f"{rule.v3}"
    return getattr(rule, "why", "") or "names the record"

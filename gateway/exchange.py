"""One exchange, top to bottom, and the two ports it needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from gateway.errors import GatewayError, StoreFailed, TableWrong, UpstreamFailed
from gateway.messages import Caller, Exchange, Note, Record, Step, V2Request, V2Response, V3Request, V3Response
from gateway.resources.registry import body_limit as body_limit
from gateway.resources.registry import find
from gateway.resources.registry import routed as routed
from gateway.translate import faults
from gateway.translate.calls import Call, Route
from gateway.translate.draft import Draft, FactsDraft, Hole, ReplyDraft, RequestDraft
from gateway.translate.plans import Plan, plan_of
from gateway.translate.writing import Inside, id_inside

MOST_ROUNDS = 4
"""A fact may show the way to another; a longer chain is a table's mistake."""

UNREADABLE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
"""What an answer of an unexpected shape raises where it is read."""
LOST = "Sage's answer could not be read"
DONE = "Sage made the change, but its answer could not be read"


class Lookup(Protocol):
    """Finds facts for one business."""

    async def facts(self, holes: Collection[Hole]) -> Mapping[Hole, Any]:
        """The facts for these holes; those that do not exist are left out."""
        ...

    async def keep(self, pairs: Sequence[tuple[str, str, int]]) -> Mapping[tuple[str, str], int]:
        """Remember (kind, modern id, legacy id) from answers; gives the numbers that are shown instead of Sage's."""
        ...

    async def retain(self, kind: str, modern: str, values: Mapping[str, Any] | None) -> None:
        """Keep values beside a record, by v2 name, in place of those of the same names; a value None, or None for
        all, forgets."""
        ...


class Upstream(Protocol):
    """v3.1, for one tenant and call."""

    async def send(self, request: V3Request) -> V3Response:
        """The answer, of any status below 500. Raises UpstreamFailed, NeedsConsent."""
        ...


class Journey:
    """What has happened so far in one exchange."""

    def __init__(self, lookup: Lookup, upstream: Upstream) -> None:
        self.lookup = lookup
        self.upstream = upstream
        self.steps: list[Step] = []
        self.notes: list[Note] = []
        self.facts: dict[Hole, Any] = {}
        self.kept: list[tuple[str, str, Record]] = []
        self.to_keep: list[tuple[str, Record, Inside]] = []
        self.gone: list[tuple[str, str]] = []
        self.collection = ""

    async def settle(self, draft: Draft) -> None:
        """Fill the draft's holes. Raises BadCall for a record that does not exist."""
        self.notes += draft.notes
        draft.notes = []
        for _ in range(MOST_ROUNDS):
            if not draft.gaps:
                return
            missing = [hole for hole in draft.holes if hole not in self.facts]
            if missing:
                self.facts.update(await self.lookup.facts(missing))
            draft.fill(self.facts)
        if draft.gaps:
            raise TableWrong("a chain of facts has no end")

    async def know(self, draft: FactsDraft) -> None:
        """Put the numbers that clients know in place of those that Sage gave later (reliability.md G6)."""
        if draft.seen:
            shown = await self.lookup.keep(draft.seen)
            draft.correct({key: number for (_, key), number in shown.items()})

    async def send(self, call: Call, draft: RequestDraft) -> V3Response | None:
        """Send a settled request. Raises what v3.1's refusal means, unless the request is optional."""
        request = draft.message
        try:
            answer = await self.upstream.send(request)
        except GatewayError:
            if draft.optional:
                return None
            raise
        self.steps.append(Step(request, answer))
        if answer.status < 400:
            await self.keep_beside(draft, answer.body)
            if request.method == "DELETE" and answer.status == 204:
                self.gone += beside(call, draft.path[-1], self.steps)
            return answer
        if draft.optional:
            return None
        raise faults.refusal(call, answer)

    async def keep_beside(self, draft: RequestDraft, shown: Any) -> None:
        """Keep what the draft says is to be kept, now that v3.1 has said what the record's id is; beside records inside
        it, when an answer shows theirs, which may be the next one."""
        key = shown.get("id", "") if isinstance(shown, dict) else ""
        if draft.kept and key:
            await self.retain(draft.kind, key, draft.kept)
        self.to_keep += [(key, draft.body or {}, inside) for inside in draft.kept_inside]
        waiting, self.to_keep = self.to_keep, []
        for record, sent, inside in waiting:
            modern = id_inside(sent, inside, shown) if record == key else None
            if modern is None:
                self.to_keep.append((record, sent, inside))
            else:
                await self.retain(inside.kind, modern, inside.values)

    async def retain(self, kind: str, modern: str, values: Record | None) -> None:
        """Keep what v3.1 has no place for. What v3.1 has done stands, so a store that fails costs no more than this."""
        try:
            await self.lookup.retain(kind, modern, values)
        except StoreFailed:
            self.notes.append(Note("not_kept", "", "the store failed; what v3.1 has no place for is lost"))
        else:
            if values is not None:
                self.kept.append((kind, modern, values))

    async def reply(self, draft: ReplyDraft) -> V2Response:
        """The settled reply; every id in it is remembered before it is given out."""
        if draft.seen:
            for _, key, number in draft.seen:
                if type(key) is not str or type(number) is not int:
                    raise TypeError("an id of another type")
            shown = await self.lookup.keep(draft.seen)
            if shown and draft.again is not None:
                notes, draft = draft.notes, draft.again({key: number for (_, key), number in shown.items()})
                draft.notes = notes
        try:
            await self.settle(draft)
        except StoreFailed:
            raise
        except GatewayError:
            if not self.wrote:
                raise
            draft.make_do()
            await self.settle(draft)
        return draft.message

    @property
    def wrote(self) -> bool:
        """Whether v3.1 has carried out the call's own write (a contact made for an invoice is not it): then the call
        has succeeded, whatever else cannot be found out."""
        return any(
            step.request.method != "GET"
            and step.answer.status < 400
            and step.request.path.split("/")[1] == self.collection
            for step in self.steps
        )


async def exchange(
    call: V2Request, caller: Caller, lookup: Lookup, upstream: Upstream, route: Route | None = None
) -> Exchange:
    """Carry out one v2 call; `route` is where it leads, if that is known. Every GatewayError becomes the reply.

    Plans and tables trust the shape of v3.1's answers; one of another shape breaks them, and becomes 502 here. Before
    anything of v3.1's is read, such a break is our own mistake, and is raised.
    """
    journey = Journey(lookup, upstream)
    route = route or routed(call)
    try:
        reply = await run(find(call, caller, route), journey)
    except GatewayError as error:
        reply = faults.render(error)
    except UNREADABLE as error:
        if not (journey.steps or journey.facts):
            raise
        journey.notes.append(unreadable(error))
        reply = faults.render(UpstreamFailed(DONE if journey.wrote else LOST))
    notes, kept = tuple(journey.notes), tuple(journey.kept)
    return Exchange(call, tuple(journey.steps), reply, notes, name_of(route), journey.facts, kept)


async def run(call: Call, journey: Journey) -> V2Response:
    """Drive the call's plan to its reply."""
    plan, answer = plan_of(call), None
    journey.collection = call.table.v3
    if call.table.computed:
        journey.notes.append(Note("computed", "", call.table.computed))
    try:
        while True:
            draft = next_draft(plan, answer, journey)
            if isinstance(draft, FactsDraft):
                await journey.know(draft)
            await journey.settle(draft)
            answer = await journey.send(call, draft) if isinstance(draft, RequestDraft) else draft
    except StopIteration as done:
        reply = await journey.reply(done.value)
        for kind, modern in journey.gone:
            await journey.retain(kind, modern, None)
        for _, _, inside in journey.to_keep:
            journey.notes.append(Note("not_kept", "", f"v3.1 does not say which of its {inside.path} was meant"))
        return reply


def beside(call: Call, modern: str, steps: Sequence[Step]) -> list[tuple[str, str]]:
    """The records beside which nothing is to be kept any more, by kind and id: a deleted one, and those inside it as
    they were read before."""
    table = call.table
    found = [(table.kind, modern)] if table.rules.keeps else []
    for step in steps:
        record = step.answer.body
        if isinstance(record, dict) and record.get("id") == modern:
            for nested in table.nested_rules():
                held = record.get(nested.path) if nested.rules.keeps else None
                found += [(nested.holds, item["id"]) for item in (held if isinstance(held, list) else [held]) if item]
    return found


def next_draft(plan: Plan, answer: Any, journey: Journey) -> Draft:
    """What the plan does next. Where it cannot read the answer to the write that it made, the error says so."""
    try:
        return plan.send(answer)
    except UpstreamFailed:
        if journey.wrote:
            raise UpstreamFailed(DONE) from None
        raise


def unreadable(error: Exception) -> Note:
    """Where the answer of v3.1 broke the plan; no value of it is told."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}" if trace else ""
    return Note("unreadable", "", f"v3.1's answer has not the shape that is read: {type(error).__name__}{place}")


def name_of(route: Route | None) -> str:
    """The v2 resource's name for logs and metrics, "" where v2 did not route the call."""
    return route.table.name if route else ""


def turn_of(method: str, route: Route | None) -> str:
    """Whose turn a write must wait for, within its business; "" for what need not wait.

    v3.1 numbers contacts, products, services and documents, so their creates go one at a time (v31.md §11). An update
    reads, merges and writes, so writes to one record go one at a time, else one of two loses what the other added
    (reliability.md G3); a payment is a write to its invoice.
    """
    if route is None or method == "GET":
        return ""
    table = route.table
    if route.keys:
        return f"{table.family}/{table.path.partition('/')[0]}/{route.keys[0].lstrip('0')}"
    return "create" if route.verb == "create" and table.serial else table.name

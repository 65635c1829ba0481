"""Drafts: messages that still lack facts, and what fills them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from gateway.errors import BadCall, NotFound, TableWrong, UpstreamFailed
from gateway.exchange import Journey, exchange
from gateway.messages import Caller, V2Request
from gateway.translate.draft import FactsDraft, Hole, ReplyDraft, RequestDraft, corrected
from tests.echo import Echo, NamedFacts


def test_equal_holes_are_asked_for_once():
    """What turns a fact into a value does not make two holes of one."""
    draft = FactsDraft({})
    draft.gap(draft.message, "a", Hole("contacts", "7", then=str))
    draft.gap(draft.message, "b", Hole("contacts", "7", shown=True))
    assert len(draft.holes) == 1
    draft.fill({Hole("contacts", "7"): 5})
    assert draft.message == {"a": "5", "b": 5}
    assert draft.gaps == []


def test_a_fact_may_lead_to_another():
    """The draft then waits for that one."""
    draft = FactsDraft([None])
    draft.gap(draft.message, 0, Hole("products", "7", then=lambda fact: Hole("contacts", fact)))
    draft.fill({Hole("products", "7"): "c"})
    assert draft.message == [Hole("contacts", "c")]
    assert list(draft.holes) == [Hole("contacts", "c")]


@pytest.mark.parametrize(
    ("hole", "source", "error", "shown"),
    [
        (Hole("contacts", "7", by="legacy_id"), "contact_id", BadCall, ("no such record", "contact_id")),
        (Hole("contacts", "7", by="legacy_id"), "", BadCall, ("no such record", "base")),
        (
            Hole("ledger_accounts", "x=y", by="first"),
            "",
            BadCall,
            ("v3.1 has no ledger_accounts to serve this", "base"),
        ),
    ],
)
def test_a_record_that_is_not_there(hole: Hole, source: str, error: type[BadCall], shown: tuple[str, str]):
    """The error names the field that named it."""
    draft = RequestDraft("POST", ["x"], body={})
    draft.gap(draft.body, "x", hole, source)
    with pytest.raises(error) as refused:
        draft.fill({})
    diagnosis = refused.value.diagnoses[0]
    assert (diagnosis.message, diagnosis.source) == shown
    assert not isinstance(refused.value, NotFound)


def test_an_unknown_id_in_the_path_is_404():
    """In the path, and there alone."""
    draft = RequestDraft("GET", ["contacts", Hole("contacts", "7", by="legacy_id")])
    with pytest.raises(NotFound):
        draft.fill({})


@pytest.mark.parametrize("draft", [RequestDraft("GET", ["contacts", Hole("contacts", "7")]), ReplyDraft(200, {})])
def test_nothing_leaves_with_open_holes(draft: RequestDraft | ReplyDraft):
    """A message with holes is a mistake of ours, and is not sent."""
    if isinstance(draft, ReplyDraft):
        draft.gap(draft.body, "id", Hole("contacts", "7", want="legacy_id"))
    with pytest.raises(TableWrong):
        _ = draft.message


def test_a_reply_shows_nothing_for_what_is_not_found():
    """A reply does not fail for want of a part of it."""
    reply = ReplyDraft(200, {})
    reply.gap(reply.body, "id", Hole("contacts", "7", want="legacy_id"))
    reply.fill({})
    assert reply.message.body == {"id": None}


def test_a_reply_that_makes_do_asks_for_numbers_alone():
    """Numbers can be minted; anything else would have to be read, and is shown as nothing."""
    reply = ReplyDraft(201, {})
    reply.gap(reply.body, "id", Hole("contacts", "7", want="legacy_id"))
    reply.gap(reply.body, "account", Hole("bank_accounts", "8", want="ledger_account"))
    reply.gap(reply.body, "told", Hole("bank_accounts", "8", want="x", then=lambda fact: f"was {fact}"))
    reply.make_do()
    assert reply.body["account"] is None
    assert reply.body["told"] == "was None"
    ((_, _, hole, _),) = reply.gaps
    assert hole.shown


def test_numbers_are_corrected_wherever_they_are():
    """In parts and lists too; a record that showed no number keeps showing none."""
    record = {
        "id": "a",
        "legacy_id": 1,
        "lines": [{"id": "b", "legacy_id": 2}, {"id": "a"}],
        "part": {"id": "c", "legacy_id": 3},
    }
    made = corrected(record, {"a": 10, "b": 20})
    assert (made["legacy_id"], made["lines"][0]["legacy_id"], made["part"]["legacy_id"]) == (10, 20, 3)
    assert "legacy_id" not in made["lines"][1]
    assert record["legacy_id"] == 1


async def test_a_chain_of_four_facts_is_followed_to_its_end():
    """As long a chain as any table has."""

    class Steps(NamedFacts):
        async def facts(self, holes: Collection[Hole]) -> dict[Hole, Any]:
            return {hole: int(hole.known) + 1 for hole in holes}

    def further(n: int) -> Any:
        return n if n == 4 else Hole("x", str(n), then=further)

    draft = FactsDraft([None])
    draft.gap(draft.message, 0, Hole("x", "0", then=further))
    await Journey(Steps(), Echo()).settle(draft)
    assert draft.message == [4]


async def test_a_read_whose_numbers_cannot_be_looked_up_fails():
    """Nothing was changed, so the client may be told to try again."""

    class Unreachable(NamedFacts):
        async def facts(self, holes: Collection[Hole]) -> dict[Hole, Any]:
            if any(hole.kind == "ledger_accounts" for hole in holes):
                raise UpstreamFailed("late")
            return await super().facts(holes)

    upstream = Echo({"products": {"sales_ledger_account": {"id": "ledger_accounts-3"}}})
    made = await exchange(V2Request("GET", "/accounts/v2/products/7"), Caller(), Unreachable(), upstream)
    assert made.reply.status == 502

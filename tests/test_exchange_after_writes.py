"""A write that v3.1 has carried out is answered as such, whatever else cannot be found out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pytest

from gateway.errors import StoreFailed, UpstreamFailed
from gateway.exchange import exchange
from gateway.messages import Caller, V2Request, V3Request, V3Response
from gateway.translate.draft import Hole
from tests.echo import NamedFacts

MUG = {"id": "p1", "description": "Mug", "sales_ledger_account": {"id": "la1"}}
CREATE = V2Request("POST", "/accounts/v2/products", (), b"product[description]=Mug")


class OnlyMints:
    """A lookup that finds what v3.1 must be asked for by no means, and mints numbers for what need not be read."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def facts(self, holes: Collection[Hole]) -> dict[Hole, object]:
        holes = [hole for hole in holes if hole.want != "kept"]
        if any(hole.want == "legacy_id" and not hole.shown for hole in holes):
            raise self.error or UpstreamFailed("unreachable")
        return {hole: 1_500_000_001 if hole.want == "legacy_id" else "la1" for hole in holes}

    async def keep(self, pairs: Sequence[tuple[str, str, int]]) -> dict[tuple[str, str], int]:
        return {}

    async def retain(self, kind: str, modern: str, values: Mapping[str, object] | None) -> None:
        raise self.error or StoreFailed("full")


class OnlyWrites:
    """An upstream that carries out writes and then can no longer be reached."""

    async def send(self, request: V3Request) -> V3Response:
        if request.method == "GET":
            raise UpstreamFailed("unreachable")
        return V3Response(201, dict(MUG))


async def test_a_create_is_201_though_nothing_can_be_read_afterwards():
    """The product exists: the client gets 201 and a number, not an error that would make it try again."""
    made = await exchange(CREATE, Caller(), OnlyMints(), OnlyWrites())
    assert made.reply.status == 201
    assert (made.reply.body["id"], made.reply.body["description"]) == (1_500_000_001, "Mug")


async def test_a_read_that_cannot_find_its_numbers_fails():
    """A read changes nothing, so it may say that v3.1 is out of reach."""
    made = await exchange(V2Request("GET", "/accounts/v2/products/7"), Caller(), OnlyMints(), OnlyWrites())
    assert made.reply.status == 502


async def test_a_store_that_fails_cannot_give_a_number():
    """Without the store no number can be given for ever, so the reply says so."""
    made = await exchange(CREATE, Caller(), OnlyMints(StoreFailed("full")), OnlyWrites())
    assert made.reply.status == 503


@pytest.mark.parametrize("shown", [{}, {("products", "p1"): 1_500_000_009}])
async def test_a_record_goes_on_showing_the_number_that_clients_know(shown: dict[tuple[str, str], int]):
    """Sage gave a number after the gateway had minted one: the minted one stays."""

    class Corrects(OnlyMints):
        async def keep(self, pairs: Sequence[tuple[str, str, int]]) -> dict[tuple[str, str], int]:
            return shown

    class Reads(OnlyWrites):
        async def send(self, request: V3Request) -> V3Response:
            return V3Response(200, {"id": "p1", "legacy_id": 55, "description": "Mug"})

    made = await exchange(V2Request("GET", "/accounts/v2/products/55"), Caller(), Corrects(), Reads())
    assert made.reply.body["id"] == made.reply.body["$key"] == (1_500_000_009 if shown else 55)


@pytest.mark.parametrize(
    ("amount", "said"),
    [("nonsense", "Sage made the change, but its answer could not be read"), ({}, "Sage made the change")],
)
async def test_an_answer_to_a_write_that_cannot_be_read_says_that_the_write_was_made(amount: object, said: str):
    """The client is told not to send it again."""

    class Garbles(OnlyWrites):
        async def send(self, request: V3Request) -> V3Response:
            if request.method == "GET":
                raise UpstreamFailed("unreachable")
            return V3Response(201, {**MUG, "cost_price": amount})

    made = await exchange(CREATE, Caller(), OnlyMints(), Garbles())
    assert made.reply.status == 502
    assert made.reply.body["$diagnoses"][0]["$message"].startswith(said)


async def test_a_contact_made_for_an_invoice_is_not_the_invoice():
    """Where the invoice itself was not made, nothing says that it was."""

    class MakesContacts:
        async def send(self, request: V3Request) -> V3Response:
            if request.method == "GET":
                return V3Response(200, {"$items": [], "$total": 0, "$next": None, "$page": 1})
            return V3Response(201, {"name": "no id"})

    form = (
        b"sales_invoice[customer_company]=Novo&sales_invoice[date]=2026-01-02"
        b"&sales_invoice[line_items][0][description]=A&sales_invoice[line_items][0][unit_price]=1"
        b"&sales_invoice[line_items][0][ledger_account_id]=9"
    )
    call = V2Request("POST", "/accounts/v2/sales_invoices", (), form)
    made = await exchange(call, Caller(), NamedFacts(), MakesContacts())
    assert made.reply.body["$diagnoses"][0]["$message"] == "Sage's answer could not be read"

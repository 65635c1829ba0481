"""An invoice that names no contact gets one: found, created, or the app's own (v2.md §7.2)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.exchange import exchange
from gateway.messages import Caller, Exchange, V2Request
from tests.echo import Echo, NamedFacts

LINE = "&".join(
    f"sales_invoice{field}"
    for field in ("[date]=2016-03-01", "[line_items][0][description]=x", "[line_items][0][unit_price]=1")
)
CONTACT = {"name": "Freitas Moldes Lda", "tax_number": "509000000"}


async def created(fields: str, *contacts: dict[str, Any], cash: str | None = None) -> tuple[Exchange, Echo]:
    upstream = Echo()
    for n, contact in enumerate(contacts, 1):
        upstream.store(f"/contacts/contacts-{n}", contact)
    call = V2Request("POST", "/accounts/v2/sales_invoices", (), f"{LINE}&{fields}".encode())
    made = await exchange(call, Caller(business="b-1", cash_customer=cash), NamedFacts(), upstream)
    assert upstream.violations == []
    return made, upstream


def contact_of(upstream: Echo) -> Any:
    """The contact of the invoice that was written."""
    (invoice,) = [record for path, record in upstream.records.items() if path.startswith("/sales_invoices/")]
    return invoice["contact"]["id"]


def told(made: Exchange) -> list[str]:
    return [note.code for note in made.notes if note.code.startswith("contact")]


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        pytest.param("sales_invoice[customer_tax_number]=509000000", CONTACT, id="by tax number"),
        pytest.param("sales_invoice[customer_company]= Freitas Moldes Lda ", CONTACT, id="by company"),
        pytest.param(
            "sales_invoice[customer_company]=Freitas Moldes Lda&sales_invoice[customer_tax_number]=509000000",
            {"name": "Freitas Moldes Lda", "tax_number": None},
            id="by company, where no tax number stands against it",
        ),
        pytest.param("sales_invoice[customer_tax_number]=509000000&sales_invoice[contact_id]=", CONTACT, id="empty id"),
        pytest.param(
            "sales_invoice[customer_tax_number]=509000000&sales_invoice[contact]=", CONTACT, id="empty contact"
        ),
    ],
)
async def test_a_known_customer_is_found(fields: str, row: dict[str, Any]):
    """The contact with the exact tax number, or company, is taken."""
    made, upstream = await created(fields, {"name": "Freitas"}, row)
    assert (made.reply.status, contact_of(upstream), told(made)) == (201, "contacts-2", ["contact_found"])


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        pytest.param("sales_invoice[customer_tax_number]=509000000", {"name": "509000000"}, id="number is no name"),
        pytest.param("sales_invoice[customer_company]=Freitas", CONTACT, id="a name that only begins so"),
        pytest.param(
            "sales_invoice[customer_company]=Freitas Moldes Lda&sales_invoice[customer_tax_number]=1",
            CONTACT,
            id="another tax number",
        ),
    ],
)
async def test_an_unknown_customer_is_created(fields: str, row: dict[str, Any]):
    """Nobody else's invoice: a contact that only looks alike is not taken."""
    made, upstream = await created(fields, row)
    assert (made.reply.status, told(made)) == (201, ["contact_created"])
    new = next(request for request in upstream.sent if (request.method, request.path) == ("POST", "/contacts"))
    assert new.body is not None
    assert new.body["contact"]["contact_type_ids"] == ["CUSTOMER"]
    assert contact_of(upstream) not in ("contacts-1", None)


async def test_a_created_customer_has_what_was_sent():
    """Company and tax number go into the new contact."""
    _, upstream = await created("sales_invoice[customer_company]=A&sales_invoice[customer_tax_number]=5")
    (new,) = [request.body for request in upstream.sent if (request.method, request.path) == ("POST", "/contacts")]
    assert new == {"contact": {"name": "A", "contact_type_ids": ["CUSTOMER"], "tax_number": "5"}}


async def test_the_apps_cash_customer_is_taken_where_nothing_is_said():
    """Its legacy id is a setting of the app."""
    made, upstream = await created("", cash="5")
    assert (made.reply.status, contact_of(upstream), told(made)) == (201, "contacts-5", ["contact_found"])


async def test_an_invoice_of_nobody_is_refused():
    """Without a customer and without the setting v3.1 is not asked at all."""
    made, upstream = await created("")
    assert (made.reply.status, upstream.sent) == (422, [])
    assert made.reply.body["$diagnoses"][0]["$source"] == "contact_id"


async def test_a_contact_that_is_named_is_taken():
    """By its number, plain or as a record: the customer's data are not looked at."""
    for fields in ("[contact_id]=8", "[contact][id]=8", "[contact]=8", "[contact_id]=&sales_invoice[contact]=8"):
        made, upstream = await created(f"sales_invoice{fields}&sales_invoice[customer_company]=New", CONTACT)
        assert (made.reply.status, contact_of(upstream), told(made)) == (201, "contacts-8", [])
        assert [request.path for request in upstream.sent if "/contacts" in request.path] == []


async def test_a_contact_without_its_id_is_missing():
    """A record of a contact that says not which it is names nobody."""
    made, _ = await created("sales_invoice[contact][name]=x")
    assert made.reply.status == 422


async def test_a_customers_data_are_texts():
    """Anything else is refused before v3.1 is asked."""
    made, upstream = await created("sales_invoice[customer_company][a]=x")
    assert (made.reply.status, upstream.sent) == (422, [])
    assert made.reply.body["$diagnoses"][0]["$source"] == "customer_company"

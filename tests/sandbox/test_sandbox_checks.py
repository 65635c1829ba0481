"""Requests are judged against the spec: violations for us, problems as v3.1 says them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

GOOD: dict[str, Any] = {"name": "A", "contact_type_ids": ["CUSTOMER"]}


@pytest.mark.parametrize(
    ("fields", "source", "violated"),
    [
        ({**GOOD, "name": 5}, "name", True),
        ({**GOOD, "contact_type_ids": "CUSTOMER"}, "contact_type_ids", True),
        ({**GOOD, "contact_type_ids": [1]}, "contact_type_ids", True),
        ({**GOOD, "credit_days": "30"}, "credit_days", True),
        ({**GOOD, "credit_days": 400}, "credit_days", True),
        ({**GOOD, "credit_days": -1}, "credit_days", True),
        ({**GOOD, "credit_limit": "many"}, "credit_limit", True),
        ({**GOOD, "credit_limit": True}, "credit_limit", True),
        ({**GOOD, "credit_terms": "some day"}, "credit_terms", True),
        ({**GOOD, "destination_vat_blocking": "yes"}, "destination_vat_blocking", True),
        ({**GOOD, "main_address": []}, "main_address", True),
        ({**GOOD, "main_address": {"city": 1}}, "main_address.city", True),
        ({**GOOD, "reference": "longer than 10"}, "reference", True),
        ({**GOOD, "idempotency_id": "short"}, "idempotency_id", True),
        ({"contact_type_ids": ["CUSTOMER"]}, "name", False),
        ({**GOOD, "name": ""}, "name", False),
        ({**GOOD, "contact_type_ids": []}, "contact_type_ids", False),
    ],
)
async def test_a_wrong_attribute_is_refused_by_its_name(
    api: Api, sandbox: Sandbox, fields: dict[str, Any], source: str, violated: bool
) -> None:
    """422 with $source; a wrong type or enum is our violation, a missing attribute the client's."""
    (item,) = await api.refused("POST", "/contacts", {"contact": fields})
    assert (item["$source"], item["$dataCode"], item["$severity"]) == (source, "RecordInvalid", "error")
    assert bool(sandbox.violations) is violated
    assert (await api.get("/contacts"))["$total"] == 15


@pytest.mark.parametrize("empty", [None, "", []])
async def test_what_a_record_must_have_cannot_be_taken_away(api: Api, empty: Any) -> None:
    """A PUT may leave required attributes out, but not empty them."""
    items = await api.refused(
        "PUT", f"/contacts/{(await api.get('/contacts'))['$items'][0]['id']}", {"contact": {"name": empty}}
    )
    assert items[-1]["$source"] == "name"


async def test_every_problem_is_an_item(api: Api) -> None:
    """One item per problem."""
    items = await api.refused("POST", "/contacts", {"contact": {"credit_days": "x"}})
    assert [item["$source"] for item in items] == ["credit_days", "name", "contact_type_ids"]


async def test_an_unknown_attribute_is_a_violation_and_ignored(api: Api, sandbox: Sandbox) -> None:
    """The answer does not change."""
    made = await api.post(
        "/contacts", {"contact": {**GOOD, "company": "x", "main_address": {"street": "y", "city": "Hull"}}}
    )
    assert "company" not in made
    assert sandbox.violations == [
        "POST /contacts: the attribute main_address.street does not exist",
        "POST /contacts: the attribute company does not exist",
    ] or sandbox.violations == [
        "POST /contacts: the attribute company does not exist",
        "POST /contacts: the attribute main_address.street does not exist",
    ]


async def test_an_unknown_parameter_is_a_violation_and_ignored(api: Api, sandbox: Sandbox) -> None:
    """It filters nothing and is not in the links."""
    body = await api.get("/contacts?legacy_id=5&items_per_page=2")
    assert body["$total"] == 15
    assert body["$next"] == "/contacts?page=2&items_per_page=2"
    assert sandbox.violations == ["GET /contacts: the query parameter legacy_id does not exist"]


@pytest.mark.parametrize(
    "query",
    [
        "page=x",
        "items_per_page=201",
        "items_per_page=0",
        "show_legacy_id=1",
        "updated_or_created_since=yesterday",
        "context_date=16/06/2025",
    ],
)
async def test_a_parameter_of_a_wrong_type_is_refused(api: Api, sandbox: Sandbox, query: str) -> None:
    """422 with the parameter's name."""
    (item,) = await api.refused("GET", f"/contacts?{query}")
    assert item["$source"] == query.partition("=")[0]
    assert len(sandbox.violations) == 1


async def test_a_wrong_enum_or_sort_is_refused(api: Api) -> None:
    """visible_in and sort have closed sets."""
    await api.refused("GET", "/ledger_accounts?visible_in=attic")
    await api.refused("GET", "/sales_invoices?sort=total_amount")
    await api.refused("GET", "/sales_invoices?sort=date:up")


async def test_a_required_parameter_is_required(api: Api) -> None:
    """tax_determinations needs usage."""
    (item,) = await api.refused("GET", "/tax_determinations")
    assert (item["$source"], item["$message"]) == ("usage", "This field is required.")


async def test_only_json_is_written(api: Api, sandbox: Sandbox) -> None:
    """A form body, v2's way, is 415."""
    response = await api.client.post(
        "/v3.1/contacts",
        data={"contact[name]": "A"},
        headers={"Authorization": f"Bearer {api.token}"},
    )
    assert response.status == 415
    assert sandbox.violations == ["POST /contacts: the media type is application/x-www-form-urlencoded"]


@pytest.mark.parametrize("text", [b"{", b"[1,]", b'{"contact": NaN}', b"\xff"])
async def test_broken_json_is_400(api: Api, text: bytes) -> None:
    """Strictly JSON."""
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
    response = await api.client.post("/v3.1/contacts", data=text, headers=headers)
    assert response.status == 400


@pytest.mark.parametrize("body", [{}, [], {"contacts": {}}, {"contact": []}])
async def test_the_root_key_is_required(api: Api, sandbox: Sandbox, body: Any) -> None:
    """422 with the root as $source."""
    (item,) = await api.refused("POST", "/contacts", body)
    assert item["$source"] == "contact"
    assert sandbox.violations


async def test_unknown_paths_and_verbs(api: Api, sandbox: Sandbox) -> None:
    """404 and 405; both are violations. A missing record is 404 RecordNotFound and none."""
    await api.refused("GET", "/incomes", status=404)
    await api.refused("DELETE", "/countries/GB", status=405)
    assert len(sandbox.violations) == 2
    (item,) = await api.refused("GET", "/contacts/nobody", status=404)
    assert item["$dataCode"] == "RecordNotFound"
    assert len(sandbox.violations) == 2


async def test_an_unknown_line_id_is_a_violation(api: Api, sandbox: Sandbox) -> None:
    """An item whose id the record does not have becomes a new item."""
    invoice = (await api.get("/sales_invoices?status_id=UNPAID&attributes=all"))["$items"][0]
    line = invoice["invoice_lines"][0]
    sent = {
        "id": "f" * 32,
        "description": "x",
        "ledger_account_id": line["ledger_account"]["id"],
        "unit_price": "1",
    }
    changed = await api.put(invoice["$path"], {"sales_invoice": {"invoice_lines": [sent]}})
    assert changed["invoice_lines"][0]["id"] != "f" * 32
    assert len(sandbox.violations) == 1
    assert "has no item with the id" in sandbox.violations[0]


async def test_an_id_in_a_new_documents_line_is_a_violation(api: Api, sandbox: Sandbox) -> None:
    """Only a PUT may carry ids of lines."""
    account = (await api.get("/ledger_accounts?visible_in=sales"))["$items"][0]["id"]
    line = {"id": "1", "description": "x", "ledger_account_id": account, "unit_price": "1"}
    jessica = "cbb711e2da304720beb4cc4a5d8309af"
    body = {"contact_id": jessica, "date": "2025-06-01", "invoice_lines": [line]}
    await api.post("/sales_invoices", {"sales_invoice": body})
    assert sandbox.violations == ["POST /sales_invoices: the attribute invoice_lines.id does not exist"]

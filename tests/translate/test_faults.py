"""v3.1's errors as v2 clients expect them (v31.md §10, v2.md §4.4)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import (
    AccessDenied,
    BadCall,
    Conflict,
    InvalidToken,
    Malformed,
    NeedsConsent,
    NotFound,
    Refused,
    Retired,
    StoreFailed,
    TableWrong,
    Throttled,
    TooLarge,
    UpstreamFailed,
    UpstreamLate,
)
from gateway.messages import V3Response
from gateway.translate.faults import refusal, render, seconds
from tests.echo import call_of, table_at

CALL = call_of(table_at("sales_invoices"), "create", {})


def item(message: str, source: str = "", code: str = "RecordInvalid") -> dict[str, str]:
    return {"$severity": "error", "$dataCode": code, "$message": message, "$source": source}


LAPSED = [item("No active subscription. (MSE)", "", "AuthorizationFailure")]
FORBIDDEN = "The current user is not allowed to access that resource with that method."


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (V3Response(401, {"error": "Authorization missing. …"}), 400, None),
        (V3Response(401, [item("Bad token", "Authorization", "AccessTokenVerificationError")]), 400, None),
        (V3Response(401, None), 400, None),
        (V3Response(401, LAPSED), 403, "No active subscription. (MSE)"),
        (V3Response(403, [item(FORBIDDEN, "", "MultiUserAccessDenied")]), 403, FORBIDDEN),
        (V3Response(403, None), 403, "was refused by Sage"),
        (V3Response(404, [item("Couldn't find record.", "", "RecordNotFound")]), 404, "Not Found"),
        (V3Response(404, "<html>"), 404, "Not Found"),
        (V3Response(409, [item("taken", "reference")]), 409, "taken"),
        (V3Response(422, [item("This field is required.", "contact_id")]), 422, "This field is required."),
        (V3Response(422, {"odd": 1}), 422, "was refused by Sage"),
        (V3Response(400, None), 422, "was refused by Sage"),
        (V3Response(405, None), 502, "Sage answered 405"),
        (V3Response(415, None), 502, "Sage answered 415"),
        (V3Response(429, None, (("Retry-After", "7"),)), 503, "Sage asks to wait"),
        (V3Response(500, [item("An unexpected error occurred.", "", "UnexpectedError")]), 502, "Sage answered 500"),
        (V3Response(503, None), 502, "Sage answered 503"),
    ],
)
def test_each_refusal_of_v31(answer: V3Response, status: int, message: str | None):
    """Every status and shape that is known becomes the v2 status and the words that fit."""
    reply = render(refusal(CALL, answer))
    assert reply.status == status
    if message is None:
        assert reply.body["error"] == "invalid_token"
    else:
        assert reply.body["$diagnoses"][0]["$message"] == message


def test_every_problem_is_told():
    """One diagnosis for each item of v3.1's array, in its order."""
    answer = V3Response(422, [item("a", "date"), "junk", item("b", "base"), {"$message": None, "$source": None}])
    body = render(refusal(CALL, answer)).body
    assert [(d["$message"], d["$source"]) for d in body["$diagnoses"]] == [
        ("a", "date"),
        ("b", "base"),
        ("was refused by Sage", "base"),
    ]


@pytest.mark.parametrize(
    ("said", "waited"),
    [("7", 7), (None, 5), ("0", 1), ("99999", 3600), ("soon", 5), ("-1", 5), ("9" * 10, 5), ("²", 5)],
)
def test_how_long_to_wait(said: str | None, waited: int):
    """At least a second, at most an hour; what cannot be read is 5 seconds."""
    assert seconds(said) == waited


ROWS = {"line_items_attributes": [{"tax_code_id": "1"}, "junk"]}
NUMBERED = {"line_items": {"0": {"tax_code_id": 1}}}


@pytest.mark.parametrize(
    ("path", "source", "sent", "shown"),
    [
        ("sales_invoices", "contact_id", {}, "contact_id"),
        ("sales_invoices", "contact", {}, "contact"),
        ("sales_invoices", "sales_invoice.contact_id", {}, "contact_id"),
        ("sales_invoices", "shipping_net_amount", {}, "carriage"),
        ("sales_invoices", "shipping_tax_rate", {}, "carriage_tax_code"),
        ("sales_invoices", "main_address.city", {}, "main_address_locality"),
        ("sales_invoices", "main_address.fax", {}, "main_address"),
        ("sales_invoices", "invoice_lines", {}, "line_items"),
        ("sales_invoices", "invoice_lines.0.quantity", {}, "line_items.quantity"),
        ("sales_invoices", "line_items.tax_rate_id", {}, "line_items.tax_rate_id"),
        ("sales_invoices", "invoice_lines.tax_rate_id", ROWS, "line_items.tax_code_id"),
        (
            "sales_invoices",
            "invoice_lines.tax_rate_id",
            {"line_items": {"0": {"tax_code_id": 1}}},
            "line_items.tax_code_id",
        ),
        ("sales_invoices", "invoice_lines.tax_rate_id", {"line_items": {"tax_code_id": 1}}, "line_items.tax_code_id"),
        ("sales_invoices", "invoice_lines.unheard_of", {}, "line_items"),
        ("sales_invoices", "unheard_of.deep.0.x", {}, "base"),
        ("sales_invoices", "", {}, "base"),
        ("sales_invoices", "base", {}, "base"),
        ("contacts", "name", {"company_name": "x"}, "company_name"),
        ("contacts", "name", {"company": "x", "company_name": "x"}, "company"),
        ("contacts", "name", {}, "company"),
        ("contacts", "tax_number", {"tax_reference": "1"}, "tax_reference"),
        ("contacts", "contact_type_ids", {}, "contact_type_id"),
        ("contacts", "contact_types", {}, "contact_types"),
        ("contacts", "main_contact_person.name", {}, "name"),
        ("contacts", "main_address.country_id", {}, "main_address.country_id"),
        ("contacts", "main_address.postal_code", {}, "main_address.postcode"),
        ("contacts", "main_address", {}, "main_address"),
        ("products", "sales_prices.0.price", {}, "sales_price"),
        ("products", "item_code", {}, "product_code"),
        ("products", "purchase_ledger_account_id", {}, "base"),
        ("ledger_accounts", "name", {"name": "x"}, "name"),
        ("ledger_accounts", "ledger_account_type_id", {"category_id": "1"}, "category_id"),
        ("sales_invoices/*/payments", "total_amount", {}, "amount"),
        ("sales_invoices/*/payments", "payment_method_id", {}, "payment_type_id"),
    ],
)
def test_the_source_in_v2s_words(path: str, source: str, sent: dict[str, Any], shown: str):
    """Exact, else with or without `_id`, else the nearest parent, else `base`; of several names the one sent."""
    call = call_of(table_at(path), "create", sent)
    body = render(refusal(call, V3Response(422, [item("wrong", source)]))).body
    assert body["$diagnoses"][0]["$source"] == shown


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadCall("is wrong", "date"), 422, "ValidationError"),
        (Malformed("is wrong"), 400, "BadRequest"),
        (TooLarge("is wrong"), 413, "BadRequest"),
        (NotFound("is wrong"), 404, "RecordNotFound"),
        (Conflict("is wrong"), 409, "Conflict"),
        (Retired("is wrong"), 422, "NotSupported"),
        (Refused(422, refusal(CALL, V3Response(422, [item("is wrong")])).diagnoses), 422, "ValidationError"),
        (UpstreamFailed("is wrong"), 502, "UpstreamFailed"),
        (UpstreamLate("is wrong"), 504, "UpstreamFailed"),
        (Throttled("is wrong", 9), 503, "Throttled"),
        (StoreFailed("is wrong"), 503, "Unavailable"),
        (TableWrong("is wrong"), 500, "UnexpectedError"),
    ],
)
def test_errors_are_diagnoses(error: Any, status: int, code: str):
    """Four members of text, under the content type of success."""
    reply = render(error)
    (diagnosis,) = reply.body["$diagnoses"]
    assert (reply.status, diagnosis["$dataCode"], diagnosis["$severity"]) == (status, code, "error")
    assert all(isinstance(value, str) for value in diagnosis.values())
    headers = dict(reply.headers)
    assert headers["Content-Type"] == "application/json;vnd.sage=sdata"
    assert headers.get("Retry-After") == ("9" if isinstance(error, Throttled) else None)


def test_what_was_not_routed_is_plain_json():
    """401 is `application/json`, as the real server had it (v2.md §4.4)."""
    reply = render(AccessDenied())
    assert (reply.status, reply.headers) == (401, (("Content-Type", "application/json"),))
    assert reply.body["$diagnoses"][0]["$message"] == "Access Denied"


@pytest.mark.parametrize("error", [InvalidToken("expired"), NeedsConsent("lapsed")])
def test_tokens_that_are_not_valid(error: Any):
    """400 and `invalid_token`: what makes clients refresh (v2.md §1.4)."""
    reply = render(error)
    assert (reply.status, reply.headers) == (400, (("Content-Type", "application/json"),))
    assert reply.body == {"error": "invalid_token", "error_description": str(error)}

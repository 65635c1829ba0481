"""The order of checks, and what v2 clients get back, over real sockets."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from gateway.errors import UpstreamLate
from gateway.messages import V2Request, V2Response
from gateway.translate.faults import render
from tests.edges.edge_house import ACME, GOOD, OTHER, READER, SIGNING, URL, House, Talk, house, sign


async def test_a_call_gets_one_line_of_json_with_v2s_headers(gateway: House) -> None:
    """A served call is compact JSON on one line, with v2's content type, no caching, a request id and no version."""
    status, headers, body = await gateway.get("/accounts/v2/contacts/1")
    assert (status, body) == (200, b'{"id":1,"$key":1}')
    assert headers["content-type"] == "application/json;vnd.sage=sdata"
    assert headers["cache-control"] == "no-store"
    assert headers["server"] == "sage-gateway"
    assert headers["x-request-id"] == gateway.lines[0]["request"]
    assert "x-sage-gateway" not in headers


async def test_the_target_and_headers_reach_the_core_as_sent(gateway: House) -> None:
    """Nothing decodes, folds or reorders the target or the headers before the core sees them."""
    target = '//accounts/v2/contacts//7/?search=a%20b+c&%24x=[1]&u=%e9|{}^"<>\\'
    await gateway.get(target, X_NoNce="n1")
    call = gateway.talk.calls[0]
    assert (call.method, call.target) == ("GET", target)
    assert ("X-NoNce", "n1") in call.headers


async def test_bytes_are_sent_as_they_are_and_decimals_as_numbers() -> None:
    """A PDF goes out untouched under its own content type; a Decimal keeps its digits; nothing becomes `{}`."""
    replies = iter(
        [
            V2Response(200, b"%PDF-1.4\x00\xff", (("Content-Type", "application/pdf"),)),
            V2Response(200, {"n": Decimal("12.10")}),
            V2Response(200, None),
        ]
    )
    async with house(Talk(lambda _: next(replies))) as gateway:
        status, headers, body = await gateway.get("/a")
        assert (status, headers["content-type"], body) == (200, "application/pdf", b"%PDF-1.4\x00\xff")
        assert (await gateway.get("/a"))[2] == b'{"n":12.10}'
        assert (await gateway.get("/a"))[2] == b"{}"


async def test_token_comes_before_everything_but_framing(gateway: House) -> None:
    """A missing, unknown or overlong token is 400 invalid_token, for an unknown path and verb as well."""
    for headers in ({}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic abc"}):
        for method, target in (("GET", "/accounts/v2/contacts"), ("PATCH", "/nowhere")):
            status, fields, body = await gateway.ask(method, target, headers)
            assert (status, json.loads(body)["error"]) == (400, "invalid_token")
            assert fields["content-type"] == "application/json"
    status, _, body = await gateway.get("/accounts/v2/contacts", Authorization="Bearer " + "x" * 257)
    assert (status, json.loads(body)["error"]) == (400, "invalid_token")
    assert "x" * 257 not in gateway.asked
    assert gateway.talk.calls == []


async def test_a_busy_client_costs_one_look_at_the_store(gateway: House) -> None:
    """A good token is looked up once while it is remembered; an unknown one every time."""
    for _ in range(3):
        await gateway.get("/accounts/v2/contacts")
        await gateway.get("/accounts/v2/contacts", Authorization="Bearer nobody")
    assert gateway.asked == [GOOD, "nobody", "nobody", "nobody"]


async def test_a_callers_business_and_terms_come_from_its_token(gateway: House) -> None:
    """The tenant, its business and its app's terms follow from the token alone, whatever X-Business says."""
    await gateway.get("/accounts/v2/contacts", X_Business="biz2")
    known = gateway.talk.known[0]
    assert (known.tenant, known.caller.business) == (ACME, "biz1")


async def test_an_enforced_signature_decides(gateway: House) -> None:
    """In `enforce`, a good signature passes and a bad or missing one is 401 AuthorizationFailure."""
    target = "/accounts/v2/contacts"
    good = sign("GET", URL + target, "", SIGNING, OTHER)
    assert (await gateway.ask("GET", target, good))[0] == 200
    for headers in (good | {"X-Signature": "AAAA"}, {"Authorization": f"Bearer {OTHER}"}):
        status, fields, body = await gateway.ask("GET", target, headers)
        diagnosis = json.loads(body)["$diagnoses"][0]
        assert (status, diagnosis["$dataCode"], diagnosis["$message"]) == (401, "AuthorizationFailure", "Access Denied")
        assert fields["content-type"] == "application/json"
    assert [line["signature"] for line in gateway.lines] == ["published", "bad", "unsigned"]
    assert len(gateway.talk.calls) == 1


async def test_a_readonly_app_reads(gateway: House) -> None:
    """An app whose scope is `readonly` is served its GETs."""
    target = "/accounts/v2/contacts"
    assert (await gateway.ask("GET", target, sign("GET", URL + target, "", SIGNING, READER)))[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_readonly_app_writes_nothing(gateway: House, method: str) -> None:
    """Its other calls are 403 AuthorizationFailure (v2.md §1.4), after the signature, and reach nobody."""
    target = "/accounts/v2/contacts"
    good = sign(method, URL + target, "", SIGNING, READER)
    status, _, body = await gateway.ask(method, target, good)
    diagnosis = json.loads(body)["$diagnoses"][0]
    assert (status, diagnosis["$dataCode"], diagnosis["$message"]) == (
        403,
        "AuthorizationFailure",
        "The token allows reading only",
    )
    assert (await gateway.ask(method, target, good | {"X-Signature": "AAAA"}))[0] == 401
    assert [line["outcome"] for line in gateway.lines] == ["client", "client"]
    assert gateway.talk.calls == []


async def test_a_reported_signature_is_counted_and_lets_pass(gateway: House) -> None:
    """In `report`, a bad signature is logged and counted, and the call is served."""
    assert (await gateway.get("/accounts/v2/contacts", X_Nonce="n" * 32, X_Signature="AAAA"))[0] == 200
    assert gateway.lines[0]["signature"] == "bad"
    assert 'sage_gateway_signatures_total{verdict="bad"} 1.0' in gateway.metrics.text().decode()


async def test_a_failure_of_ours_has_v2s_shape_and_tells_nothing() -> None:
    """An unforeseen exception is 500 in v2's shape with the request id; its message is neither sent nor logged."""

    def fail(call: V2Request) -> V2Response:
        raise ValueError("canary")

    async with house(Talk(fail)) as gateway:
        status, headers, body = await gateway.get("/accounts/v2/contacts")
        assert status == 500
        assert headers["x-request-id"] in json.loads(body)["$diagnoses"][0]["$message"]
        assert b"canary" not in body + gateway.log.getvalue()
        crash, exchange = gateway.lines
        assert (crash["error"], exchange["outcome"], exchange["level"]) == ("ValueError", "gateway", "error")


async def test_a_reply_that_cannot_be_written_is_a_failure_too() -> None:
    """Half a surrogate pair in a reply is v2's 500, not a broken connection."""
    async with house(Talk(lambda _: V2Response(200, {"name": "\ud800"}))) as gateway:
        status, _, body = await gateway.get("/accounts/v2/contacts")
        assert (status, "$diagnoses" in json.loads(body)) == (500, True)


async def test_sages_failures_are_logged_as_sages() -> None:
    """An exchange that ended in v3.1's lateness is 504, logged as a warning with outcome sage."""
    async with house(Talk(lambda _: render(UpstreamLate("late")))) as gateway:
        assert (await gateway.get("/accounts/v2/contacts"))[0] == 504
        assert (gateway.lines[0]["outcome"], gateway.lines[0]["level"]) == ("sage", "warning")


async def test_nothing_of_the_operators_listener_is_public(gateway: House) -> None:
    """Health checks and metrics do not exist on the public address."""
    for path in ("/healthz", "/readyz", "/metrics"):
        status, _, body = await gateway.ask("GET", path, {})
        assert (status, json.loads(body)["error"]) == (400, "invalid_token")

"""v2's sandbox as clients knew it: `TestToken` and the `/test` prefix."""

from __future__ import annotations

import json

import pytest

from gateway.edges.trial import SECRET, TOKEN
from tests.edges.edge_house import GOOD, URL, House, sign

NINE = {
    "error",
    "error_description",
    "nonce",
    "request_method",
    "token",
    "base_url",
    "parameter_string",
    "signature_base_string",
    "signing_secret",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def signed(method: str, target: str, parameters: str = "") -> dict[str, str]:
    return sign(method, URL + target, parameters, SECRET, TOKEN)


async def test_every_reply_of_a_sandboxed_gateway_says_so(sandbox: House) -> None:
    """Replies, refusals and error pages of a sandboxed gateway carry X-Sage-Gateway: sandbox."""
    calls = [
        await sandbox.get("/accounts/v2/contacts"),
        await sandbox.ask("GET", "/accounts/v2/contacts", {}),
        await sandbox.ask("GET", "/test/accounts/v2/contacts", {"Authorization": f"Bearer {TOKEN}"}),
    ]
    calls.append(await sandbox.ask("NONSENSE", "/", {}))
    assert [status for status, _, _ in calls] == [200, 400, 400, 400]
    assert {headers["x-sage-gateway"] for _, headers, _ in calls} == {"sandbox"}


async def test_the_token_works_without_prefix_and_unsigned(sandbox: House) -> None:
    """`TestToken` alone is enough on an ordinary path, so that a pasted curl line works."""
    assert (await sandbox.get("/accounts/v2/contacts", Authorization=f"Bearer {TOKEN}"))[0] == 200


async def test_a_good_signature_under_the_prefix_gets_the_normal_answer(sandbox: House) -> None:
    """The core sees the call without its prefix; v1 paths are v2's."""
    targets = ["/test/accounts/v2/contacts?search=a", "/test/accounts/v1/contacts/1", "//test//core/v2/user"]
    for target in targets:
        parameters = target.partition("?")[2]
        headers = sign("GET", URL + target.partition("?")[0], parameters, SECRET, TOKEN)
        assert (await sandbox.ask("GET", target, headers))[0] == 200
    assert [call.target for call in sandbox.talk.calls] == [
        "/accounts/v2/contacts?search=a",
        "/accounts/v2/contacts/1",
        "//core/v2/user",
    ]


async def test_a_bad_signature_under_the_prefix_gets_the_nine_keys(sandbox: House) -> None:
    """A bad or missing signature is 400 with what the server reckoned, signing secret included (v2.md §1.6)."""
    good = signed("POST", "/test/accounts/v2/contacts", "contact%5Bname%5D=x")
    for headers in (good | {"X-Signature": "AAAA"}, {"Authorization": f"Bearer {TOKEN}"}):
        status, fields, body = await sandbox.ask(
            "POST", "/test/accounts/v2/contacts", headers | FORM, b"contact[name]=x"
        )
        told = json.loads(body)
        assert (status, fields["content-type"], told.keys()) == (400, "application/json", NINE)
        assert (told["signing_secret"], told["token"]) == (SECRET, TOKEN)
        assert told["parameter_string"] == "contact%5Bname%5D=x"
    assert sandbox.talk.calls == []


@pytest.mark.parametrize(
    ("body", "parameters", "served"),
    [
        (b"contact[name]=x", "contact%5Bname%5D=x", True),
        (b"config_setting=foo", "config_setting=foo", False),
        (b"", "", False),
        (b"contacts[name]=x", "contacts%5Bname%5D=x", False),
    ],
)
async def test_a_write_without_a_known_root_key_is_an_empty_success(
    sandbox: House, body: bytes, parameters: str, served: bool
) -> None:
    """Under the prefix, a signed write whose body has no known root key is 200 `{}` and goes no further."""
    headers = signed("POST", "/test/accounts/v1/contacts", parameters)
    status, _, reply = await sandbox.ask("POST", "/test/accounts/v1/contacts", headers | FORM, body)
    assert status == 200
    assert bool(sandbox.talk.calls) == served
    assert served or reply == b"{}"


async def test_json_bodies_are_known_by_their_root_key_too(sandbox: House) -> None:
    """A JSON body with a known root key is served; a broken one or another is 200 `{}` (only queries are signed)."""
    headers = signed("POST", "/test/accounts/v2/contacts") | {"Content-Type": "application/json"}
    for body, served in ((b'{"contact": {"name": "x"}}', 1), (b'{"other": 1}', 1), (b"{broken", 1)):
        assert (await sandbox.ask("POST", "/test/accounts/v2/contacts", headers, body))[0] == 200
        assert len(sandbox.talk.calls) == served


async def test_core_writes_have_no_root_key(sandbox: House) -> None:
    """A signed PUT to core is served: its bodies are not nested (v2.md §3.1)."""
    headers = signed("PUT", "/test/core/v2/business", "name=x")
    assert (await sandbox.ask("PUT", "/test/core/v2/business", headers | FORM, b"name=x"))[0] == 200
    assert len(sandbox.talk.calls) == 1


async def test_only_the_fixed_token_is_known_under_the_prefix(sandbox: House) -> None:
    """Another tenant's token, or none, is invalid_token under the prefix, whatever its signature."""
    for headers in ({}, {"Authorization": f"Bearer {GOOD}"}):
        status, _, body = await sandbox.ask("GET", "/test/accounts/v2/contacts", headers)
        assert (status, json.loads(body)["error"]) == (400, "invalid_token")


@pytest.mark.parametrize(
    "target", ["/test", "/test/contacts", "/test/accounts/v3/contacts", "/tests/accounts/v2/contacts"]
)
async def test_the_prefix_stands_before_v1_and_v2_paths_only(sandbox: House, target: str) -> None:
    """Any other path with `test` in it is the core's to judge."""
    await sandbox.get(target)
    assert sandbox.talk.calls[0].target == target


async def test_without_sandbox_neither_token_nor_prefix_exists(gateway: House) -> None:
    """A gateway for real books knows no fixed token, and its prefix is an ordinary path."""
    headers = signed("GET", "/test/accounts/v2/contacts")
    status, _, body = await gateway.ask("GET", "/test/accounts/v2/contacts", headers)
    assert (status, json.loads(body)["error"]) == (400, "invalid_token")
    await gateway.get("/test/accounts/v2/contacts")
    assert gateway.talk.calls[0].target == "/test/accounts/v2/contacts"

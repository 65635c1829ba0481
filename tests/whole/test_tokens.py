"""Legacy tokens through the whole gateway: from a code to calls, refreshes and the end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.stand_in import CLIENT_ID, CLIENT_SECRET, NAME
from gateway.edges.trial import TOKEN
from gateway.store import Store
from tests.whole.conftest import Whole

URI = "http://localhost:3000/callback"
KEY = "ab" * 32
NO_GRACE = {"store.key": KEY, "tokens.refresh_grace": "0"}
CONTACTS = "/accounts/v2/contacts"


@pytest.fixture
async def replica(whole: Whole, tmp_path: Path) -> AsyncIterator[Store]:
    """The gateway's store, opened a second time."""
    store = await Store.open(f"sqlite:///{tmp_path}/store.db", bytes.fromhex(KEY))
    yield store
    await store.close()


async def issue(replica: Store, scope: str = "full_access") -> str:
    (tenant,) = (each for each in await replica.tenants.all() if each.name == NAME)
    return await replica.codes.issue(tenant.id, URI, scope, time.time())


async def token(whole: Whole, **fields: str) -> tuple[int, dict[str, Any]]:
    """A token call."""
    said = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **fields}
    async with whole.session.post(f"{whole.url}//oauth2/token/", data=said) as reply:
        return reply.status, await reply.json()


async def exchange(whole: Whole, replica: Store, scope: str = "full_access") -> dict[str, Any]:
    code = await issue(replica, scope)
    status, body = await token(whole, grant_type="authorization_code", code=code, redirect_uri=URI)
    assert status == 200
    return body


async def call(whole: Whole, access: str, method: str = "GET", path: str = CONTACTS, **form: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {access}"}
    async with whole.session.request(method, whole.url + path, headers=headers, data=form or None) as reply:
        return reply.status, await reply.json(content_type=None)


@pytest.mark.parametrize("whole", [NO_GRACE], indirect=True)
async def test_a_client_lives_by_its_tokens(whole: Whole, replica: Store) -> None:
    """It trades its code, writes a contact, refreshes, and goes on; the old refresh token is dead then."""
    first = await exchange(whole, replica)
    made = {"contact[company]": "Token Ltd", "contact[contact_type_id]": "1"}
    status, contact = await call(whole, first["access_token"], "POST", **made)
    assert status == 201
    status, second = await token(whole, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert status == 200
    for access in (first["access_token"], second["access_token"]):
        assert (await call(whole, access, path=f"{CONTACTS}/{contact['id']}"))[1]["company"] == "Token Ltd"
    status, refused = await token(whole, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (status, refused["error"]) == (400, "invalid_grant")
    status, _ = await token(whole, grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert status == 200


@pytest.mark.parametrize("whole", [NO_GRACE], indirect=True)
async def test_a_readonly_client_reads(whole: Whole, replica: Store) -> None:
    """Its writes get 403, and v3.1 hears nothing of them."""
    body = await exchange(whole, replica, "readonly")
    assert body["scope"] == "readonly"
    assert (await call(whole, body["access_token"]))[0] == 200
    status, refused = await call(whole, body["access_token"], "POST", **{"contact[company]": "No Ltd"})
    assert (status, refused["$diagnoses"][0]["$dataCode"]) == (403, "AuthorizationFailure")


@pytest.mark.parametrize("whole", [NO_GRACE], indirect=True)
async def test_a_client_gives_its_access_back(whole: Whole, replica: Store) -> None:
    """All tokens of its business are taken away, here and, since no other tenant has one, at Sage."""
    body = await exchange(whole, replica)
    (tenant,) = await replica.tenants.all()
    held = await replica.grants.load(tenant.grant)
    async with whole.session.post(f"{whole.url}/oauth2/revoke", data={"token": body["refresh_token"]}) as reply:
        assert (reply.status, await reply.read()) == (200, b"{}")
    for access in (body["access_token"], TOKEN):
        status, refused = await call(whole, access)
        assert (status, refused["error"]) == (400, "invalid_token")
    assert (await token(whole, grant_type="refresh_token", refresh_token=body["refresh_token"]))[0] == 400
    assert (await replica.grants.load(tenant.grant)).state.value == "revoked"
    sage = whole.sandbox
    refreshed = {"grant_type": "refresh_token", "refresh_token": held.refresh.reveal()}
    answer = sage.oauth.token({**refreshed, "client_id": sage.client_id, "client_secret": sage.client_secret})
    assert (answer.status, answer.body["error"]) == (400, "invalid_grant")


async def test_nothing_that_was_sent_is_logged(whole: Whole) -> None:
    """Neither codes nor secrets, good or wrong; nor are they in the metrics."""
    for given in (
        {"grant_type": "refresh_token", "refresh_token": "canary" * 7},
        {"code": "canary"},
        {"client_secret": "canary"},
    ):
        assert (await token(whole, **given))[0] == 400
    assert b"canary" not in whole.log.getvalue()
    assert CLIENT_SECRET.encode() not in whole.log.getvalue()


async def test_the_health_check_answers(whole: Whole) -> None:
    """Without a token, as v2's did (v2.md §1.7)."""
    async with whole.session.get(f"{whole.url}/health_check") as reply:
        assert (reply.status, await reply.read()) == (200, b'{"status":"ok"}')

"""Our own client at Sage, beside what the pages show of it."""

from __future__ import annotations

import pytest

from gateway.edges.authorization.sage import LARGEST_LIST, Sage
from gateway.edges.token_client import TokenClient
from gateway.errors import UpstreamFailed
from gateway.grants.life import Failed, Failure
from gateway.grants.secret import Secret
from tests.edges.browser.browser_house import House, registered


@pytest.fixture
async def sage(house: House):
    made = Sage(
        TokenClient(f"{house.sage_url}/token"),
        authorize=f"{house.sage_url}/oauth2/auth",
        revoke=f"{house.sage_url}/revoke",
        api=f"{house.sage_url}/v3.1",
        callback=f"{house.url}/oauth2/callback",
    )
    yield made
    await made.close()
    await made.token_client.close()


def access(house: House, user: str = "owner") -> Secret:
    """An access token of the stand-in's user."""
    family = house.sandbox.oauth.tokens.consent(user, "full_access")
    house.sandbox.oauth.tokens.redeem(family, house.sandbox.oauth.clock())
    return Secret(list(house.sandbox.oauth.tokens.accesses)[-1])


@pytest.mark.parametrize("app", ["shop", "rotating"])
async def test_a_consent_is_revoked_by_its_refresh_token(house: House, sage: Sage, app):
    """With the app's credentials in the body (v31.md §2); with the secret before the present one where need be."""
    found = registered(house.sandbox).named(app)
    assert found is not None
    refresh = house.sandbox.issue_refresh_token()
    assert await sage.revoke(found, Secret(refresh))
    assert house.sandbox.oauth.tokens.refreshes[refresh].family.revoked
    request = house.sandbox.requests[-1]
    assert (request.method, request.path) == ("POST", "/revoke")


async def test_a_revocation_that_is_not_confirmed_is_none(house: House, sage: Sage):
    """Refused, redirected or unreachable."""
    apps = registered(house.sandbox)
    shop, unable = apps.named("shop"), apps.named("unable")
    assert shop is not None
    assert unable is not None
    for fault in ({"status": 500}, {"status": 307, "headers": {"Location": "/revoke"}}, {"kind": "reset_before"}):
        house.sandbox.faults.add("POST", "/revoke", **fault)
        assert not await sage.revoke(shop, Secret("r"))
    assert not await sage.revoke(unable, Secret("r"))
    assert await sage.exchange(unable, Secret("c"), Secret("v")) == Failed(Failure.INVALID_CLIENT)


async def test_a_user_is_named_as_token_answers_name_them(house: House, sage: Sage):
    """With hyphens (v31.md §2)."""
    assert await sage.user(access(house)) == house.sandbox.users["owner"].guid
    house.sandbox.faults.add("GET", "/user", status=200, body={"id": "someone"})
    assert await sage.user(access(house)) == "someone"


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": "../x"}, {"id": ""}])
async def test_a_user_without_an_id_is_sages_fault(house: House, sage: Sage, body):
    """Nothing is made of it."""
    house.sandbox.faults.add("GET", "/user", status=200, body=body)
    with pytest.raises(UpstreamFailed):
        await sage.user(access(house))


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 401},
        {"status": 302, "headers": {"Location": "/v3.1/user"}},
        {"status": 200, "body": []},
        {"status": 200, "body": {"x": "y" * LARGEST_LIST}},
        {"kind": "truncate"},
    ],
)
async def test_answers_that_are_no_list_are_sages_fault(house: House, sage: Sage, fault):
    """No redirect is followed, and nothing endless is read."""
    house.sandbox.faults.add("GET", "/businesses", times=2, **fault)
    with pytest.raises(UpstreamFailed):
        await sage.businesses(access(house))

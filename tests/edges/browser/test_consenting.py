"""From Sage's code to a stored grant: what was received is never lost, and failures are told (reliability.md §3.3)."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from gateway.grants.life import State
from tests.edges.browser.breaking import break_grants, change, is_lost
from tests.edges.browser.browser_house import APP, House, code_of


async def test_the_secret_before_the_present_one_is_tried(house: House):
    """While Sage does not take the new one yet: the code is not spent by a wrong secret."""
    house.let_owner_reach("Harbour Ltd")
    code_of(await (await house.visitor()).authorise(client_id="rotating-client"))


@pytest.mark.parametrize(
    ("fault", "error", "notices"),
    [
        ({"status": 400, "body": {"error": "invalid_grant"}}, "server_error", ["invalid_grant"]),
        ({"status": 400, "body": {"error": "invalid_client"}}, "server_error", ["invalid_client"]),
        ({"status": 503}, "temporarily_unavailable", ["transient"]),
        ({"kind": "html"}, "temporarily_unavailable", ["ambiguous"]),
        ({"kind": "reset_after"}, "temporarily_unavailable", ["ambiguous"]),
        ({"kind": "truncate"}, "temporarily_unavailable", ["ambiguous"]),
        ({"status": 200, "body": {"access_token": "a"}}, "server_error", ["ambiguous"]),
        ({"status": 200, "body": {"refresh_token": "r"}}, "temporarily_unavailable", ["consented"]),
    ],
)
async def test_an_exchange_that_fails_is_told_to_the_app(house: House, fault, error, notices):
    """The operator hears of it; a refresh token that came alone is kept."""
    house.sandbox.faults.add("POST", "/token", **fault)
    seen = await (await house.visitor()).authorise()
    assert seen.location == f"{APP}?error={error}&state=mine"
    assert [event for event, _ in house.notices] == notices
    assert await house.store.tenants.all() == []


async def test_what_was_received_is_stored_before_it_is_used(house: House):
    """The businesses cannot be listed, and the grant is kept all the same."""
    house.sandbox.faults.add("GET", "/businesses", status=500, times=2)
    assert (await (await house.visitor()).authorise()).told["error"] == "temporarily_unavailable"
    ((event, grant),) = house.notices
    assert event == "consented"
    assert (await house.store.grants.load(grant)).refresh


async def test_a_list_that_fails_once_is_asked_for_again(house: House):
    """Reading is harmless."""
    house.let_owner_reach("Harbour Ltd")
    house.sandbox.faults.add("GET", "/businesses", kind="reset_after")
    code_of(await (await house.visitor()).authorise())


async def test_a_store_that_fails_right_after_the_exchange_is_tried_until_it_takes_the_tokens(house: House):
    """Each failure is an alarm; nothing is lost, and the browser gets its code."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    back = await visitor.consent(await visitor.begin())
    consenting = house.replicas[0].consenting
    database = house.store._database
    async with break_grants(house):
        landing = asyncio.create_task(visitor.get(back))
        assert [await house.heard.get() for _ in range(2)] == ["unsaved", "unsaved"]
        assert consenting.unsaved == 1
    code_of(await landing)
    assert consenting.unsaved == 0
    events = [event for event, _ in house.notices]
    assert set(events) == {"unsaved", "consented"}
    assert len(await database.read(text("SELECT id FROM grants"))) == 1


async def test_a_way_that_ended_while_the_store_was_away_is_lost_but_its_tokens_are_not(house: House):
    """The person starts again; the consent is kept."""
    visitor = await house.visitor()
    back = await visitor.consent(await visitor.begin())
    async with break_grants(house):
        landing = asyncio.create_task(visitor.get(back))
        assert await house.heard.get() == "unsaved"
        await change(house, "DELETE FROM authorizations")
    assert is_lost(await landing)
    assert house.notices[-1][0] == "consented"


async def test_a_browser_that_goes_away_does_not_lose_the_tokens(house: House):
    """The exchange is a task of its own."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    back = await visitor.consent(await visitor.begin())
    async with break_grants(house):
        landing = asyncio.create_task(visitor.get(back))
        assert await house.heard.get() == "unsaved"
        landing.cancel()
        await asyncio.gather(landing, return_exceptions=True)
    await house.replicas[0].close()
    assert house.notices[-1][0] == "consented"


async def test_tokens_that_the_store_never_takes_are_an_alarm_at_the_end(house: House, monkeypatch):
    """The gateway stops before the store is back."""
    monkeypatch.setattr("gateway.edges.authorization.consenting.CLOSING_SECONDS", 0.0)
    visitor = await house.visitor()
    back = await visitor.consent(await visitor.begin())
    async with break_grants(house):
        landing = asyncio.create_task(visitor.get(back))
        assert await house.heard.get() == "unsaved"
        await house.replicas[0].close()
        landing.cancel()
        await asyncio.gather(landing, return_exceptions=True)
    assert house.notices[-1] == ("consent_lost", 0)


async def test_a_store_that_fails_is_a_page_or_an_error_of_the_apps(house: House):
    """Before anything is begun, a page; afterwards the app is told."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    back = await visitor.consent(await visitor.begin())
    await change(house, "CREATE TRIGGER full BEFORE INSERT ON tenants BEGIN SELECT RAISE(ABORT, 'full'); END")
    assert (await visitor.get(back)).location == f"{APP}?error=temporarily_unavailable&state=mine"
    await change(house, "DROP TRIGGER full")
    await change(house, "ALTER TABLE codes RENAME TO away")
    assert (await visitor.authorise()).location == f"{APP}?error=temporarily_unavailable&state=mine"
    await change(house, "ALTER TABLE authorizations RENAME TO gone")
    seen = await visitor.begin()
    assert (seen.status, seen.headers["Content-Type"]) == (503, "text/html; charset=utf-8")


async def test_a_user_whose_id_is_told_later_has_one_grant(house: House):
    """Where the token answer does not say who it is, `/user` does: no refresh token is ever in two grants."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    code_of(await visitor.authorise())
    (tenant,) = await house.store.tenants.all()
    guid = house.sandbox.users["owner"].guid
    refresh = house.sandbox.issue_refresh_token()
    house.sandbox.oauth.tokens.subjects = {"owner": "", "stranger": ""}
    code_of(await visitor.authorise())
    assert await house.store.tenants.all() == [tenant]
    grant = await house.store.grants.load(tenant.grant)
    newest = list(house.sandbox.oauth.tokens.refreshes)[-1]
    assert newest != refresh
    assert (grant.refresh.reveal(), grant.user, grant.state) == (newest, guid, State.ACTIVE)
    nameless = await house.store.grants.load(tenant.grant + 1)
    assert (nameless.state, bool(nameless.refresh), nameless.access) == (State.REVOKED, False, None)

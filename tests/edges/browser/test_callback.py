"""Back from Sage: the code is traded at once, what was received is stored, and the app gets a code (v2.md §1.2)."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import CookieJar
from yarl import URL

from gateway.grants.life import State
from tests.edges.browser.breaking import is_lost
from tests.edges.browser.browser_house import APP, WITH_QUERY, House, code_of, house, state_of, unknown


async def test_a_user_of_one_business_goes_straight_back_to_the_app(house: House):
    """With a code of 40 hex digits, the country in lower case and the state; the tenant is live."""
    house.let_owner_reach("Harbour Ltd")
    seen = await (await house.visitor()).authorise()
    assert seen.status == 302
    code = code_of(seen)
    assert seen.location == f"{APP}?code={code}&country=gb&state=mine"
    assert seen.headers["Cache-Control"] == "no-store"
    assert seen.headers["Referrer-Policy"] == "no-referrer"
    (tenant,) = await house.store.tenants.all()
    assert (tenant.name, tenant.app, tenant.business) == ("shop", "shop", house.business("Harbour Ltd"))
    grant = await house.store.grants.load(tenant.grant)
    assert grant.state is State.ACTIVE
    assert grant.user == house.sandbox.users["owner"].guid
    assert house.sandbox.oauth.tokens.refreshes.keys() == {grant.refresh.reveal()}
    assert house.notices == [("consented", tenant.grant)]


async def test_the_code_is_bound_to_tenant_address_and_scope(house: House):
    """The token endpoint compares them."""
    house.let_owner_reach("Harbour Ltd")
    code = code_of(await (await house.visitor()).authorise(redirect_uri=WITH_QUERY, scope="readonly"))
    found = await house.store.codes.find(code)
    (tenant,) = await house.store.tenants.all()
    assert found is not None
    assert (found.tenant.id, found.redirect_uri, found.scope) == (tenant.id, WITH_QUERY, "readonly")


async def test_a_readonly_call_takes_nothing_from_the_users_other_tenants(house: House):
    """One grant serves all of them: a consent to reading alone would stop their writing. The gateway itself keeps a
    readonly token from writing."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    code_of(await visitor.authorise())
    code_of(await visitor.authorise(scope="readonly"))
    (tenant,) = await house.store.tenants.all()
    refresh = (await house.store.grants.load(tenant.grant)).refresh.reveal()
    family = house.sandbox.oauth.tokens.family_of(refresh)
    assert family is not None
    assert family.scope == "full_access"


@pytest.mark.parametrize(
    ("redirect_uri", "begins"),
    [(WITH_QUERY, f"{WITH_QUERY}&code="), ("shop://signed-in", "shop://signed-in?code=")],
)
async def test_the_apps_address_keeps_its_query(house: House, redirect_uri, begins):
    """Only what is told is added."""
    house.let_owner_reach("Harbour Ltd")
    assert (await (await house.visitor()).authorise(redirect_uri=redirect_uri)).location.startswith(begins)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("a%20b+c%2Bd", "a%20b%20c%2Bd"),
        ("%3Cscript%3E%22%27%26%23%0D%0AX-Y:1", "%3Cscript%3E%22%27%26%23%0D%0AX-Y%3A1"),
        ("%FF%00%E2%82", "%FF%00%E2%82"),
        ("Jo%C3%A3o", "Jo%C3%A3o"),
        ("", ""),
        ("eyJ0IjoxfQ==", "eyJ0IjoxfQ%3D%3D"),
        ("x" * 4000, "x" * 4000),
    ],
)
async def test_the_state_comes_back_byte_for_byte(house: House, sent, told):
    """Whatever an app puts there, text or not."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    query = f"response_type=code&client_id=shop-client&redirect_uri={APP}&state={sent}"
    seen = await visitor.get(await visitor.consent(await visitor.get(f"/oauth2/auth?{query}")))
    assert seen.location.rpartition("&state=")[2] == told


async def test_without_a_state_none_comes_back(house: House):
    """v2's is optional."""
    house.let_owner_reach("Harbour Ltd")
    assert (await (await house.visitor()).authorise(state=None)).told.keys() == {"code", "country"}


async def test_the_country_is_the_businesses(house: House):
    """Else the callback's; else the app's setting."""
    house.let_owner_reach("Harbour Ltd")
    fields = house.sandbox.business("Harbour Ltd").fields
    visitor = await house.visitor()
    fields["country"] = {"id": "PT", "displayed_as": "Portugal"}
    assert (await visitor.authorise()).told["country"] == "pt"
    fields["country"] = None
    assert (await visitor.authorise()).told["country"] == "gb"
    back = (await visitor.consent(await visitor.begin())).replace("country=GB", "country=%22")
    assert (await visitor.get(back)).told["country"] == "ie"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("error=access_denied", "access_denied"),
        ("error=invalid_request", "invalid_request"),
        ("error=invalid_scope", "invalid_scope"),
        ("error=server_error", "server_error"),
        ("error=temporarily_unavailable", "temporarily_unavailable"),
        ("error=unauthorized_client", "unauthorized_client"),
        ("error=unsupported_response_type", "unsupported_response_type"),
        ("error=Invalid+request&reason=Email+already+in+use", "invalid_request"),
        ("error=consent%20%3Cb%3E&code=GB%2Fab", "access_denied"),
        ("error=", "access_denied"),
        ("code=", "invalid_request"),
        ("", "invalid_request"),
        ("country=GB", "invalid_request"),
    ],
)
async def test_sages_errors_come_back_in_v2s_words(house: House, said, error):
    """The odd shape too (v31.md §2); the way is over then."""
    visitor = await house.visitor()
    state = (await visitor.begin(redirect_uri=WITH_QUERY)).told["state"]
    for _ in range(2):
        seen = await visitor.get(f"/oauth2/callback?{said}&state={state}")
        if _ == 0:
            assert (seen.status, seen.location) == (302, f"{WITH_QUERY}&error={error}&state=mine")
    assert seen.status == 400
    assert await house.store.tenants.all() == []


async def test_a_denial_at_sage_comes_back(house: House):
    """As v2 told it: error and state."""
    house.sandbox.switches.authorize_error = "access_denied"
    assert (await (await house.visitor()).authorise()).location == f"{APP}?error=access_denied&state=mine"


async def test_a_user_without_any_business_is_denied(house: House):
    """There is nothing to connect."""
    house.sandbox.users["owner"].businesses.clear()
    assert (await (await house.visitor()).authorise()).told["error"] == "access_denied"


async def test_a_state_works_once(house: House):
    """Also for the browser that began."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    back = await visitor.consent(await visitor.begin())
    code_of(await visitor.get(back))
    assert is_lost(await visitor.get(back))


async def test_of_many_at_once_one_redeems(house: House):
    """On two replicas."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    back = await visitor.consent(await visitor.begin())

    async def land(turn: int) -> int:
        house.turn = turn % 2
        return (await visitor.get(back)).status

    assert sorted(await asyncio.gather(*map(land, range(6)))) == [302, *[400] * 5]


async def test_another_browser_spends_nothing(house: House):
    """Without the cookie, or with its own."""
    house.let_owner_reach("Harbour Ltd")
    visitor, stranger = await house.visitor(), await house.visitor()
    back = await visitor.consent(await visitor.begin())
    assert is_lost(await stranger.get(back))
    await stranger.begin()
    assert is_lost(await stranger.get(back))
    assert len(house.sandbox.oauth.codes) == 1
    code_of(await visitor.get(back))


async def test_all_wrong_states_look_the_same(house: House):
    """Unknown, forged, truncated, oversized, expired, foreign and reused ones: one page, and nothing is spent."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    back = await visitor.consent(await visitor.begin())
    good = state_of(back)
    pages = set()
    for wrong in ("", unknown(), good[:-1], good + "0", "x" + good, "y" * 7000, "%00", "%FF." + "0" * 64, f"{good}%20"):
        seen = await visitor.get(f"/oauth2/callback?code=GB%2Fx&state={wrong}")
        assert is_lost(seen)
        pages.add(seen.text)
    house.clock.seconds += 600
    pages.add((await visitor.get(back)).text)
    house.clock.seconds -= 600
    pages.add((await (await house.visitor()).get(back)).text)
    code_of(await visitor.get(back))
    pages.add((await visitor.get(back)).text)
    assert len(pages) == 1


async def test_a_state_ends_after_ten_minutes(house: House):
    """A second before it works."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    early = await visitor.consent(await visitor.begin())
    house.clock.seconds += 599
    code_of(await visitor.get(early))
    late = await visitor.consent(await visitor.begin())
    house.clock.seconds += 600
    assert is_lost(await visitor.get(late))


async def test_forged_cookies_are_passed_over(house: House):
    """One that is ours among them counts."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    back = await visitor.consent(await visitor.begin())
    own = visitor.session.cookie_jar.filter_cookies(URL(house.url))["sage-gateway"].value
    jar = visitor.session.cookie_jar
    assert isinstance(jar, CookieJar)
    jar.clear()
    assert is_lost(await visitor.get(back, Cookie=f"sage-gateway={own[:-1]}x; sage-gateway"))
    code_of(await visitor.get(back, Cookie=f'a=b; sage-gateway="; sage-gateway={own}'))


async def test_two_tabs_do_not_undo_each_other(house: House):
    """One browser, two ways at once, finished in the other order."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    first, second = await visitor.begin(state="one"), await visitor.begin(state="two")
    backs = [await visitor.consent(begun) for begun in (second, first)]
    assert [(await visitor.get(back)).told["state"] for back in backs] == ["two", "one"]
    assert len(await house.store.tenants.all()) == 1


async def test_a_way_may_end_at_another_replica(house: House):
    """All that is needed is in the store."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    back = await visitor.consent(await visitor.begin())
    house.turn = 1
    code_of(await visitor.get(back))


async def test_the_callback_is_built_from_the_public_url(tmp_path):
    """Not from Host; its path is a proxy's."""
    async with house(tmp_path, prefix="/v2gate") as built:
        built.let_owner_reach("Harbour Ltd")
        visitor = await built.visitor()
        begun = await visitor.get(
            f"/v2gate/oauth2/auth?response_type=code&client_id=shop-client&redirect_uri={APP}", Host="evil.example"
        )
        assert begun.told["redirect_uri"] == f"{built.url}/v2gate/oauth2/callback"
        code_of(await visitor.get(await visitor.consent(begun)))


async def test_a_second_consent_replaces_the_grant_for_all_tenants_of_the_user(house: House):
    """Tenants keep their ids; what the first consent gave is not used any more."""
    visitor = await house.visitor()
    for name in ("Harbour Ltd", "Second Business Ltd"):
        house.let_owner_reach(name)
        code_of(await visitor.authorise())
    tenants = await house.store.tenants.all()
    assert len(tenants) == 2
    assert len({tenant.grant for tenant in tenants}) == 1
    newest = list(house.sandbox.oauth.tokens.refreshes)[-1]
    assert (await house.store.grants.load(tenants[0].grant)).refresh.reveal() == newest
    code_of(await visitor.authorise())
    assert await house.store.tenants.all() == tenants


async def test_authorising_again_keeps_the_tenant_and_its_older_tokens(house: House):
    """By another user too: the tenant is the app and the business."""
    house.let_owner_reach("Harbour Ltd")
    shared = house.business("Harbour Ltd")
    visitor = await house.visitor()
    code = code_of(await visitor.authorise())
    pair = await house.store.codes.redeem(code, "shop", None, house.clock())
    assert pair is not None
    (before,) = await house.store.tenants.all()
    house.sandbox.users["stranger"].businesses[:] = [shared]
    house.sandbox.oauth.signed_in = "stranger"
    code_of(await visitor.authorise())
    (after,) = await house.store.tenants.all()
    assert (after.id, after.name) == (before.id, before.name)
    assert after.grant != before.grant
    found = await house.store.tenants.by_token(pair.access.reveal(), house.clock())
    assert found == after

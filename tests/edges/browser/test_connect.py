"""Connect links: one consent makes the tenant live, and nothing else uses a link up."""

from __future__ import annotations

import asyncio

import pytest

from tests.edges.browser.browser_house import House, Seen, Visitor, unknown
from tests.edges.browser.test_choice import EVIL


async def link(house: House, name: str = "acme", app: str = "shop", business: str | None = None) -> str:
    """The path of a new link."""
    return f"/connect/{(await house.store.links.issue(name, app, business, house.clock())).reveal()}"


async def follow(visitor: Visitor, path: str) -> Seen:
    """Opens a link, presses its button and consents at Sage."""
    page = await visitor.get(path)
    assert page.form.all("form", method="post"), page
    begun = await visitor.post(path, {}, Sec_Fetch_Site="same-origin")
    assert begun.status == 303
    return await visitor.get(await visitor.consent(begun))


async def test_a_link_makes_its_tenant_live(house: House):
    """By the name it was made with; then it is used."""
    house.let_owner_reach("Harbour Ltd")
    path, visitor = await link(house), await house.visitor()
    seen = await follow(visitor, path)
    assert seen.status == 200
    assert "Connected" in seen.text
    assert "Harbour Ltd" in seen.text
    (tenant,) = await house.store.tenants.all()
    assert (tenant.name, tenant.app, tenant.business) == ("acme", "shop", house.business("Harbour Ltd"))
    for method in ("GET", "POST"):
        assert (await visitor.get(path, method)).status == 404


async def test_the_page_says_what_is_to_be_connected_and_spends_nothing(house: House):
    """Previews of links open them, with GET or HEAD."""
    path, visitor = await link(house), await house.visitor()
    for _ in range(3):
        page = await visitor.get(path)
        assert page.status == 200
        assert "shop" in page.text
        assert "acme" in page.text
        assert "Set-Cookie" not in page.headers
        assert (await visitor.get(path, "HEAD")).status == 200
    assert "form-action 'self' https: http:;" in page.headers["Content-Security-Policy"]
    assert house.sandbox.requests == []
    house.let_owner_reach("Harbour Ltd")
    assert "Connected" in (await follow(visitor, path)).text


async def test_a_link_of_several_businesses_lets_one_choose(house: House):
    """And ends at a page."""
    visitor = await house.visitor()
    page = await follow(visitor, await link(house))
    assert "form-action 'self';" in page.headers["Content-Security-Policy"]
    seen = await visitor.choose(page, business=house.business("Second Business Ltd"))
    assert (seen.status, "Second Business Ltd" in seen.text) == (200, True)
    (tenant,) = await house.store.tenants.all()
    assert tenant.business == house.business("Second Business Ltd")


async def test_a_pinned_business_is_not_chosen_but_found(house: House):
    """Among all that the user reaches."""
    seen = await follow(await house.visitor(), await link(house, business=house.business("Second Business Ltd")))
    assert (seen.status, "Second Business Ltd" in seen.text) == (200, True)


async def test_a_consent_that_does_not_reach_the_pinned_business_changes_nothing(house: House):
    """The page says so, the link can be used again, and the tenant keeps its grant."""
    house.let_owner_reach("Harbour Ltd")
    first = await follow(await house.visitor(), await link(house))
    assert "Connected" in first.text
    (before,) = await house.store.tenants.all()
    path = await link(house, business=before.business)
    house.sandbox.oauth.signed_in = "stranger"
    refused = await follow(await house.visitor(), path)
    assert (refused.status, "another business" in refused.text) == (403, True)
    assert await house.store.tenants.all() == [before]
    house.sandbox.oauth.signed_in = "owner"
    assert "Connected" in (await follow(await house.visitor(), path)).text
    (after,) = await house.store.tenants.all()
    assert after == before


async def test_reconnecting_keeps_the_tenants_name_and_id(house: House):
    """Whatever the link calls it."""
    house.let_owner_reach("Harbour Ltd")
    await follow(await house.visitor(), await link(house))
    (before,) = await house.store.tenants.all()
    seen = await follow(await house.visitor(), await link(house, "other", business=before.business))
    assert "acme" in seen.text
    assert await house.store.tenants.all() == [before]


async def test_of_two_who_consent_by_one_link_one_is_connected(house: House):
    """At the same moment, on two replicas: the other's choice is refused, and makes no tenant."""
    path = await link(house)
    visitors = [await house.visitor() for _ in range(2)]
    pages = [await follow(visitor, path) for visitor in visitors]

    async def choose(turn: int) -> int:
        house.turn = turn
        return (await visitors[turn].choose(pages[turn], business=pages[turn].form.choices[turn])).status

    statuses = await asyncio.gather(*map(choose, range(2)))
    assert statuses.count(200) == 1
    assert len(await house.store.tenants.all()) == 1


async def test_a_link_that_was_used_meanwhile_ends_the_way(house: House):
    """Between the button and the return from Sage."""
    house.let_owner_reach("Harbour Ltd")
    path, visitor = await link(house), await house.visitor()
    begun = await visitor.post(path, {})
    back = await visitor.consent(begun)
    await follow(await house.visitor(), path)
    assert (await visitor.get(back)).status == 404
    assert len(await house.store.tenants.all()) == 1


async def test_a_link_that_was_used_meanwhile_ends_the_choice(house: House):
    """Of whoever stands before the page."""
    path, slow = await link(house), await house.visitor()
    page = await follow(slow, path)
    house.let_owner_reach("Harbour Ltd")
    await follow(await house.visitor(), path)
    assert (await slow.choose(page, business=page.form.choices[1])).status == 404
    assert len(await house.store.tenants.all()) == 1


async def test_a_denial_leaves_the_link_usable(house: House):
    """A page, for there is no app to go back to."""
    house.let_owner_reach("Harbour Ltd")
    path, visitor = await link(house), await house.visitor()
    house.sandbox.switches.authorize_error = "access_denied"
    denied = await follow(visitor, path)
    assert (denied.status, "again" in denied.text) == (403, True)
    house.sandbox.switches.authorize_error = ""
    house.sandbox.faults.add("POST", "/token", status=503)
    late = await follow(visitor, path)
    assert (late.status, "again" in late.text) == (503, True)
    assert "Connected" in (await follow(visitor, path)).text


async def test_a_link_lasts_a_day(house: House):
    """A second less works."""
    house.let_owner_reach("Harbour Ltd")
    path, visitor = await link(house), await house.visitor()
    house.clock.seconds += 86_399
    assert (await visitor.get(path)).status == 200
    house.clock.seconds += 1
    assert (await visitor.get(path)).status == 404
    assert (await visitor.post(path, {})).status == 404


@pytest.mark.parametrize("token", [unknown(), "x", "x" * 5000, "%01", "%FF", "%3Cscript%3E"])
async def test_unknown_links_are_one_page(house: House, token):
    """No word on why."""
    seen = await (await house.visitor()).get(f"/connect/{token}")
    assert (seen.status, seen.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "<script" not in seen.text


async def test_another_sites_page_cannot_press_the_button(house: House):
    """The person sees the page first: what is to be connected is theirs to judge."""
    path, visitor = await link(house), await house.visitor()
    for site in ("cross-site", "same-site"):
        seen = await visitor.post(path, {}, Sec_Fetch_Site=site)
        assert (seen.status, len(seen.form.all("button"))) == (200, 1)
        assert "Set-Cookie" not in seen.headers


async def test_a_links_name_is_text(house: House):
    """Whatever it is."""
    page = await (await house.visitor()).get(await link(house, name=EVIL))
    assert "<script" not in page.text
    assert EVIL in page.form.words


@pytest.mark.parametrize(("app", "status"), [("gone", 404), ("unable", 503)])
async def test_a_link_of_an_app_that_cannot_be_served(house: House, app, status):
    """Dropped from the settings since, or without a client at Sage."""
    path = await link(house, app=app)
    assert (await (await house.visitor()).post(path, {})).status == status

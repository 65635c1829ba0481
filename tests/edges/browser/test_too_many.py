"""Ways to Sage that one address begins are counted: each is a row in the store."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from gateway.edges.authorization.limiter import WrongTokens
from gateway.store.tables import authorizations
from tests.edges.browser.browser_house import House, code_of
from tests.edges.browser.test_connect import link

MOST = 3


@pytest.fixture
def limited(house: House) -> House:
    for browser in house.replicas:
        browser.begun = WrongTokens(MOST, clock=house.clock)
    return house


async def rows(house: House) -> int:
    return int((await house.store._database.read(select(func.count()).select_from(authorizations)))[0][0])


async def test_an_address_begins_so_many_ways_a_minute(limited: House):
    """Then it gets a page that says when to come again, and no row; a way that was begun goes on; a minute later it
    may begin others."""
    limited.let_owner_reach("Harbour Ltd")
    visitor = await limited.visitor()
    begun = [await visitor.begin() for _ in range(MOST)][-1]
    for refused in (await visitor.begin(), await visitor.post(await link(limited), {})):
        assert (refused.status, refused.headers["Retry-After"]) == (429, "60")
        assert refused.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "Location" not in refused.headers
    assert await rows(limited) == MOST
    code_of(await visitor.get(await visitor.consent(begun)))
    limited.clock.seconds += 60
    assert (await visitor.begin()).status == 302


async def test_what_is_not_begun_is_not_counted(limited: House):
    """Pages, refusals, and calls that an app got wrong write nothing."""
    visitor = await limited.visitor()
    path = await link(limited)
    for _ in range(MOST):
        assert (await visitor.begin(response_type="token")).told["error"] == "unsupported_response_type"
        assert (await visitor.begin(client_id="nobody")).status == 400
        assert (await visitor.get(path)).status == 200
    assert await rows(limited) == 0
    assert (await visitor.begin()).status == 302

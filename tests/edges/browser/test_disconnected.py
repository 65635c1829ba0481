"""What an operator has disconnected stays so until the operator says otherwise."""

from __future__ import annotations

from tests.edges.browser.browser_house import House, Visitor, code_of
from tests.edges.browser.test_connect import follow, link

BOOKS = "Harbour Ltd"


async def disconnected(house: House) -> Visitor:
    """A browser whose only business an app had, under the app's name, until the operator disconnected it."""
    house.let_owner_reach(BOOKS)
    visitor = await house.visitor()
    code_of(await visitor.authorise())
    assert await house.store.rows.disconnect("shop", house.clock())
    return visitor


async def is_disconnected(house: House) -> bool:
    (row,) = await house.store.rows.all(house.clock())
    return row.disconnected_at is not None


async def test_an_app_cannot_undo_it(house: House):
    """Its users are told `access_denied`, in the way that apps know; the old tokens stay unknown."""
    visitor = await disconnected(house)
    for _ in range(2):
        seen = await visitor.authorise()
        assert (seen.status, seen.told) == (302, {"error": "access_denied", "state": "mine"})
        assert await is_disconnected(house)


async def test_another_of_the_users_businesses_can_be_chosen_still(house: House):
    """The choice stays open where the first one chosen is disconnected."""
    visitor = await disconnected(house)
    house.let_owner_reach(BOOKS, "Second Business Ltd")
    page = await visitor.authorise()
    refused = await visitor.choose(page, business=house.business(BOOKS))
    assert (refused.status, refused.told["error"]) == (303, "access_denied")
    code_of(await visitor.choose(page, business=house.business("Second Business Ltd")))
    rows = await house.store.rows.all(house.clock())
    assert [row.disconnected_at is None for row in rows] == [False, True]


async def test_a_link_for_another_tenant_cannot_undo_it(house: House):
    """Whoever opens it reads why, and can use it for another business."""
    visitor = await disconnected(house)
    path = await link(house, "new")
    seen = await follow(visitor, path)
    assert (seen.status, "disconnected" in seen.text) == (403, True)
    assert await is_disconnected(house)
    assert (await visitor.get(path)).status == 200


async def test_its_own_link_undoes_it(house: House):
    """`tenants reconnect` makes one."""
    visitor = await disconnected(house)
    seen = await follow(visitor, await link(house, "shop", business=house.business(BOOKS)))
    assert "Connected" in seen.text
    assert not await is_disconnected(house)
    code_of(await visitor.authorise())

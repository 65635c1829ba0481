"""An old client's whole life: authorised once, it never learns anything new, and goes on working."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from tests.whole.lifetime import DAY, HOUR, Browser, OldClient, long_life

HOURS = 31 * 24
"""A month."""


async def test_the_whole_life_of_an_old_client(tmp_path: Path) -> None:
    """It is authorised, exchanges its code, calls, trades its token hourly for a month, idles a month, loses its grant
    while the gateway is down, is reconnected, and calls with the tokens and ids that it had."""
    jar = aiohttp.CookieJar(unsafe=True)  # the gateway's host is an address here
    async with long_life(tmp_path) as life, aiohttp.ClientSession(cookie_jar=jar) as session:
        client, browser = OldClient(session, life), Browser(session, OldClient.redirect_uri)

        told = await browser.follow(client.authorize_url, choose="Harbour Ltd")
        assert isinstance(told, dict)
        assert (told["state"], told["country"], len(told["code"])) == ("mine", "gb", 40)
        status, tokens = await client.token(
            grant_type="authorization_code", code=told["code"], redirect_uri=client.redirect_uri
        )
        assert (status, tokens["expires_in"], tokens["token_type"]) == (200, 3600, "bearer")
        status, made = await client.call(
            "POST", "contacts", {"contact[name]": "Blue Ltd", "contact[contact_type_id]": "1"}
        )
        assert status == 201
        contact = made["id"]

        traded = set()
        for _ in range(HOURS):
            await life.time.passes(HOUR)
            status, shown = await client.call("GET", f"contacts/{contact}")
            assert (status, shown["id"]) == (200, contact)
            traded.add(client.refresh)
        assert len(traded) == HOURS

        for _ in range(40):
            await life.time.passes(DAY)
        status, shown = await client.call("GET", f"contacts/{contact}")
        assert (status, shown["id"]) == (200, contact)
        assert "needs_consent" not in life.told

        await life.stop()
        life.time.now += 40 * DAY
        await life.start()
        status, refused = await client.call("GET", f"contacts/{contact}")
        assert (status, refused["error"]) == (400, "invalid_token")
        assert life.told.count("needs_consent") == 1
        held = client.access, client.refresh
        status, refused = await client.trade()
        assert (status, refused["error"]) == (400, "invalid_grant")
        assert (client.access, client.refresh) == held

        async with life.store() as store:
            [tenant] = [one for one in await store.tenants.all() if one.name != "sandbox"] or await store.tenants.all()
            link = await store.links.issue(tenant.name, tenant.app, tenant.business, life.time.now)
        page = await browser.follow(f"{life.url}/connect/{link.reveal()}", choose="Harbour Ltd")
        assert isinstance(page, str)
        assert "connected" in page
        await life.time.passes(6)  # a lapsed grant is looked at again every five seconds

        status, shown = await client.raw("GET", f"contacts/{contact}")
        assert (status, shown["id"], shown["name"]) == (200, contact, "Blue Ltd"), "the very token that it held works"
        assert (await client.trade())[0] == 200, "and so does the one that was not spent"
        assert (await client.raw("GET", f"contacts/{contact}"))[0] == 200
        assert not life.sandbox.violations

"""Two apps, two businesses each: no token, code, link or state reaches another's tenant, and nothing tells a foreign
one from one that was never made (OWASP API1: broken object level authorization)."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest

from tests.whole.bola_house import APPS, BOOKS, URI, House, Reply, house


@pytest.fixture
async def four(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as built:
        yield built


def books_of(four: House, reply: Reply) -> str:
    """Which books a business call has opened."""
    assert reply.status == 200, reply
    name = json.loads(reply.body)["name"]
    names = {four.sandbox.businesses[held.business].name: books for (_, books), held in four.tenants.items()}
    return names[name]


async def altered(four: House) -> dict[str, str]:
    """Everything that is secret, but no access token; and access tokens that are none."""
    one = four.tenants["sandbox", "lead"]
    link = await four.store.links.issue("new", "sandbox", None, time.time())
    last = "0" if one.access[-1] != "0" else "1"
    return {
        "never made": secrets.token_hex(20),
        "a code": await four.code(one),
        "a refresh token": one.refresh,
        "a link": link.reveal(),
        "one digit off": one.access[:-1] + last,
        "cut": one.access[:-1],
        "longer": one.access + "0",
        "upper case": one.access.upper() if one.access != one.access.upper() else "F" * 40,
        "empty of meaning": "x",
    }


async def test_an_access_token_opens_its_own_books_alone(four: House) -> None:
    """Each of four, before and after the others were used; all that is none gets one reply, at the same cost."""
    for _ in range(2):
        for (_, books), held in four.tenants.items():
            assert books_of(four, await four.call(held.access)) == books
    refused = await four.same(four.call, await altered(four))
    assert (refused.status, refused.statements) == (400, 1)


async def test_a_token_that_has_ended_is_like_none(four: House) -> None:
    """Its hour is over, its tenant disconnected or erased: the reply and its cost do not tell."""
    lead, second = four.tenants["sandbox", "lead"], four.tenants["sandbox", "second"]
    gone = four.tenants["rival", "second"]
    past = time.time() - 3700
    pair = await four.store.codes.redeem(await four.code(lead, past), "sandbox", past + 3600, past)
    assert pair is not None
    assert await four.store.rows.disconnect(second.name, time.time())
    (tenant,) = (each for each in await four.store.tenants.all() if each.name == gone.name)
    await four.store.erasure.erase(tenant, None, time.time())
    ended = {"expired": pair.access.reveal(), "disconnected": second.access, "erased": gone.access}
    refused = await four.same(four.call, ended | {"never made": secrets.token_hex(20)})
    assert (refused.status, refused.statements) == (400, 1)
    traded = {"disconnected": second.refresh, "foreign": gone.refresh, "never made": secrets.token_hex(20)}

    async def trade(value: str) -> Reply:
        return await four.token("sandbox", grant_type="refresh_token", refresh_token=value)

    assert (await four.same(trade, traded)).statements == 1


@pytest.mark.parametrize("grant_type", ["authorization_code", "refresh_token"])
async def test_what_an_app_trades_is_its_own(four: House, grant_type: str) -> None:
    """Another app's code or refresh token gets the reply of one that was never made, at the same cost, and is not
    spent by it; its own app gets tokens for that very tenant."""
    name = "code" if grant_type == "authorization_code" else "refresh_token"
    held = {key: await four.code(one) if name == "code" else one.refresh for key, one in four.tenants.items()}
    for app in APPS:

        async def trade(value: str, app: str = app) -> Reply:
            return await four.token(app, grant_type=grant_type, redirect_uri=URI, **{name: value})

        own = four.tenants[app, "lead"]
        wrong = {f"{key}": value for key, value in held.items() if key[0] != app}
        wrong |= {"never made": secrets.token_hex(20), "cut": held[app, "lead"][:-1], "an access token": own.access}
        wrong |= (
            {"ended": await four.code(own, time.time() - 61)} if name == "code" else {"a code": held[app, "lead"][::-1]}
        )
        refused = await four.same(trade, wrong)
        assert (refused.status, json.loads(refused.body)["error"], refused.statements) == (400, "invalid_grant", 1)
    for (app, books), value in held.items():
        pair = json.loads((await four.token(app, grant_type=grant_type, redirect_uri=URI, **{name: value})).body)
        assert books_of(four, await four.call(pair["access_token"])) == books
        second = await four.token(app, grant_type="refresh_token", refresh_token=pair["refresh_token"])
        assert books_of(four, await four.call(json.loads(second.body)["access_token"])) == books
        other = await four.token(
            next(each for each in APPS if each != app), grant_type="refresh_token", refresh_token=pair["refresh_token"]
        )
        assert other.status == 400


async def test_an_app_takes_only_its_own_tokens_away(four: House) -> None:
    """Of another's it gets the reply to one that was never made, at the same cost, and nothing ends."""
    for app in APPS:

        async def revoke(value: str, app: str = app) -> Reply:
            said = {"client_id": f"{app}-id", "client_secret": f"secret of {app}", "token": value}
            return await four.ask("POST", "/oauth2/revoke", data=said)

        wrong = {f"{key} {kind}": getattr(held, kind) for key, held in four.tenants.items() if key[0] != app
                 for kind in ("access", "refresh")}  # fmt: skip
        refused = await four.same(revoke, wrong | {"never made": secrets.token_hex(20), "x": "x"})
        assert (refused.status, refused.body) == (200, b"{}")
    for (app, books), held in four.tenants.items():
        assert books_of(four, await four.call(held.access)) == books
        assert (await four.token(app, grant_type="refresh_token", refresh_token=held.refresh)).status == 200


async def test_a_link_leads_to_its_own_tenant(four: House) -> None:
    """It names it, and a consent by it changes no other; whatever is no link gets one page, at the same cost."""
    before = {tenant.name: tenant for tenant in await four.store.tenants.all()}
    for held in four.tenants.values():
        token = (await four.store.links.issue(held.name, held.app, held.business, time.time())).reveal()
        page = await four.ask("GET", f"/connect/{token}")
        assert held.name.encode() in page.body
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            url = dict((await four.ask("POST", f"/connect/{token}", browser)).headers)["Location"]
            url = dict((await four.ask("GET", url, browser)).headers)["Location"]
            done = await four.ask("GET", url, browser)
            assert held.name.encode() in done.body
            assert (done.status, b"Connected" in done.body) == (200, True)
    after = {tenant.name: tenant for tenant in await four.store.tenants.all()}
    assert {name: (one.app, one.business, one.id) for name, one in after.items()} == {
        name: (one.app, one.business, one.id) for name, one in before.items()
    }
    assert len({one.grant for one in after.values() if one.app == "sandbox"}) == 1
    assert {one.grant for one in after.values() if one.app == "sandbox"}.isdisjoint(
        one.grant for one in after.values() if one.app == "rival"
    )
    wrong = await altered(four)
    wrong["a link"], wrong["a used one"] = wrong["a link"][:-1], token
    wrong["another app's name"] = "rival-lead"

    async def look(value: str) -> Reply:
        return await four.ask("GET", f"/connect/{value}")

    refused = await four.same(look, wrong)
    assert (refused.status, refused.statements) == (404, 1)


async def test_a_state_is_its_browsers_alone(four: House) -> None:
    """Of four browsers on their way each comes back by its own state only; another's, a used one, and one without its
    cookie get one page, at the same cost: nobody's consent ends at somebody else's."""
    browsers = {}
    async with aiohttp.ClientSession() as nobody:
        for app in APPS:
            for books in BOOKS:
                jar = aiohttp.CookieJar(unsafe=True)
                browser = aiohttp.ClientSession(cookie_jar=jar)
                query = {
                    "response_type": "code",
                    "client_id": f"{app}-id",
                    "redirect_uri": URI,
                    "state": f"{app} {books}",
                }
                begun = await four.ask("GET", f"/oauth2/auth?{urlencode(query)}", browser)
                at_sage = await four.ask("GET", dict(begun.headers)["Location"], browser)
                browsers[app, books] = browser, dict(at_sage.headers)["Location"]
        for key, (browser, _) in browsers.items():

            async def come_back(url: str, browser: aiohttp.ClientSession = browser) -> Reply:
                return await four.ask("GET", url, browser)

            foreign = {str(other): url for other, (_, url) in browsers.items() if other != key}
            assert (await four.same(come_back, foreign)).status == 400
        without = [await four.ask("GET", url, nobody) for _, url in browsers.values()]
        assert {reply.status for reply in without} == {400}
        for (app, books), (browser, url) in browsers.items():
            page = await four.ask("GET", url, browser)
            state = page.body.decode().partition('name="state" value="')[2].partition('"')[0]
            form = {"state": state, "business": four.tenants[app, books].business}
            stolen = await four.ask("POST", "/oauth2/choose", browsers["rival", "second"][0], data=form)
            assert stolen.status == (400 if (app, books) != ("rival", "second") else 303)
            sent = stolen if stolen.status == 303 else await four.ask("POST", "/oauth2/choose", browser, data=form)
            told = parse_qs(urlsplit(dict(sent.headers)["Location"]).query)
            assert told["state"] == [f"{app} {books}"]
            fields = {"grant_type": "authorization_code", "redirect_uri": URI, "code": told["code"][0]}
            pair = json.loads((await four.token(app, **fields)).body)
            assert books_of(four, await four.call(pair["access_token"])) == books
            assert (await four.ask("GET", url, browser)).status == 400
            await browser.close()

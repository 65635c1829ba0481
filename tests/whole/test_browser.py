"""A browser, the old client and the owner, through the whole gateway."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from yarl import URL

from gateway.commands.stand_in import CLIENT_ID, CLIENT_SECRET, NAME
from gateway.store import Store
from tests.whole.conftest import Whole

URI = "http://127.0.0.1:59793/callback.aspx?own=1"
KEY = secrets.token_hex(32)
BUSINESS = re.compile(r'type="radio" name="business" value="([0-9a-f]{32})"')
STATE = re.compile(r'name="state" value="([^"]+)"')


async def walk(session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
    """Follows redirects as a browser does, as far as there is a page or the app's address."""
    while True:
        answer = await session.get(URL(url, encoded=True), allow_redirects=False)
        await answer.read()
        url = answer.headers.get("Location", "")
        if not url or url.startswith(URI.partition("?")[0]):
            return answer


async def choose(whole: Whole, session: aiohttp.ClientSession, page: str) -> aiohttp.ClientResponse:
    """Chooses the second business."""
    state = STATE.search(page)
    assert state is not None
    form = {"state": state[1], "business": BUSINESS.findall(page)[1]}
    return await session.post(f"{whole.url}/oauth2/choose", data=form, allow_redirects=False)


async def test_an_app_is_authorised_and_calls(whole: Whole) -> None:
    """From the authorization endpoint over Sage and the choice to a code, tokens and a v2 call."""
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": URI,
        "scope": "full_access",
        "state": "1&2",
    }
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        page = await (await walk(session, f"{whole.url}//oauth2/auth/?{urlencode(query)}")).text()
        chosen = await choose(whole, session, page)
    assert chosen.status == 303
    told = parse_qs(urlsplit(chosen.headers["Location"]).query)
    assert (told["own"], told["country"], told["state"]) == (["1"], ["gb"], ["1&2"])
    said = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "authorization_code"}
    said |= {"code": told["code"][0], "redirect_uri": URI.partition("?")[0]}
    async with whole.session.post(f"{whole.url}/oauth2/token", data=said) as reply:
        pair = await reply.json()
        assert reply.status == 200, pair
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    async with whole.session.get(f"{whole.url}/core/v2/business", headers=headers) as reply:
        assert (await reply.json())["name"] == "Second Business Ltd"
    log = whole.log.getvalue().decode()
    for secret in (told["code"][0], pair["access_token"], STATE.findall(page)[0], "1&2", "59793"):
        assert secret not in log


@pytest.mark.parametrize("whole", [{"store.key": KEY}], indirect=True)
async def test_an_owner_opens_a_link(whole: Whole, tmp_path: Path) -> None:
    """A preview's HEAD and GET spend nothing; the button leads to Sage and back to a page."""
    store = await Store.open(f"sqlite:///{tmp_path}/store.db", bytes.fromhex(KEY))
    try:
        business = whole.sandbox.business("Second Business Ltd").id
        token = (await store.links.issue("acme", NAME, business, time.time())).reveal()
        link = f"{whole.url}/connect/{token}"
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            async with session.head(link) as looked:
                assert (looked.status, await looked.read()) == (200, b"")
            async with session.get(link) as page:
                assert "acme" in await page.text()
            async with session.post(link, allow_redirects=False) as sent:
                assert sent.status == 303
            done = await walk(session, sent.headers["Location"])
            assert "Connected" in await done.text()
        assert "acme" in [tenant.name for tenant in await store.tenants.all()]
        assert token not in whole.log.getvalue().decode()
    finally:
        await store.close()


async def test_sign_ins_of_one_address_are_counted(whole: Whole) -> None:
    """Each is a row in the store: over sixty a minute there is a page that says so."""
    query = urlencode({"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": URI})
    seen = []
    for _ in range(61):
        async with whole.session.get(f"{whole.url}/oauth2/auth?{query}", allow_redirects=False) as reply:
            seen.append(reply.status)
    assert seen == [302] * 60 + [429]

"""A whole gateway with a secret in every slot: none is found in anything that leaves it (reliability.md §3.2 G8)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.commands.stand_in import CLIENT_ID, NAME
from tests.store.conftest import postgres_server, postgres_url, sqlite_url, url
from tests.whole.canaries import Canaries, forms, printed_objects
from tests.whole.canary_house import APP, Watched, watched

__all__ = ["postgres_server", "postgres_url", "sqlite_url", "url"]
CONTACTS = "/accounts/v2/contacts"


@pytest.fixture
async def house(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.chdir(tmp_path)
    async with watched(tmp_path, url) as built:
        yield built


def test_a_canary_is_seen_in_every_form() -> None:
    """The search itself: raw, base64 at any offset, hexadecimal, percent-encoded; and not where it is not."""
    known = Canaries()
    value = known.make("a slot").encode()
    for form in forms(value):
        assert known.found_in(b"before" + form + b"after") == {"a slot"}
    assert known.found_in(value[:-1]) == known.found_in(value, but=[value.decode()]) == set()


async def test_no_secret_leaves(house: Watched) -> None:
    """Authorisation, denial, token calls, calls, refreshes with all that may go wrong, a store that fails, alarms and
    every command: nothing secret is in logs, output, metrics, errors, the database, files, alarms or objects."""
    access = await authorise(house)
    await go_wrong(house)
    await call(house, access)
    await refresh(house)
    await fail_to_store(house, access)
    await lapse(house, access)
    await operate(house)
    for page in ("/metrics", "/readyz", "/healthz"):
        await house.ask("GET", house.admin + page)
    for each in house.left:
        assert (each.where, house.known.found_in(each.data, each.but)) == (each.where, set())
    assert house.known.found_in(house.log.getvalue()) == set()
    assert house.alarms
    for alarm in house.alarms:
        assert house.known.found_in(alarm) == set()
    assert house.known.found_in(await house.dump()) == set()
    files = [each for each in Path.cwd().iterdir() if each.is_file()]
    assert {"a.spool", "a.marker"} <= {each.name for each in files}
    for file in files:
        assert (file.name, house.known.found_in(file.read_bytes())) == (file.name, set())
    assert house.known.found_in(printed_objects().encode("utf-8", "surrogatepass")) == set()
    assert len(house.known.slots) >= 30


def client(house: Watched) -> dict[str, str]:
    return {"client_id": CLIENT_ID, "client_secret": house.said[f"apps.{NAME}.client_secret"]}


async def trade(house: Watched, code: str) -> str:
    """Trades a code, and the pair's refresh token twice; gives the access token."""
    status, pair = await house.token(**client(house), grant_type="authorization_code", code=code, redirect_uri=APP)
    assert status == 200, pair
    for _ in range(2):
        fields = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
        assert (await house.token(**client(house), **fields))[0] == 200
    return str(pair["access_token"])


async def authorise(house: Watched) -> str:
    """A business of its own, by the app; another by a link of the operator."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        house.sandbox.switches.authorize_error = "access_denied"
        assert await house.consent(browser, "") == "access_denied"
        house.sandbox.switches.authorize_error = house.known.make("an odd error")
        assert await house.consent(browser, "") == "access_denied"
        house.sandbox.switches.authorize_error = ""
        business = house.sandbox.business("Second Business Ltd").id
        code = await house.consent(browser, business)
        assert await house.consent(browser, house.known.make("no business")) != ""
        await link(house, browser, "add", "acme", "--app", NAME)
    return await trade(house, code)


async def link(house: Watched, browser: aiohttp.ClientSession, *words: str) -> None:
    """A link that is opened by a preview and by its owner."""

    def printed(stdout: str) -> list[str]:
        return [house.known.know("a link", stdout.strip().rpartition("/")[2])]

    url = (await house.command("tenants", *words, but=printed)).strip()
    await house.ask("HEAD", url)
    await house.ask("GET", url)
    done = await house.walk(browser, "POST", url, "", house.sandbox.lead_business)
    assert "Connected" in done, done
    answer, _ = await house.ask("GET", url)
    assert answer.status == 404


async def go_wrong(house: Watched) -> None:
    """Every answer of the authorization server that is an error, with something secret in all that is sent."""
    make = house.known.make
    wrong = {"code": make("a wrong code"), "refresh_token": make("a wrong refresh token"), "token": make("no token")}
    for grant_type in ("authorization_code", "refresh_token", make("a wrong grant type")):
        for secret in (make("a wrong client secret"), client(house)["client_secret"]):
            sent = {**wrong, "grant_type": grant_type, "client_id": CLIENT_ID, "client_secret": secret}
            assert (await house.token(**sent))[0] == 400
            await house.ask("POST", "/oauth2/token", json=sent)
            await house.ask("POST", "/oauth2/token", data="grant_type=%zz&" + "&".join(sent.values()))
            await house.ask("POST", "/oauth2/token", data=b'{"' + secret.encode())
            await house.ask("POST", "/oauth2/revoke", data=sent)
            await house.ask("GET", "/oauth2/token?" + "&".join(f"{name}={text}" for name, text in sent.items()))
    cookie = {"Cookie": f"sage-gateway={make('a wrong cookie')}; session={make('another cookie')}"}
    query = "&".join(f"{name}={make('odd ' + name)}" for name in ("state", "code", "error", "error_description"))
    for path in (f"/oauth2/callback?{query}", f"/connect/{make('no link').replace('/', '')}", f"/oauth2/auth?{query}"):
        answer, _ = await house.ask("GET", path, headers=cookie)
        assert answer.status in (400, 404)
    known = f"/oauth2/auth?client_id={CLIENT_ID}&redirect_uri={APP}&response_type=token"
    state = make("a state sent back")
    answer, _ = await house.ask("GET", f"{known}&state={state}", state, headers=cookie)
    assert "unsupported_response_type" in answer.headers["Location"]
    await house.ask("POST", "/oauth2/choose", data={"state": make("no state"), "business": make("nobody's business")})


async def call(house: Watched, access: str) -> None:
    """Calls good and bad, with people's names."""
    make = house.known.make
    odd = {"X-Nonce": make("a nonce"), "X-Signature": make("a signature"), "User-Agent": make("a user agent")}
    odd |= {"X-Request-Id": make("a request id"), "Cookie": make("a cookie"), "X-Forwarded-For": make("an address")}
    person = {"company": make("a company"), "email": f"{make('an e-mail')}@example.com", "notes": make("notes")}
    form = {f"contact[{name}]": text for name, text in person.items()}
    good = {"Authorization": f"Bearer {access}", **odd}
    fine = [*person.values(), person["email"].partition("@")[0]]
    answer, text = await house.ask("POST", CONTACTS, *fine, data=form | {"contact[contact_type_id]": "1"}, headers=good)
    assert answer.status == 201, text
    for headers in (good, {"Authorization": f"Bearer {make('an unknown token')}", **odd}, odd):
        await house.ask("GET", f"{CONTACTS}?search={make('a search')}", headers=headers)
        await house.ask("GET", f"{CONTACTS}/999999?{make('a query')}", headers=headers)
        await house.ask("GET", f"/accounts/v2/{make('a path')}", headers=headers)
        await house.ask("POST", CONTACTS, data=form | {"contact[contact_type_id]": "99"}, headers=headers)
        await house.ask("POST", CONTACTS, data=b"{" + person["company"].encode(), headers=headers)
        await house.ask("PROPFIND", CONTACTS, headers=headers)


async def look(house: Watched, access: str) -> int:
    """One call when all access tokens are over."""
    house.clock.ahead += 400
    answer, _ = await house.ask("GET", "/core/v2/business", headers={"Authorization": f"Bearer {access}"})
    return int(answer.status)


async def refresh(house: Watched) -> None:
    """All that Sage's token endpoint may do; who lost his consent by it consents again."""
    house.sandbox.switches.latency = 0.1
    for behaviour in ("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R7:invalid", "R8", "R9", "R9:huge", "R10", "R10:late"):
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            code = await house.consent(browser, house.sandbox.business("Second Business Ltd").id)
        access = await trade(house, code)
        house.clock.ahead += 10  # a lapsed grant is not looked at for five seconds
        house.sandbox.oauth.tokens.queued[:] = [behaviour]
        answer, _ = await house.ask("GET", "/core/v2/business", headers={"Authorization": f"Bearer {access}"})
        assert answer.status == 200
        assert await look(house, access) in (200, 400, 502, 503, 504)
        await look(house, access)


async def fail_to_store(house: Watched, access: str) -> None:
    """The store fails while Sage answers: what was received goes to the spool, and later to the store."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        access = await trade(house, await house.consent(browser, house.sandbox.business("Second Business Ltd").id))
    house.clock.ahead += 10
    await house.ask("GET", "/core/v2/business", headers={"Authorization": f"Bearer {access}"})
    house.clock.ahead += 400
    told = house.log.getvalue().count(b"unsaved")
    for statement in house.refusal:
        await house.change(statement)
    caller = asyncio.create_task(look(house, access))
    await house.log.says("unsaved", told + 3)
    assert any(house.spool.read_bytes())
    assert (await house.token(**client(house), grant_type="refresh_token", refresh_token="0" * 40))[0] in (400, 503)
    assert house.known.found_in(house.spool.read_bytes()) == set()
    assert (await house.ask("GET", house.admin + "/readyz"))[0].status == 503
    await house.change(f"DROP TRIGGER refuse{' ON grants' if house.on_postgres else ''}")
    assert await caller == 200


async def lapse(house: Watched, access: str) -> None:
    """Sage ends every consent; the operator is told, and makes a link."""
    for family in house.sandbox.oauth.tokens.families:
        family.ended = "revoked"
    told = house.log.getvalue().count(b"needs_consent")
    await look(house, house.said[f"tenants.{NAME}.access_token"])
    await house.log.says("needs_consent", told + 1)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        await link(house, browser, "reconnect", NAME)


async def operate(house: Watched) -> None:
    """Every command that touches the store or says what the settings are."""
    token, other = house.known.token("an imported token"), house.known.token("an imported refresh token")
    seed, bad = house.known.make("an imported seed"), house.known.make("a bad line")
    lines = [
        {"tenant": "in", "app": NAME, "business": "b1", "access_token": token, "refresh_token": other},
        {"tenant": "seeded", "app": NAME, "business": "b2", "access_token": other[::-1], "v31_refresh_token": seed},
        {"tenant": bad, "app": NAME, "business": "b3", "access_token": token},
        {"tenant": "late", "app": bad, "business": "b4", "access_token": token},
        {"tenant": token, "app": other, "business": "b5", "access_token": "acme"},
        {"tenant": "odd", "app": other, "business": "b6", "access_token": "acme"},
    ]
    house.known.know("another imported token", other[::-1])
    stdin = "\n".join(json.dumps(line) for line in lines) + "\n" + bad + "\n"
    await house.command("tenants", "import", "-", stdin=stdin)
    await house.command("tenants", "import", "-", "--skip-bad", stdin=stdin)
    for words in (("list",), ("list", "--json"), ("export",), ("export", "--format", "jsonl")):
        assert "seeded" in await house.command("tenants", *words)
    for name in (NAME, "in", "seeded"):
        await house.command("tenants", "show", name)
        await house.command("tenants", "show", name, "--json")
    for command in ("disconnect in", "erase in --yes --at-once", "show in"):
        await house.command("tenants", *command.split())
    for command in ("keys show", "keys rotate", "keys show", "check", "store adopt"):
        await house.command(*command.split())
    house.said = {**house.said, "store.key": house.known.know("a wrong key", "ab" * 31 + "cd")}
    await house.command("keys", "show")
    headers = [f"Authorization: Bearer {token}", f"X-Signature: {house.known.make('an explained signature')}"]
    await house.command("explain", CONTACTS, *(word for line in headers for word in ("-H", line)))

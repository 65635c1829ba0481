"""The authorization endpoint: who may send a browser to Sage, and what goes along (v2.md §1.2)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
from yarl import URL

from tests.edges.browser.browser_house import APP, WITH_QUERY, House, asked, code_of, house, state_of


@pytest.mark.parametrize(
    "path",
    [
        "/oauth2/auth",
        "/oauth2/auth/central",
        "/oauth/authorize",
        "/oauth/authorize/",
        "//oauth2/auth",
        "/oauth2//auth/",
    ],
)
async def test_a_browser_is_sent_to_sage(house: House, path):
    """With our own client, callback, PKCE S256 and state; Sage's own query is kept."""
    begun = await (await house.visitor()).begin(path)
    assert begun.status == 302
    assert begun.location.startswith(f"{house.sage_url}/oauth2/auth/central?filter=apiv3.1&")
    told = begun.told
    assert told.keys() == {
        *("filter", "response_type", "client_id", "redirect_uri", "scope", "state"),
        *("code_challenge", "code_challenge_method"),
    }
    assert told["client_id"] == house.sandbox.client_id
    assert told["redirect_uri"] == f"{house.url}/oauth2/callback"
    assert (told["response_type"], told["scope"], told["code_challenge_method"]) == ("code", "full_access", "S256")
    assert len(told["code_challenge"]) == 43
    assert "mine" not in begun.location


async def test_the_challenge_is_of_the_verifier_that_is_stored(house: House):
    """Each way has its own."""
    visitor = await house.visitor()
    begun = [await visitor.begin() for _ in range(2)]
    assert begun[0].told["code_challenge"] != begun[1].told["code_challenge"]
    assert begun[0].told["state"] != begun[1].told["state"]
    text = begun[0].told["state"].partition(".")[0]
    browser = visitor.session.cookie_jar.filter_cookies(URL(house.url))["sage-gateway"].value.partition(".")[0]
    passage = await house.store.authorizations.redeem(text, browser, house.clock())
    assert passage is not None
    digest = sha256(passage.verifier.reveal().encode()).digest()
    assert urlsafe_b64encode(digest).rstrip(b"=").decode() == begun[0].told["code_challenge"]


async def test_the_cookie_stays_with_the_browser(house: House):
    """Out of reach of scripts and of other sites' forms, for ten minutes."""
    cookie = (await (await house.visitor()).begin()).headers["Set-Cookie"]
    assert cookie.startswith("sage-gateway=")
    assert cookie.partition("; ")[2].split("; ") == ["Path=/", "Max-Age=600", "HttpOnly", "SameSite=Lax"]


async def test_over_https_the_cookie_belongs_to_the_host_alone(tmp_path):
    """`__Host-` needs Secure, path / and no domain."""
    async with house(tmp_path, scheme="https") as built:
        cookie = (await (await built.visitor()).begin()).headers["Set-Cookie"]
    assert cookie.startswith("__Host-sage-gateway=")
    assert "Path=/;" in cookie
    assert cookie.endswith("; Secure")
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    ("asked_for", "app", "sent", "given"),
    [
        (None, "shop", "full_access", "full_access"),
        ("", "shop", "full_access", "full_access"),
        ("full_access", "shop", "full_access", "full_access"),
        ("readonly", "shop", "full_access", "readonly"),
        ("full_access", "reader", "readonly", "readonly"),
        (None, "reader", "readonly", "readonly"),
    ],
)
async def test_a_scope_is_never_more_than_the_apps(house: House, asked_for, app, sent, given):
    """Without one it is `full_access` (v2.md §1.2). Sage is asked for the app's own, which its tenants share; the code
    has what was asked for here."""
    house.let_owner_reach("Harbour Ltd")
    visitor = await house.visitor()
    begun = await visitor.begin(client_id=f"{app}-client", scope=asked_for)
    assert begun.told["scope"] == sent
    found = await house.store.codes.find(code_of(await visitor.get(await visitor.consent(begun))))
    assert found is not None
    assert found.scope == given


async def test_a_country_and_locale_that_sage_knows_go_along(house: House):
    """A wrong one would fail there (v31.md §2)."""
    visitor = await house.visitor()
    told = (await visitor.begin(country="IE", locale="en-IE")).told
    assert (told["country"], told["locale"]) == ("ie", "en-IE")
    told = (await visitor.begin(country="pt", locale="<script>")).told
    assert not told.keys() & {"country", "locale"}


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": None},
        {"client_id": "unknown"},
        {"client_id": "shop-client\x00"},
        {"client_id": "ünknown"},
        {"redirect_uri": None},
        {"redirect_uri": ""},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": APP + "/"},
        {"redirect_uri": APP + "?x=1"},
        {"redirect_uri": APP.upper()},
        {"redirect_uri": "https://app.example/callback/../callback"},
        {"redirect_uri": APP + "\u00e9"},
        {"redirect_uri": APP + '"<>'},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://127.0.0.1:5000/cb"},
        {"redirect_uri": "x" * 7000},
        {"client_id": "reader-client", "redirect_uri": WITH_QUERY},
    ],
)
async def test_an_unknown_client_or_address_is_told_on_a_page(house: House, changed):
    """Never a redirect: it would lead to whoever asked (RFC 6749 §4.1.2.1)."""
    seen = await (await house.visitor()).begin(**changed)
    assert (seen.status, seen.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert "not known here" in seen.text
    assert "Location" not in seen.headers
    assert "Set-Cookie" not in seen.headers
    assert "evil" not in seen.text


@pytest.mark.parametrize(
    ("target", "good"),
    [
        ("redirect_uri=https://app.example/callback", True),
        ("redirect_uri=https%3A%2F%2Fapp.example%2Fcallback", True),
        ("redirect_uri=https%3a%2f%2fapp.example%2fcallback", True),
        ("redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%3Fscope%3Dfull_access", True),
        ("redirect_uri=https://app.example/callback?scope=full_access", True),
        ("redirect_uri=shop://signed-in", True),
        ("redirect_uri=https%253A%252F%252Fapp.example%252Fcallback", False),
        ("redirect_uri=https://app.example/callback%FF", False),
        ("redirect_uri", False),
    ],
)
async def test_raw_and_encoded_addresses_arrive_the_same(house: House, target, good):
    """As real clients write them (captures/README.md §3)."""
    seen = await (await house.visitor()).get(f"/oauth2/auth?{target}&client_id=shop-client&response_type=code")
    assert seen.status == (302 if good else 400)


@pytest.mark.parametrize(
    ("uri", "good"),
    [
        ("http://127.0.0.1:59793/callback.aspx", True),
        ("http://localhost/x?y=z", True),
        ("http://[::1]:8080/", True),
        ("https://localhost:44300/signin", True),
        ("ftp://127.0.0.1/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("http://127.0.0.1:80@evil.example/", False),
        ("http://evil.example\\@127.0.0.1/", False),
        ("http://127.0.0.1/#x", False),
        ("http://127.0.0.1:port/", False),
        ("http://[::1/", False),
        ("http://127.0.0.1/a b", False),
        ("//127.0.0.1/", False),
    ],
)
async def test_only_a_named_app_may_be_anywhere_on_the_browsers_machine(house: House, uri, good):
    """The sandbox's app; every other one has a list."""
    seen = await (await house.visitor()).begin(client_id="trial-client", redirect_uri=uri)
    assert seen.status == (302 if good else 400)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": '"'}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": "full_access everything"}, "invalid_scope"),
        ({"scope": "\u00e9"}, "invalid_scope"),
        ({"client_id": "unable-client"}, "server_error"),
    ],
)
async def test_other_errors_go_back_to_the_app(house: House, changed, error):
    """With its state, to its registered address."""
    seen = await (await house.visitor()).begin(**changed)
    assert (seen.status, seen.location) == (302, f"{APP}?error={error}&state=mine")
    assert "Set-Cookie" not in seen.headers


@pytest.mark.parametrize("name", ["state", "scope", "response_type", "client_id", "redirect_uri"])
async def test_a_repeated_parameter_is_refused(house: House, name):
    """RFC 6749 §3.1: which of them would count?"""
    query = "&".join(f"{key}={value}" for key, value in asked(scope="readonly").items())
    seen = await (await house.visitor()).get(f"/oauth2/auth?{query}&{name}={asked(scope='readonly')[name]}")
    assert seen.location == f"{APP}?error=invalid_request&state=mine"


async def test_an_oversize_state_is_refused_and_not_echoed(house: House):
    """4,096 bytes are enough for anybody."""
    visitor = await house.visitor()
    assert (await visitor.begin(state="x" * 4096)).location.startswith(house.sage_url)
    assert (await visitor.begin(state="x" * 4097)).location == f"{APP}?error=invalid_request"


async def test_an_error_joins_the_addresss_own_query(house: House):
    """One client has one (captures/README.md §3)."""
    seen = await (await house.visitor()).begin(redirect_uri=WITH_QUERY, scope="no", state=None)
    assert seen.location == f"{WITH_QUERY}&error=invalid_scope"


@pytest.mark.parametrize("path", ["/oauth2/auth", "/oauth2/callback"])
async def test_a_look_without_a_visit_begins_nothing(house: House, path):
    """HEAD, of link checkers."""
    seen = await (await house.visitor()).get(f"{path}?{'&'.join(f'{k}={v}' for k, v in asked().items())}", "HEAD")
    assert seen.status == 200
    assert "Location" not in seen.headers
    assert "Set-Cookie" not in seen.headers


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/oauth2/auth", "GET, HEAD"),
        ("DELETE", "/oauth2/callback", "GET, HEAD"),
        ("GET", "/oauth2/choose", "POST"),
        ("HEAD", "/oauth2/choose", "POST"),
        ("PUT", "/connect/x", "GET, HEAD, POST"),
    ],
)
async def test_wrong_verbs_are_405(house: House, method, path, allowed):
    """With the right ones."""
    seen = await (await house.visitor()).get(path, method)
    assert (seen.status, seen.headers["Allow"]) == (405, allowed)


async def test_a_browser_that_begins_at_another_of_our_hosts_is_sent_home_once(tmp_path):
    """Its cookie must be where Sage sends it back to. A Host that is not ours moves nobody."""
    async with house(tmp_path, other=("https://www.sageone.com",)) as built:
        visitor = await built.visitor()
        query = "client_id=shop-client&redirect_uri=https://app.example/callback&response_type=code"
        moved = await visitor.get(f"//oauth2/auth/?{query}", Host="WWW.sageone.com")
        assert (moved.status, moved.location) == (302, f"{built.url}/oauth2/auth?{query}&_moved=1")
        again = await visitor.get(f"/oauth2/auth?{query}&_moved=1", Host="www.sageone.com")
        assert again.location.startswith(built.sage_url)
        foreign = await visitor.get(f"/oauth2/auth?{query}", Host="evil.example")
        assert parse_qs(urlsplit(foreign.location).query)["redirect_uri"] == [f"{built.url}/oauth2/callback"]
        assert state_of(foreign.location)
        link = await visitor.get("/connect/token", Host="www.sageone.com")
        assert link.location == f"{built.url}/connect/token?_moved=1"

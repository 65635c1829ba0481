"""The page on which a user allows or denies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.sandbox import Sandbox
from gateway.sandbox.consent_page import Person, consent_page

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api, Clock

BACK = "http://127.0.0.1:9/callback?of=us"


@pytest.fixture(autouse=True)
def asking(sandbox: Sandbox) -> None:
    sandbox.switches.consent = "ask"


async def asked(api: Api, **query: str) -> str:
    """The page of an authorization request."""
    given = {"client_id": api.sandbox.client_id, "redirect_uri": BACK, "response_type": "code", "state": "s", **query}
    response = await api.client.get("/oauth2/auth/central", params=given, allow_redirects=False)
    assert (response.status, response.content_type) == (200, "text/html")
    assert response.headers["Cache-Control"] == "no-store"
    return await response.text()


async def answered(api: Api, page: str, **form: str) -> tuple[int, dict[str, str]]:
    """Where the page's form leads, with the values that a browser would send."""
    found = re.search(r'name="request" value="(\w+)"', page)
    assert found is not None
    given = {"request": found[1], "user": "owner", **form}
    response = await api.client.post("/oauth2/consent", data=given, allow_redirects=False)
    target = urlsplit(response.headers.get("Location", ""))
    return response.status, {name: values[0] for name, values in parse_qs(target.query).items()}


async def test_the_page_says_who_asks_for_what_and_for_whom(anonymous: Api) -> None:
    """Each user with the businesses that it reaches; the one signed in is chosen."""
    page = await asked(anonymous, scope="readonly")
    assert "<strong>The gateway</strong> asks for access to read" in page
    assert 'value="owner" checked> Jo Pike, who reaches Harbour Ltd and Second Business Ltd' in page
    assert 'value="stranger"> Sam Else, who reaches Elsewhere Ltd' in page
    assert "<script" not in page


@pytest.mark.parametrize(("user", "businesses"), [("owner", 2), ("stranger", 1)])
async def test_allowing_gives_a_code_of_the_chosen_user(anonymous: Api, user: str, businesses: int) -> None:
    """One who reaches several businesses, or one; state comes back, and the redirect URI keeps its query."""
    status, told = await answered(anonymous, await asked(anonymous), decision="allow", user=user)
    assert (status, told["of"], told["state"], told["country"]) == (302, "us", "s", "GB")
    reply = await anonymous.post_form(
        "/token",
        grant_type="authorization_code",
        client_id=anonymous.sandbox.client_id,
        client_secret=anonymous.sandbox.client_secret,
        code=told["code"],
        redirect_uri=BACK,
    )
    anonymous.token = reply.body["access_token"]
    assert (await anonymous.get("/businesses"))["$total"] == businesses


@pytest.mark.parametrize("decision", ["deny", "", "Allow"])
async def test_denying_gives_an_error(anonymous: Api, decision: str) -> None:
    """access_denied, with the state; so does what is neither."""
    status, told = await answered(anonymous, await asked(anonymous), decision=decision)
    assert (status, told) == (302, {"of": "us", "error": "access_denied", "state": "s"})


async def test_a_page_is_answered_once_and_in_time(anonymous: Api, clock: Clock) -> None:
    """Ten minutes; a wrong user or request is no consent either."""
    page = await asked(anonymous)
    assert (await answered(anonymous, page, decision="allow"))[0] == 302
    assert (await answered(anonymous, page, decision="allow"))[0] == 400
    page = await asked(anonymous)
    clock.forward(600)
    assert (await answered(anonymous, page, decision="allow"))[0] == 400
    assert (await answered(anonymous, await asked(anonymous), decision="allow", user="nobody"))[0] == 400
    assert (await answered(anonymous, await asked(anonymous), decision="allow", request="0" * 32))[0] == 400


async def test_what_is_wrong_is_told_before_anybody_is_asked(anonymous: Api) -> None:
    """As without the page."""
    given = {"client_id": anonymous.sandbox.client_id, "redirect_uri": BACK, "response_type": "token"}
    response = await anonymous.client.get("/oauth2/auth", params=given, allow_redirects=False)
    assert response.status == 302
    assert "error=unsupported_response_type" in response.headers["Location"]


def test_names_are_text() -> None:
    """Whatever they hold, they are no markup."""
    page = consent_page("<b>", "<i>", [Person('"><u>', "<p>", ("<a>",))], "", '"><s>').decode()
    assert not re.search(r"<[bisu]>|<p>\s*,|<a>", page)

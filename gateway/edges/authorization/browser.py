"""The pages of the legacy authorization server: a browser's way from an app to Sage and back (v2.md §1.2)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from gateway.edges.authorization import pages
from gateway.edges.authorization.apps import RegisteredApp, RegisteredApps
from gateway.edges.authorization.asking import SentBack, Unanswerable, back, judge
from gateway.edges.authorization.consenting import Consenting, Received
from gateway.edges.authorization.sage import Sage
from gateway.edges.authorization.visits import SEE_OTHER, Marks, Visit, parts
from gateway.edges.refresh_sender import Notice
from gateway.errors import StoreFailed, WrongTooOften
from gateway.grants.business import Business
from gateway.grants.secret import Secret
from gateway.messages import V2Request, V2Response, header
from gateway.store.authorizations import Authorizations, Passage, PassageOver
from gateway.store.consents import Consents, Disconnected
from gateway.store.links import Links

CALLBACK = "/oauth2/callback"
_CHOOSE = "/oauth2/choose"
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
COUNTRY = re.compile(r"[a-z]{2}")
_ROUTES = {
    ("oauth2", "auth"): ("authorize", "GET, HEAD"),
    ("oauth2", "auth", "central"): ("authorize", "GET, HEAD"),
    ("oauth", "authorize"): ("authorize", "GET, HEAD"),
    ("oauth2", "callback"): ("callback", "GET, HEAD"),
    ("oauth2", "choose"): ("choose", "POST"),
}
_TOLD = frozenset(
    {
        "access_denied",
        "invalid_request",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_response_type",
    }
)
"""Errors of Sage's callback that go on to the app (v31.md §2)."""
_MOVED = "_moved"
"""The parameter that marks a call sent on from another host of ours: it is sent on once."""


class CodeIssuer(Protocol):
    """What makes the codes that apps trade for legacy tokens."""

    async def issue(self, tenant_id: int, redirect_uri: str, scope: str, now: float) -> str:
        """A new code. Raises StoreFailed."""


class Counts(Protocol):
    """What counts by address (`gateway.edges.authorization.limiter.WrongTokens`)."""

    def count(self, peer: str | None) -> None:
        """Counts one more. Raises WrongTooOften for one too many."""


class Browser:
    """Answers browsers. `public_urls` are the gateway's own: Sage sends browsers back to the first of them, and a
    browser that begins at another one is sent there first, for its cookie. `now` gives seconds since 1970. `begun`
    counts the ways that an address begins, each of which is a row in the store for ten minutes."""

    def __init__(
        self,
        apps: RegisteredApps,
        consents: Consents,
        authorizations: Authorizations,
        links: Links,
        codes: CodeIssuer,
        sage: Sage,
        *,
        public_urls: tuple[str, ...],
        now: Callable[[], float],
        notice: Notice,
        begun: Counts,
        loopback_apps: Collection[str] = frozenset(),
    ) -> None:
        self._apps = apps
        self._consents = consents
        self._authorizations = authorizations
        self._links = links
        self._codes = codes
        self._sage = sage
        self._home = public_urls[0]
        self._elsewhere = {urlsplit(url).netloc.lower() for url in public_urls} - {urlsplit(self._home).netloc.lower()}
        self.begun = begun
        self._now = now
        self._loopback_apps = frozenset(loopback_apps)
        self._marks = Marks(authorizations, self._home)
        self.consenting = Consenting(consents, sage, now=now, notice=notice)

    @staticmethod
    def serves(target: str) -> bool:
        """Whether a target is one of these pages, whatever the verb."""
        path = parts(target)
        return path in _ROUTES or (path[:1] == ("connect",) and len(path) == 2)

    async def close(self) -> None:
        """Waits for consents that are being stored."""
        await self.consenting.close()

    async def answer(self, call: V2Request, peer: str = "") -> V2Response:
        """The reply to a call from an address that `serves` covers: a page or a redirect, whatever happens."""
        path = parts(call.target)
        name, allowed = _ROUTES.get(path, ("connect", "GET, HEAD, POST"))
        if call.method not in allowed.split(", "):
            return pages.wrong_method(allowed)
        if call.method == "HEAD" and name != "connect":
            return pages.notice(200, "Sign in with Sage")  # whoever only looks begins nothing, and uses nothing up
        visit = Visit.of(call, peer)
        if name in ("authorize", "connect") and call.method == "GET" and self._is_elsewhere(visit):
            return pages.redirect(self._at_home(call.target))
        try:
            match name:
                case "authorize":
                    return await self._authorize(visit)
                case "callback":
                    return await self._callback(visit)
                case "choose":
                    return await self._choose(visit)
            return await self._connect(visit, path[1])
        except StoreFailed:
            return pages.unavailable()
        except WrongTooOften as often:
            return pages.too_many(often.retry_after)

    def _is_elsewhere(self, visit: Visit) -> bool:
        host = (header(visit.call.headers, "Host") or "").lower()
        return host in self._elsewhere and _MOVED not in visit.given

    def _at_home(self, target: str) -> str:
        """The same target at the address that Sage sends browsers back to."""
        query = quote(target.partition("?")[2].encode("latin-1", "replace"), safe=PRINTABLE)
        return f"{self._home}/{'/'.join(parts(target))}?{query}{'&' if query else ''}{_MOVED}=1"

    async def _authorize(self, visit: Visit) -> V2Response:
        """Sends the browser of a registered app to Sage."""
        try:
            asked = judge(visit.given, self._apps, self._loopback_apps)
        except Unanswerable:
            return pages.unanswerable()
        except SentBack as sent:
            return pages.redirect(sent.location)
        gone = await self._depart(
            visit, asked.app, asked.scope, asked.more, redirect_uri=asked.redirect_uri, client_state=asked.state
        )
        return gone or pages.redirect(back(asked.redirect_uri, {"error": "server_error"}, asked.state))

    async def _depart(
        self, visit: Visit, app: RegisteredApp, scope: str, more: Mapping[str, str], **way: Any
    ) -> V2Response | None:
        """Begins a way: the redirect to Sage; None for an app that has no client there. Raises WrongTooOften."""
        text, state = self._marks.state()
        browser, cookie = self._marks.cookie(self._marks.browser_of(visit))
        verifier = Secret(secrets.token_urlsafe(48))
        # The user's tenants of this app share a grant: one that may only read would stop the writing of all.
        url = self._sage.authorization_url(app, state, verifier, app.scope, more)
        if url is None:
            return None
        self.begun.count(visit.peer)
        await self._authorizations.begin(
            text, browser, app=app.name, scope=scope, verifier=verifier, now=self._now(), **way
        )
        return pages.redirect(url, SEE_OTHER if visit.call.method == "POST" else 302, cookie)

    async def _callback(self, visit: Visit) -> V2Response:
        """Takes what Sage says, once, from the browser that began."""
        state, browser = self._marks.state_of(visit), self._marks.browser_of(visit)
        if not state or not browser:
            return pages.lost()
        passage = await self._authorizations.redeem(state, browser, self._now())
        app = self._apps.named(passage.app) if passage else None
        if passage is None or app is None:
            return pages.lost()
        code, error = visit.value("code"), _error(visit)
        if error or not code:
            return self._give_back(passage, error or "invalid_request")
        try:
            received = await self.consenting.receive(app, Secret(code), passage.verifier)
            if isinstance(received, str):
                return self._give_back(passage, received)
            return await self._offer(visit, passage, received, browser)
        except StoreFailed:
            return self._give_back(passage, "temporarily_unavailable")

    async def _offer(self, visit: Visit, passage: Passage, received: Received, browser: str) -> V2Response:
        """Goes on with the only business there is, or lets the user choose."""
        there = received.businesses
        if passage.link is not None:
            link = await self._links.at(passage.link, self._now())
            if link is None:
                return pages.no_link()
            there = tuple(one for one in there if link.business in (None, one.id))
            if not there:
                return pages.not_reached()
        country = visit.value("country").lower()
        country = country if COUNTRY.fullmatch(country) else ""
        try:
            passage = await self._authorizations.offer(passage, received.grant, country, there, self._now())
        except PassageOver:
            return pages.lost()
        if len(there) == 1:
            return await self._arrive(passage, there[0])
        return self._choice(visit, passage, browser)

    def _choice(self, visit: Visit, passage: Passage, browser: str, *, wrong: bool = False) -> V2Response:
        return pages.choose(
            passage.app,
            passage.businesses,
            visit.value("state"),
            urlsplit(self._home).path + _CHOOSE,
            passage.redirect_uri or "",
            wrong=wrong,
            cookie=self._marks.cookie(browser)[1],
        )

    async def _choose(self, visit: Visit) -> V2Response:
        """Takes the choice of the browser that was shown it."""
        state, browser = self._marks.state_of(visit), self._marks.browser_of(visit)
        passage = await self._authorizations.choice(state, browser, self._now()) if state and browser else None
        if passage is None or not browser:
            return pages.lost()
        if "cancel" in visit.given:
            return self._give_back(passage, "access_denied", SEE_OTHER)
        chosen = next((one for one in passage.businesses if one.id == visit.value("business")), None)
        if chosen is None:
            return self._choice(visit, passage, browser, wrong=True)
        return await self._arrive(passage, chosen, SEE_OTHER)

    async def _arrive(self, passage: Passage, business: Business, status: int = 302) -> V2Response:
        """Makes the tenant live, and sends the browser back to the app with a code, or says that it is connected."""
        now = self._now()
        link = await self._links.at(passage.link, now) if passage.link is not None else None
        if passage.grant is None or (passage.link is not None and link is None):
            return pages.no_link()
        try:
            tenant = await self._consents.connect(
                passage.app,
                business.id,
                passage.grant,
                now,
                link.name if link else None,
                self._authorizations.end(passage, now),
            )
        except PassageOver:
            return pages.lost()
        except Disconnected:
            return pages.disconnected() if link else self._give_back(passage, "access_denied", status)
        if passage.redirect_uri is None:
            return pages.connected(passage.app, tenant.name, business.name)
        try:
            code = await self._codes.issue(tenant.id, passage.redirect_uri, passage.scope, now)
        except StoreFailed:
            return self._give_back(passage, "temporarily_unavailable", status)
        told = {"code": code, "country": business.country or passage.country or self._country(passage.app)}
        return pages.redirect(back(passage.redirect_uri, told, passage.client_state), status)

    def _country(self, app: str) -> str:
        found = self._apps.named(app)
        return found.country if found else ""

    def _give_back(self, passage: Passage, error: str, status: int = 302) -> V2Response:
        """Tells the app an error, or the person where a link began it: the link can be opened again."""
        if passage.redirect_uri is None:
            return pages.not_connected(denied=error == "access_denied")
        return pages.redirect(back(passage.redirect_uri, {"error": error}, passage.client_state), status)

    async def _connect(self, visit: Visit, token: str) -> V2Response:
        """A connect link: a page with a button, and what its button does."""
        link = await self._links.find(token, self._now())
        app = self._apps.named(link.app) if link else None
        if link is None or app is None:
            return pages.no_link()
        if visit.call.method != "POST" or visit.foreign:
            return pages.confirm(app.name, link.name, self._sage.authorize)
        return await self._depart(visit, app, app.scope, {}, link=link.digest) or pages.unavailable()


def _error(visit: Visit) -> str:
    """The word for an error that Sage's callback brings, "" for none; what v2 did not know becomes `access_denied`.

    One odd shape is `error=Invalid+request&reason=Email+already+in+use` (v31.md §2).
    """
    if "error" not in visit.given:
        return ""
    word = "_".join(visit.value("error").lower().split())
    return word if word in _TOLD else "access_denied"

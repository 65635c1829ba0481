"""A browser's call, and what marks the browser: states that it carries to Sage, and its cookie."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from gateway.edges.authorization.asking import Parameters, first, parameters
from gateway.messages import Pairs, V2Request, header
from gateway.store.authorizations import LIFE, Authorizations

SEE_OTHER = HTTPStatus.SEE_OTHER.value


def parts(target: str) -> tuple[str, ...]:
    """The segments of a target's path; doubled and trailing slashes say nothing (captures/README.md §3)."""
    return tuple(part for part in target.partition("?")[0].split("/") if part)


@dataclass(frozen=True, slots=True)
class Visit:
    """A call with its parameters: of the query, and for POST of the form."""

    call: V2Request
    given: Parameters
    peer: str = ""

    @classmethod
    def of(cls, call: V2Request, peer: str = "") -> Visit:
        """The visit that a call is; `peer` is the browser's address."""
        query = call.target.partition("?")[2].encode("latin-1", "replace")
        return cls(call, parameters(call.body if call.method == "POST" else query), peer)

    def value(self, name: str) -> str:
        """A parameter's first value, "" where it is absent."""
        return first(self.given, name)

    @property
    def foreign(self) -> bool:
        """Whether the browser says that another site's page sends it here."""
        return (header(self.call.headers, "Sec-Fetch-Site") or "none") not in ("none", "same-origin")

    def cookies(self, name: str) -> Iterator[str]:
        """Every value of a cookie."""
        for key, line in self.call.headers:
            if key.lower() == "cookie":
                for pair in line.split(";"):
                    found, _, value = pair.strip().partition("=")
                    if found == name:
                        yield value


class Marks:
    """Makes and recognises what goes to Sage with a browser, and what stays with it."""

    def __init__(self, authorizations: Authorizations, public_url: str) -> None:
        self._authorizations = authorizations
        self._secure = urlsplit(public_url).scheme == "https"
        # A cookie with this prefix cannot come from another host of the same domain.
        self._name = "__Host-sage-gateway" if self._secure else "sage-gateway"

    def state(self) -> tuple[str, str]:
        """A fresh random text, and it signed, as it goes to Sage."""
        text = secrets.token_urlsafe(32)
        return text, self._authorizations.signed("state", text)

    def state_of(self, visit: Visit) -> str | None:
        """The random text of the state that a visit brings back, None for one that is not ours."""
        return self._authorizations.genuine("state", visit.value("state"))

    def browser_of(self, visit: Visit) -> str | None:
        """The random text of the browser's cookie, None where it has none of ours."""
        found = (self._authorizations.genuine("browser", value) for value in visit.cookies(self._name))
        return next((text for text in found if text), None)

    def cookie(self, browser: str | None) -> tuple[str, Pairs]:
        """The browser's random text, a fresh one where it has none, and the header that has it kept while a way lasts.

        One browser keeps its text, so that ways in two tabs do not undo each other.
        """
        text = browser or secrets.token_urlsafe(32)
        secure = "; Secure" if self._secure else ""
        kept = f"{self._name}={self._authorizations.signed('browser', text)}"
        return text, (("Set-Cookie", f"{kept}; Path=/; Max-Age={LIFE:.0f}; HttpOnly; SameSite=Lax{secure}"),)

"""The stand-in's OAuth endpoints (v31.md §2): authorize, token, revoke."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from gateway.sandbox.authorization_server import AuthorizationServer, Family
from gateway.sandbox.consent_page import Person, consent_page
from gateway.sandbox.problems import Problem, Refusal
from gateway.sandbox.switches import Switches
from gateway.sandbox.token_behaviours import Behaviour, Outcome
from gateway.sandbox.wire import Answer

CODE_LIFETIME = 60
QUESTION_LIFETIME = 600
"""Seconds for which a consent page may be answered."""
SCOPES = ("full_access", "readonly")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(slots=True)
class Code:
    family: Family
    redirect_uri: str
    challenge: str
    method: str
    expires: float


@dataclass(frozen=True, slots=True)
class Question:
    """An authorization request that a consent page was shown for."""

    query: Mapping[str, str]
    expires: float


class OAuthRefusal(Exception):  # noqa: N818 - an answer, not a fault
    """400 with `error`."""

    def __init__(self, error: str, description: str | None = None) -> None:
        super().__init__(error)
        self.answer = Answer(400, {"error": error, **({"error_description": description} if description else {})})


@dataclass(slots=True)
class OAuth:
    """The authorization server on the wire: one registered client, users who consent at once or on a page.

    `redirect_uris` are those registered; none: any is taken. `signed_in` is the user who consents, and whom the
    page proposes. `tokens` is what the token endpoint does.
    """

    clock: Callable[[], float]
    switches: Switches
    subjects: Mapping[str, str]
    """User name -> GUID."""
    client_id: str
    client_secret: str
    client_name: str = "The gateway"
    people: Callable[[], Sequence[Person]] = tuple
    redirect_uris: set[str] = field(default_factory=set)
    signed_in: str = "owner"
    codes: dict[str, Code] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)
    tokens: AuthorizationServer = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = AuthorizationServer(self.switches, self.subjects, _refresh_token, self._access_token)

    def authorize(self, query: Mapping[str, str]) -> Answer:
        """Consents at once: a redirect with a code that lives 60 seconds, or with an error. Or asks on a page."""
        target = query.get("redirect_uri", "")
        if query.get("client_id") != self.client_id or not target:
            return Answer(400, {"error": "unauthorized_client"})
        if self.redirect_uris and target not in self.redirect_uris:
            return Answer(400, {"error": "invalid_request", "error_description": "redirect_uri"})
        if error := self.switches.authorize_error or _authorize_error(query):
            return _back(query, error=error)
        if self.switches.consent == "yes":
            return self._consented(query, self.signed_in)
        now, name = self.clock(), secrets.token_hex(16)
        self.questions = {key: kept for key, kept in self.questions.items() if kept.expires > now}
        self.questions[name] = Question(query, now + QUESTION_LIFETIME)
        scope = query.get("scope", "full_access")
        page = consent_page(self.client_name, scope, self.people(), self.signed_in, name)
        return Answer(200, page, {**NO_STORE, "Content-Security-Policy": POLICY}, "text/html; charset=utf-8")

    def decide(self, form: Mapping[str, str]) -> Answer:
        """What the consent page's form leads to: back to the client, with a code or `access_denied`."""
        question = self.questions.pop(form.get("request", ""), None)
        user, decision = form.get("user", self.signed_in), form.get("decision")
        if question is None or question.expires <= self.clock() or user not in self.subjects:
            return Answer(400, {"error": "invalid_request", "error_description": "This page is no longer valid."})
        if decision != "allow":
            return _back(question.query, error="access_denied")
        return self._consented(question.query, user)

    def token(self, form: Mapping[str, str], behaviour: Behaviour | None = None) -> Answer:
        """Exchanges a code or a refresh token; `behaviour`: what `next_behaviour` gave, asked here if None."""
        try:
            self._check_client(form)
            match form.get("grant_type"):
                case "authorization_code":
                    return _told(self.tokens.redeem(self._redeem(form), self.clock()))
                case "refresh_token":
                    return _told(self.tokens.refresh(form.get("refresh_token", ""), self.clock(), behaviour))
                case None:
                    raise OAuthRefusal("invalid_request", "grant_type is missing")
                case _:
                    raise OAuthRefusal("unsupported_grant_type")
        except OAuthRefusal as refusal:
            return refusal.answer

    def next_behaviour(self, form: Mapping[str, str]) -> tuple[Behaviour | None, float]:
        """How this token request is dealt with, and the seconds after which to pass it to `token`."""
        if form.get("grant_type") != "refresh_token":
            return None, 0.0
        behaviour = self.tokens.next_behaviour()
        return behaviour, self.tokens.patience(behaviour)

    def revoke(self, form: Mapping[str, str]) -> Answer:
        """Ends a family by its refresh token; access tokens live out their minutes."""
        try:
            self._check_client(form)
        except OAuthRefusal as refusal:
            return refusal.answer
        self.tokens.revoke(form.get("token", ""))
        return Answer(200, {"success": "ok"})

    def issue(self, user: str, scope: str = "full_access") -> str:
        """A refresh token without the browser's part."""
        return self.tokens.issue(self.tokens.consent(user, scope), self.clock())

    def bearer(self, header: str | None) -> Family:
        """Whose token a request carries; 401 in its two shapes (v31.md §10)."""
        if not header:
            message = "Authorization missing. Please add the Authorization header to your request."
            raise Refusal(401, body={"error": message})
        scheme, _, token = header.partition(" ")
        found = self.tokens.accesses.get(token.strip()) if scheme.lower() == "bearer" else None
        if found is None or found.expires <= self.clock():
            expired = "has expired" if found else "is invalid"
            problem = Problem(f"The access token {expired}.", "Authorization", "AccessTokenVerificationError")
            raise Refusal(401, problem)
        return found.family

    def _consented(self, query: Mapping[str, str], user: str) -> Answer:
        country = query.get("country", "gb").upper()
        code = f"{country}/{secrets.token_hex(16)}"
        family = self.tokens.consent(user, query.get("scope", "full_access"))
        challenge, method = query.get("code_challenge", ""), query.get("code_challenge_method", "plain")
        now = self.clock()
        self.codes = {key: kept for key, kept in self.codes.items() if kept.expires > now}
        self.codes[code] = Code(family, query["redirect_uri"], challenge, method, now + CODE_LIFETIME)
        return _back(query, code=code, country=country)

    def _check_client(self, form: Mapping[str, str]) -> None:
        known = form.get("client_id") == self.client_id
        if not known or not hmac.compare_digest(form.get("client_secret", ""), self.client_secret):
            raise OAuthRefusal("invalid_client")

    def _redeem(self, form: Mapping[str, str]) -> Family:
        code = self.codes.pop(form.get("code", ""), None)
        if code is None or code.expires <= self.clock():
            raise OAuthRefusal("invalid_grant", "The code has expired or was used.")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthRefusal("invalid_grant", "redirect_uri does not match.")
        if code.challenge and not _verified(form.get("code_verifier", ""), code):
            raise OAuthRefusal("invalid_grant", "code_verifier does not match.")
        return code.family

    def _access_token(self, number: int, family: Family, now: float) -> str:
        """Looks like Sage's RS512 JWT of about 1,300 characters; its signature is noise."""
        head = {"alg": "RS512", "typ": "JWT", "kid": secrets.token_hex(16)}
        claims = {
            "jti": secrets.token_hex(16),
            "iat": int(now),
            "exp": int(now) + self.switches.access_token_lifetime,
            "iss": "oauth.aws.sbc-accounting.sage.com",
            "aud": "api.sbc-accounting.sage.com",
            "sub": self.subjects[family.user],
            "azp": self.client_id,
            "country": "GB",
            "scopes": "accounts:rw accounting:rw core:rw",
        }
        parts = (json.dumps(head).encode(), json.dumps(claims).encode(), secrets.token_bytes(512))
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _refresh_token(number: int) -> str:
    return secrets.token_urlsafe(800)


def _told(outcome: Outcome) -> Answer:
    if outcome.status != 200:
        return Answer(outcome.status, outcome.body, wait=outcome.wait)
    sent = outcome.received()
    return Answer(outcome.status, sent, NO_STORE, dropped=sent is None, wait=outcome.wait)


def _authorize_error(query: Mapping[str, str]) -> str:
    if query.get("response_type") != "code":
        return "unsupported_response_type"
    if query.get("scope", "full_access") not in SCOPES:
        return "invalid_scope"
    challenge = query.get("code_challenge")
    if challenge is not None and not 43 <= len(challenge) <= 128:
        return "invalid_request"
    return "" if query.get("code_challenge_method", "plain") in ("S256", "plain") else "invalid_request"


def _verified(verifier: str, code: Code) -> bool:
    if code.method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(verifier, code.challenge)


def _back(query: Mapping[str, str], **told: str) -> Answer:
    """Back to the client, with what is told and its state."""
    target = query["redirect_uri"]
    join = "&" if "?" in target else "?"
    state = {"state": query["state"]} if "state" in query else {}
    return Answer(302, headers={"Location": f"{target}{join}{urlencode({**told, **state})}"})

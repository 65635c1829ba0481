"""The stand-in's OAuth endpoints (v31.md §2): authorize, token, revoke."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from gateway.sandbox.problems import Problem, Refusal
from gateway.sandbox.switches import Switches
from gateway.sandbox.wire import Answer

CODE_LIFETIME = 60
KEPT_EXPIRED = 3600
"""Seconds for which an expired access token is still told from an unknown one."""
SCOPES = ("full_access", "readonly")


@dataclass(slots=True)
class Family:
    """All tokens that descend from one consent."""

    user: str
    scope: str
    revoked: bool = False


@dataclass(slots=True)
class Code:
    family: Family
    redirect_uri: str
    challenge: str
    method: str
    expires: float


@dataclass(slots=True)
class Access:
    family: Family
    expires: float


@dataclass(slots=True)
class RefreshToken:
    family: Family
    expires: float
    spent_at: float | None = None


class OAuthRefusal(Exception):  # noqa: N818 - an answer, not a fault
    """400 with `error`."""

    def __init__(self, error: str, description: str | None = None) -> None:
        super().__init__(error)
        self.answer = Answer(400, {"error": error, **({"error_description": description} if description else {})})


@dataclass(slots=True)
class OAuth:
    """The authorization server: one registered client, users who consent at once.

    `redirect_uris` are those registered; none: any is taken. `signed_in` is the user who consents.
    """

    clock: Callable[[], float]
    switches: Switches
    subjects: Mapping[str, str]
    """User name -> GUID."""
    client_id: str
    client_secret: str
    redirect_uris: set[str] = field(default_factory=set)
    signed_in: str = "owner"
    codes: dict[str, Code] = field(default_factory=dict)
    accesses: dict[str, Access] = field(default_factory=dict)
    refreshes: dict[str, RefreshToken] = field(default_factory=dict)

    def authorize(self, query: Mapping[str, str]) -> Answer:
        """Consents at once: a redirect with a code that lives 60 seconds, or with an error."""
        target = query.get("redirect_uri", "")
        if query.get("client_id") != self.client_id or not target:
            return Answer(400, {"error": "unauthorized_client"})
        if self.redirect_uris and target not in self.redirect_uris:
            return Answer(400, {"error": "invalid_request", "error_description": "redirect_uri"})
        state = {"state": query["state"]} if "state" in query else {}
        error = self.switches.authorize_error or _authorize_error(query)
        if error:
            return _redirect(target, {"error": error, **state})
        country = query.get("country", "gb").upper()
        code = f"{country}/{secrets.token_hex(16)}"
        family = Family(self.signed_in, query.get("scope", "full_access"))
        challenge, method = query.get("code_challenge", ""), query.get("code_challenge_method", "plain")
        self.codes[code] = Code(family, target, challenge, method, self.clock() + CODE_LIFETIME)
        return _redirect(target, {"code": code, "country": country, **state})

    def token(self, form: Mapping[str, str]) -> Answer:
        """Exchanges a code or a refresh token."""
        try:
            self._check_client(form)
            match form.get("grant_type"):
                case "authorization_code":
                    return self._answer(self._redeem(form))
                case "refresh_token":
                    return self._refresh(form)
                case None:
                    raise OAuthRefusal("invalid_request", "grant_type is missing")
                case _:
                    raise OAuthRefusal("unsupported_grant_type")
        except OAuthRefusal as refusal:
            return refusal.answer

    def revoke(self, form: Mapping[str, str]) -> Answer:
        """Ends a family by its refresh token; access tokens live out their minutes."""
        try:
            self._check_client(form)
        except OAuthRefusal as refusal:
            return refusal.answer
        found = self.refreshes.get(form.get("token", ""))
        if found is not None:
            found.family.revoked = True
        return Answer(200, {"success": "ok"})

    def issue(self, user: str, scope: str = "full_access") -> str:
        """A refresh token without the browser's part."""
        return self._new_refresh(Family(user, scope))

    def bearer(self, header: str | None) -> Family:
        """Whose token a request carries; 401 in its two shapes (v31.md §10)."""
        if not header:
            message = "Authorization missing. Please add the Authorization header to your request."
            raise Refusal(401, body={"error": message})
        scheme, _, token = header.partition(" ")
        found = self.accesses.get(token.strip()) if scheme.lower() == "bearer" else None
        if found is None or found.expires <= self.clock():
            expired = "has expired" if found else "is invalid"
            problem = Problem(f"The access token {expired}.", "Authorization", "AccessTokenVerificationError")
            raise Refusal(401, problem)
        return found.family

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

    def _refresh(self, form: Mapping[str, str]) -> Answer:
        sent = form.get("refresh_token", "")
        found = self.refreshes.get(sent)
        now = self.clock()
        if found is None or found.family.revoked or found.expires <= now:
            raise OAuthRefusal("invalid_grant")
        if found.spent_at is not None and now - found.spent_at >= self.switches.refresh_grace:
            found.family.revoked = self.switches.kill_family_on_reuse
            raise OAuthRefusal("invalid_grant")
        if not self.switches.rotate_refresh_tokens:
            found.expires = now + self.switches.refresh_token_lifetime
            return self._answer(found.family, sent)
        found.spent_at = now if found.spent_at is None else found.spent_at
        return self._answer(found.family)

    def _answer(self, family: Family, refresh: str | None = None) -> Answer:
        return Answer(
            200,
            {
                "access_token": self._new_access(family),
                "token_type": "bearer",
                "expires_in": self.switches.access_token_lifetime,
                "refresh_token": refresh or self._new_refresh(family),
                "refresh_token_expires_in": self.switches.refresh_token_lifetime,
                "scope": family.scope,
                "requested_by_id": self.subjects[family.user],
            },
            headers={"Cache-Control": "no-store"},
        )

    def _new_refresh(self, family: Family) -> str:
        token = secrets.token_urlsafe(800)
        self.refreshes[token] = RefreshToken(family, self.clock() + self.switches.refresh_token_lifetime)
        return token

    def _new_access(self, family: Family) -> str:
        """Looks like Sage's RS512 JWT of about 1,300 characters; its signature is noise."""
        now = int(self.clock())
        self.accesses = {token: kept for token, kept in self.accesses.items() if kept.expires > now - KEPT_EXPIRED}
        head = {"alg": "RS512", "typ": "JWT", "kid": secrets.token_hex(16)}
        claims = {
            "jti": secrets.token_hex(16),
            "iat": now,
            "exp": now + self.switches.access_token_lifetime,
            "iss": "oauth.aws.sbc-accounting.sage.com",
            "aud": "api.sbc-accounting.sage.com",
            "sub": self.subjects[family.user],
            "azp": self.client_id,
            "country": "GB",
            "scopes": "accounts:rw accounting:rw core:rw",
        }
        parts = (json.dumps(head).encode(), json.dumps(claims).encode(), secrets.token_bytes(512))
        token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        self.accesses[token] = Access(family, now + self.switches.access_token_lifetime)
        return token


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


def _redirect(target: str, query: Mapping[str, str]) -> Answer:
    join = "&" if "?" in target else "?"
    return Answer(302, headers={"Location": f"{target}{join}{urlencode(query)}"})

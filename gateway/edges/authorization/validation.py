"""Token calls as authlib validates them: the client first, then the code or refresh token.

authlib asks of what was read from the store before, so that it does the same work whatever was sent, and says which of
OAuth's errors it is.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Error, OAuth2Request, grants
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from gateway.edges.authorization.apps import RegisteredApp, RegisteredApps
from gateway.grants.legacy import Permission, Presented, code_permits, refresh_permits, same_redirect
from gateway.messages import V2Request, V2Response, header

INVALID_CLIENT: str = InvalidClientError.error
INVALID_GRANT: str = InvalidGrantError.error
INVALID_REQUEST: str = InvalidRequestError.error
REFRESH: str = grants.RefreshTokenGrant.GRANT_TYPE

METHODS = ["client_secret_basic", "client_secret_post"]
JSON = (("Content-Type", "application/json"), ("Pragma", "no-cache"))
SAID = {
    INVALID_CLIENT: "The client id or the client secret is wrong",
    INVALID_GRANT: "The code or refresh token is unknown, expired or already used, or needs a new consent",
    INVALID_REQUEST: "A parameter of the call is missing",
    "unsupported_grant_type": "The grant_type must be authorization_code or refresh_token",
}
"""What is said beside an error: never which of its reasons it was."""
_NOBODY = os.urandom(32)
"""The hash of no secret: unknown clients are compared with it."""


def refusal(error: str, said: str | None = None) -> V2Response:
    """An error in v2's form: 400, whatever it is (v2.md §1.4)."""
    return V2Response(400, {"error": error, "error_description": said or SAID[error]}, JSON)


class Client(ClientMixin):  # type: ignore[misc]
    """A client as authlib asks about it. `app` is None for one that is not registered, whose secret is never right."""

    def __init__(self, app: RegisteredApp | None) -> None:
        self.app = app
        self.name = app.name if app is not None else ""

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether the secret is the registered one, in constant time."""
        said = hashlib.sha256(client_secret.encode("utf-8", "surrogatepass")).digest()
        known = self.app.client_secret_hash if self.app is not None else None
        return hmac.compare_digest(said, known or _NOBODY)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Every client may say its secret in body or header."""
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        """Every client may trade both."""
        return True


class Asked(OAuth2Request):  # type: ignore[misc]
    """A token call as authlib reads it, with what the store knows of the code or refresh token presented.

    `permission` is what that permits, once authlib has asked. Times are seconds since 1970, `grace` seconds.
    """

    def __init__(
        self,
        call: V2Request,
        fields: Mapping[str, str],
        found: Presented | None = None,
        now: float = 0.0,
        grace: float = 0.0,
    ) -> None:
        told = {"Authorization": header(call.headers, "authorization") or ""}
        # authlib insists on a secure address; whether the client's was, the deployment decides.
        super().__init__(call.method, "https://gateway/oauth2/token", headers=told)
        self.payload = BasicOAuth2Payload(fields)
        self.found, self.now, self.grace = found, now, grace
        self.permission = Permission.UNKNOWN

    @property
    def form(self) -> Mapping[str, str]:
        """The parameters, from query or body: v2 took both."""
        fields: Mapping[str, str] = self.payload.data
        return fields


class _Code:
    """A code that may be traded."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def get_redirect_uri(self) -> str:
        """What the call's redirect URI must equal; no code lacks one."""
        said = self._asked.payload.redirect_uri or ""
        stored = self._asked.found.redirect_uri if self._asked.found is not None else ""
        return said if same_redirect(stored, said) else stored


class _RefreshToken:
    """A refresh token that was presented."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def check_client(self, client: Client) -> bool:
        """Whether the client may trade it."""
        asked = self._asked
        asked.permission = refresh_permits(asked.found, client.name, asked.now, asked.grace)
        return asked.permission in (Permission.ISSUE, Permission.REPEAT)


class _CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def query_authorization_code(self, code: str, client: Client) -> _Code | None:
        asked: Asked = self.request
        asked.permission = code_permits(asked.found, client.name, asked.now)
        return _Code(asked) if asked.permission is Permission.ISSUE else None


class _RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def authenticate_refresh_token(self, refresh_token: str) -> _RefreshToken:
        return _RefreshToken(self.request)


class Validation(AuthorizationServer):  # type: ignore[misc]
    """authlib's server, without what a web framework would add and without the trade itself."""

    def __init__(self, apps: RegisteredApps) -> None:
        super().__init__()
        self._apps = apps
        self.register_grant(_CodeGrant)
        self.register_grant(_RefreshGrant)

    def query_client(self, client_id: str) -> Client:
        """A client for every id: what is unknown fails as a wrong secret does."""
        return Client(self._apps.by_client_id(client_id))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def why_not(self, asked: Asked) -> str | None:
        """The error of a token call, None where it may be traded."""
        try:
            self.get_token_grant(asked).validate_token_request()
        except OAuth2Error as wrong:
            return str(wrong.error)
        except ValueError:  # authlib cannot read an Authorization header that is no UTF-8
            return INVALID_CLIENT
        return None

    def is_client(self, asked: Asked) -> bool:
        """Whether the call's credentials are right; `asked.client` is whose."""
        try:
            asked.client = self.authenticate_client(asked, METHODS)
        except (OAuth2Error, ValueError):
            return False
        return True

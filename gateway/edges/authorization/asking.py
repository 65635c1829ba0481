"""What an app asks for when it sends a browser to the authorization endpoint (v2.md §1.2), judged by authlib."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes, urlencode, urlsplit

from authlib.oauth2.base import OAuth2Error, invalid_error_characters
from authlib.oauth2.rfc6749 import (
    AuthorizationCodeGrant,
    AuthorizationServer,
    ClientMixin,
    OAuth2Payload,
    OAuth2Request,
)

from gateway.edges.authorization.apps import RegisteredApp, RegisteredApps

SCOPES = ("full_access", "readonly")
LONGEST_STATE = 4096
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Parameters = Mapping[str, list[bytes]]
"""Every value of each parameter, decoded to the bytes that were meant."""


class Unanswerable(Exception):  # noqa: N818 - it says what is the case
    """No browser may be sent back: the client or its redirect URI is not a registered one (RFC 6749 §4.1.2.1)."""


class SentBack(Exception):  # noqa: N818 - it says what is the case
    """The browser goes back to the app with an error; `location` says where and with which."""

    def __init__(self, location: str) -> None:
        super().__init__("the app is told an error")
        self.location = location


@dataclass(frozen=True, slots=True)
class Asked:
    """A call to the authorization endpoint that may go on.

    `state` is percent-encoded as it goes back, None where none was sent. `more` are the parameters that are not v2's.
    """

    app: RegisteredApp
    redirect_uri: str
    scope: str
    state: str | None = field(repr=False)
    more: Mapping[str, str]


def parameters(query: bytes) -> Parameters:
    """The parameters of a query or a form; raw and percent-encoded values arrive the same."""
    found: dict[str, list[bytes]] = {}
    for pair in query.split(b"&"):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        if name:
            found.setdefault(text(unquote_to_bytes(name)), []).append(unquote_to_bytes(value))
    return found


def text(value: bytes) -> str:
    """A value as text; what is no UTF-8 becomes what equals nothing."""
    return value.decode("utf-8", "replace")


def first(given: Parameters, name: str) -> str:
    """A parameter's first value, "" where it is absent."""
    return text(given[name][0]) if name in given else ""


def back(redirect_uri: str, told: Mapping[str, str], state: str | None) -> str:
    """The redirect URI with what is told, its own query kept; `state` as `Asked` has it."""
    join = "?" if "?" not in redirect_uri else "" if redirect_uri[-1] in "?&" else "&"
    return f"{redirect_uri}{join}{urlencode(told)}" + ("" if state is None else f"&state={state}")


def judge(given: Parameters, apps: RegisteredApps, loopback_apps: Collection[str]) -> Asked:
    """What is asked for, where it is in order. Apps named in `loopback_apps` may be on any port of the browser's own
    machine. Raises Unanswerable and SentBack."""
    request = OAuth2Request("GET", "https://gateway.invalid/oauth2/auth")
    request.payload = _Payload(given)
    grant = AuthorizationCodeGrant(request, _Server(apps, loopback_apps))
    sent = given.get("state", [])
    state = quote(sent[0], safe="") if sent and len(sent[0]) <= LONGEST_STATE else None
    try:
        redirect_uri: str = grant.validate_consent_request()
    except OAuth2Error as error:
        if error.redirect_uri is None:
            raise Unanswerable from None
        raise SentBack(back(error.redirect_uri, {"error": str(error.error)}, state)) from None
    wrong = _wrong(grant, request, given)
    if wrong:
        raise SentBack(back(redirect_uri, {"error": wrong}, state))
    more = {name: text(values[0]) for name, values in given.items() if name in ("country", "locale")}
    return Asked(request.client.app, redirect_uri, request.scope, state, more)


def _wrong(grant: AuthorizationCodeGrant, request: OAuth2Request, given: Parameters) -> str:
    """The error in what authlib's grant leaves to others, "" for none."""
    if not grant.check_authorization_endpoint(request):
        return "unsupported_response_type" if request.payload.response_type else "invalid_request"
    try:
        grant.validate_no_multiple_request_parameter(request)
    except OAuth2Error as error:
        return str(error.error)
    return "invalid_request" if any(len(value) > LONGEST_STATE for value in given.get("state", [])) else ""


class _Payload(OAuth2Payload):  # type: ignore[misc]
    """The parameters as authlib reads them. It quotes them in errors, which takes printable ASCII; with anything else
    in it no value is one that we know, and a question mark is none either."""

    def __init__(self, given: Parameters) -> None:
        self._given = {name: [_plain(text(value)) for value in values] for name, values in given.items()}

    @property
    def data(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._given.items()}

    @property
    def datalist(self) -> dict[str, list[str]]:
        return self._given


def _plain(value: str) -> str:
    return value if not invalid_error_characters(value) else "?"


class _Client(ClientMixin):  # type: ignore[misc]
    """An app as authlib asks about it."""

    def __init__(self, app: RegisteredApp, *, loopback: bool) -> None:
        self.app = app
        self._loopback = loopback

    def get_default_redirect_uri(self) -> None:
        """v2 wanted it said (v2.md §1.2)."""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.app.redirect_uris or (self._loopback and _on_loopback(redirect_uri))

    def check_response_type(self, response_type: str) -> bool:
        return True

    def get_allowed_scope(self, scope: str | None) -> str:
        """Everything that is asked for, but no more than the app's setting."""
        readonly = self.app.scope == "readonly" or (scope or "full_access").split() == ["readonly"]
        return "readonly" if readonly else "full_access"


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, apps: RegisteredApps, loopback_apps: Collection[str]) -> None:
        super().__init__(scopes_supported=SCOPES)
        self._apps = apps
        self._loopback_apps = loopback_apps

    def query_client(self, client_id: str) -> _Client | None:
        app = self._apps.by_client_id(client_id)
        return None if app is None else _Client(app, loopback=app.name in self._loopback_apps)


def _on_loopback(redirect_uri: str) -> bool:
    try:
        url = urlsplit(redirect_uri)
        _ = url.port
    except ValueError:
        return False
    odd = " " in redirect_uri or "#" in redirect_uri or url.username is not None
    return url.scheme in ("http", "https") and url.hostname in _LOOPBACK and not odd

"""Our own OAuth client at Sage (v31.md §2): authlib knows the protocol, aiohttp carries it."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Coroutine, Mapping
from typing import Any, cast
from uuid import UUID

import aiohttp
import msgspec
from authlib.oauth2.client import OAuth2Client
from yarl import URL

from gateway.edges.authorization.apps import RegisteredApp
from gateway.edges.reading import MODERN_ID
from gateway.edges.token_client import HEADERS, TOTAL_SECONDS, Credentials, TokenClient, careful_session, read_answer
from gateway.errors import UpstreamFailed
from gateway.grants.business import Business
from gateway.grants.life import Failed, Failure, Tokens
from gateway.grants.secret import Secret

LARGEST_LIST = 8 * 1024 * 1024
MOST_PAGES = 100
"""Pages of businesses: v3.1 gives all on one (v31.md §4)."""
COUNTRIES = frozenset({"ca", "de", "es", "fr", "gb", "ie", "us"})
"""What the authorize page took as `country` at one time or another (v31.md §2)."""
LOCALE = re.compile(r"[a-z]{2}-[A-Z]{2}")


class _Client(OAuth2Client):  # type: ignore[misc]
    """authlib's client on aiohttp: its requests are prepared there and posted by `Sage`."""

    def __init__(self, sage: Sage, credentials: Credentials) -> None:
        super().__init__(
            sage,
            credentials.client_id,
            credentials.client_secret.reveal(),
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 -- a method's name
            revocation_endpoint_auth_method="client_secret_post",
            redirect_uri=sage.callback,
            code_challenge_method="S256",
        )

    def _fetch_token(
        self, url: str, body: str = "", headers: Any = None, auth: Any = None, method: str = "POST", **_: Any
    ) -> Coroutine[Any, Any, Tokens | Failed]:
        _, _, body = auth.prepare(method, url, dict(headers), body)
        return cast("Sage", self.session).token_client.trade(body)

    def _http_post(
        self, url: str, body: str = "", auth: Any = None, headers: Any = None, **_: Any
    ) -> Coroutine[Any, Any, bool]:
        _, headers, body = auth.prepare("POST", url, dict(headers), body)
        return cast("Sage", self.session).post(url, headers, body)


class Sage:
    """Sage as our client meets it. `callback` is the redirect URI that is registered there; the other URLs are those
    of the settings. `token_client` is not closed with it."""

    def __init__(
        self,
        token_client: TokenClient,
        *,
        authorize: str,
        revoke: str,
        api: str,
        callback: str,
        tls: ssl.SSLContext | bool = True,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self.token_client = token_client
        self.callback = callback
        self.authorize = authorize
        self._revoke = revoke
        self._api = api
        self._tls = tls
        self._total = aiohttp.ClientTimeout(total=total_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def authorization_url(
        self, app: RegisteredApp, state: str, verifier: Secret, scope: str, asked: Mapping[str, str]
    ) -> str | None:
        """Where the browser goes, with the state and the challenge of the verifier; None for an app without a client
        at Sage. Of `asked`, the v2 request's parameters, `country` and `locale` go along where Sage knows them: a
        wrong country would fail (v31.md §2)."""
        if not app.credentials:
            return None
        country, locale = asked.get("country", "").lower(), asked.get("locale", "")
        url, _ = _Client(self, app.credentials[0]).create_authorization_url(
            self.authorize,
            state,
            verifier.reveal(),
            scope=scope,
            country=country if country in COUNTRIES else None,
            locale=locale if LOCALE.fullmatch(locale) else None,
        )
        return str(url)

    async def exchange(self, app: RegisteredApp, code: Secret, verifier: Secret) -> Tokens | Failed:
        """Trades the callback's code, country prefix and all, for the first tokens; the secret before the present one
        is tried where Sage refuses that. Each outcome is a value."""
        answer: Tokens | Failed = Failed(Failure.INVALID_CLIENT)
        for credentials in app.credentials:
            answer = await _Client(self, credentials).fetch_token(
                "", grant_type="authorization_code", code=code.reveal(), code_verifier=verifier.reveal()
            )
            if isinstance(answer, Tokens) or answer.failure is not Failure.INVALID_CLIENT:
                break
        return answer

    async def revoke(self, app: RegisteredApp, refresh: Secret) -> bool:
        """Ends a consent by its refresh token; its access token lives out its minutes. False where Sage did not
        confirm it, with any of the app's secrets."""
        for credentials in app.credentials:
            if await _Client(self, credentials).revoke_token(self._revoke, refresh.reveal(), headers=dict(HEADERS)):
                return True
        return False

    async def post(self, url: str, headers: Mapping[str, str], body: str) -> bool:
        """Whether a form was taken; never raises but for cancellation."""
        try:
            async with self._open().post(url, data=body.encode(), headers=headers, allow_redirects=False) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return False

    async def businesses(self, access: Secret) -> tuple[Business, ...]:
        """Every business that the token reaches, in Sage's order. Raises UpstreamFailed.

        The published specification has no `attributes` here; `displayed_as` is the name in any case (v31.md §5).
        """
        found: dict[str, Business] = {}
        path: object = "/businesses"
        for _ in range(MOST_PAGES):
            page = await self._get(str(path), access)
            items = page.get("$items")
            for item in items if isinstance(items, list) else []:
                business = _business(item)
                if business is not None:
                    found.setdefault(business.id, business)
            path = page.get("$next")
            if not isinstance(path, str) or not path.startswith("/") or path.startswith("//"):
                return tuple(found.values())
        raise UpstreamFailed("Sage's list of businesses has no end")

    async def user(self, access: Secret) -> str:
        """The id of the Sage user whose token it is, as a token answer's `requested_by_id` writes it: a GUID with
        hyphens (v31.md §2; that `/user` means the same one is inferred). Raises UpstreamFailed."""
        found = (await self._get("/user", access)).get("id")
        if not isinstance(found, str) or not MODERN_ID.fullmatch(found):
            raise UpstreamFailed("Sage did not say who the user is")
        return str(UUID(found)) if re.fullmatch("[0-9a-f]{32}", found) else found

    async def _get(self, path: str, access: Secret) -> dict[str, Any]:
        """One record of v3.1, asked for twice where need be: reading is harmless."""
        headers = {"Authorization": f"Bearer {access.reveal()}", "Accept": "application/json"}
        for left in (1, 0):
            try:
                url = URL(self._api + path)
                async with self._open().get(url, headers=headers, allow_redirects=False) as response:
                    text = await read_answer(response, LARGEST_LIST)
                    if response.status == 200:
                        return msgspec.json.decode(text, type=dict[str, Any])
                    if response.status < 500:
                        break
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError):
                pass
            await asyncio.sleep(0.2 * left)
        raise UpstreamFailed("Sage does not list the businesses")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = careful_session(self._tls, self._total)
        return self._session


def _business(item: object) -> Business | None:
    """A business of Sage's list; None for one whose id cannot be one."""
    if not isinstance(item, dict):
        return None
    key, name, country = item.get("id"), item.get("name") or item.get("displayed_as"), item.get("country")
    if not isinstance(key, str) or not MODERN_ID.fullmatch(key):
        return None
    code = country.get("id") if isinstance(country, dict) else None
    lower = code.lower() if isinstance(code, str) and re.fullmatch(r"[A-Za-z]{2}", code) else ""
    return Business(key, name if isinstance(name, str) else key, lower)

"""Puts the legacy authorization server together from the settings."""

from __future__ import annotations

import hashlib
from contextlib import AsyncExitStack
from dataclasses import dataclass

from gateway.commands.keeping_alive import secret_of
from gateway.commands.stand_in import NAME
from gateway.commands.times import Times
from gateway.edges.authorization.apps import RegisteredApp, RegisteredApps
from gateway.edges.authorization.browser import CALLBACK, Browser
from gateway.edges.authorization.limiter import WrongTokens
from gateway.edges.authorization.revocation import Revocation
from gateway.edges.authorization.sage import Sage
from gateway.edges.authorization.service import Authorization
from gateway.edges.authorization.token_endpoint import TokenEndpoint
from gateway.edges.refresh_sender import Notice
from gateway.edges.token_client import TokenClient
from gateway.settings import App, Settings
from gateway.store import Store

BEGUN_PER_MINUTE = 60
"""So many may begin to sign in from one address; behind a proxy that does not tell addresses
(`server.address_header`), all together."""
HASH = "sha256:"
"""How `client_secret_hash` begins."""


@dataclass(frozen=True, slots=True)
class Authorizing:
    """The authorization server, the browser's side of it, which may hold consents that are not stored yet, and the
    count of what was wrong."""

    server: Authorization
    browser: Browser
    wrong: WrongTokens


def hash_of(secret: str) -> str:
    """A v2 client secret as `client_secret_hash` has it. SHA-256 is enough: real ones are 160 random bits (v2.md
    §1.1)."""
    return HASH + hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def registered(settings: Settings) -> RegisteredApps:
    """The apps of the settings."""
    return RegisteredApps({name: _registered(name, app) for name, app in settings.apps.items()})


def _registered(name: str, app: App) -> RegisteredApp:
    lifetime = app.access_token_lifetime
    own = secret_of(app.client_secret)
    hashed = hash_of(own.reveal()) if own else app.client_secret_hash
    return RegisteredApp(
        name=name,
        client_id=app.client_id,
        redirect_uris=app.redirect_uris,
        scope=app.scope,
        country=app.country,
        client_secret_hash=None if hashed is None else bytes.fromhex(hashed.removeprefix(HASH)),
        v31_client_id=app.v31_client_id,
        v31_client_secret=secret_of(app.v31_client_secret),
        v31_client_secret_previous=secret_of(app.v31_client_secret_previous),
        access_token_lifetime=None if lifetime == "never" else lifetime,
    )


def authorize(
    settings: Settings,
    store: Store,
    public_urls: tuple[str, ...],
    notice: Notice,
    running: AsyncExitStack,
    times: Times,
    *,
    sandboxed: bool,
    closed: bool,
) -> Authorizing:
    """The authorization server of a gateway; `public_urls` are its own, the first of which Sage sends browsers to.

    `closed`: nothing is issued or ended, since the store is another gateway's.
    """
    apps, sage = registered(settings), _sage(settings, public_urls[0] + CALLBACK, running)
    browser = Browser(
        apps,
        store.consents,
        store.authorizations,
        store.links,
        store.codes,
        sage,
        public_urls=public_urls,
        now=times.wall,
        notice=notice,
        begun=WrongTokens(BEGUN_PER_MINUTE, clock=times.steady),
        loopback_apps={NAME} if sandboxed else frozenset(),
    )
    running.push_async_callback(browser.close)
    given = settings.tokens
    header = settings.server.address_header
    wrong = WrongTokens(given.wrong_per_minute, clock=times.steady, address_header=header)
    tokens = TokenEndpoint(apps, store.codes, store.tokens, wrong, grace=given.refresh_grace, now=times.wall)
    revocation = Revocation(apps, store.tokens, store.grants, sage, wrong, now=times.wall)
    return Authorizing(Authorization(tokens, revocation, browser, wrong, closed=closed), browser, wrong)


def _sage(settings: Settings, callback: str, running: AsyncExitStack) -> Sage:
    upstream = settings.upstream
    token_client = TokenClient(upstream.token)
    running.push_async_callback(token_client.close)
    sage = Sage(
        token_client,
        authorize=upstream.authorize,
        revoke=upstream.revoke,
        api=upstream.api or "",
        callback=callback,
    )
    running.push_async_callback(sage.close)
    return sage

"""What `check` says about settings: each thing in a sentence, with how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway.commands.filesystems import IN_MEMORY, OF_A_CONTAINER, lies_on
from gateway.settings_values import LOOPBACK

if TYPE_CHECKING:
    from gateway.settings import App, Settings

CALLBACK = "/oauth2/callback"


def mistakes(settings: Settings) -> Iterator[str]:
    """What keeps a gateway from serving as these settings say."""
    yield from settings.lacks()
    for name, app in settings.apps.items():
        if app.v31_client_id is None or app.v31_client_secret is None:
            yield f"apps.{name} lacks v31_client_id or v31_client_secret: Sage gives both to an app."
        if app.signature != "off" and app.signing_secret is None:
            yield f'apps.{name}.signing_secret is not set: set it, or set signature = "off".'
        if app.client_secret is not None and app.client_secret_hash is not None:
            yield f"apps.{name}.client_secret and its client_secret_hash are both set: drop one of them."
    yield from _listening(settings)
    yield from _lost(settings)


def _listening(settings: Settings) -> Iterator[str]:
    server = settings.server
    for key in ("tls_cert", "tls_key"):
        path = getattr(server, key)
        if path is not None and not path.is_file():
            yield f"server.{key} names a file that is not there: {path}."
    if not server.public_urls:
        if any(app.signature != "off" for app in settings.apps.values()):
            yield "server.public_urls is empty: signatures can be verified only for the old https://api.sageone.com."
        elif any(app.redirect_uris for app in settings.apps.values()):
            yield "server.public_urls is empty: Sage has no address to send browsers back to; set the gateway's own."
    elif not _private(server.public_urls[0]):
        yield (
            f"server.public_urls begins with {server.public_urls[0]}: Sage sends browsers back there, and takes https "
            "only; name the https URL first."
        )


def _lost(settings: Settings) -> Iterator[str]:
    file = settings.store.file
    if file is not None and _real(settings) and (kind := lies_on(file)) in IN_MEMORY:
        yield (
            f"store.db lies on {kind}, in memory ({file.absolute().parent}): a restart would lose every token and id; "
            "put it on a disk or a volume that stays."
        )


def hints(settings: Settings) -> Iterator[str]:
    """What is worth knowing, though nothing is wrong."""
    if settings.server.public_urls:
        yield f"The callback URL to register at Sage is {settings.server.public_urls[0]}{CALLBACK}"
    if not settings.tenants:
        yield "These settings name no tenant: `sage-gateway tenants add` makes one, and so does an owner's consent."
    for name, tenant in settings.tenants.items():
        if tenant.v31_refresh_token is None:
            yield (
                f"tenants.{name}.v31_refresh_token is not set: unless the store has its grant already, its owner must "
                f"consent; once the gateway runs, `sage-gateway tenants reconnect {name}` makes the link."
            )
        if tenant.access_token is None:
            yield f"tenants.{name}.access_token is not set: its client must get one from the gateway's /oauth2/token."
    for name, app in settings.apps.items():
        yield from _of_app(name, app)
    yield from _of_server(settings)
    yield from _of_store(settings)
    if settings.tokens.refresh_grace == 0:
        yield "tokens.refresh_grace is 0: a client whose refresh is answered into the void must authorise again."
    webhook = settings.alarms.webhook
    if webhook is not None and not _private(webhook.get_secret_value()):
        yield "alarms.webhook is plain http: whoever is on the way reads the alarms, and the token in its address."


def _of_app(name: str, app: App) -> Iterator[str]:
    if not app.redirect_uris:
        yield (
            f"apps.{name}.redirect_uris is empty: no browser can authorise the app; only connect links "
            "(`sage-gateway tenants add`) and the tenants of these settings work."
        )
    if app.client_secret is None and app.client_secret_hash is None:
        yield (
            f"apps.{name} has no client secret: its calls of /oauth2/token are refused; set client_secret_hash, which "
            "`sage-gateway apps hash` prints, or client_secret_file."
        )
    previous, present = app.v31_client_secret_previous, app.v31_client_secret
    if previous is not None and previous == present:
        yield f"apps.{name}.v31_client_secret_previous is the present one: take it away."
    if "daily_calls" in app.model_fields_set:
        yield f"apps.{name}.daily_calls has no effect yet: it is for a later version."


def _of_server(settings: Settings) -> Iterator[str]:
    server = settings.server
    for url in server.public_urls[1:]:
        if not _private(url):
            yield f"server.public_urls holds {url}: tokens cross the network readable; let clients come by https."
    behind = server.host in LOOPBACK and any(not _loopback(url) for url in server.public_urls)
    if server.address_header is None and behind:
        yield (
            "server.address_header is not set: behind a proxy on this machine all clients have one address, and one "
            "that guesses tokens makes all others wait; name the header in which the proxy writes theirs."
        )
    if server.address_header is not None and server.host not in LOOPBACK:
        yield (
            f"server.address_header is believed whoever sends it: let nobody but the proxy reach {server.host}, and "
            f"have the proxy overwrite {server.address_header}."
        )


def _of_store(settings: Settings) -> Iterator[str]:
    store, file = settings.store, settings.store.file
    if file is not None and _real(settings) and lies_on(file) in OF_A_CONTAINER:
        yield f"store.db lies in a container's own layer ({file.absolute().parent}), and goes with it: mount a volume."
    if store.db is not None and file is None:
        if store.marker is None:
            yield (
                "store.marker is not set: a copy of the database's files on another server (not one by pg_dump) would "
                "use the refresh tokens up; name a file outside the database, which all gateways share or have a copy "
                "of."
            )
        if store.spool is None:
            yield (
                "store.spool is not set: tokens that arrive while the database is away are lost if the gateway ends "
                "then; name a file on a disk of this machine."
            )


def _real(settings: Settings) -> bool:
    """Whether real books are behind: not a stand-in on this machine."""
    return settings.upstream.api is not None and not _loopback(settings.upstream.api)


def _loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def _private(url: str) -> bool:
    """Whether nobody on the way can read what is sent to a URL."""
    return url.startswith("https://") or _loopback(url)

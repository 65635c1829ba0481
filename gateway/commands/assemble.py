"""Puts a gateway together from its settings, and takes it apart in the right order."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import BinaryIO

from msgspec.structs import replace

from gateway.commands.authorization import authorize
from gateway.commands.keeping_alive import keep_alive, ring_for, secret_of
from gateway.commands.stand_in import NAME
from gateway.commands.stores import served_store
from gateway.commands.times import Times
from gateway.edges.admin import Admin
from gateway.edges.authorization.browser import Browser
from gateway.edges.callers import Callers, Known, Terms
from gateway.edges.connection import Listener
from gateway.edges.conversation import Conversation
from gateway.edges.frozen import ReadingOnly
from gateway.edges.handler import OAUTH, Reception
from gateway.edges.limits import Limits
from gateway.edges.lookup import Lookup
from gateway.edges.metrics import Metrics
from gateway.edges.refresh_sender import Notice
from gateway.edges.refresher import Refresher
from gateway.edges.sending import UpstreamLimits
from gateway.edges.server import plain_server, serve, tls
from gateway.edges.telemetry import Telemetry, adopt_library_logs
from gateway.edges.trial import TOKEN, Trial
from gateway.edges.upstream import Upstream
from gateway.errors import StoreFailed
from gateway.grants.tenant import Tenant
from gateway.messages import Caller, Pairs
from gateway.resources.registry import KINDS, TABLES
from gateway.settings import App, Settings
from gateway.store import Named, Store

SANDBOXED: Pairs = (("X-Sage-Gateway", "sandbox"),)
"""Marks every reply of a sandboxed gateway, so that nobody takes its books for real ones."""

REFERENCE = ("tax_rates", "countries", "payment_methods")
"""Kinds that change so seldom that a record may be a minute old."""

LOG_SECONDS = 0.1
"""How long a line may wait to be written to standard error together with others."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """A gateway's bound sockets (`admin` None where it is off), the URLs clients sign, and its own URL."""

    public: socket.socket
    admin: socket.socket | None
    public_urls: tuple[str, ...]
    url: str

    @property
    def own(self) -> tuple[str, ...]:
        """Where browsers find the gateway."""
        return self.public_urls or (self.url,)


async def assemble(
    settings: Settings,
    addresses: Addresses,
    running: AsyncExitStack,
    *,
    sandboxed: bool = False,
    log: BinaryIO | None = None,
    times: Times | None = None,
) -> None:
    """Start a gateway. Closing `running` stops it: listeners first, when all calls are done, the store last.

    `log` takes the log lines at once, in place of standard error. Raises StoreFailed, and CannotListen for a
    certificate that cannot be used.
    """
    times = times or Times()
    limits = limits_of(settings)
    telemetry = _telemetry(log, running)
    store, copied = await served_store(settings, running, sandboxed=sandboxed)
    closed = _is_closed(copied, telemetry)
    tenants = await bootstrap(settings, store, times.wall())
    notice = ring_for(settings, store, telemetry, running, times)
    refresher = await keep_alive(settings, store, notice, running, times, frozen=closed)
    conversation = await _converse(settings, store, telemetry, notice, running, refresher)
    authorizing = authorize(settings, store, addresses.own, notice, running, times, sandboxed=sandboxed, closed=closed)
    terms = {name: terms_of(app, keeps=settings.store.keep) for name, app in settings.apps.items()}
    reception = Reception(
        Callers(lambda token: store.tenants.held(token, times.wall()), terms, clock=times.steady),
        ReadingOnly(conversation) if closed else conversation,
        telemetry,
        authorizing.server,
        authorizing.wrong,
        limits=limits,
        public_urls=addresses.public_urls,
        trial=_trial(tenants, terms, addresses.public_urls) if sandboxed else None,
        extra=SANDBOXED if sandboxed else (),
    )
    if addresses.admin is not None:
        admin = Admin(telemetry.metrics, lambda: is_ready(store, refresher, authorizing.browser))
        running.push_async_callback((await serve(plain_server(admin, limits), addresses.admin, limits=limits)).stop)
    listener = Listener(reception, limits=limits, unreadable=telemetry.unreadable, extra=SANDBOXED if sandboxed else ())
    running.push_async_callback(
        (await serve(listener, addresses.public, limits=limits, context=_context(settings))).stop
    )
    telemetry.say("the gateway has started")


def _is_closed(copied: str | None, telemetry: Telemetry) -> bool:
    """Whether nothing may be changed, as `copied` says why; the operator is told."""
    if copied is None:
        return False
    telemetry.metrics.frozen = True
    telemetry.say("the gateway serves a copy of another's store", level="error", reason=copied)
    return True


def _telemetry(log: BinaryIO | None, running: AsyncExitStack) -> Telemetry:
    metrics = Metrics({OAUTH, *(table.name for table in TABLES)}, KINDS)
    telemetry = Telemetry(log or sys.stderr.buffer, metrics, patience=0.0 if log else LOG_SECONDS)
    running.callback(telemetry.flush)
    adopt_library_logs(telemetry)
    return telemetry


def _context(settings: Settings) -> ssl.SSLContext | None:
    server = settings.server
    return tls(server.tls_cert, server.tls_key, server.tls_minimum) if server.tls_cert and server.tls_key else None


def limits_of(settings: Settings) -> Limits:
    """The public listener's limits; a stopping gateway waits a little longer than v3.1 may take to answer."""
    given = settings.limits
    return Limits(
        target=given.target,
        headers=given.headers,
        header_line=given.header_line,
        body=given.body,
        header_seconds=given.header_seconds,
        body_seconds=given.body_seconds,
        idle_seconds=given.idle_seconds,
        calls_per_connection=given.calls_per_connection,
        tenant_in_flight=given.tenant_in_flight,
        in_flight=given.in_flight,
        queue_seconds=given.queue_seconds,
        grace_seconds=given.upstream_seconds + 15,
    )


def terms_of(app: App, *, keeps: bool = True) -> Terms:
    """How an app is dealt with; `keeps` as `Caller` has it. Without a signing secret nothing can be verified (`enforce`
    demands one)."""
    secret = app.signing_secret.get_secret_value() if app.signing_secret else ""
    caller = Caller(
        country=app.country,
        date_order=app.date_order,
        date_out=app.date_out,
        cash_customer=app.cash_customer,
        sales_ledger_account=app.sales_ledger_account,
        keeps=keeps,
    )
    readonly = app.scope == "readonly"
    return Terms(app.signature if secret else "off", secret, app.rare_signatures, caller, readonly)


async def bootstrap(settings: Settings, store: Store, now: float) -> Mapping[str, Tenant]:
    """Make the store have the tenants and legacy tokens of the settings; gives them by name. Raises
    StoreFailed."""
    named = (
        Named(
            name,
            tenant.app,
            tenant.business,
            secret_of(tenant.v31_refresh_token),
            secret_of(tenant.access_token),
            secret_of(tenant.refresh_token),
        )
        for name, tenant in settings.tenants.items()
    )
    return await store.tenants.settle(named, now)


async def is_ready(store: Store, refresher: Refresher, browser: Browser) -> bool:
    """Whether the store answers, and holds every token that v3.1 has given (reliability.md §3.3 step 6)."""
    try:
        await store.ready()
    except StoreFailed:
        return False
    return refresher.unsaved == 0 and browser.consenting.unsaved == 0


def _trial(tenants: Mapping[str, Tenant], terms: Mapping[str, Terms], public_urls: tuple[str, ...]) -> Trial:
    tenant = tenants[NAME]
    terms_here = terms[tenant.app]
    known = Known(tenant, terms_here, replace(terms_here.caller, business=tenant.business), TOKEN)
    return Trial(known, public_urls, {table.root for table in TABLES if table.root})


async def _converse(
    settings: Settings,
    store: Store,
    telemetry: Telemetry,
    notice: Notice,
    running: AsyncExitStack,
    refresher: Refresher,
) -> Conversation:
    given = settings.limits
    upstream = Upstream(
        settings.upstream.api or "",
        refresher,
        key=store.derive("idempotency ids"),
        limits=UpstreamLimits(
            connect=given.upstream_connect_seconds,
            total=given.upstream_seconds,
            body=given.upstream_body,
            in_flight=given.upstream_in_flight,
        ),
        on_alarm=lambda event, tenant: notice(event, tenant.grant),
    )
    running.push_async_callback(upstream.close)
    kept = store.kept if settings.store.keep else None
    lookup = Lookup(store.ids, KINDS, kept=kept, reference=REFERENCE, on_miss=telemetry.metrics.id_missed)
    return Conversation(upstream, lookup, telemetry)

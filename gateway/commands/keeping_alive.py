"""Puts together what keeps grants alive: the refresher, its timers, the spool, and whom to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from pydantic import SecretStr

from gateway.commands.times import Times
from gateway.edges.alarms import AlarmBell
from gateway.edges.keeper import Keeper
from gateway.edges.refresh_sender import Notice
from gateway.edges.refresher import Refresher
from gateway.edges.telemetry import Telemetry
from gateway.edges.token_client import TokenClient
from gateway.grants.secret import Secret
from gateway.settings import Settings
from gateway.store import Store

OWNERS = frozenset({"needs_consent", "grant_dying"})
"""Alarms that an owner's consent mends."""


def secret_of(given: SecretStr | None) -> Secret | None:
    """A setting that is a secret; None where it is not set, or empty."""
    return Secret(given.get_secret_value()) if given is not None and given.get_secret_value() else None


def clients_of(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Each app's v3.1 client id, then its secrets, the newest first."""
    found = {}
    for name, app in settings.apps.items():
        secrets = (secret_of(app.v31_client_secret), secret_of(app.v31_client_secret_previous))
        known = [secret.reveal() for secret in secrets if secret]
        if app.v31_client_id and known:
            found[name] = (app.v31_client_id, *known)
    return found


def ring_for(settings: Settings, store: Store, telemetry: Telemetry, running: AsyncExitStack, times: Times) -> Notice:
    """What is told of a grant's news: the log and the metrics, and a webhook of alarms where there is one."""
    url = secret_of(settings.alarms.webhook)
    if url is None:
        return telemetry.happened

    async def describe(event: str, grant: int) -> dict[str, Any]:
        names = await store.tenants.of_grant(grant)
        if event not in OWNERS:
            return {"tenants": names}
        mend = [f"sage-gateway tenants reconnect {name}" for name in names]
        return {"tenants": names, "mend": mend, "link": await _link(settings, store, names, times.wall())}

    bell = AlarmBell(
        url, describe, clock=times.steady, failed=lambda: telemetry.metrics.happening("alarm_not_delivered")
    )
    bell.start()
    running.push_async_callback(bell.close)

    def notice(event: str, grant: int) -> None:
        telemetry.happened(event, grant)
        bell.ring(event, grant)

    return notice


async def _link(settings: Settings, store: Store, names: Sequence[str], now: float) -> str | None:
    """A connect link for the first of a grant's tenants that is served: one consent of their user mends all."""
    for name in names if settings.server.public_urls else ():
        row = await store.rows.named(name, now)
        if row is not None and row.disconnected_at is None:
            tenant = row.tenant
            token = await store.links.issue(name, tenant.app, tenant.business, now)
            return f"{settings.server.public_urls[0]}/connect/{token.reveal()}"
    return None


async def keep_alive(
    settings: Settings, store: Store, notice: Notice, running: AsyncExitStack, times: Times, *, frozen: bool
) -> Refresher:
    """The refresher, with its timers started. What an earlier process could not store is stored first.

    `frozen`: the store is a copy of another's, and nothing is sent for it. Raises StoreFailed, KeyWrong.
    """
    lease = settings.tokens.lease_seconds
    client = TokenClient(settings.upstream.token, total_seconds=lease / 3)
    running.push_async_callback(client.close)
    # A copy leaves the spool for the store that it belongs to.
    path = None if frozen else settings.store.spool_path
    spool = None if path is None else await store.take_spools(path, times.wall())
    if spool is not None:
        running.callback(spool.close)
    refresher = Refresher(
        store.grants,
        client,
        clients_of(settings),
        chances=times.chances,
        lease_seconds=lease,
        notice=notice,
        spool=spool,
        frozen=frozen,
    )
    running.push_async_callback(refresher.close)
    keeper = Keeper(refresher, store.grants, times.chances, notice)
    if not frozen:
        keeper.start()
    running.push_async_callback(keeper.close)
    return refresher

"""`sage-gateway tenants erase`: disconnected, forgotten by running gateways, revoked at Sage, gone."""

from __future__ import annotations

import time

import typer

from gateway.commands.authorization import registered
from gateway.commands.refusal import MISUSED, refuse
from gateway.commands.tenant_actions import Desk, tenant, waiting
from gateway.edges.authorization.sage import Sage
from gateway.edges.token_client import TokenClient
from gateway.grants.secret import Secret
from gateway.store.erasure import Erased, Revoke, Told

FORGOTTEN = 30.0
"""Seconds after which no running gateway remembers a token of a disconnected tenant."""

SAID = {
    Told.SHARED: "Its consent at Sage serves other tenants, and stays.",
    Told.LAPSED: "It had no consent at Sage that was alive.",
    Told.REVOKED: "Its consent at Sage has been ended.",
    Told.NOT_TOLD: "Sage could not be told: the consent ends there by itself within 31 days, or when the owner "
    "takes it back in Sage's settings.",
}


async def erase(desk: Desk, name: str, *, at_once: bool) -> None:
    """Erases a tenant and says what is gone; leaves with 2 while the settings name it."""
    if name in desk.settings.tenants:
        refuse(MISUSED, f"The settings name the tenant {name}: take it out there first, or it comes back.")
    if await waiting(desk, name) is not None:
        await desk.store.rows.withdraw_links(name)
        typer.echo(f"{name} was no tenant yet; its link is worthless now.")
        return
    row = await tenant(desk, name)
    given = {(each.app, each.business): also for also, each in desk.settings.tenants.items()}
    also = given.get((row.tenant.app, row.tenant.business))
    if also is not None:
        refuse(MISUSED, f"The settings name its app and business {also}: take that out there first, or it comes back.")
    await desk.store.rows.disconnect(name, desk.now)
    left = (row.disconnected_at or desk.now) + FORGOTTEN - desk.now
    if left > 0 and not at_once:
        typer.echo(f"{name} is disconnected. It is erased in {left:.0f} seconds, when all gateways know.", err=True)
        await desk.wait(left)
    row = await tenant(desk, name)
    erased = await desk.store.erasure.erase(row.tenant, await _revoking(desk), time.time())
    for sentence in _sentences(name, erased):
        typer.echo(sentence)


def _sentences(name: str, erased: Erased) -> tuple[str, ...]:
    books = f"{erased.pairs} ids and {erased.kept} kept fields of its business"
    kept = "" if erased.business else " Another tenant has its business, so the ids and kept fields stay."
    gone = f"{name} is erased, with {erased.tokens} legacy tokens{f', {books}' if erased.business else ''}.{kept}"
    return gone, SAID[erased.told]


async def _revoking(desk: Desk) -> Revoke | None:
    """Ends consents at Sage, as the apps of the settings; None for a copied store, whose consents are another's."""
    copied = await desk.store.identity.claim(desk.settings.store.marker_path)
    if copied is not None:
        typer.echo(f"{copied} So it is taken for a copy, and Sage is told nothing.", err=True)
        return None
    apps, upstream = registered(desk.settings), desk.settings.upstream

    async def revoke(name: str, refresh: Secret) -> bool:
        app = apps.named(name)
        if app is None:
            return False
        client = TokenClient(upstream.token)
        sage = Sage(client, authorize=upstream.authorize, revoke=upstream.revoke, api=upstream.api or "", callback="")
        try:
            return await sage.revoke(app, refresh)
        finally:
            await sage.close()
            await client.close()

    return revoke

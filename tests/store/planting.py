"""Grants planted in a store, for tests."""

from __future__ import annotations

from sqlalchemy import text

from gateway.grants.life import Tokens, after_refresh
from gateway.grants.secret import Secret

NOW = 1_700_000_000.0


async def planted(store, name="t", business="b", seed="seed"):
    """A grant that has only a refresh token."""
    tenant = await store.tenants.add(
        name=name,
        app="app",
        business=business,
        user=None,
        access_token=None,
        refresh_token=None,
        access_token_lifetime=None,
        v31_refresh_token=seed,
        now=NOW,
    )
    return await store.grants.load(tenant.grant)


def next_of(grant, name="2"):
    """The grant after a refresh."""
    tokens = Tokens(Secret("a" + name), 300.0, Secret("r" + name), 2_678_400.0, "user")
    return after_refresh(grant, tokens, NOW)


async def query(store, statement):
    """Rows as an operator sees them."""
    return await store._database.read(text(statement))

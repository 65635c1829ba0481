"""What the settings say reaches the parts of a gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.commands.assemble import bootstrap, terms_of
from gateway.commands.stores import open_store
from gateway.settings import App, load


@pytest.mark.parametrize(("scope", "readonly"), [("full_access", False), ("readonly", True)])
def test_the_scope_of_an_app_is_among_its_terms(scope, readonly):
    """`readonly` takes its writes away."""
    assert terms_of(App(client_id="x", scope=scope)).readonly is readonly


async def test_a_tenant_is_served_as_long_as_the_settings_name_it(tmp_path: Path):
    """A token that a start no longer finds there stops working, a tenant's last one too; an empty one is none."""
    settings = {
        "STORE__DB": f"sqlite:///{tmp_path}/store.db",
        "STORE__KEY": "ab" * 32,
        "APPS__SHOP__CLIENT_ID": "x",
        "TENANTS__ACME__APP": "shop",
        "TENANTS__ACME__BUSINESS": "b1",
        "TENANTS__ACME__V31_REFRESH_TOKEN": "seed",
        "TENANTS__ACME__ACCESS_TOKEN": "old",
        "TENANTS__ACME__REFRESH_TOKEN": "",
    }
    served = []
    for change in ({}, {"TENANTS__ACME__ACCESS_TOKEN": "new"}, None):
        settings |= change or {}
        named = {k: v for k, v in settings.items() if change is not None or not k.startswith("TENANTS")}
        loaded = load(None, {f"SAGE_GATEWAY_{name}": value for name, value in named.items()})
        store = await open_store(loaded)
        made = await bootstrap(loaded, store, 1_700_000_000.0)
        served.append((list(made), [await store.tenants.by_token(token, 0.0) for token in ("old", "new", "")]))
        await store.close()
    (acme,) = {tenant for _, found in served for tenant in found if tenant}
    assert served == [(["acme"], [acme, None, None]), (["acme"], [None, acme, None]), ([], [None, None, None])]

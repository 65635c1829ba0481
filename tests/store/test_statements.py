"""Every statement names whose data it wants (reliability.md §3.2 G7)."""

from __future__ import annotations

import re

from sqlalchemy import event

from gateway.grants.life import State, Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.store import Named

OWNED = {
    "id_pairs": r"id_pairs\.business = ",
    "id_counters": r"id_counters\.business = ",
    "grants": r"grants\.(id|app) = ",
    "legacy_tokens": r"legacy_tokens\.(digest (= |IN )|tenant_id = )",
    "codes": r"codes\.tenant_id = ",
    "links": r"links\.name = ",
    "authorizations": r"authorizations\.(link IN \(SELECT links\.digest|grant_id = )",
    "kept_fields": r"kept_fields\.business = ",
    "grant_seeds": r"grant_seeds\.app = ",
    "token_rescue": r"token_rescue\.(attempt_id|grant_id) = ",
    "tenants": r"tenants\.(grant_id|id|app|business|name) = |legacy_tokens\.digest = ",
}
ALL_TENANTS = re.compile(
    r"SELECT [^()]* FROM tenants ORDER BY tenants\.name"
    r"|SELECT [^()]* FROM legacy_tokens WHERE legacy_tokens\.origin = \S+"
)


async def test_every_statement_names_whose_data_it_wants(store):
    """But the lists of all tenants and of the settings' tokens; an INSERT names it in its values."""
    statements: set[str] = set()
    for engine in (store._database._reads, store._database._writes):
        event.listen(
            engine.sync_engine,
            "before_cursor_execute",
            lambda connection, cursor, statement, *more: statements.add(" ".join(statement.split())),
        )
    await use_everything(store)
    checked = 0
    for statement in statements:
        if statement.startswith("INSERT") or ALL_TENANTS.fullmatch(statement):
            continue
        for table, owner in OWNED.items():
            if re.search(rf"\b(FROM|JOIN|UPDATE) {table}\b", statement):
                assert re.search(owner, statement.partition("WHERE")[2]), statement
                checked += 1
    assert checked >= 12


async def use_everything(store):
    """Calls each method of the store once at least."""
    await store.ids.mint("b", "contacts", ["x"])
    await store.ids.remember("b", [("contacts", "x", 1), ("contacts", "y", 1)])
    await store.ids.modern("b", "contacts", [1])
    await store.ids.shown("b", "contacts", ["x"])
    given = {"access_token": "a", "refresh_token": "r", "access_token_lifetime": None, "now": 1.0}
    for seed in ("s", "s2", "s"):
        tenant = await store.tenants.add(name="t", app="app", business="b", user=None, v31_refresh_token=seed, **given)
    await store.tenants.add(
        name="u",
        app="app",
        business="c",
        user="u",
        v31_refresh_token="s3",
        **given | {"access_token": None, "refresh_token": None},
    )
    for name, seed in (("x", "s4"), ("y", "s5")):
        await store.tenants.settle([Named(name, "app", "d", Secret(seed), Secret("x" + name))], 1.0)
    await store.tenants.by_token("a", 1.0)
    await store.tenants.all()
    grant = await store.grants.load(tenant.grant)
    epoch = await store.grants.take_lease(grant, "me", 60, "a1")
    await store.grants.mark(grant, epoch, State.ACTIVE, 1.0)
    after = after_refresh(grant, Tokens(Secret("a"), 300.0, Secret("r")), 1.0)
    for attempt in ("a1", "a2"):
        await store.grants.save_refreshed(after, attempt, 1.0)
    await store.rows.tokens(tenant.id, 1.0)
    await store.rows.sharing(tenant)
    await store.rows.disconnect("t", 1.0)
    for left in await store.tenants.all():
        grant = await store.grants.load(left.grant)
        await store.grants.mark(grant, (await store.grants.take_lease(grant, "me", 0, "a")) or 1, State.ACTIVE, 1.0)
        await store.erasure.erase(left, None, 1.0)

"""The first tables: grants, tenants, legacy tokens, id pairs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Creates all tables and the triggers that keep id pairs append-only."""
    _secrets()
    _tenants()
    _ids()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _secrets() -> None:
    op.create_table(
        "meta",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "sealing_keys",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "grants",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("sage_user", sa.Text),
        sa.Column("requested_by", sa.Text),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("access_ct", sa.LargeBinary),
        sa.Column("access_expires_at", sa.Double),
        sa.Column("access_life", sa.Double),
        sa.Column("refresh_ct", sa.LargeBinary),
        sa.Column("refresh_expires_at", sa.Double),
        sa.Column("prev_refresh_ct", sa.LargeBinary),
        sa.Column("refreshed_at", sa.Double),
        sa.Column("state_since", sa.Double),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_epoch", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.Double),
        sa.Column("attempt_id", sa.Text),
        sa.Column("attempt_started", sa.Double),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.UniqueConstraint("app", "sage_user"),
        sa.CheckConstraint(
            "state IN ('active', 'refreshing', 'ambiguous', 'reauth_required', 'revoked')", name="state_known"
        ),
    )


def _tenants() -> None:
    op.create_table(
        "grant_seeds",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("grant_id", SERIAL, sa.ForeignKey("grants.id"), nullable=False),
        sa.Column("planted_at", sa.Double, nullable=False),
    )
    op.create_table(
        "token_rescue",
        sa.Column("attempt_id", sa.Text, primary_key=True),
        sa.Column("grant_id", SERIAL, sa.ForeignKey("grants.id"), nullable=False, index=True),
        sa.Column("parent_generation", sa.BigInteger, nullable=False),
        sa.Column("access_ct", sa.LargeBinary, nullable=False),
        sa.Column("access_expires_at", sa.Double, nullable=False),
        sa.Column("refresh_ct", sa.LargeBinary, nullable=False),
        sa.Column("refresh_expires_at", sa.Double),
        sa.Column("rescued_at", sa.Double, nullable=False),
    )
    op.create_table(
        "tenants",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("business", sa.Text, nullable=False),
        sa.Column("grant_id", SERIAL, sa.ForeignKey("grants.id"), nullable=False, index=True),
        sa.Column("seed", sa.LargeBinary),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.UniqueConstraint("app", "business"),
        sa.CheckConstraint("length(business) > 0", name="business_named"),
    )
    op.create_table(
        "legacy_tokens",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("tenant_id", SERIAL, sa.ForeignKey("tenants.id"), nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.CheckConstraint("kind IN ('access', 'refresh')", name="kind_known"),
        sqlite_with_rowid=False,
    )


def _ids() -> None:
    op.create_table(
        "id_pairs",
        sa.Column("business", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("legacy_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("modern_id", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("shown", sa.Boolean, nullable=False),
        sa.CheckConstraint("length(business) > 0", name="business_named"),
        sa.CheckConstraint("origin IN ('sage', 'minted')", name="origin_known"),
        sa.CheckConstraint("legacy_id > 0", name="legacy_id_positive"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_id_pairs_shown",
        "id_pairs",
        ["business", "kind", "modern_id"],
        unique=True,
        sqlite_where=sa.text("shown = 1"),
        postgresql_where=sa.text("shown"),
    )
    op.create_table(
        "id_counters",
        sa.Column("business", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("next", sa.BigInteger, nullable=False),
        sa.CheckConstraint("length(business) > 0", name="business_named"),
        sqlite_with_rowid=False,
    )


def _guard_sqlite() -> None:
    for table in ("id_pairs", "id_counters"):
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    op.execute(
        "CREATE TRIGGER id_pairs_no_update BEFORE UPDATE ON id_pairs "
        "BEGIN SELECT RAISE(ABORT, 'id_pairs is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER id_counters_no_fall BEFORE UPDATE ON id_counters "
        "WHEN NEW.next < OLD.next OR NEW.business <> OLD.business OR NEW.kind <> OLD.kind "
        "BEGIN SELECT RAISE(ABORT, 'id_counters never falls'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION sage_gateway_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        "CREATE TRIGGER id_pairs_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON id_pairs "
        "FOR EACH STATEMENT EXECUTE FUNCTION sage_gateway_refuse()"
    )
    op.execute(
        "CREATE TRIGGER id_counters_no_delete BEFORE DELETE OR TRUNCATE ON id_counters "
        "FOR EACH STATEMENT EXECUTE FUNCTION sage_gateway_refuse()"
    )
    op.execute(
        "CREATE TRIGGER id_counters_no_fall BEFORE UPDATE ON id_counters FOR EACH ROW "
        "WHEN (NEW.next < OLD.next OR NEW.business <> OLD.business OR NEW.kind <> OLD.kind) "
        "EXECUTE FUNCTION sage_gateway_refuse()"
    )

"""The gateway issues tokens: codes, connect links, and authorizations under way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds three tables, and columns that older gateways do not miss."""
    op.add_column("tenants", sa.Column("disconnected_at", sa.Double))
    op.add_column("legacy_tokens", sa.Column("scope", sa.Text))
    op.add_column("legacy_tokens", sa.Column("spent_at", sa.Double))
    _codes()
    _links()
    _authorizations()


def _codes() -> None:
    op.create_table(
        "codes",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("tenant_id", SERIAL, sa.ForeignKey("tenants.id"), nullable=False, index=True),
        sa.Column("redirect_uri", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("spent_at", sa.Double),
        sqlite_with_rowid=False,
    )


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, index=True),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("business", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
        sqlite_with_rowid=False,
    )


def _authorizations() -> None:
    op.create_table(
        "authorizations",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("browser", sa.LargeBinary, nullable=False),
        sa.Column("redirect_uri", sa.Text),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("link", sa.LargeBinary),
        sa.Column("verifier_ct", sa.LargeBinary, nullable=False),
        sa.Column("grant_id", SERIAL, sa.ForeignKey("grants.id"), index=True),
        sa.Column("country", sa.Text),
        sa.Column("businesses_ct", sa.LargeBinary),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False, index=True),
        sa.CheckConstraint(
            "stage IN ('asked', 'redeeming', 'choosing', 'done')", name=op.f("ck_authorizations_stage_known")
        ),
        sqlite_with_rowid=False,
    )

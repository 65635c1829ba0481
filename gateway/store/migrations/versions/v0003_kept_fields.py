"""What v3.1 has no place for is kept beside its records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds `kept_fields`."""
    op.create_table(
        "kept_fields",
        sa.Column("business", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("modern_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value_ct", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("length(business) > 0", name=op.f("ck_kept_fields_business_named")),
        sqlite_with_rowid=False,
    )

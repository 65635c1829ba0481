"""Legacy tokens say where they came from, so that those of the settings can be taken away with the settings.

All that were there came from the settings, and so do those that an older gateway adds meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds `legacy_tokens.origin`."""
    op.add_column("legacy_tokens", sa.Column("origin", sa.Text, nullable=False, server_default="settings"))

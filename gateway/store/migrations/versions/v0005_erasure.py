"""The id pairs of one business may be deleted while `meta` says that it is being erased.

The row of `meta` lives inside the erasing transaction alone, so nobody else ever finds the door open.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

ERASING = "SELECT 1 FROM meta WHERE meta.name = 'erasing' AND meta.value = OLD.business"


def upgrade() -> None:
    """Replaces the triggers that refuse to delete id pairs; changes and TRUNCATE stay refused."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER id_pairs_no_delete")
        op.execute(
            f"CREATE TRIGGER id_pairs_no_delete BEFORE DELETE ON id_pairs WHEN NOT EXISTS ({ERASING}) "
            "BEGIN SELECT RAISE(ABORT, 'id_pairs is append-only'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION sage_gateway_refuse_unless_erasing() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF EXISTS ({ERASING}) THEN RETURN OLD; END IF; "
        "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    op.execute("DROP TRIGGER id_pairs_no_change ON id_pairs")
    op.execute(
        "CREATE TRIGGER id_pairs_no_change BEFORE UPDATE OR TRUNCATE ON id_pairs "
        "FOR EACH STATEMENT EXECUTE FUNCTION sage_gateway_refuse()"
    )
    op.execute(
        "CREATE TRIGGER id_pairs_no_delete BEFORE DELETE ON id_pairs "
        "FOR EACH ROW EXECUTE FUNCTION sage_gateway_refuse_unless_erasing()"
    )

"""Alembic's migrations of the store. They only expand, so old and new replicas run together."""

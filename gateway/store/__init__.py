"""The one place that knows SQL: id pairs, grants, tenants, legacy tokens."""

from __future__ import annotations

from gateway.store.failures import KeyWrong, SchemaOld
from gateway.store.opening import Store, migrate

__all__ = ["KeyWrong", "SchemaOld", "Store", "migrate"]

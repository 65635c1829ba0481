"""The one place that knows SQL: id pairs, grants, tenants, legacy tokens, kept fields."""

from __future__ import annotations

from gateway.store.failures import KeyWrong, SchemaOld
from gateway.store.opening import Store, migrate
from gateway.store.tenants import Named

__all__ = ["KeyWrong", "Named", "SchemaOld", "Store", "migrate"]

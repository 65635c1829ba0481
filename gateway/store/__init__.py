"""The one place that knows SQL: id pairs, grants, tenants, legacy tokens."""

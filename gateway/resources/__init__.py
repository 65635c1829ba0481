"""Data: one small file per v2 resource, found by being here."""

"""A v2-to-v3.1 compatibility gateway for the Sage accounting API."""

__version__ = "0.1.0"

"""Measures the gateway beside a bare aiohttp proxy and nginx: `make bench`, on loopback only."""

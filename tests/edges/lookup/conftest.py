"""A small v3.1 and the real store, opened for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.edges.lookup.lookup_house import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    from tests.edges.lookup.lookup_house import opened

    async with opened(tmp_path) as made:
        yield made

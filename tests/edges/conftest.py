"""The public listener for tests, which import `edge_house` as a part of the clone."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

if TYPE_CHECKING:
    from tests.edges.edge_house import House
    from tests.edges.refresh_house import World


@pytest.fixture
async def gateway() -> AsyncIterator[House]:
    from tests.edges.edge_house import house

    async with house() as built:
        yield built


@pytest.fixture
async def sandbox() -> AsyncIterator[House]:
    from tests.edges.edge_house import house

    async with house(sandboxed=True) as built:
        yield built


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    from tests.edges.refresh_house import a_world

    async with a_world(tmp_path) as built:
        yield built

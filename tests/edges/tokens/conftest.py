"""A token endpoint on a real store."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))

if TYPE_CHECKING:
    from tests.edges.tokens.token_house import Desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    from tests.edges.tokens.token_house import a_desk

    async with a_desk(tmp_path) as built:
        yield built

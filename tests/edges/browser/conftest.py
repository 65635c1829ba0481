"""Two replicas of the authorization server's pages before the stand-in, and a browser."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))

if TYPE_CHECKING:
    from tests.edges.browser.browser_house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    from tests.edges.browser.browser_house import house

    async with house(tmp_path) as built:
        yield built
        assert built.sandbox.violations == []

"""One gateway for all captures: they share its books, as a business's clients do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

if TYPE_CHECKING:
    from tests.captures.capture_house import House


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    from tests.captures.capture_house import running

    with running(tmp_path_factory.mktemp("captures")) as built:
        yield built

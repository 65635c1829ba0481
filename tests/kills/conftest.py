"""What the tests of this folder share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.kills.world import Scene, a_scene


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """A driver whose children may be killed. Needs strace."""
    if shutil.which("strace") is None:
        assert "CI" not in os.environ, "strace is not installed (Debian: apt-get install strace)"
        pytest.skip("STRACE IS NOT INSTALLED: nothing is killed (Debian: apt-get install strace)")
    # A short path: a socket's may have a hundred characters.
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        async with a_scene(Path(folder)) as made:
            yield made

"""How large a call may be: what takes files takes more than all others."""

from __future__ import annotations

import pytest

from tests.edges.edge_house import GOOD, house, is_v2

MIB = 1024 * 1024
HEADERS = {"Authorization": f"Bearer {GOOD}", "Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "size", "status"),
    [
        ("POST", "attachments", 8 * MIB, 200),
        ("PUT", "attachments/7", 8 * MIB, 200),
        ("POST", "attachments?x=1", 8 * MIB + 1, 413),
        ("GET", "attachments", MIB + 1, 413),
        ("POST", "contacts", MIB, 200),
        ("POST", "contacts", MIB + 1, 413),
        ("POST", "nowhere", MIB + 1, 413),
    ],
)
async def test_a_call_may_be_as_large_as_its_resource_says(method: str, path: str, size: int, status: int) -> None:
    """8 MiB for attachments, 1 MiB for everything else, known or not."""
    async with house() as home:
        found, _, body = await home.ask(method, f"/accounts/v2/{path}", HEADERS, bytes(size))
    assert found == status
    assert status == 200 or is_v2(body)

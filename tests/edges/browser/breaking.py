"""A store that breaks behind the gateway's back, and the page of a way that is lost."""

from __future__ import annotations

from sqlalchemy import text

from tests.edges.browser.browser_house import House, Seen


def is_lost(seen: Seen) -> bool:
    """Whether it is the one page for every state that cannot be gone on with."""
    return seen.status == 400 and "cannot be used" in seen.text and "Location" not in seen.headers


class break_grants:  # noqa: N801 - reads as what it does
    """While it is entered, the store cannot take grants: its table is away."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __aenter__(self) -> None:
        await change(self._house, "ALTER TABLE grants RENAME TO broken")

    async def __aexit__(self, *_: object) -> None:
        await change(self._house, "ALTER TABLE broken RENAME TO grants")


async def change(house: House, statement: str) -> None:
    """Changes the store behind the gateway's back."""
    await house.store._database.write(lambda connection: connection.execute(text(statement)))

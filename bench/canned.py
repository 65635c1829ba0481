"""What the static upstream answers: full contacts, as the stand-in shows them to the gateway's own requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from gateway.resources.registry import TABLES
from gateway.sandbox import Sandbox, Switches, serve_sandbox
from gateway.translate.plans import selection

CONTACTS = 20
CITIES = ("Newcastle upon Tyne", "Hull", "Leeds", "Kingston upon Thames", "Bath")
TOKEN_LENGTH = 1300
"""Characters of an access token of v3.1 (v31.md §2)."""


@dataclass(frozen=True, slots=True)
class Canned:
    """The bodies of v3.1's answers, and what calls and requests must name."""

    business: str
    modern: str
    legacy: int
    one: bytes
    many: bytes


async def canned() -> Canned:
    """Twenty contacts with person, both addresses and legacy ids: the list of them, and the first one."""
    stand_in = Sandbox(seed=False, switches=Switches(new_records_get_legacy_id=True))
    runner, base_url = await serve_sandbox(stand_in)
    try:
        async with aiohttp.ClientSession(f"{base_url}/v3.1/") as session:
            session.headers["Authorization"] = f"Bearer {await _token(session, base_url, stand_in)}"
            made = [await _ask(session, "POST", "contacts", body={"contact": _contact(n)}) for n in range(CONTACTS)]
            table = next(table for table in TABLES if table.path == "contacts")
            window = [["items_per_page", str(CONTACTS)], ["page", "1"]]
            many = await _ask(session, "GET", "contacts", selection(table, "list") + window)
            first = made[0]["id"]
            one = await _ask(session, "GET", f"contacts/{first}", selection(table, "one"))
    finally:
        await runner.cleanup()
    return Canned(stand_in.lead_business, first, one["legacy_id"], _bytes(one), _bytes(many))


async def _token(session: aiohttp.ClientSession, base_url: str, stand_in: Sandbox) -> str:
    form = {
        "grant_type": "refresh_token",
        "client_id": stand_in.client_id,
        "client_secret": stand_in.client_secret,
        "refresh_token": stand_in.issue_refresh_token(),
    }
    async with session.post(f"{base_url}/token", data=form) as answer:
        return str((await answer.json())["access_token"])


async def _ask(
    session: aiohttp.ClientSession, method: str, path: str, query: list[list[Any]] | None = None, body: Any = None
) -> dict[str, Any]:
    params = [(name, value) for name, value in query or ()]
    async with session.request(method, path, params=params, json=body) as answer:
        if answer.status >= 400:
            raise RuntimeError(f"the stand-in refused a contact: {await answer.text()}")
        said: dict[str, Any] = await answer.json()
        return said


def _bytes(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _contact(number: int) -> dict[str, Any]:
    return {
        "name": f"Harbour Trading {number} Ltd",
        "reference": f"HT-{number:04}",
        "contact_type_ids": ["VENDOR" if number % 4 == 0 else "CUSTOMER"],
        "notes": "Asked for statements by post, and to be rung before a delivery.",
        "tax_number": f"GB 123 45{number:02} 67",
        "main_address": _address(number, "Main Address", f"{number} Mill Road"),
        "delivery_address": _address(number, "Delivery Address", f"Unit {number}, Dock Street"),
        "main_contact_person": {
            "contact_person_type_ids": ["CUSTOMER"],
            "name": f"Jessica B. Hill {number}",
            "job_title": "Buyer",
            "telephone": f"0191 496 {number:04}",
            "mobile": f"07700 900{number:03}",
            "email": f"jessica.hill{number}@harbour.example",
        },
    }


def _address(number: int, name: str, street: str) -> dict[str, Any]:
    return {
        "address_type_id": "DELIVERY" if name.startswith("Del") else "ACCOUNTS",
        "name": name,
        "address_line_1": street,
        "address_line_2": "Old Quarter",
        "city": CITIES[number % len(CITIES)],
        "region": "Tyne and Wear",
        "postal_code": f"NE{number} 4AB",
        "country_id": "GB",
    }

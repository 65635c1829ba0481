"""The stand-in for v3.1 as an upstream: the settings with which a gateway reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.edges.trial import SECRET, TOKEN

if TYPE_CHECKING:
    from gateway.sandbox import Sandbox

NAME = "sandbox"
"""The app and the tenant of a sandboxed gateway."""


CASH_CUSTOMER = "53117843"
"""Jessica B. Hill, the customer of invoices that name none."""


def reach(stand_in: Sandbox, base_url: str) -> Mapping[str, str]:
    """Dotted settings: where the stand-in is, one app, and one tenant that `TestToken` names."""
    return {
        "upstream.api": f"{base_url}/v3.1",
        "upstream.token": f"{base_url}/token",
        f"apps.{NAME}.client_id": NAME,
        f"apps.{NAME}.signing_secret": SECRET,
        f"apps.{NAME}.v31_client_id": stand_in.client_id,
        f"apps.{NAME}.v31_client_secret": stand_in.client_secret,
        f"apps.{NAME}.cash_customer": CASH_CUSTOMER,
        f"tenants.{NAME}.app": NAME,
        f"tenants.{NAME}.business": stand_in.lead_business,
        f"tenants.{NAME}.access_token": TOKEN,
        f"tenants.{NAME}.v31_refresh_token": stand_in.issue_refresh_token(),
    }

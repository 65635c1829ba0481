"""The stand-in for v3.1 as an upstream: the settings with which a gateway reaches it, and what it knows of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from gateway.edges.trial import SECRET, TOKEN

if TYPE_CHECKING:
    from gateway.sandbox import Sandbox

NAME = "sandbox"
"""The app and the tenant of a sandboxed gateway."""

CLIENT_ID = "TestClient"
CLIENT_SECRET = "TestClientSecret"  # noqa: S105 - opens nothing but invented books
LOOPBACK = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")

CASH_CUSTOMER = "53117843"
"""Jessica B. Hill, the customer of invoices that name none."""


class Consent(StrEnum):
    """Whether the stand-in's users consent at once, or are asked on a page."""

    YES = "yes"
    ASK = "ask"


def reach(stand_in: Sandbox, base_url: str) -> Mapping[str, str]:
    """Dotted settings: where the stand-in is, one app, and one tenant that `TestToken` names."""
    return {
        "upstream.api": f"{base_url}/v3.1",
        "upstream.authorize": f"{base_url}/oauth2/auth/central?filter=apiv3.1",
        "upstream.token": f"{base_url}/token",
        "upstream.revoke": f"{base_url}/revoke",
        f"apps.{NAME}.client_id": CLIENT_ID,
        f"apps.{NAME}.client_secret": CLIENT_SECRET,
        f"apps.{NAME}.signing_secret": SECRET,
        f"apps.{NAME}.v31_client_id": stand_in.client_id,
        f"apps.{NAME}.v31_client_secret": stand_in.client_secret,
        f"apps.{NAME}.cash_customer": CASH_CUSTOMER,
        f"tenants.{NAME}.app": NAME,
        f"tenants.{NAME}.business": stand_in.lead_business,
        f"tenants.{NAME}.access_token": TOKEN,
        f"tenants.{NAME}.v31_refresh_token": stand_in.issue_refresh_token(),
    }


def register(stand_in: Sandbox, public_urls: Iterable[str]) -> None:
    """Let the stand-in send browsers back to a gateway of these URLs, and nowhere else."""
    from gateway.edges.authorization.browser import CALLBACK

    stand_in.oauth.redirect_uris.update(url + CALLBACK for url in public_urls)


def authorize_url(url: str) -> str:
    """Where a browser may try how an app is authorised.

    It ends at a page of the gateway's own where that is on the loopback over HTTP, as the app's redirect URI must be.
    """
    landing = f"{url}/health_check" if url.startswith(LOOPBACK) else "http://localhost:3000/callback"
    query = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": landing, "state": "mine"}
    return f"{url}/oauth2/auth?{urlencode(query, safe=':/')}"

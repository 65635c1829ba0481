"""The stand-in as an upstream: what a gateway is told of it, and it of a gateway."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.commands.stand_in import authorize_url, reach, register
from gateway.edges.authorization.apps import RegisteredApp, RegisteredApps
from gateway.edges.authorization.asking import judge, parameters
from gateway.sandbox import Sandbox
from gateway.settings import load
from gateway.settings_sources import variable


@pytest.mark.parametrize(
    ("url", "landing"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/health_check"),
        ("http://[::1]:8080", "http://[::1]:8080/health_check"),
        ("https://127.0.0.1:8443", "http://localhost:3000/callback"),
        ("http://192.168.0.9:8080", "http://localhost:3000/callback"),
    ],
)
def test_the_printed_address_asks_for_what_a_gateway_gives(url: str, landing: str) -> None:
    """Wherever the gateway listens, the redirect URI is one that a loopback app may have."""
    printed = urlsplit(authorize_url(url))
    assert f"{printed.scheme}://{printed.netloc}{printed.path}" == f"{url}/oauth2/auth"
    assert parse_qs(printed.query)["redirect_uri"] == [landing]
    apps = RegisteredApps({"sandbox": RegisteredApp("sandbox", "TestClient")})
    assert judge(parameters(printed.query.encode()), apps, {"sandbox"}).redirect_uri == landing


def test_every_address_of_sage_is_the_stand_ins() -> None:
    """No call of a sandboxed gateway goes to Sage."""
    told = reach(Sandbox(seed=False), "http://127.0.0.1:9")
    settings = load(None, {variable(key): value for key, value in told.items()})
    assert {urlsplit(str(url)).netloc for url in settings.upstream.model_dump().values()} == {"127.0.0.1:9"}


def test_browsers_are_sent_back_to_registered_gateways_only() -> None:
    """To the callback under each of their URLs."""
    stand_in = Sandbox(seed=False)
    register(stand_in, ("http://127.0.0.1:8080", "http://localhost:8080"))
    query = {"client_id": stand_in.client_id, "response_type": "code"}
    for base, status in (("http://localhost:8080", 302), ("http://localhost:8081", 400)):
        assert stand_in.oauth.authorize({**query, "redirect_uri": f"{base}/oauth2/callback"}).status == status

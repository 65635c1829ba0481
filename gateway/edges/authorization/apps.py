"""The apps that the settings register, as the authorization server knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.edges.token_client import Credentials
from gateway.grants.secret import Secret


@dataclass(frozen=True, slots=True)
class RegisteredApp:
    """A registered client software: what v2 clients say of it, and what we say at Sage.

    `redirect_uris` are compared exactly (v2.md §1.2); `scope` is the most it may have, `full_access` or `readonly`;
    `country` an ISO 3166 code in lower case. `client_secret_hash` is SHA-256 of the v2 client secret, None where it
    has none and so cannot authenticate. Without a v3.1 client nobody can consent.
    """

    name: str
    client_id: str
    redirect_uris: tuple[str, ...] = ()
    scope: str = "full_access"
    country: str = "gb"
    client_secret_hash: bytes | None = None
    v31_client_id: str | None = None
    v31_client_secret: Secret | None = None
    v31_client_secret_previous: Secret | None = None
    access_token_lifetime: int | None = 3600
    """Seconds that a legacy access token lives; None for ever."""

    @property
    def credentials(self) -> tuple[Credentials, ...]:
        """Our own client at Sage, the present secret first; empty where the settings name none."""
        if self.v31_client_id is None:
            return ()
        secrets = (self.v31_client_secret, self.v31_client_secret_previous)
        return tuple(Credentials(self.v31_client_id, secret) for secret in secrets if secret)


class RegisteredApps:
    """The apps by name and by v2 client id."""

    def __init__(self, apps: Mapping[str, RegisteredApp]) -> None:
        self._by_name = dict(apps)
        self._by_client_id = {app.client_id: app for app in apps.values()}

    def named(self, name: str) -> RegisteredApp | None:
        """The app of this name in the settings."""
        return self._by_name.get(name)

    def by_client_id(self, client_id: str) -> RegisteredApp | None:
        """The app that a v2 client says it is. A client id is no secret."""
        return self._by_client_id.get(client_id)

"""Who a legacy token stands for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tenant:
    """An app with one business, and the grant that reaches it.

    `id` is the store's key; `name` the operator's name for it (a log field); `app` the app's name in the
    settings; `business` the pinned v3.1 business id; `grant` the store's key of the OAuth grant.
    """

    id: int
    name: str
    app: str
    business: str
    grant: int


@dataclass(frozen=True, slots=True)
class Held:
    """A legacy access token that names a tenant.

    `scope` is None where it is the app's. `left`: how many seconds it still lives, 0 or less where it has ended or its
    tenant is disconnected, None for ever.
    """

    tenant: Tenant
    scope: str | None = None
    left: float | None = None

    @property
    def live(self) -> bool:
        """Whether it may be used."""
        return self.left is None or self.left > 0

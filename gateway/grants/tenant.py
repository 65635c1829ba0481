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

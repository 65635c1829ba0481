"""What the codes and refresh tokens of v2 clients permit, decided from what the store says of them (v2.md §1.2, §1.4).

Times are seconds since 1970, durations seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gateway.grants.secret import Secret
from gateway.grants.tenant import Tenant

CODE_LIFE = 60.0
"""How long a code may be traded (v2.md §1.2)."""
FOR_EVER = 315_360_000
"""The `expires_in` of an access token that never lapses: ten years. (inferred) Clients read the number as an integer,
and some add it to a 32-bit clock."""
READONLY, FULL_ACCESS = "readonly", "full_access"


@dataclass(frozen=True, slots=True)
class Presented:
    """A code or refresh token as the store knows it.

    `scope` is None where it is the app's; `until` is when it ends, None for never; `spent_at` when it was first traded.
    `served`: its tenant is connected, and its grant has not lapsed. `redirect_uri` is a code's.
    """

    tenant: Tenant
    scope: str | None
    until: float | None
    spent_at: float | None
    served: bool
    redirect_uri: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """The legacy tokens that a code or refresh token is traded for."""

    access: Secret
    refresh: Secret


class Permission(Enum):
    """What whoever presents a code or refresh token gets for it; the last three are v2's `invalid_grant`."""

    ISSUE = "issue"
    """A new pair; what was presented is spent by it."""
    REPEAT = "repeat"
    """The same pair again: its answer may have been lost."""
    WAIT = "wait"
    """Nothing until the owner consents again or the operator reconnects the tenant; and nothing is spent."""
    ENDED = "ended"
    """Nothing: it was good once, and is expired, traded or taken away."""
    UNKNOWN = "unknown"
    """Nothing: nobody's, or another app's."""


def code_permits(found: Presented | None, app: str, now: float) -> Permission:
    """What a code gives an app: one pair, once, while it lives."""
    if found is None or found.tenant.app != app:
        return Permission.UNKNOWN
    if found.spent_at is not None or _over(found, now):
        return Permission.ENDED
    return Permission.ISSUE if found.served else Permission.WAIT


def refresh_permits(found: Presented | None, app: str, now: float, grace: float) -> Permission:
    """What a refresh token gives an app: one pair, and for `grace` seconds the same one again."""
    if found is None or found.tenant.app != app:
        return Permission.UNKNOWN
    if _over(found, now) or (found.spent_at is not None and now > found.spent_at + grace):
        return Permission.ENDED
    if not found.served:
        return Permission.WAIT
    return Permission.ISSUE if found.spent_at is None else Permission.REPEAT


def _over(found: Presented, now: float) -> bool:
    return found.until is not None and now >= found.until


def same_redirect(asked: str, said: str) -> bool:
    """Whether a token call names the redirect URI that the browser was sent with: exactly, or without its query, as
    one client does (captures/README.md §3)."""
    return said in (asked, asked.partition("?")[0])


def narrower(scope: str | None, apps: str) -> str:
    """The scope of a token: its own, never more than its app's."""
    return READONLY if READONLY in (scope, apps) else FULL_ACCESS

"""The life of a grant, decided from its state and the time; `gateway.edges.refresher` carries it out.

Times are seconds on one clock, durations are seconds. The algorithm is that of reliability.md §3.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from gateway.grants.secret import Secret

EARLY = 120.0
"""Refresh while this much of a 300 s token remains (reliability.md §3.3 step 1); less for shorter lives."""
EARLY_SHARE = 0.4
SAFETY = 5.0
"""A token this close to its end is no longer used: it must outlive the request it is sent with."""
USUAL_LIFE = 300.0
"""What Sage's access tokens live (v31.md §2): assumed where an answer's `expires_in` makes no sense."""
LONGEST_LIFE = 3600.0
SHORTEST_REST = 0.5
LONGEST_REST = 30.0
LONGEST_RETRY_AFTER = 300.0
HALT = 300.0
"""How long an app rests whose own client id or secret Sage refused."""
HEALING = 30.0
"""For so long after a refusal was answered with a refresh, no other is: it would hammer, not heal."""


class State(Enum):
    """Where a grant stands; the value is what the store holds."""

    ACTIVE = "active"
    REFRESHING = "refreshing"
    AMBIGUOUS = "ambiguous"
    REAUTH_REQUIRED = "reauth_required"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Grant:
    """An app's consent by one Sage user, with the v3.1 tokens of its present generation.

    `access_until` is when the access token ends and `life` how long it lived in all;
    `refresh_until` is None where Sage has not told. `lease_left`: for so long somebody else may be
    refreshing, as the store's clock had it when the grant was read.
    """

    id: int
    app: str
    generation: int
    state: State
    refresh: Secret
    access: Secret | None = None
    access_until: float = 0.0
    life: float = USUAL_LIFE
    refresh_until: float | None = None
    previous: Secret | None = None
    user: str | None = None
    lease_left: float = 0.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave. `life` is sensible; `refresh` is None where none was sent (R8).

    `access` is None where none came that can be used; then there is a `refresh`, which may be the only live one.
    """

    access: Secret | None
    life: float
    refresh: Secret | None = None
    refresh_life: float | None = None
    user: str | None = None


class Failure(Enum):
    """How a refresh went wrong."""

    NOT_SENT = "not_sent"
    """Not a byte of the request left: the refresh token is surely unspent."""
    TRANSIENT = "transient"
    """Refused without being executed: 429, 503."""
    AMBIGUOUS = "ambiguous"
    """Sent, and no usable answer came: the refresh token may be spent."""
    INVALID_GRANT = "invalid_grant"
    INVALID_CLIENT = "invalid_client"
    """The app's own credentials or its request were refused; no user can mend it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A refresh that gave no tokens. `retry_after`: seconds, as Sage asked."""

    failure: Failure
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """`token` may be sent now; `refresh`: fetch its successor meanwhile."""

    token: Secret
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class Refresh:
    """No usable token: refresh now, and wait for it."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody else may be refreshing for this long: look again."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Later:
    """Refreshing has failed and rests for this long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AskOwner:
    """The grant has lapsed: only a new consent of the Sage user helps."""


IN_THE_STORE = Secret("in the store")
"""Stands for a refresh token that is not carried about."""


def carried(grant: Grant) -> Grant:
    """The grant as a process keeps it between calls: without refresh tokens, which are read when one is sent."""
    return replace(grant, refresh=IN_THE_STORE if grant.refresh else grant.refresh, previous=None, lease_left=0.0)


Decision: TypeAlias = Use | Refresh | Wait | Later | AskOwner


def usable(grant: Grant, now: float) -> bool:
    """Whether the access token outlives a request sent now."""
    return grant.access is not None and now < grant.access_until - min(SAFETY, grant.life / 10)


def early(grant: Grant) -> float:
    """How long before its end a token is refreshed: ±15 s of 120, so that grants do not move in step."""
    spread = (grant.id * 7919 % 31 - 15) / EARLY
    return min(EARLY, grant.life * EARLY_SHARE) * (1 + spread)


def decide(grant: Grant, now: float, rest_until: float = 0.0) -> Decision:
    """What to do with a grant when a token is wanted.

    `rest_until`: no new attempt before. A refresh token's end is not judged here: our clock may be wrong,
    and Sage says `invalid_grant` where it is over. A grant that needs consent serves out its access token,
    which Sage cannot revoke (v31.md §2).
    """
    if grant.state is State.REVOKED:
        return AskOwner()
    valid = usable(grant, now)
    if grant.state is State.REAUTH_REQUIRED or not grant.refresh:
        return Use(grant.access) if valid and grant.access else AskOwner()
    free = grant.lease_left <= 0 and now >= rest_until
    if valid and grant.access:
        return Use(grant.access, refresh=free and now >= grant.access_until - early(grant))
    if grant.lease_left > 0:
        return Wait(grant.lease_left)
    return Refresh() if free else Later(rest_until - now)


def refused(grant: Grant, token: Secret, now: float, healed_at: float | None) -> Grant | None:
    """The grant after v3.1 refused `token` with 401: without it, if it is the present one.

    `healed_at`: when a refusal was last answered with a refresh. None: that was a moment ago, and another
    refresh would not help (reliability.md §3.4 fault 16).
    """
    if grant.access != token:
        return grant
    if healed_at is not None and now < healed_at + HEALING:
        return None
    return replace(grant, access=None)


def after_refresh(grant: Grant, tokens: Tokens, started: float) -> Grant:
    """The grant's next generation. Its deadlines count from when the request was started.

    Without a new refresh token the old one stays in use: there was no rotation (R5, R8). Without a new access token
    the old one serves out its time, which Sage cannot revoke (v31.md §2).
    """
    new = replace(
        grant,
        generation=grant.generation + 1,
        state=State.ACTIVE,
        refresh=tokens.refresh or grant.refresh,
        refresh_until=grant.refresh_until if tokens.refresh_life is None else started + tokens.refresh_life,
        previous=grant.refresh,
        user=tokens.user or grant.user,
        lease_left=0.0,
    )
    if tokens.access is None:
        return new
    return replace(new, access=tokens.access, access_until=started + tokens.life, life=tokens.life)


@dataclass(frozen=True, slots=True)
class Release:
    """Nothing was spent: give the lease back with this state and rest."""

    state: State
    rest: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """The token may be spent: mark the grant ambiguous, keep the lease to its end, then send it again.

    That is always right (reliability.md §3.3 step 7c): what the lost answer held is out of reach either way.
    """


@dataclass(frozen=True, slots=True)
class Reread:
    """The token was refused: see whether somebody else has rotated it."""


@dataclass(frozen=True, slots=True)
class Lapse:
    """The token was refused and nobody has a newer one: the owner must consent again."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Give the lease back and stop all refreshing of the app for this long."""

    state: State
    seconds: float


Remedy: TypeAlias = Release | Suspect | Reread | Lapse | Halt


def after_failure(grant: Grant, failed: Failed, tries: int, chance: float, reread: bool = False) -> Remedy:
    """What to do about a failed refresh.

    `grant` is as read before the lease; `tries` counts failures in a row from 1; `chance` in [0, 1) spreads
    the rest (full jitter); `reread`: the grant has been read again since, and its generation is the same.
    """
    unspent = State.ACTIVE if grant.state is State.ACTIVE else State.AMBIGUOUS
    if failed.failure is Failure.AMBIGUOUS:
        return Suspect()
    if failed.failure is Failure.INVALID_GRANT:
        return Lapse() if reread else Reread()
    if failed.failure is Failure.INVALID_CLIENT:
        return Halt(unspent, HALT)
    return Release(unspent, rest_after(tries, chance, failed.retry_after))


def rest_after(tries: int, chance: float, retry_after: float | None = None) -> float:
    """Seconds to rest after failures in a row: full jitter of 0.5 to 30 s, or what Sage asks up to 300 s."""
    ceiling = min(LONGEST_REST, SHORTEST_REST * 2.0 ** min(tries, 16))
    rest = max(SHORTEST_REST, ceiling * chance)
    return rest if retry_after is None else max(rest, min(retry_after, LONGEST_RETRY_AFTER))


def sensible_life(told: float | None) -> float:
    """An access token's life from `expires_in`: the usual one for nonsense (R9), an hour at most."""
    return USUAL_LIFE if told is None or not told > 0 else min(told, LONGEST_LIFE)

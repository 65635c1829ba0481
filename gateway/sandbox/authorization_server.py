"""The stand-in's tokens: a machine without I/O, clock or chance, with the behaviours of `token_behaviours`.

The HTTP stand-in puts it on the wire; a model checker can drive it as it is. Times are seconds on one clock.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox.token_behaviours import EXPIRES_IN, Behaviour, Outcome, Policy

KEPT_EXPIRED = 3600
"""Seconds for which an expired access token is still told from an unknown one."""
FORGET_FROM = 4096
"""So many tokens are kept before the dead ones among them are looked for."""


@dataclass(slots=True, eq=False)
class Family:
    """All tokens that descend from one consent; `ended` says why it is revoked: "reuse", "revoked", "" while not."""

    id: int
    user: str
    scope: str
    ended: str = ""

    @property
    def revoked(self) -> bool:
        return bool(self.ended)


@dataclass(slots=True)
class Access:
    family: Family
    expires: float


@dataclass(slots=True)
class RefreshToken:
    """`given` are the access and refresh token that its first use gave."""

    family: Family
    expires: float
    spent_at: float | None = None
    given: tuple[str, str] | None = None


def _refresh_name(number: int) -> str:
    return f"refresh-{number}"


def _access_name(number: int, family: Family, now: float) -> str:
    return f"access-{number}"


@dataclass(slots=True)
class AuthorizationServer:
    """Issues and refreshes tokens, and can be looked into. A copy (`copy.deepcopy`) goes its own way.

    `subjects` gives users' GUIDs. `mint_refresh` and `mint_access` make tokens, from a number that is never used twice.
    """

    policy: Policy = field(default_factory=Policy)
    subjects: Mapping[str, str] = field(default_factory=dict)
    mint_refresh: Callable[[int], str] = _refresh_name
    mint_access: Callable[[int, Family, float], str] = _access_name
    families: list[Family] = field(default_factory=list)
    refreshes: dict[str, RefreshToken] = field(default_factory=dict)
    accesses: dict[str, Access] = field(default_factory=dict)
    queued: list[str] = field(default_factory=list)
    """The behaviours of the next refreshes, in order; then the policy's."""
    accepted: int = 0
    refused: int = 0
    """Refreshes answered so far."""
    _issued: int = 0
    _forget_at: int = FORGET_FROM

    def consent(self, user: str, scope: str = "full_access") -> Family:
        """A user's consent: a new family, still without tokens."""
        family = Family(len(self.families), user, scope)
        self.families.append(family)
        return family

    def issue(self, family: Family, now: float) -> str:
        """A new refresh token."""
        token = self.mint_refresh(self._number())
        self.refreshes[token] = RefreshToken(family, now + self.policy.refresh_token_lifetime)
        self._forget(now)
        return token

    def redeem(self, family: Family, now: float) -> Outcome:
        """What a code is exchanged for: a sound answer, whatever the behaviour of refreshes."""
        pair = self._access(family, now), self.issue(family, now)
        return Outcome(200, self._body(family, pair, now), accepted=True)

    def strike(self, behaviour: str, times: int = 1) -> None:
        """The next refreshes behave so, after those struck already; a mere flaw (`R6`) with the policy's rotation.

        Raises ValueError for an unknown behaviour.
        """
        Behaviour.named(behaviour)
        self.queued += [behaviour] * times

    def next_behaviour(self) -> Behaviour:
        """That of the next refresh, which uses up what was struck."""
        usual = Behaviour.named(self.policy.behaviour)
        return Behaviour.named(self.queued.pop(0), usual.rotation) if self.queued else usual

    def patience(self, behaviour: Behaviour) -> float:
        """Seconds that a request lies there before the server looks at it: pass `refresh` the time after it."""
        return self.policy.latency if behaviour.variant == "late" else 0.0

    def refresh(self, token: str, now: float, behaviour: Behaviour | None = None) -> Outcome:
        """Trades a refresh token at once; `behaviour`: what `next_behaviour` gave, asked here if None."""
        behaviour = behaviour or self.next_behaviour()
        wait = self.policy.latency if behaviour.variant == "committed" else 0.0
        found = self.refreshes.get(token)
        pair = self._trade(token, found, now, behaviour.rotation) if found else None
        if found is None or pair is None:
            self.refused += 1
            return Outcome(400, {"error": "invalid_grant"}, accepted=False, wait=wait)
        self.accepted += 1
        body = self._body(found.family, pair, now)
        if behaviour.answer == "R8":
            del body["refresh_token"], body["refresh_token_expires_in"]
        if behaviour.answer == "R9":
            body["expires_in"] = EXPIRES_IN[behaviour.variant]
        return Outcome(200, body, accepted=True, delivery=behaviour.delivery, wait=wait)

    def revoke(self, token: str) -> None:
        """Ends a refresh token's family; access tokens live out their minutes (v31.md §2)."""
        if (found := self.refreshes.get(token)) and not found.family.ended:
            found.family.ended = "revoked"

    def works(self, token: str, now: float) -> bool:
        """Whether a refresh with this token would be accepted now, under the policy's behaviour."""
        found = self.refreshes.get(token)
        if found is None or found.family.revoked or found.expires <= now:
            return False
        return found.spent_at is None or self._in_grace(found, now, Behaviour.named(self.policy.behaviour).rotation)

    def live(self, family: Family, now: float) -> list[str]:
        """The refresh tokens of a family that would be accepted now, oldest first."""
        return [token for token, kept in self.refreshes.items() if kept.family is family and self.works(token, now)]

    def family_of(self, token: str) -> Family | None:
        """Whose a refresh or access token is."""
        found = self.refreshes.get(token) or self.accesses.get(token)
        return found.family if found else None

    def snapshot(self) -> Hashable:
        """All that it remembers: two servers of one policy with equal snapshots behave alike from here."""
        return (
            tuple((family.user, family.scope, family.ended) for family in self.families),
            tuple(
                (token, kept.family.id, kept.expires, kept.spent_at, kept.given)
                for token, kept in self.refreshes.items()
            ),
            tuple((token, kept.family.id, kept.expires) for token, kept in self.accesses.items()),
            tuple(self.queued),
        )

    def _trade(self, token: str, found: RefreshToken, now: float, rotation: str) -> tuple[str, str] | None:
        family = found.family
        if family.revoked or found.expires <= now:
            return None
        if found.spent_at is None and rotation == "R5":
            found.expires = now + self.policy.refresh_token_lifetime
            return self._access(family, now), token
        if found.spent_at is None:
            found.spent_at = now
            found.given = self._access(family, now), self.issue(family, now)
            return found.given
        if self._in_grace(found, now, rotation):
            return found.given if rotation == "R3" else (self._access(family, now), self.issue(family, now))
        if rotation != "R1":
            family.ended = "reuse"
        return None

    def _in_grace(self, found: RefreshToken, now: float, rotation: str) -> bool:
        return (
            rotation in ("R3", "R4") and found.spent_at is not None and now - found.spent_at < self.policy.refresh_grace
        )

    def _body(self, family: Family, pair: tuple[str, str], now: float) -> dict[str, Any]:
        access, refresh = pair
        access_ends, refresh_ends = (
            kept.expires if kept else now for kept in (self.accesses.get(access), self.refreshes.get(refresh))
        )
        return {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": max(round(access_ends - now), 0),
            "refresh_token": refresh,
            "refresh_token_expires_in": max(round(refresh_ends - now), 0),
            "scope": family.scope,
            "requested_by_id": self.subjects.get(family.user, family.user),
        }

    def _access(self, family: Family, now: float) -> str:
        token = self.mint_access(self._number(), family, now)
        self.accesses[token] = Access(family, now + self.policy.access_token_lifetime)
        return token

    def _number(self) -> int:
        self._issued += 1
        return self._issued

    def _forget(self, now: float) -> None:
        """Drops what nobody can use or tell from the unknown, seldom enough to cost nothing."""
        if len(self.refreshes) + len(self.accesses) < self._forget_at:
            return
        self.refreshes = {
            token: kept for token, kept in self.refreshes.items() if kept.expires > now and not kept.family.revoked
        }
        self.accesses = {token: kept for token, kept in self.accesses.items() if kept.expires > now - KEPT_EXPIRED}
        self._forget_at = max(FORGET_FROM, 2 * (len(self.refreshes) + len(self.accesses)))

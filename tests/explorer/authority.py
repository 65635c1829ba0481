"""The stand-in's authorization server as values: each state is a number, each request leads to another."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from gateway.edges.token_client import classify
from gateway.grants.life import Failed, Failure, Tokens
from gateway.grants.secret import Secret
from gateway.sandbox.authorization_server import AuthorizationServer, Family
from gateway.sandbox.token_behaviours import Behaviour, Outcome, Policy

USER = "user"
SEED = "refresh-1"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request led to: `token`, the refresh token given, where one was; `answer`, what the client makes of what
    arrives, and after how many seconds; `rotated`: the request used up its token. None: it is still to be looked at.
    """

    answer: Tokens | Failed | None
    after: float
    rotated: bool
    given: str | None


class Authority:
    """All states of an authorization server that were met. State 0 knows one consent, with one refresh token."""

    def __init__(self, behaviour: Behaviour, *, latency: float, grace: float) -> None:
        self.behaviour = behaviour
        policy = Policy(behaviour.rotation, refresh_grace=grace, latency=latency)
        server = AuthorizationServer(policy, subjects={USER: USER})
        server.issue(server.consent(USER), 0.0)
        if behaviour.answer:
            server.strike(str(behaviour))
        self._states = [server]
        self._then: dict[tuple[Any, ...], tuple[int, Any]] = {}

    def send(self, state: int, token: str, now: float) -> tuple[int, Answered]:
        """A request arrives. Where the server is slow to look at it, `arrive` is due `after` seconds."""
        key = ("send", state, token, now)
        if key not in self._then:
            server = copy.deepcopy(self._states[state])
            behaviour = server.next_behaviour()
            wait = server.patience(behaviour)
            if wait:
                self._add(key, server, Answered(None, wait, rotated=False, given=None))
            else:
                outcome = server.refresh(token, now, behaviour)
                self._add(key, server, _seen(outcome))
        return self._then[key]

    def arrive(self, state: int, token: str, now: float) -> int:
        """The server looks at a request that lay there."""
        key = ("arrive", state, token, now)
        if key not in self._then:
            server = copy.deepcopy(self._states[state])
            server.refresh(token, now, Behaviour(self.behaviour.rotation))
            self._add(key, server, None)
        return self._then[key][0]

    def consent(self, state: int, now: float) -> tuple[int, Tokens]:
        """The user consents once more."""
        key = ("consent", state, now)
        if key not in self._then:
            server = copy.deepcopy(self._states[state])
            tokens = _seen(server.redeem(server.consent(USER), now)).answer
            self._add(key, server, tokens)
        return self._then[key]

    def spent(self, state: int, token: str) -> bool:
        """Whether a refresh token was used up by a rotation."""
        found = self._states[state].refreshes.get(token)
        return found is not None and found.spent_at is not None

    def dead(self, state: int, token: str) -> bool:
        """Whether nothing is lost with a refresh token: spent, revoked, or of a consent that was replaced."""
        server = self._states[state]
        found = server.refreshes.get(token)
        return (
            found is None
            or found.spent_at is not None
            or found.family.revoked
            or found.family is not self._last(server)
        )

    def works(self, state: int, token: str, now: float) -> bool:
        """Whether a refresh with this token would succeed now."""
        return self._states[state].works(token, now)

    def serves(self, state: int, access: str, now: float) -> bool:
        """Whether v3.1 takes an access token now."""
        found = self._states[state].accesses.get(access)
        return found is not None and now < found.expires

    def access(self, until: float) -> Secret:
        """An access token that was issued before all began, and ends then."""
        server = self._states[0]
        return Secret(server._access(server.families[0], until - server.policy.access_token_lifetime))

    @staticmethod
    def _last(server: AuthorizationServer) -> Family:
        return server.families[-1]

    def _add(self, key: tuple[Any, ...], server: AuthorizationServer, answer: Any) -> None:
        self._then[key] = (len(self._states), answer)
        self._states.append(server)


def _seen(outcome: Outcome) -> Answered:
    """What a client that waits for 20 s makes of an outcome: the production code's own reading."""
    body = outcome.received()
    given = outcome.body.get("refresh_token") if outcome.accepted else None
    # The slow answer comes after the client has gone.
    lost = body is None or outcome.wait > 0
    answer = Failed(Failure.AMBIGUOUS) if lost or body is None else classify(outcome.status, None, body)
    return Answered(answer, outcome.wait, rotated=outcome.accepted, given=given)

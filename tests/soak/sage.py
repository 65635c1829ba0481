"""Sage for the soak: the token endpoint at its strictest, which notes who presented which token when."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from gateway.sandbox.authorization_server import AuthorizationServer, Family
from gateway.sandbox.token_behaviours import Policy

REFRESH_LIFE = 3600
PAGE: dict[str, Any] = {"$total": 0, "$page": 1, "$next": None, "$back": None, "$itemsPerPage": 20, "$items": []}


@dataclass(frozen=True, slots=True)
class Presented:
    """A refresh token that came to the token endpoint: whose, its place in the family's line (the seed is 1), from
    which replica, when (seconds since 1970), and whether it was taken."""

    tenant: str
    generation: int
    replica: int
    at: float
    accepted: bool


class Sage:
    """One process's Sage. Each replica has a token endpoint of its own, so that it is known who asks."""

    def __init__(self, access_life: int) -> None:
        policy = Policy("R2", access_token_lifetime=access_life, refresh_token_lifetime=REFRESH_LIFE)
        self._tokens = AuthorizationServer(policy, mint_refresh=_name, mint_access=_access)
        self._generations: dict[str, int] = {}
        self.presented: list[Presented] = []
        self.rotations = 0
        self.refused_calls = 0

    def seed(self, tenant: str) -> str:
        """A consent's refresh token."""
        token = self._tokens.issue(self._tokens.consent(tenant), time.time())
        self._generations[token] = 1
        return token

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """`/REPLICA/token` and `/v3.1/…`."""
        if request.path.startswith("/v3.1/"):
            return self._api(request)
        form = {name: values[-1] for name, values in parse_qs(await request.text()).items()}
        return self._token(int(request.path.split("/")[1]), form["refresh_token"])

    def _api(self, request: web.BaseRequest) -> web.StreamResponse:
        found = self._tokens.accesses.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if found is None or found.expires <= time.time():
            self.refused_calls += 1
            return web.json_response([{"$severity": "error", "$dataCode": "Expired", "$message": "no"}], status=401)
        return web.json_response(PAGE, headers={"X-Business": request.headers.get("X-Business", "")})

    def _token(self, replica: int, token: str) -> web.StreamResponse:
        now = time.time()
        family = self._tokens.family_of(token)
        outcome = self._tokens.refresh(token, now)
        if family is not None:
            generation = self._generations[token]
            self.presented.append(Presented(family.user, generation, replica, now, outcome.accepted))
            if outcome.accepted:
                self.rotations += 1
                self._generations.setdefault(outcome.body["refresh_token"], generation + 1)
        return web.json_response(outcome.body, status=outcome.status)


def _name(number: int) -> str:
    return secrets.token_urlsafe(600)


def _access(number: int, family: Family, now: float) -> str:
    return f"a{number}.{secrets.token_urlsafe(900)}"

"""A usable v3.1 access token for every tenant: carries out what `gateway.grants.life` decides.

Each refresh is a task of its own that no client can cancel. It holds the grant's lease before it sends,
and a token is used only once it is stored (reliability.md §3.3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.edges.no_token import TROUBLES, Trouble, again, copied, later, why_not
from gateway.edges.refresh_sender import (
    LEASE_SECONDS,
    Chances,
    Grants,
    Notice,
    RefreshSender,
    Sent,
    Spool,
    TokenEndpoint,
    anchored_clock,
)
from gateway.errors import GatewayError, UpstreamFailed
from gateway.grants.life import AskOwner, Decision, Failure, Grant, Later, Use, Wait, carried, decide, refused
from gateway.grants.secret import Secret
from gateway.grants.tenant import Tenant

PATIENCE = 10.0
"""How long a call waits for a token before it is told to come again."""
FIRST_LOOK, LAST_LOOK = 0.05, 1.0
"""How often to look whether another process has finished its refresh: ever less often."""
UNANSWERED_REST = 60.0
"""How long a grant rests after a refresh, sent once more, was not answered either."""
CONSENT_LOOK = 5.0
"""How long a lapsed grant is taken to be lapsed without looking at the store again."""
IN_USE = 300.0
"""A grant that a call used so lately is refreshed ahead of its token's end."""
FORGET_AFTER = 900.0
"""A grant that no call used for so long is not held in memory."""


@dataclass(slots=True)
class Held:
    """What this process knows of a grant: decrypted tokens, the refresh under way, why there is no token."""

    grant: Grant | None = None
    task: asyncio.Task[None] | None = None
    trouble: Trouble | None = None
    failures: int = 0
    rest_until: float = 0.0
    look_after: float = 0.0
    refused: Secret | None = None
    healed_at: float | None = None
    used_at: float = 0.0
    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a grant is held."""


class Refresher:
    """Access tokens for tenants, refreshed early, one refresh at a time per grant.

    `apps` maps an app's name to its v3.1 client id and secret. `chances` are time and luck, for tests to
    choose. `patience` and `lease_seconds` are seconds. `notice` hears what happens, for logs and metrics.
    `spool` takes results that the store does not. `frozen`: the store is a copy of another's, whose refresh tokens
    would be used up; nothing is refreshed.
    """

    def __init__(
        self,
        grants: Grants,
        client: TokenEndpoint,
        apps: Mapping[str, tuple[str, ...]],
        *,
        chances: Chances | None = None,
        lease_seconds: float = LEASE_SECONDS,
        patience: float = PATIENCE,
        notice: Notice = lambda word, grant: None,
        spool: Spool | None = None,
        frozen: bool = False,
    ) -> None:
        self._chances = chances or Chances(anchored_clock())
        self._grants = grants
        self._sender = RefreshSender(grants, client, apps, self._chances, lease_seconds, notice, spool)
        self._frozen = frozen
        self._patience = patience
        self._held: dict[int, Held] = {}
        self._halted: dict[str, float] = {}
        self._closing = asyncio.Event()

    @property
    def unsaved(self) -> int:
        """How many results are not stored yet: while there is one, the gateway must not be killed."""
        return self._sender.unsaved

    async def token(self, tenant: Tenant) -> str:
        """An access token that may be sent now; no I/O while one is fresh.

        Raises NeedsConsent where the grant has lapsed; Throttled, UpstreamFailed or StoreFailed where no
        token can be had at the moment.
        """
        held = self._held.get(tenant.grant)
        if held is None:
            held = self._held[tenant.grant] = Held()
        held.used_at = self._chances.now()
        decision = self._decide(held)
        if isinstance(decision, Use):
            if decision.refresh:
                self._start(tenant.grant, held)
            return decision.token.reveal()
        task = self._start(tenant.grant, held)
        if task is not None:
            await self._wait(held, task)
            if task.done():
                task.result()
            decision = self._decide(held)
        if isinstance(decision, Use):
            return decision.token.reveal()
        raise why_not(decision, held.trouble)

    async def _wait(self, held: Held, task: asyncio.Task[None]) -> None:
        """Waits for a refresh; where nothing was known of the grant, for no more than a usable token.

        For the task, not in it: neither our patience nor a client that hangs up ends it.
        """
        if held.grant is None:
            loaded = asyncio.ensure_future(held.loaded.wait())
            await asyncio.wait({task, loaded}, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
            loaded.cancel()
            if isinstance(self._decide(held), Use):
                return
        await asyncio.wait({task}, timeout=self._patience)

    async def stale(self, tenant: Tenant, token: str) -> str:
        """Another token in place of one that v3.1 refused with 401: a newer one, or one refreshed for this.

        Raises as `token` does; UpstreamFailed where Sage refuses even the token refreshed a moment ago.
        """
        held = self._held.setdefault(tenant.grant, Held())
        grant = held.grant or self._hold(held, await self._grants.load(tenant.grant))
        now = self._chances.now()
        without = refused(grant, Secret(token), now, held.healed_at)
        if without is None:
            raise UpstreamFailed("Sage refuses an access token that it issued a moment ago.")
        if without is not grant:
            held.grant, held.refused, held.healed_at, held.look_after = without, Secret(token), now, 0.0
        return await self.token(tenant)

    def tend(self) -> None:
        """Starts the refreshes that are due of grants in use, so that no call waits for one; forgets the others.

        For a timer, every few seconds.
        """
        now = self._chances.now()
        for grant_id, held in list(self._held.items()):
            if held.task is not None:
                continue
            idle = now - held.used_at
            if idle >= FORGET_AFTER:
                del self._held[grant_id]
            elif idle < IN_USE and isinstance(decision := self._decide(held), Use) and decision.refresh:
                self._start(grant_id, held)

    async def renew(self, grant_id: int) -> bool:
        """Refreshes a grant that no call uses, unless its access token is fresh; whether it has one then."""
        held = self._held.setdefault(grant_id, Held())
        task = self._start(grant_id, held)
        if task is not None:
            await asyncio.wait({task})
        return isinstance(self._decide(held), Use)

    async def close(self) -> None:
        """Ends all waiting, and waits until each refresh that was sent is stored."""
        self._closing.set()
        running = [held.task for held in self._held.values() if held.task is not None]
        await asyncio.gather(*running, return_exceptions=True)

    def _decide(self, held: Held) -> Decision | None:
        return None if held.grant is None else self._judge(held, held.grant)

    def _judge(self, held: Held, grant: Grant) -> Decision:
        rest_until = max(held.rest_until, self._halted.get(grant.app, 0.0))
        return decide(grant, self._chances.now(), rest_until)

    def _hold(self, held: Held, grant: Grant) -> Grant:
        """Keeps a grant as the newest known, and returns it as it is to be judged.

        An access token that was refused is left out. None lives longer than its life, whatever another
        machine's clock said. Others' leases are judged only when just read.
        """
        if grant.access is not None and grant.access == held.refused:
            grant = replace(grant, access=None)
        until = min(grant.access_until, self._chances.now() + grant.life)
        if held.grant is not None and held.grant.generation == grant.generation:
            until = min(until, held.grant.access_until)
        grant = replace(grant, access_until=until)
        held.grant = carried(grant)
        held.loaded.set()
        return grant

    def _start(self, grant_id: int, held: Held) -> asyncio.Task[None] | None:
        """The refresh under way, or a new one; None where it is too soon to look again."""
        if held.task is None and self._chances.now() >= held.look_after and not self._closing.is_set():
            held.task = asyncio.create_task(self._run(grant_id, held), name=f"refresh of grant {grant_id}")
        return held.task

    async def _run(self, grant_id: int, held: Held) -> None:
        try:
            await self._pursue(grant_id, held)
        except GatewayError as error:
            held.trouble = again(error)
            held.look_after = self._chances.now() + LAST_LOOK
        finally:
            held.task = None

    async def _pursue(self, grant_id: int, held: Held) -> None:
        """Looks, waits and refreshes until the grant has a fresh token, has lapsed, or must rest."""
        pause, unanswered = FIRST_LOOK, 0
        while not self._closing.is_set():
            grant = self._hold(held, await self._grants.load(grant_id))
            decision = self._judge(held, grant)
            if self._frozen:
                held.look_after, held.trouble = self._chances.now() + CONSENT_LOOK, copied
                return
            if isinstance(decision, Wait):
                held.trouble = held.trouble or later(decision.seconds)
                await self._pause(min(pause, decision.seconds))
                pause = min(2 * pause, LAST_LOOK)
                continue
            if isinstance(decision, AskOwner | Later) or (isinstance(decision, Use) and not decision.refresh):
                look = CONSENT_LOOK if isinstance(decision, AskOwner) else LAST_LOOK
                held.look_after = self._chances.now() + look
                return
            sent = await self._sender.refresh(grant, held.failures)
            if sent is None:
                await self._pause(pause)
                continue
            unanswered += sent.failure is Failure.AMBIGUOUS
            if self._settle(held, grant, sent, unanswered):
                return

    def _settle(self, held: Held, grant: Grant, sent: Sent, unanswered: int) -> bool:
        """Takes note of what became of a refresh; True where there is nothing more to do for now."""
        if sent.grant is not None:
            held.failures, held.rest_until, held.trouble = 0, 0.0, None
            self._hold(held, sent.grant)
            return True
        if sent.failure is not None:
            now = self._chances.now()
            held.failures += 1
            held.trouble = later(sent.rest) if sent.failure is Failure.TRANSIENT else TROUBLES[sent.failure]
            held.rest_until = now + (UNANSWERED_REST if unanswered > 1 else sent.rest)
            if sent.halt:
                self._halted[grant.app] = now + sent.halt
        return unanswered > 1

    async def _pause(self, seconds: float) -> None:
        """Sleeps, or less where the gateway is stopping."""
        waits = [
            asyncio.ensure_future(self._chances.sleep(seconds)),
            asyncio.ensure_future(self._closing.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

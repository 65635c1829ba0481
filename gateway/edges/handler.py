"""Receives a call, checks it in v2's order, has it answered, and sends the reply.

The order is token, signature, scope, route or verb, body (issue 2); what breaks HTTP comes before all of them.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiohttp import web

from gateway.edges.authorization.limiter import WrongTokens
from gateway.edges.authorization.parameters import LARGEST_BODY
from gateway.edges.callers import Callers, Known, UnknownToken
from gateway.edges.connection import Connection, request_name
from gateway.edges.framing import read_body, read_head, read_target, write_reply
from gateway.edges.limits import Gate, Limits
from gateway.edges.reply import Reply
from gateway.edges.telemetry import Line, Telemetry
from gateway.edges.trial import Trial
from gateway.errors import AccessDenied, GatewayError, InvalidToken, ReadingOnly, TableWrong
from gateway.exchange import body_limit
from gateway.messages import Exchange, Pairs, V2Request, V2Response
from gateway.translate.faults import render
from gateway.translate.headers import bearer
from gateway.translate.signature import Verdict, verify

OAUTH = "oauth"
"""What calls of the authorization server are about, in logs and metrics."""
_STRANGERS = 0
"""What their gate knows all callers by who need no legacy token."""
STRANGERS_SHARE = 4
"""Of all calls at a time, one in so many may be theirs, beside the tenants'."""


class Conversations(Protocol):
    """What has a call answered."""

    async def hold(self, call: V2Request, known: Known, line: Line) -> Exchange:
        """The call's exchange; errors the gateway makes are its reply."""


class AuthorizationServer(Protocol):
    """What is answered without a legacy token."""

    def serves(self, target: str) -> bool:
        """Whether a request-target is one of its addresses."""

    async def answer(self, call: V2Request, peer: str, line: Line) -> V2Response:
        """The reply; `peer` is the client's address, `line` is told whose call it was."""


class Reception:
    """Handles every request of the public listener.

    `wrong` counts tokens that nobody holds. `public_urls` are the addresses clients may have signed for. `extra` are
    headers of every reply. `trial` is there in a sandboxed gateway only.
    """

    def __init__(
        self,
        callers: Callers,
        conversations: Conversations,
        telemetry: Telemetry,
        authorization: AuthorizationServer,
        wrong: WrongTokens,
        *,
        limits: Limits,
        public_urls: tuple[str, ...],
        trial: Trial | None = None,
        extra: Pairs = (),
    ) -> None:
        self._callers = callers
        self._conversations = conversations
        self._telemetry = telemetry
        self._authorization = authorization
        self._wrong = wrong
        self._limits = limits
        self._public_urls = public_urls
        self._trial = trial
        self._extra = extra
        self._gate = Gate(limits.tenant_in_flight, limits.in_flight, limits.queue_seconds)
        strangers = max(1, limits.in_flight // STRANGERS_SHARE)
        self._strangers = Gate(strangers, strangers, limits.queue_seconds)

    async def __call__(self, request: web.BaseRequest) -> Reply:
        """One call's reply, whatever happens."""
        line = self._telemetry.open(request_name(), request.method)
        try:
            reply = await self._receive(request, line)
            response = self._write(reply, line)
        except GatewayError as error:
            reply = render(error)
            response = self._write(reply, line)
        except asyncio.CancelledError as error:
            self._telemetry.crashed(line.request, error)
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: the client gets v2's shape, the log the place
            self._telemetry.crashed(line.request, error)
            reply = render(TableWrong(f"The gateway failed on this call; its log names it {line.request}"))
            response = self._write(reply, line)
        self._telemetry.close(line, reply)
        if self._ends_connection(request, line):
            response.force_close()
        return response

    def _ends_connection(self, request: web.BaseRequest, line: Line) -> bool:
        """Whether no call may follow: of a stranger, after an unread body, or of a connection that is worn out."""
        connection = request.protocol
        worn_out = isinstance(connection, Connection) and connection.worn_out
        return not line.tenant or not request.content.is_eof() or worn_out

    def _write(self, reply: V2Response, line: Line) -> Reply:
        return write_reply(reply, (("X-Request-Id", line.request), *self._extra))

    async def _receive(self, request: web.BaseRequest, line: Line) -> V2Response:
        headers = read_head(request)
        target = read_target(request)
        if self._authorization.serves(target):
            return await self._authorize(request, target, headers, line)
        trial = self._trial if self._trial is not None and self._trial.covers(target) else None
        token = bearer(headers)
        try:
            known = await self._callers.recognise(token) if trial is None else trial.recognise(token)
        except InvalidToken as invalid:
            if token:
                unknown = isinstance(invalid, UnknownToken)
                self._wrong.count(self._wrong.peer(request.remote, headers) if unknown else None, token)
            raise
        line.tenant, line.app = known.tenant.name, known.tenant.app
        await self._gate.enter(known.tenant.id)
        try:
            most = body_limit(request.method, target.partition("?")[0], self._limits.body)
            call = V2Request(request.method, target, headers, await read_body(request, self._limits, most))
            if trial is not None:
                return await self._try(trial, call, known, line)
            self._check_signature(call, known, line)
            return await self._answer(call, known, line)
        finally:
            self._gate.leave(known.tenant.id)

    async def _authorize(self, request: web.BaseRequest, target: str, headers: Pairs, line: Line) -> V2Response:
        line.resource = OAUTH
        body = await read_body(request, self._limits, LARGEST_BODY)
        call = V2Request(request.method, target, headers, body)
        await self._strangers.enter(_STRANGERS)
        try:
            return await self._authorization.answer(call, self._wrong.peer(request.remote, headers), line)
        finally:
            self._strangers.leave(_STRANGERS)

    async def _try(self, trial: Trial, call: V2Request, known: Known, line: Line) -> V2Response:
        verdict = trial.judge(call)
        _tell(line, verdict)
        if not verdict.ok:
            return trial.refusal(call)
        inner = trial.inner(call)
        return V2Response(200, {}) if inner is None else await self._answer(inner, known, line)

    async def _answer(self, call: V2Request, known: Known, line: Line) -> V2Response:
        if known.terms.readonly and call.method != "GET":
            raise ReadingOnly
        exchange = await self._conversations.hold(call, known, line)
        line.exchanged = True
        line.resource, line.notes = exchange.resource, exchange.notes
        return exchange.reply

    def _check_signature(self, call: V2Request, known: Known, line: Line) -> None:
        terms = known.terms
        if terms.signature == "off":
            line.signature = "off"
            return
        verdict = verify(call, terms.signing_secret, known.token, self._public_urls, rare=terms.rare)
        _tell(line, verdict)
        if terms.signature == "enforce" and not verdict.ok:
            raise AccessDenied


def _tell(line: Line, verdict: Verdict) -> None:
    """Note the verdict for log and metric."""
    if verdict.ok:
        line.signature = "variant" if verdict.variant else "published"
        line.variant = verdict.variant or ""
    else:
        line.signature = "unsigned" if verdict.reason == "missing" else "bad"

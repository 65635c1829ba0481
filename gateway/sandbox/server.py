"""The stand-in on the wire: aiohttp around the plain API and OAuth, with faults in between."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from gateway.sandbox import consent_page
from gateway.sandbox.api import ROOT, Api
from gateway.sandbox.faults import Fault, Faults
from gateway.sandbox.oauth import OAuth
from gateway.sandbox.wire import Answer, Incoming, Seen

REMEMBERED = 5_000
"""So many requests are kept at least; a stand-in that runs for days must not grow."""
LARGEST_BODY = 8 * 1024 * 1024
HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
NO_SECRET = (
    "grant_type",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "country",
    "code_challenge_method",
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(api: Api, oauth: OAuth, faults: Faults, seen: list[Seen]) -> web.Application:
    """The API under `/v3.1`, OAuth under `/oauth2/auth`, `/oauth2/consent`, `/token` and `/revoke`."""

    async def serve(request: web.Request) -> web.StreamResponse:
        call = await _incoming(request)
        seen.append(_seen(call))
        if len(seen) > 2 * REMEMBERED:
            del seen[:-REMEMBERED]
        fault = faults.take(call.method, call.path)
        if fault is None:
            return _sent(request, await _answer(api, oauth, call))
        return await _faulty(request, fault, lambda: _answer(api, oauth, call))

    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/{tail:.*}", serve)
    return app


async def _incoming(request: web.Request) -> Incoming:
    return Incoming(
        request.method,
        request.path,
        tuple(request.query.items()),
        {name.lower(): value for name, value in request.headers.items()},
        await request.read(),
    )


async def _answer(api: Api, oauth: OAuth, call: Incoming) -> Answer:
    if call.path.startswith(ROOT + "/"):
        return api.answer(call)
    match call.method, call.path:
        case "GET", "/oauth2/auth" | "/oauth2/auth/central":
            return oauth.authorize(dict(call.query))
        case "POST", consent_page.PATH:
            return oauth.decide(_form(call))
        case "POST", "/token":
            return await _token(oauth, _form(call))
        case "POST", "/revoke":
            return oauth.revoke(_form(call))
        case _:
            return Answer(404, {"error": "not_found"})


async def _token(oauth: OAuth, form: Mapping[str, str]) -> Answer:
    behaviour, patience = oauth.next_behaviour(form)
    await asyncio.sleep(patience)
    answer = oauth.token(form, behaviour)
    await asyncio.sleep(answer.wait)
    return answer


def _form(call: Incoming) -> Mapping[str, str]:
    """Only form-encoded bodies are read."""
    if not call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))


def _sent(request: web.Request, answer: Answer) -> web.Response:
    if answer.dropped:
        return _dropped(request)
    headers = {"X-Request-Id": uuid.uuid4().hex, **answer.headers}
    if answer.body is not None:
        headers["Content-Type"] = answer.media
    return web.Response(status=answer.status, body=answer.content() or None, headers=headers)


async def _faulty(request: web.Request, fault: Fault, execute: Callable[[], Awaitable[Answer]]) -> web.StreamResponse:
    match fault.kind:
        case "reset_before":
            return _dropped(request)
        case "reset_after":
            await execute()
            return _dropped(request)
        case "truncate":
            return await _truncated(request, await execute())
        case "delay":
            await asyncio.sleep(fault.seconds)
            return _sent(request, await execute())
        case _:
            return _failing(fault)


def _failing(fault: Fault) -> web.Response:
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = fault.retry_after
    body = fault.body
    if fault.kind == "html":
        page = body if isinstance(body, str) else HTML.format(fault.status)
        return web.Response(status=fault.status, text=page, content_type="text/html", headers=headers)
    if isinstance(body, bytes | str):
        raw = body.encode() if isinstance(body, str) else body
        headers.setdefault("Content-Type", "application/json")
        return web.Response(status=fault.status, body=raw, headers=headers)
    if body is None and fault.status >= 500:
        message = "An unexpected error occurred."
        item = {"$severity": "error", "$dataCode": "UnexpectedError", "$message": message, "$source": ""}
        body = [item]
    text = "" if body is None else json.dumps(body)
    headers.setdefault("Content-Type", "application/json")
    return web.Response(status=fault.status, body=text.encode(), headers=headers)


def _dropped(request: web.Request) -> web.Response:
    """Cuts the connection; what is returned is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _truncated(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Sends half of what the Content-Length promises, then closes."""
    content = answer.content()
    response = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
    response.content_type = answer.media
    response.content_length = max(len(content), 1)
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _seen(call: Incoming) -> Seen:
    """What a test may look at: no token, no secret."""
    headers = []
    for name, value in call.headers.items():
        if name == "authorization":
            token = value.rpartition(" ")[2]
            headers.append((name, "Bearer " + hashlib.sha256(token.encode()).hexdigest()[:8]))
        elif name != "cookie":
            headers.append((name, value))
    return Seen(call.method, call.path, _open(call), _body(call), tuple(headers))


def _open(call: Incoming) -> tuple[tuple[str, str], ...]:
    if call.path.startswith(ROOT):
        return call.query
    return tuple((name, value) for name, value in call.query if name in NO_SECRET)


def _body(call: Incoming) -> Any:
    if not call.body:
        return None
    if not call.path.startswith(ROOT):
        return {name: value for name, value in _form(call).items() if name in NO_SECRET}
    try:
        return json.loads(call.body)
    except ValueError:
        return call.body.decode("utf-8", "replace")


async def serve_application(app: web.Application, host: str, port: int) -> tuple[web.AppRunner, str]:
    """Serves on a socket, port 0: a free one. Returns the runner (`cleanup()` ends it) and the base URL."""
    # An answer that is late on purpose does not keep the stand-in from stopping.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    shown = f"[{host}]" if ":" in host else host
    bound = runner.addresses[0][1]
    return runner, f"http://{shown}:{bound}"

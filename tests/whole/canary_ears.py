"""What the gateway tells Sage's token endpoint and the receiver of alarms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from gateway.edges.server import bind
from gateway.sandbox import Sandbox
from gateway.sandbox.oauth import OAuth
from gateway.sandbox.wire import Answer
from tests.whole.canaries import Canaries


def hear(sandbox: Sandbox, known: Canaries) -> Callable[[], None]:
    """Learns the secrets that the gateway and Sage exchange, until what it gives is called."""
    given = OAuth.token

    def token(oauth: OAuth, form: Mapping[str, str], behaviour: Any = None) -> Answer:
        for name in ("code_verifier", "client_secret", "refresh_token"):
            if name in form:
                known.know(f"{name} at Sage", form[name])
        answer = given(oauth, form, behaviour)
        for each in (*sandbox.oauth.tokens.accesses, *sandbox.oauth.tokens.refreshes):
            known.know("a token of v3.1", each)
        return answer

    OAuth.token = token  # type: ignore[assignment, method-assign]
    return lambda: setattr(OAuth, "token", given)


@asynccontextmanager
async def webhook(alarms: list[bytes], known: Canaries) -> AsyncIterator[str]:
    """Where alarms are told; its address is a secret too."""

    async def take(request: web.Request) -> web.Response:
        alarms.append(await request.read())
        return web.Response()

    place = web.Application()
    place.router.add_post("/{secret:.*}", take)
    runner = web.AppRunner(place)
    await runner.setup()
    listening = bind("127.0.0.1", 0)
    await web.SockSite(runner, listening).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/{known.token('the webhook')}"
    await runner.cleanup()

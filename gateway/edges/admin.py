"""The operator's listener: is it alive, can it work, what has it counted. Never on the public address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.edges.metrics import Metrics


class Admin:
    """Answers `/healthz`, `/readyz` and `/metrics`, and nothing else.

    `ready` says whether calls can be served (the store answers); it must not raise.
    """

    def __init__(self, metrics: Metrics, ready: Callable[[], Awaitable[bool]]) -> None:
        self._metrics = metrics
        self._ready = ready

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if request.method not in ("GET", "HEAD"):
            return _plain(405, "Only GET and HEAD\n")
        path = request.raw_path.partition("?")[0]
        if path == "/healthz":
            return _plain(200, "ok\n")
        if path == "/readyz":
            return _plain(200, "ready\n") if await self._ready() else _plain(503, "the store does not answer\n")
        if path == "/metrics":
            headers = {"Content-Type": self._metrics.content_type, "Server": "sage-gateway"}
            return web.Response(body=self._metrics.text(), headers=headers)
        return _plain(404, "Here are /healthz, /readyz and /metrics\n")


def _plain(status: int, text: str) -> web.Response:
    headers = {"Cache-Control": "no-store", "Server": "sage-gateway"}
    return web.Response(status=status, text=text, headers=headers)

"""Opens the listeners, and closes them when everything running is done."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from gateway.edges.limits import Limits

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

TLS_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class CannotListen(Exception):  # noqa: N818 - DESIGN names errors by what is wrong
    """An address or a certificate cannot be used; the message is a sentence for the operator."""


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not listening yet; port 0 takes a free one.

    Raises CannotListen.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise CannotListen(f"There is no address {host!r} on this machine") from None
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(address)
        # SO_REUSEADDR lets two sockets bind; the second one to listen is refused.
        opened.listen(1024)
    except (OSError, OverflowError) as error:
        opened.close()
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CannotListen(f"Cannot listen on {host}:{port}: {why}") from None
    return opened


def tls(certificate: Path, key: Path, minimum: str = "1.2") -> ssl.SSLContext:
    """A context for the public listener; versions below 1.2 only where `minimum` says so.

    Raises CannotListen where a file cannot be read or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if minimum in ("1.0", "1.1"):
        # OpenSSL's default security level has no signature algorithms for these.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = TLS_VERSIONS[minimum]
    for path in (certificate, key):
        if not path.is_file():
            raise CannotListen(f"There is no file {path}")
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        raise CannotListen(f"{certificate} and {key} cannot be used for TLS: {error}") from None
    return context


class Serving:
    """A listener at work."""

    def __init__(self, runner: web.ServerRunner, opened: socket.socket) -> None:
        self._runner = runner
        self.port: int = opened.getsockname()[1]

    async def stop(self) -> None:
        """Accept nothing more, let running exchanges finish, and close."""
        await self._runner.cleanup()


async def serve(
    server: web.Server, opened: socket.socket, *, limits: Limits, context: ssl.SSLContext | None = None
) -> Serving:
    """Start to serve on a bound socket."""
    runner = web.ServerRunner(server, shutdown_timeout=limits.grace_seconds)
    await runner.setup()
    await web.SockSite(runner, opened, ssl_context=context, backlog=1024).start()
    return Serving(runner, opened)


def plain_server(handler: Handler, limits: Limits) -> web.Server:
    """A server for the operator's own listener."""
    return web.Server(handler, keepalive_timeout=limits.idle_seconds, access_log=None)

"""`sage-gateway serve`: the gateway itself."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.configuration import read_settings
from gateway.commands.refusal import FAILED, MISUSED, refuse
from gateway.commands.stand_in import CLIENT_ID, CLIENT_SECRET, Consent, authorize_url

if TYPE_CHECKING:
    from gateway.commands.assemble import Addresses
    from gateway.settings import Settings

Said = dict[str, str | None]


def serve(
    config: Annotated[
        Path | None,
        typer.Option(
            help="The settings' TOML file; without it config/gateway.toml, if there is one.",
            show_default=False,
        ),
    ] = None,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox",
            help="Serve invented books from a built-in stand-in for v3.1: needs no account, key or database.",
        ),
    ] = False,
    consent: Annotated[
        Consent,
        typer.Option(help="With --sandbox: the stand-in's users consent at once (yes), or are asked on a page (ask)."),
    ] = Consent.YES,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on, instead of 127.0.0.1.", show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port to listen on, instead of 8080; 0 takes a free one.",
            show_default=False,
        ),
    ] = None,
    db: Annotated[
        str | None,
        typer.Option(help="The store: sqlite:///PATH or postgresql://…, instead of the setting.", show_default=False),
    ] = None,
    admin: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT|off",
            help="Where health checks and metrics are, instead of 127.0.0.1:9080 (--sandbox: a free port).",
            show_default=False,
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Serve HTTPS with this certificate chain (PEM).", show_default=False)
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(help="The certificate's private key (PEM, not encrypted).", show_default=False),
    ] = None,
) -> None:
    """Serve v2 clients, speaking v3.1 for them.

    To try it: sage-gateway serve --sandbox. It prints a curl line that works when pasted.
    Its books are invented, and forgotten at the end.

    For real books, set at least upstream.api, store.db, store.key and an app:
    in a TOML file, or as environment variables such as SAGE_GATEWAY_STORE__DB.
    sage-gateway check says what is still missing.

    Logs are JSON on standard error, one line per call.
    SIGTERM lets running calls finish, then stops.
    Exit codes: 2 for wrong settings, 1 for a port, file or database that cannot be used.
    """
    said: Said = {
        "server.host": host,
        "server.port": None if port is None else str(port),
        "server.admin": admin or ("127.0.0.1:0" if sandbox else None),
        "server.tls_cert": str(tls_cert) if tls_cert else None,
        "server.tls_key": str(tls_key) if tls_key else None,
        "store.db": db,
    }
    if consent is not Consent.YES and not sandbox:
        refuse(MISUSED, "--consent is for the stand-in's users, and so only beside --sandbox.")
    import uvloop

    from gateway.edges.server import CannotListen
    from gateway.errors import StoreFailed

    try:
        uvloop.run(_sandboxed(config, said, consent) if sandbox else _real(config, said))
    except (CannotListen, StoreFailed) as failed:
        refuse(FAILED, str(failed).rstrip(".") + ".")


async def _real(config: Path | None, said: Said) -> None:
    from gateway.commands.stores import weak_key

    settings = read_settings(config, said)
    if missing := settings.lacks():
        refuse(MISUSED, *missing, "To try the gateway without any of this: sage-gateway serve --sandbox")
    if weak := weak_key(settings):
        refuse(MISUSED, weak)
    async with AsyncExitStack() as running:
        await _run(settings, _listen(settings, running, sandboxed=False), running, sandboxed=False)


async def _sandboxed(config: Path | None, said: Said, consent: Consent) -> None:
    from gateway.commands.stand_in import NAME, reach, register
    from gateway.sandbox import Sandbox, Switches, serve_sandbox

    async with AsyncExitStack() as running:
        stand_in = Sandbox(switches=Switches(consent=consent.value))
        runner, base_url = await serve_sandbox(stand_in, "127.0.0.1", 0)
        running.push_async_callback(runner.cleanup)
        if said["store.db"] is None:
            folder = running.enter_context(TemporaryDirectory(prefix="sage-gateway-"))
            said = {**said, "store.db": f"sqlite:///{folder}/store.db", "store.key": secrets.token_hex(32)}
        else:
            # A known key: a store of real tenants, which has another, is refused.
            said = {**said, "store.key": sha256(b"sage-gateway serve --sandbox").hexdigest()}
        said = {**said, **reach(stand_in, base_url)}
        settings = read_settings(config, said, usual=False)
        # Nobody's real tenants belong before a stand-in.
        settings = settings.model_copy(
            update={"apps": {NAME: settings.apps[NAME]}, "tenants": {NAME: settings.tenants[NAME]}}
        )
        addresses = _listen(settings, running, sandboxed=True)
        register(stand_in, addresses.public_urls)
        await _run(settings, addresses, running, sandboxed=True)


async def _run(settings: Settings, addresses: Addresses, running: AsyncExitStack, *, sandboxed: bool) -> None:
    from gateway.commands.assemble import assemble
    from gateway.commands.dumps import forbid_dumps
    from gateway.commands.signals import until_stopped

    forbid_dumps(attachable=sandboxed)  # whoever tries a sandbox may look into it
    await assemble(settings, addresses, running, sandboxed=sandboxed)
    _announce(settings, addresses, sandboxed=sandboxed)
    await until_stopped(asyncio.get_running_loop())


def _listen(settings: Settings, running: AsyncExitStack, *, sandboxed: bool) -> Addresses:
    from gateway.commands.assemble import Addresses
    from gateway.edges.server import bind

    server = settings.server
    public = bind(server.host, server.port)
    running.callback(public.close)
    admin = None
    if server.admin != "off":
        admin_host, _, admin_port = server.admin.rpartition(":")
        admin = bind(admin_host.strip("[]"), int(admin_port))
        running.callback(admin.close)
    scheme, port = "https" if server.tls_cert else "http", public.getsockname()[1]
    here = tuple(f"{scheme}://{name}:{port}" for name in dict.fromkeys((_name(server.host), "localhost", "127.0.0.1")))
    # Only a sandbox takes its own address for one that clients sign: elsewhere public URLs are configured.
    return Addresses(public, admin, (*server.public_urls, *here) if sandboxed else server.public_urls, here[0])


def _name(host: str) -> str:
    if host in ("", "0.0.0.0"):  # noqa: S104 - every address of the machine: the printed URL uses one
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


def _announce(settings: Settings, addresses: Addresses, *, sandboxed: bool) -> None:
    typer.echo(f"The gateway listens on {addresses.url}" + (" with invented books" if sandboxed else ""))
    if addresses.admin is not None:
        host, port = addresses.admin.getsockname()[:2]
        typer.echo(f"Health and metrics are on http://{_name(host)}:{port}")
    if sandboxed:
        insecure = " -k" if settings.server.tls_cert else ""
        typer.echo("Try it:")
        typer.echo(
            f"  curl -s{insecure} -H 'Authorization: Bearer TestToken' "
            f"'{addresses.url}/accounts/v2/contacts?$itemsPerPage=3'"
        )
        typer.echo(f"Authorise {CLIENT_ID} / {CLIENT_SECRET} in a browser, or as your app does:")
        typer.echo(f"  {authorize_url(addresses.url)}")

"""`sage-gateway sandbox`: only the stand-in for v3.1."""

from __future__ import annotations

import asyncio
import secrets
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.refusal import FAILED, MISUSED, refuse
from gateway.commands.stand_in import NAME, Consent
from gateway.settings import Server

if TYPE_CHECKING:
    from gateway.sandbox import Switches


def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8031,
    behaviour: Annotated[
        str,
        typer.Option(
            metavar="R1..R10",
            help="How the token endpoint treats refreshes: R1 spent token refused; R2 its reuse revokes all; "
            "R3 grace, same pair; R4 grace, another pair; R5 no rotation; R6 answer dropped; R7 broken JSON; "
            "R8 no refresh_token; R9 senseless expires_in; R10 a minute late. "
            "Two together, R3+R6; variants, R7:invalid, R9:huge, R10:late.",
        ),
    ] = "R2",
    token_life: Annotated[
        int, typer.Option(metavar="SECONDS", min=1, max=86_400, help="How long an access token lives.")
    ] = 300,
    consent: Annotated[
        Consent, typer.Option(help="Users consent at once (yes), or are asked on a page (ask).")
    ] = Consent.YES,
) -> None:
    """Run only the stand-in for Sage's API v3.1: for trying a v3.1 client, or a gateway in another process.

    It is stateful, in memory, and forgets everything when it stops. It prints all settings that a gateway on this
    machine needs to reach it; the store they name goes with it.
    """
    import uvloop

    from gateway.edges.server import CannotListen, bind
    from gateway.sandbox import Switches
    from gateway.sandbox.token_behaviours import Behaviour

    try:
        Behaviour.named(behaviour)
    except ValueError as wrong:
        refuse(MISUSED, f"--behaviour: {wrong}.")
    switches = Switches(behaviour=behaviour, access_token_lifetime=token_life, consent=consent.value)
    try:
        bind(host, port).close()
    except CannotListen as wrong:
        refuse(FAILED, f"{wrong}.")
    uvloop.run(_run(host, port, switches))


async def _run(host: str, port: int, switches: Switches) -> None:
    from gateway.commands.signals import until_stopped
    from gateway.commands.stand_in import reach
    from gateway.sandbox import Sandbox, serve_sandbox
    from gateway.settings_sources import variable

    stand_in = Sandbox(switches=switches)
    runner, base_url = await serve_sandbox(stand_in, host, port)
    # Of these books, numbers in another store would mean nothing.
    with TemporaryDirectory(prefix="sage-gateway-") as folder:
        typer.echo(f"The stand-in for v3.1 listens on {base_url}; a gateway reaches it with")
        for key, value in {**_own(folder), **reach(stand_in, base_url)}.items():
            typer.echo(f"  {variable(key)}={value}")
        await until_stopped(asyncio.get_running_loop())
    await runner.cleanup()


def _own(folder: str) -> dict[str, str]:
    """What a gateway that listens at its usual address needs beside an upstream, by dotted keys."""
    usual = Server()
    return {
        "server.public_urls": f"http://{usual.host}:{usual.port},http://localhost:{usual.port}",
        f"apps.{NAME}.redirect_uris": f"http://{usual.host}:{usual.port}/health_check,http://localhost:3000/callback",
        "store.db": f"sqlite:///{folder}/store.db",
        "store.key": secrets.token_hex(32),
    }

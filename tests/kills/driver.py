"""A process that refreshes one grant with the real store, refresher and token client, for others to kill.

It reads orders from standard input, one JSON object a line, and forks a child for each, so that a child starts in an
instant. A child makes one refresh, tells its threads on the order's socket, waits for `go`, and refreshes once more.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import uvloop

from gateway.edges.refresh_sender import Chances
from gateway.edges.refresher import Refresher
from gateway.edges.token_client import TokenClient
from gateway.grants.tenant import Tenant
from gateway.store import Store

KEY = bytes(32)
APPS = {"app": ("id", "secret")}
PR_SET_PTRACER, ANYBODY = 0x59616D61, -1


async def drive(order: dict[str, Any]) -> None:
    """One child's life."""
    # Without this, kernels that guard processes let only a parent trace one.
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(ANYBODY), 0, 0, 0)
    wire = socket.socket(socket.AF_UNIX)
    wire.connect(order["socket"])
    store = await Store.open(f"sqlite:///{order['folder']}/store.db", KEY)
    spool = await store.take_spools(Path(order["folder"]) / "store.db.spool", time.time())
    tenant = Tenant(**order["tenant"])
    client = TokenClient(order["url"], total_seconds=order["lease"] / 3)
    refresher = Refresher(
        store.grants,
        client,
        APPS,
        chances=Chances(time.time, sleep=lambda seconds: asyncio.sleep(min(seconds, 0.05))),
        lease_seconds=order["lease"],
        notice=lambda word, grant: tell(wire, word) if word == "unsaved" else None,
        spool=spool,
    )
    token = await refresher.token(tenant)
    await asyncio.to_thread(time.time)
    tell(wire, json.dumps({"threads": threads(), "token": token}))
    wire.recv(16)
    new = await refresher.stale(tenant, token)
    tell(wire, f"published {new}")
    wire.recv(16)
    await refresher.close()
    await client.close()
    await store.close()


def threads() -> dict[str, int]:
    """The ids of the threads that matter: the event loop's, those of the store's connections, that of the spool."""
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    connections = [thread.native_id or 0 for thread in others if "connection_worker" in thread.name]
    spools = [thread.native_id or 0 for thread in others if "connection_worker" not in thread.name]
    named = {f"store {number}": one for number, one in enumerate(connections, 1)}
    return {"loop": os.getpid(), **named, "spool": spools[0]}


def tell(wire: socket.socket, text: str) -> None:
    wire.send(text.encode() + b"\n")


def main() -> None:
    """Forks a child for each order, and says its process id."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            uvloop.run(drive(order))
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()

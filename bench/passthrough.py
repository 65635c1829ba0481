"""The yardstick, a process of its own: aiohttp's server before aiohttp's client, on uvloop, and nothing else.

`python -m bench.passthrough BASE_URL` passes every call on to BASE_URL, and prints its port.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web
from yarl import URL

DROPPED = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "content-length"})


async def main(base_url: str) -> None:
    """Serve until the process is ended."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:

        async def pass_on(request: web.BaseRequest) -> web.Response:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in DROPPED}
            body = await request.read() if request.can_read_body else None
            url = URL(base_url + request.raw_path, encoded=True)
            async with session.request(request.method, url, headers=headers, data=body) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in DROPPED}
                return web.Response(status=answer.status, headers=kept, body=await answer.read())

        runner = web.ServerRunner(web.Server(pass_on, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))

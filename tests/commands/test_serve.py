"""`serve` and `sandbox` as processes of their own."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession, CookieJar, web
from yarl import URL

from gateway.store import Store

PATIENCE = 60.0
KEY = "9f1c0e5b7a2d48f3b6e1904c8d3a7f25c0b89e6d14f7a35280de4b9617c3fa58"


class Process:
    """A command at work: what it printed so far, and where it listens."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.printed: list[str] = []

    async def until(self, pattern: str) -> str:
        """The first printed line that the pattern is in."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                self.printed.append(line.strip())
                if re.search(pattern, line):
                    return line.strip()
        raise AssertionError("\n".join(self.printed))

    async def stop(self) -> tuple[int, str]:
        """Exit code and log after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return await self.end()

    async def end(self) -> tuple[int, str]:
        """Exit code and log of a process that ends by itself."""
        async with asyncio.timeout(PATIENCE):
            _, log = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, log.decode()


@asynccontextmanager
async def started(folder: Path, *words: str, **settings: str) -> AsyncIterator[Process]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SAGE_GATEWAY_")}
    environ |= {f"SAGE_GATEWAY_{name}": value for name, value in settings.items()}
    process = Process(
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", *words),
            cwd=folder,
            env=environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    )
    try:
        yield process
    finally:
        if process.process.returncode is None:
            process.process.kill()
            await process.process.communicate()


async def run_curl(line: str) -> tuple[int, dict[str, str], Any]:
    """What a printed curl line gets, by curl itself where the machine has it, else by its arguments."""
    words = shlex.split(line)
    assert words[:3] == ["curl", "-s", "-H"]
    if shutil.which("curl"):
        process = await asyncio.create_subprocess_shell(f"{line} -i", stdout=asyncio.subprocess.PIPE)
        answer, _ = await process.communicate()
        head, _, body = answer.decode().partition("\r\n\r\n")
        first, *fields = head.split("\r\n")
        headers = dict(field.split(": ", 1) for field in fields)
        return int(first.split()[1]), headers, msgspec.json.decode(body)
    name, _, value = words[3].partition(": ")
    async with ClientSession() as client, client.get(words[4], headers={name: value}) as answer_:
        return answer_.status, dict(answer_.headers), msgspec.json.decode(await answer_.read())


async def test_the_printed_curl_line_works(tmp_path: Path) -> None:
    """`serve --sandbox` prints a curl line that returns v2 JSON; SIGTERM ends it cleanly, its store with it."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    async with started(tmp_path, "serve", "--sandbox", "--port", "0") as gateway:
        gateway_url = (await gateway.until("The gateway listens on")).split()[4]
        admin = (await gateway.until("Health and metrics")).split()[-1]
        status, headers, body = await run_curl(await gateway.until(r"^\s*curl "))
        assert (status, headers["X-Sage-Gateway"]) == (200, "sandbox")
        assert headers["Content-Type"] == "application/json;vnd.sage=sdata"
        assert [row["id"] for row in body["$resources"]] == [53117661, 53117663, 53117843]
        async with ClientSession() as client:
            async with client.get(f"{admin}/readyz") as answer:
                assert answer.status == 200
            async with client.get(f"{admin}/metrics") as answer:
                assert 'resource="contacts"' in await answer.text()
            async with client.get(f"{gateway_url}/readyz") as answer:
                assert answer.status == 400
        code, log = await gateway.stop()
    assert code == 0
    assert "Traceback" not in log
    assert "TestToken" not in log
    lines = [msgspec.json.decode(line) for line in log.splitlines()]
    assert [line["resource"] for line in lines if line["event"] == "exchange"] == ["contacts", "none"]


@pytest.mark.parametrize("consent", ["yes", "ask"])
async def test_the_printed_address_authorises_an_app(tmp_path: Path, consent: str) -> None:
    """A browser that opens what `serve --sandbox` prints brings a code, which is worth a token that works.

    The stand-in's user consents at once, or on a page; chooses a business; and lands where nothing is out of order.
    """
    words = ("serve", "--sandbox", "--port", "0", "--admin", "off", "--consent", consent)
    async with started(tmp_path, *words) as gateway, ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        url = (await gateway.until("The gateway listens on")).split()[4]
        await gateway.until("TestClient / TestClientSecret")
        async with browser.get(await gateway.until(r"^\s*http")) as answer:
            page, at = await answer.text(), answer.url
        if consent == "ask":
            page, at = await press(browser, page, at, decision="allow", user="owner")
        business = found(r'value="(\w+)" required><bdi>Second Business Ltd', page)
        page, at = await press(browser, page, at, business=business)
        assert (at.path, at.query["state"], at.query["country"], "ok" in page) == ("/health_check", "mine", "gb", True)
        form = {"grant_type": "authorization_code", "code": at.query["code"], "redirect_uri": f"{url}/health_check"}
        form |= {"client_id": "TestClient", "client_secret": "TestClientSecret"}
        async with browser.post(f"{url}/oauth2/token", data=form) as answer:
            token = (await answer.json(content_type=None))["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with browser.get(f"{url}/core/v2/business", headers=headers) as answer:
            assert (await answer.json(content_type=None))["name"] == "Second Business Ltd"
        async with browser.get(f"{url}/accounts/v2/contacts", headers={"Authorization": "Bearer TestToken"}) as answer:
            assert answer.status == 200
        code, log = await gateway.stop()
    assert (code, "Traceback" in log, token in log, form["code"] in log) == (0, False, False, False)


def found(pattern: str, page: str) -> str:
    match = re.search(pattern, page)
    assert match is not None, page
    return match[1]


async def press(browser: ClientSession, page: str, at: URL, **chosen: str) -> tuple[str, URL]:
    """Sends a page's form as a browser would: the page it leads to, and its address."""
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    target = at.join(URL(found(r'<form method="post" action="([^"]+)"', page)))
    async with browser.post(target, data={**hidden, **chosen}) as answer:
        return await answer.text(), answer.url


async def test_denying_on_the_stand_ins_page_is_told_to_the_app(tmp_path: Path) -> None:
    """The browser comes back with v2's access_denied."""
    words = ("serve", "--sandbox", "--port", "0", "--admin", "off", "--consent", "ask")
    async with started(tmp_path, *words) as gateway, ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        await gateway.until("TestClient / TestClientSecret")
        async with browser.get(await gateway.until(r"^\s*http")) as answer:
            page, at = await answer.text(), answer.url
        _, at = await press(browser, page, at, decision="deny")
        assert dict(at.query) == {"error": "access_denied", "state": "mine"}


async def test_the_stand_in_behaves_as_told(tmp_path: Path) -> None:
    """`sandbox --behaviour --token-life --consent` reach its token endpoint and its consent page."""
    words = ("sandbox", "--port", "0", "--behaviour", "R5", "--token-life", "7", "--consent", "ask")
    async with started(tmp_path, *words) as stand_in:
        await stand_in.until("V31_REFRESH_TOKEN")
        told = dict(line.removeprefix("SAGE_GATEWAY_").split("=", 1) for line in stand_in.printed[1:])
        client = {"client_id": told["APPS__SANDBOX__V31_CLIENT_ID"]}
        form = {"grant_type": "refresh_token", "refresh_token": told["TENANTS__SANDBOX__V31_REFRESH_TOKEN"], **client}
        form["client_secret"] = told["APPS__SANDBOX__V31_CLIENT_SECRET"]
        query = {**client, "response_type": "code", "redirect_uri": "http://localhost:9/"}
        async with ClientSession() as session:
            async with session.post(told["UPSTREAM__TOKEN"], data=form) as answer:
                body = await answer.json()
                assert (body["refresh_token"], body["expires_in"]) == (form["refresh_token"], 7)
            async with session.get(told["UPSTREAM__AUTHORIZE"], params=query) as answer:
                assert (answer.status, "<button" in await answer.text()) == (200, True)
            async with session.post(told["UPSTREAM__REVOKE"], data={**form, "token": body["refresh_token"]}) as answer:
                assert await answer.json() == {"success": "ok"}
            async with session.post(told["UPSTREAM__TOKEN"], data=form) as answer:
                assert await answer.json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    ("words", "says"),
    [(("sandbox", "--behaviour", "R11"), "R1 to R10"), (("serve", "--consent", "ask"), "only beside --sandbox")],
)
async def test_options_that_mean_nothing_are_refused(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    """A behaviour that there is not, and consent where nobody stands in for Sage: exit code 2 and a sentence."""
    async with started(tmp_path, *words) as process:
        code, log = await process.end()
    assert (code, says in log, "Traceback" in log) == (2, True, False)


async def test_the_two_commands_work_together(tmp_path: Path) -> None:
    """A gateway in another process serves with the settings that `sandbox` prints, which are all it needs.

    Its store goes with the stand-in. It takes little memory, and leaves no core dump, in which tokens would be.
    """
    async with started(tmp_path, "sandbox", "--port", "0") as stand_in:
        await stand_in.until("V31_REFRESH_TOKEN")
        settings = dict(line.removeprefix("SAGE_GATEWAY_").split("=", 1) for line in stand_in.printed[1:])
        async with started(tmp_path, "check", **settings) as check:
            code, log = await check.end()
            assert (code, log) == (0, "")
        async with started(tmp_path, "serve", "--port", "0", "--admin", "off", **settings) as gateway:
            url = (await gateway.until("The gateway listens on")).split()[-1]
            headers = {"Authorization": "Bearer TestToken"}
            async with ClientSession(headers=headers) as client:
                async with client.get(f"{url}/accounts/v2/contacts") as answer:
                    assert (answer.status, "X-Sage-Gateway" in answer.headers) == (200, False)
                async with client.get(f"{url}/test/accounts/v2/contacts") as answer:
                    assert answer.status == 401
                for landing, status in (("http://localhost:3000/callback", 302), ("http://localhost:3001/", 400)):
                    query = {"response_type": "code", "client_id": "TestClient", "redirect_uri": landing}
                    async with client.get(f"{url}/oauth2/auth", params=query, allow_redirects=False) as answer:
                        assert answer.status == status
            assert resident(gateway) <= 130 * 1024
            assert not dumps_core(gateway)
            assert (await gateway.stop())[0] == 0
        store = Path(settings["STORE__DB"].removeprefix("sqlite:///"))
        assert store.is_file()  # noqa: ASYNC240
        assert (await stand_in.stop())[0] == 0
        assert not store.parent.exists()


def resident(gateway: Process) -> int:
    """KiB of memory that a process has, as Linux counts it; 0 elsewhere."""
    status = Path(f"/proc/{gateway.process.pid}/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) if found else 0


def dumps_core(gateway: Process) -> bool:
    """Whether a process may leave a core dump; False where Linux does not say."""
    limits = Path(f"/proc/{gateway.process.pid}/limits")
    return limits.exists() and re.search(r"Max core file size\s+0\s+0", limits.read_text()) is None


class SlowSage:
    """A v3.1 whose API answers when it is let."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST":
            tokens = {"access_token": "at", "refresh_token": "rt2", "expires_in": 300, "token_type": "bearer"}
            tokens |= {"refresh_token_expires_in": 2678400, "scope": "full_access", "requested_by_id": "u"}
            return web.json_response(tokens)
        self.asked.set()
        await self.go_on.wait()
        page: dict[str, Any] = {
            "$total": 0,
            "$page": 1,
            "$next": None,
            "$back": None,
            "$itemsPerPage": 20,
            "$items": [],
        }
        return web.json_response(page)


@pytest.fixture
async def sage() -> AsyncIterator[tuple[SlowSage, str]]:
    slow = SlowSage()
    runner = web.ServerRunner(web.Server(slow))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield slow, f"http://127.0.0.1:{site.port}"
    slow.go_on.set()
    await runner.cleanup()


async def test_sigterm_lets_running_calls_finish(tmp_path: Path, sage: tuple[SlowSage, str]) -> None:
    """After SIGTERM nothing more is accepted, the running call gets its reply, and the process exits 0."""
    slow, base = sage
    settings = {
        "UPSTREAM__API": f"{base}/v3.1",
        "UPSTREAM__TOKEN": f"{base}/token",
        "STORE__DB": f"sqlite:///{tmp_path}/store.db",
        "STORE__KEY": KEY,
        "APPS__SHOP__CLIENT_ID": "abc",
        "APPS__SHOP__V31_CLIENT_ID": "def",
        "APPS__SHOP__V31_CLIENT_SECRET": "s",
        "TENANTS__ACME__APP": "shop",
        "TENANTS__ACME__BUSINESS": "b1",
        "TENANTS__ACME__ACCESS_TOKEN": "legacy",
        "TENANTS__ACME__V31_REFRESH_TOKEN": "rt1",
    }
    async with started(tmp_path, "serve", "--port", "0", "--admin", "off", **settings) as gateway:
        url = (await gateway.until("The gateway listens on")).split()[-1]
        async with ClientSession(headers={"Authorization": "Bearer legacy"}) as client:
            call = asyncio.create_task(client.get(f"{url}/accounts/v2/contacts"))
            async with asyncio.timeout(PATIENCE):
                await slow.asked.wait()
                gateway.process.send_signal(signal.SIGTERM)
                await refused(url)
                assert not call.done()
                slow.go_on.set()
                async with await call as answer:
                    assert (answer.status, (await answer.json(content_type=None))["$totalResults"]) == (200, 0)
        code, log = await gateway.end()
    assert code == 0
    assert "legacy" not in log


async def refused(url: str) -> None:
    """Return when nobody accepts connections there any more."""
    host, port = url.removeprefix("http://").split(":")
    while True:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return
        writer.close()
        await writer.wait_closed()


async def test_the_stand_in_is_not_loaded_for_real_books() -> None:
    """Assembling a gateway imports nothing of the sandbox: memory and start-up are the gateway's own."""
    code = "import gateway.commands.assemble, sys; sys.exit(any(m.startswith('gateway.sandbox') for m in sys.modules))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=Path(__file__).parents[2])
    assert await process.wait() == 0


async def test_a_sandbox_may_keep_its_store_but_not_take_anothers(tmp_path: Path) -> None:
    """`--sandbox --db` starts again on its own store, and refuses a store of real tenants by its key."""
    words = ("serve", "--sandbox", "--port", "0", "--db", f"sqlite:///{tmp_path}/kept.db")
    for _ in range(2):
        async with started(tmp_path, *words) as gateway:
            status, _, _ = await run_curl(await gateway.until(r"^\s*curl "))
            assert status == 200
            assert (await gateway.stop())[0] == 0
    await (await Store.open(f"sqlite:///{tmp_path}/real.db", bytes.fromhex(KEY))).close()
    async with started(tmp_path, *words[:-1], f"sqlite:///{tmp_path}/real.db") as gateway:
        code, log = await gateway.end()
    assert (code, "key" in log, "Traceback" in log) == (1, True, False)

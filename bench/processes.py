"""Starts what is measured, each on a free port of loopback, and ends it all."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.canned import TOKEN_LENGTH, Canned

PATIENCE = 20.0
"""Seconds that a process has to start."""
ACCESS_TOKEN = secrets.token_hex(20)

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 1000000;
    upstream v31 {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://v31; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""

GATEWAY = """
[server]
public_urls = ["https://gateway.example"]
port = 0
admin = "127.0.0.1:0"
[store]
db = "sqlite:///{folder}/store.db"
[upstream]
api = "http://127.0.0.1:{upstream}/v3.1"
token = "http://127.0.0.1:{upstream}/token"
[apps.bench]
client_id = "bench"
signature = "off"
v31_client_id = "bench"
[tenants.bench]
app = "bench"
business = "{business}"
[limits]
calls_per_connection = 1000000
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that is measured: its process, its port, and the request for each case."""

    name: str
    pid: int
    port: int
    requests: dict[str, str]


class NotStarted(Exception):  # noqa: N818 - named by what is wrong
    """A process did not come up; the message says which, and what it said."""


def start(running: ExitStack, folder: Path, canned: Canned) -> list[Subject]:
    """Everything that there is to measure; nginx is missing where the machine has none. Raises NotStarted."""
    _write_answers(folder, canned)
    port = _port(_python(running, folder, "bench.upstream", str(folder)), r"(\d+)")
    plain = {
        "one": _request(f"/v3.1/contacts/{canned.modern}?show_legacy_id=true"),
        "many": _request("/v3.1/contacts?show_legacy_id=true&items_per_page=20&page=1"),
    }
    subjects = [_nginx(running, folder, port, plain)] if shutil.which("nginx") else []
    aiohttp = _python(running, folder, "bench.passthrough", f"http://127.0.0.1:{port}")
    subjects.append(Subject("bare aiohttp", aiohttp.pid, _port(aiohttp, r"(\d+)"), plain))
    subjects.append(_gateway(running, folder, port, canned))
    return subjects


def _write_answers(folder: Path, canned: Canned) -> None:
    tokens = {
        "access_token": "eyJhbGciOiJSUzI1NiJ9." + "a" * (TOKEN_LENGTH - 21),
        "token_type": "bearer",
        "expires_in": 300,
        "refresh_token": "r" * TOKEN_LENGTH,
        "refresh_token_expires_in": 2_678_400,
        "scope": "full_access",
        "requested_by_id": "00000000-0000-4000-8000-000000000000",
    }
    bodies = {"one": canned.one, "many": canned.many, "token": json.dumps(tokens).encode()}
    for name, body in bodies.items():
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-ID: {secrets.token_hex(16)}\r\n"
        head += f"Cache-Control: no-store\r\nContent-Length: {len(body)}\r\n"
        if name != "token":
            head += f"X-Business: {canned.business}\r\n"
        (folder / name).write_bytes(head.encode() + b"\r\n" + body)


def _request(target: str) -> str:
    return (
        f"GET {target} HTTP/1.1\r\nHost: api.sageone.com\r\nAccept: */*\r\n"
        f"Authorization: Bearer {ACCESS_TOKEN}\r\nUser-Agent: bench\r\n\r\n"
    )


def _nginx(running: ExitStack, folder: Path, upstream: int, requests: dict[str, str]) -> Subject:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, upstream=upstream, port=port), "utf-8")
    process = _started(running, folder, "nginx", ["nginx", "-p", str(folder), "-c", str(config)])
    _until(process, lambda: _answers(port))
    return Subject("nginx", process.pid, port, requests)


def _gateway(running: ExitStack, folder: Path, upstream: int, canned: Canned) -> Subject:
    config = folder / "gateway.toml"
    config.write_text(GATEWAY.format(folder=folder, upstream=upstream, business=canned.business), "utf-8")
    environ = {
        "SAGE_GATEWAY_STORE__KEY": secrets.token_hex(32),
        "SAGE_GATEWAY_APPS__BENCH__V31_CLIENT_SECRET": secrets.token_hex(16),
        "SAGE_GATEWAY_TENANTS__BENCH__ACCESS_TOKEN": ACCESS_TOKEN,
        "SAGE_GATEWAY_TENANTS__BENCH__V31_REFRESH_TOKEN": "first",
    }
    process = _python(running, folder, "gateway", "serve", "--config", str(config), environ=environ)
    requests = {
        "one": _request(f"/accounts/v2/contacts/{canned.legacy}"),
        "many": _request("/accounts/v2/contacts?$itemsPerPage=20"),
    }
    return Subject("gateway", process.pid, _port(process, r"listens on http://127\.0\.0\.1:(\d+)"), requests)


def _python(
    running: ExitStack, folder: Path, module: str, *arguments: str, environ: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    return _started(running, folder, module, [sys.executable, "-m", module, *arguments], environ)


def _started(
    running: ExitStack, folder: Path, name: str, command: list[str], environ: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    import os

    told = running.enter_context((folder / f"{name}.log").open("w"))
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=told, text=True, env={**os.environ, **(environ or {})}
    )
    running.callback(_end, process)
    return process


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _port(process: subprocess.Popen[str], pattern: str) -> int:
    """The port that a process prints."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(pattern, line):
            return int(found[1])
    raise NotStarted(f"{process.args!r} ended with {process.wait()}")


def _answers(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


def _until(process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            raise NotStarted(f"{process.args!r} did not start")
        time.sleep(0.05)

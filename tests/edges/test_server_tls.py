"""HTTPS on the public listener, and addresses that cannot be listened on."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector, web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.edges.limits import Limits
from gateway.edges.server import CannotListen, bind, plain_server, serve, tls
from tests.edges.edge_authority import authority


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for api.sageone.com from a private authority (itself), and its key."""
    return authority(tmp_path_factory.mktemp("tls"), "api.sageone.com")


async def hello(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="hello")


@asynccontextmanager
async def listening(context: ssl.SSLContext) -> AsyncIterator[int]:
    serving = await serve(plain_server(hello, Limits()), bind("127.0.0.1", 0), limits=Limits(), context=context)
    try:
        yield serving.port
    finally:
        await serving.stop()


async def ask(port: int, authority: Path, highest: ssl.TLSVersion | None = None, lowest: bool = False) -> str:
    """One call to api.sageone.com as a client sees it behind a hosts override and a private authority."""
    context = ssl.create_default_context(cafile=str(authority))
    if lowest:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    if highest is not None:
        context.maximum_version = highest
    async with (
        ClientSession(connector=TCPConnector(ssl=context, force_close=True)) as client,
        client.get(f"https://127.0.0.1:{port}/", server_hostname="api.sageone.com") as answer,
    ):
        return await answer.text()


async def test_https_with_a_private_authority(files: tuple[Path, Path]) -> None:
    """A client that trusts the authority reaches the gateway as https://api.sageone.com, by TLS 1.2 and above."""
    async with listening(tls(*files)) as port:
        assert await ask(port, files[0]) == "hello"
        assert await ask(port, files[0], ssl.TLSVersion.TLSv1_2) == "hello"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_older_tls_is_spoken_only_where_a_setting_says_so(files: tuple[Path, Path]) -> None:
    """TLS 1.1 is refused by default, and accepted under `tls_minimum = "1.1"`."""
    async with listening(tls(*files)) as port:
        with pytest.raises(OSError, match=r"."):
            await ask(port, files[0], ssl.TLSVersion.TLSv1_1, lowest=True)
    async with listening(tls(*files, minimum="1.1")) as port:
        assert await ask(port, files[0], ssl.TLSVersion.TLSv1_1, lowest=True) == "hello"


def test_files_that_cannot_be_used_are_told_in_a_sentence(files: tuple[Path, Path], tmp_path: Path) -> None:
    """A missing, broken, foreign or encrypted file raises CannotListen, which names the files."""
    missing, broken, locked = tmp_path / "missing", tmp_path / "broken", tmp_path / "locked"
    broken.write_text("nothing of a key")
    foreign = tmp_path / "foreign"
    key = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    foreign.write_bytes(key.private_bytes(*form, serialization.NoEncryption()))
    locked.write_bytes(key.private_bytes(*form, serialization.BestAvailableEncryption(b"secret")))
    for path in (missing, broken, foreign, locked):
        with pytest.raises(CannotListen, match=str(path)):
            tls(files[0], path)
    with pytest.raises(CannotListen, match=str(missing)):
        tls(missing, files[1])


def test_an_address_in_use_is_told_in_a_sentence() -> None:
    """A port that somebody listens on, or a host that is not here, raises CannotListen."""
    taken = bind("127.0.0.1", 0)
    try:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"Cannot listen on 127.0.0.1:{port}: Address already in use"):
            bind("127.0.0.1", port)
    finally:
        taken.close()
    with pytest.raises(CannotListen, match=r"no address 'nowhere\.invalid'"):
        bind("nowhere.invalid", 0)

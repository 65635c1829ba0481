"""What is sent again, seen from a server that breaks: never a write that might take effect twice."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.edges.sending import UpstreamLimits
from gateway.errors import NeedsConsent, Throttled, UpstreamFailed, UpstreamLate
from gateway.messages import V3Request

READ = V3Request("GET", "/contacts/f909")
LISTED = V3Request("POST", "/sales_invoices", body={"sales_invoice": {"reference": "A"}})
UPDATE = V3Request("PUT", "/contacts/f909", body={"contact": {"name": "A"}})
DELETE = V3Request("DELETE", "/contacts/f909")
UNLISTED = V3Request("PUT", "/businesses/b1", body={"business": {"name": "A"}})

GOOD = {"id": "f909"}


def lost(how: str, acts: dict[str, object], replied: Callable[..., bytes]) -> tuple[object, ...]:
    """Ways to lose an answer once the request has arrived."""
    whole = replied(200, {"id": "f909", "name": "x" * 100})
    return {
        "reset before the answer": (acts["reset"],),
        "close before the answer": (acts["close"],),
        "reset within the answer": (whole[:60], acts["reset"]),
        "truncated": (whole[:-20], acts["close"]),
        "truncated chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{", acts["close"]),
        "garbage for HTTP": (b"\x00\x01\x02 nonsense\r\n\r\n", acts["close"]),
        "two lengths": (
            b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 30\r\n\r\n{"id":"x"}',
            acts["close"],
        ),
        "length and chunks": (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            acts["close"],
        ),
        "junk behind the answer": (whole + b"}",),
        "another protocol": (b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + whole,),
        "no head": (b'{"id":"f909"}\r\n\r\n', acts["close"]),
        "only an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n", acts["close"]),
        "reset within a body without a length": (b'HTTP/1.1 200 OK\r\n\r\n{"id":', acts["reset"]),
        "close within a body without a length": (b'HTTP/1.1 200 OK\r\n\r\n{"id":', acts["close"]),
        "gzip cut off": (replied(200, raw=gzip.compress(whole)[:-9], Content_Encoding="gzip"),),
        "two gzips": (replied(200, raw=gzip.compress(b"{}") * 2, Content_Encoding="gzip"),),
        "an unknown coding": (replied(200, raw=b"{}", Content_Encoding="br"),),
        "bad gzip": (replied(200, raw=b"not gzip at all", Content_Encoding="gzip"),),
        "HTML": (replied(200, raw=b"<html>Welcome</html>", Content_Type="text/html"),),
        "NaN": (replied(200, raw=b'{"total": NaN}'),),
        "a number out of range": (replied(200, raw=b'{"total": 1e400}'),),
        "an exponent out of range": (replied(200, raw=b'{"total": 1e99999999999999999999}'),),
        "not UTF-8": (replied(200, raw=b'{"a": "\xff"}'),),
        "too deep": (replied(200, raw=b"[" * 100_000),),
        "empty": (replied(200, raw=b""),),
        "empty 201": (replied(201, raw=b""),),
        "500": (replied(500, [{"$message": "An unexpected error occurred."}]),),
        "502": (replied(502, raw=b"<html>Bad gateway</html>"),),
        "503": (replied(503, raw=b""),),
        "504": (replied(504, raw=b""),),
        "525": (replied(525, raw=b""),),
    }[how]


WAYS = [
    "reset before the answer", "close before the answer", "reset within the answer", "truncated", "truncated chunk",
    "garbage for HTTP", "two lengths", "length and chunks", "junk behind the answer", "another protocol", "no head",
    "only an interim answer", "reset within a body without a length", "close within a body without a length",
    "gzip cut off", "two gzips", "an unknown coding", "bad gzip", "HTML", "NaN", "a number out of range",
    "an exponent out of range",
    "not UTF-8", "too deep", "empty", "empty 201", "500", "502", "503", "504", "525",
]  # fmt: skip


@pytest.mark.parametrize("request_", [LISTED, UPDATE], ids=["POST", "PUT"])
@pytest.mark.parametrize("how", WAYS)
async def test_a_listed_write_is_sent_twice(
    world: Any, acts: dict[str, object], replied: Callable[..., bytes], how: str, request_: V3Request
) -> None:
    """After an ambiguous failure a listed write is sent once more, byte for byte the same."""
    world.wire.then(*lost(how, acts, replied))
    world.wire.answer(201, GOOD)
    answer = await world.bound().send(request_)
    first, second = world.wire.seen
    assert answer.body == GOOD
    assert first.body == second.body
    assert len(first.id) == 32
    assert (first.method, first.target) == (second.method, second.target)


@pytest.mark.parametrize("how", WAYS)
async def test_a_listed_write_is_not_sent_three_times(
    world: Any, acts: dict[str, object], replied: Callable[..., bytes], how: str
) -> None:
    """When the second attempt is lost too, the caller is told that nobody knows."""
    world.wire.default = lost(how, acts, replied)
    with pytest.raises(UpstreamFailed, match="It is not known whether the change was made"):
        await world.bound().send(LISTED)
    assert len(world.wire.seen) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422])
@pytest.mark.parametrize("request_", [LISTED, UPDATE], ids=["POST", "PUT"])
async def test_a_refusal_after_doubt_settles_nothing(
    world: Any, acts: dict[str, object], replied: Callable[..., bytes], request_: V3Request, status: int
) -> None:
    """A lost write that is refused when sent again may have been executed: the caller is told that nobody knows."""
    world.wire.then(acts["reset"])
    world.wire.default = (replied(status, [{"$message": "busy"}]),)
    with pytest.raises(UpstreamFailed, match=rf"\(status {status}\).* It is not known whether the change was made"):
        await world.bound().send(request_)


async def test_a_read_that_is_refused_after_a_reset_is_refused(world: Any, acts: dict[str, object]) -> None:
    """There is nothing to doubt about a read."""
    world.wire.then(acts["reset"])
    world.wire.answer(404, [{"$message": "gone"}])
    assert (await world.bound().send(READ)).status == 404


async def test_no_new_token_after_doubt(world: Any, acts: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """That the consent has lapsed meanwhile does not hide that the write may have been executed."""

    async def lapsed(*_: object) -> str:
        raise NeedsConsent("The Sage user must authorise the app again.")

    monkeypatch.setattr(world.tokens, "stale", lapsed)
    world.wire.answer(401, [{"$dataCode": "AccessTokenVerificationError"}])
    with pytest.raises(NeedsConsent):
        await world.bound().send(LISTED)
    world.wire.then(acts["reset"])
    world.wire.answer(401, [{"$dataCode": "AccessTokenVerificationError"}])
    with pytest.raises(UpstreamFailed, match=r"authorise the app again\. It is not known whether the change was made"):
        await world.bound().send(LISTED)


@pytest.mark.parametrize("request_", [DELETE, UNLISTED], ids=["DELETE", "PUT of a business"])
@pytest.mark.parametrize("how", WAYS)
async def test_no_other_write_is_sent_twice(
    world: Any, acts: dict[str, object], replied: Callable[..., bytes], how: str, request_: V3Request
) -> None:
    """A DELETE, or a write without an idempotency id, is never sent again once it may have arrived."""
    if how.startswith("empty") and request_ is DELETE:
        return
    world.wire.default = lost(how, acts, replied)
    with pytest.raises(UpstreamFailed, match="not known"):
        await world.bound().send(request_)
    assert len(world.wire.seen) == 1
    assert world.waits == []


@pytest.mark.parametrize("how", WAYS)
async def test_a_read_is_sent_three_times(
    world: Any, acts: dict[str, object], replied: Callable[..., bytes], how: str
) -> None:
    """A GET is sent at most twice more, after a 500 once more; the error says nothing of changes."""
    world.wire.default = lost(how, acts, replied)
    with pytest.raises(UpstreamFailed) as failed:
        await world.bound().send(READ)
    assert len(world.wire.seen) == (2 if how == "500" else 3)
    assert "not known" not in str(failed.value)
    assert isinstance(failed.value, Throttled) == (how == "503")
    assert isinstance(failed.value, UpstreamLate) == (how == "504")


@pytest.mark.parametrize("how", ["reset", "gzip cut off", "close in a chunk", "close"])
async def test_half_a_document_is_none(
    world: Any, acts: dict[str, object], replied: Callable[..., bytes], how: str
) -> None:
    """A PDF whose connection was reset, or that was packed and is cut off, is no document: its first half is not given
    out. One that ends with its connection, as HTTP/1.0 has it, is."""
    begun, kind = asyncio.Event(), b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n"
    packed = gzip.compress(b"%PDF-1.4 whole")[:-9]
    world.wire.default = {
        "reset": (kind + b"\r\n%PDF-1.4 ha", begun, acts["reset"]),
        "gzip cut off": (replied(200, raw=packed, Content_Type="application/pdf", Content_Encoding="gzip"),),
        "close in a chunk": (kind + b"Transfer-Encoding: chunked\r\n\r\nff\r\n%PDF-1.4 ha", acts["close"]),
        "close": (kind + b"\r\n%PDF-1.4 whole", acts["close"]),
    }[how]
    asked = asyncio.create_task(world.bound().send(V3Request("GET", "/sales_invoices/1", accept="application/pdf")))
    await world.wire.received(1)
    for _ in range(20):
        await asyncio.sleep(0)
    begun.set()
    if how == "close":
        assert (await asked).body == b"%PDF-1.4 whole"
        return
    with pytest.raises(UpstreamFailed, match="whole"):
        await asked


@pytest.mark.parametrize("request_", [LISTED, DELETE], ids=["POST", "DELETE"])
@pytest.mark.parametrize("how", ["too large", "another business"])
async def test_a_write_whose_answer_is_not_used_may_be_done(
    world: Any, replied: Callable[..., bytes], request_: V3Request, how: str
) -> None:
    """An answer to a write that cannot be used says that the write may be done; it is not sent again."""
    large = replied(201, {"id": "x" * 2000})
    world.wire.default = (large if how == "too large" else replied(201, GOOD, X_Business="b2"),)
    with pytest.raises(UpstreamFailed, match=f"{how}.*It is not known whether the change was made"):
        await world.bound(limits=UpstreamLimits(body=1000)).send(request_)
    assert len(world.wire.seen) == 1


async def test_a_read_recovers(world: Any, acts: dict[str, object]) -> None:
    """A GET whose second attempt is answered is answered, after a short wait."""
    world.wire.then(acts["reset"])
    world.wire.answer(200, GOOD)
    assert (await world.bound().send(READ)).body == GOOD
    assert world.waits == [0.2]


@pytest.mark.parametrize("request_", [DELETE, UNLISTED], ids=["DELETE", "PUT"])
async def test_a_reset_write_arrives_once(world: Any, acts: dict[str, object], request_: V3Request) -> None:
    """A write that meets a reset on a reused connection arrives once."""
    world.wire.answer(200, GOOD)
    world.wire.default = (acts["reset"],)
    upstream = world.bound()
    await upstream.send(READ)
    with pytest.raises(UpstreamFailed):
        await upstream.send(request_)
    writes = [seen for seen in world.wire.seen if seen.method != "GET"]
    assert len(writes) == 1
    assert writes[0].connection == world.wire.seen[0].connection


async def test_a_large_write_arrives_once(world: Any, acts: dict[str, object]) -> None:
    """A write of any size that meets a reset arrives once: nothing below us sends it again (reliability.md, finding 3:
    aiohttp's session does so with PUT and DELETE)."""
    world.wire.answer(200, GOOD)
    world.wire.default = (acts["reset"],)
    upstream = world.bound()
    await upstream.send(READ)
    with pytest.raises(UpstreamFailed):
        await upstream.send(V3Request("PUT", "/businesses/b1", body={"business": {"name": "A" * 2**21}}))
    (write,) = [seen for seen in world.wire.seen if seen.method != "GET"]
    assert write.connection == world.wire.seen[0].connection


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.parametrize("request_", [READ, LISTED, DELETE, UNLISTED])
async def test_what_never_left_is_sent_up_to_three_times_more(world: Any, request_: V3Request) -> None:
    """When no connection can be made, any request is tried three times more, and nothing is in doubt."""
    with pytest.raises(UpstreamFailed, match="cannot be reached") as failed:
        await world.bound(api=f"http://127.0.0.1:{closed_port()}/v3.1").send(request_)
    assert len(world.waits) == 3
    assert failed.value.status == 502
    assert "not known" not in str(failed.value)


async def test_names_that_do_not_resolve(world: Any) -> None:
    """A DNS failure means never sent."""
    with pytest.raises(UpstreamFailed, match="cannot be reached"):
        await world.bound(api="http://nowhere.invalid/v3.1").send(DELETE)
    assert len(world.waits) == 3


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"


async def test_tls_is_verified(world: Any, tmp_path: Path) -> None:
    """A server whose certificate we do not trust is never sent the request; one that we trust is."""
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = await asyncio.start_server(world.wire.serve, "127.0.0.1", 0, ssl=context)
    api = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v3.1"
    with pytest.raises(UpstreamFailed, match="cannot be reached"):
        await world.bound(api=api).send(DELETE)
    assert (len(world.waits), world.wire.seen) == (3, [])
    world.wire.answer(204)
    trusting = world.bound(api=api, tls=ssl.create_default_context(cafile=str(cert)))
    assert (await trusting.send(DELETE)).status == 204
    server.close()


async def test_a_server_that_does_not_speak_tls(world: Any) -> None:
    """A TLS handshake that gets no answer in time means never sent."""
    with pytest.raises(UpstreamFailed, match="cannot be reached"):
        await world.bound(
            api=f"https://127.0.0.1:{world.wire.port}/v3.1", limits=UpstreamLimits(connect=0.05, total=5)
        ).send(DELETE)
    assert world.wire.seen == []


async def test_a_read_that_is_late(world: Any, acts: dict[str, object]) -> None:
    """A GET without an answer in time is UpstreamLate (504)."""
    world.wire.default = (acts["hang"],)
    with pytest.raises(UpstreamLate) as late:
        await world.bound(limits=UpstreamLimits(total=0.05)).send(READ)
    assert late.value.status == 504


async def test_a_drip(world: Any, acts: dict[str, object], replied: Callable[..., bytes]) -> None:
    """An answer that begins and does not end in time is late as well."""
    world.wire.default = (replied(200, GOOD)[:-3], acts["hang"])
    with pytest.raises(UpstreamLate):
        await world.bound(limits=UpstreamLimits(total=0.05)).send(READ)


async def test_nobody_waits_for_ever(world: Any, acts: dict[str, object]) -> None:
    """Once the caller has waited its time, a GET is not begun again; a listed write is, once, to learn its fate."""
    upstream = world.bound(limits=UpstreamLimits(total=5))

    def pass_time() -> None:
        world.now += 5

    world.wire.default = (pass_time, acts["reset"])
    for request, sent in ((READ, 1), (LISTED, 2)):
        world.wire.seen.clear()
        with pytest.raises(UpstreamFailed):
            await upstream.send(request)
        assert len(world.wire.seen) == sent


async def test_a_stale_token(world: Any) -> None:
    """A 401 about the token is answered with another token, once, for any request."""
    for request in (READ, LISTED, DELETE, UNLISTED):
        world.wire.answer(401, [{"$dataCode": "AccessTokenVerificationError", "$source": "Authorization"}])
        world.wire.answer(200, GOOD)
        assert (await world.bound().send(request)).body == GOOD
        old, new = world.wire.seen[-2:]
        assert (old.headers["authorization"], new.headers["authorization"]) == (
            f"Bearer {world.tokens.refused[-1]}",
            f"Bearer token-{len(world.tokens.refused) + 1}",
        )
        assert old.body == new.body
    assert world.waits == []


async def test_a_token_that_stays_refused(world: Any) -> None:
    """A second 401 is the answer: there is no loop."""
    world.wire.default = (b"HTTP/1.1 401 X\r\nContent-Length: 34\r\n\r\n" + b'{"error": "Authorization missing"}',)
    assert (await world.bound().send(READ)).status == 401
    assert len(world.wire.seen) == 2


async def test_a_lapsed_subscription(world: Any) -> None:
    """A 401 "No active subscription" is final and asks for no other token."""
    body = [{"$dataCode": "AuthorizationFailure", "$message": "No active subscription. (MSE)", "$source": ""}]
    world.wire.answer(401, body)
    assert (await world.bound().send(READ)).body == body
    assert world.tokens.refused == []


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 415, 422])
@pytest.mark.parametrize("request_", [READ, LISTED, DELETE])
async def test_refusals_are_answers(world: Any, status: int, request_: V3Request) -> None:
    """Any other 4xx is an answer, and is not sent again."""
    world.wire.answer(status, [{"$message": "no"}])
    answer = await world.bound().send(request_)
    assert (answer.status, answer.body) == (status, [{"$message": "no"}])

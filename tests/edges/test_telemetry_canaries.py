"""No secret and no personal value reaches a log line or a metric, whatever slot it comes in."""

from __future__ import annotations

import json
from dataclasses import replace

from gateway.edges.conversation import Timed
from gateway.edges.telemetry import Line
from gateway.messages import Exchange, Note, V2Request, V2Response, V3Request, V3Response
from tests.edges.edge_house import GOOD, OTHER, SMALL, House, Talk, house

CANARY = "canary"


class Sage:
    """v3.1, all of whose answers hold canaries."""

    async def send(self, request: V3Request) -> V3Response:
        return V3Response(422, [{"$message": CANARY}], (("X-Secret", CANARY),))


def told(gateway: House) -> bytes:
    return gateway.log.getvalue() + gateway.metrics.text()


async def test_no_slot_of_a_call_reaches_log_or_metrics() -> None:
    """Target, query, header names and values, cookies, nonce, signature and body leave no trace of their words."""
    async with house() as gateway:
        headers = {
            "X-Nonce": f"{CANARY}-nonce",
            "X-Signature": f"{CANARY}-signature",
            "Cookie": f"session={CANARY}",
            f"X-{CANARY}": CANARY,
            "User-Agent": CANARY,
            "X-Request-Id": CANARY,
            "X-Forwarded-For": CANARY,
            "Content-Type": f"application/{CANARY}",
        }
        target = f"/accounts/v2/{CANARY}/{CANARY}?search={CANARY}&{CANARY}=1"
        for token in (GOOD, OTHER, f"{CANARY}-token"):
            for method in ("POST", "GET", "PROPFIND"):
                body = f"contact[{CANARY}]={CANARY}".encode()
                await gateway.ask(method, target, headers | {"Authorization": f"Bearer {token}"}, body)
        assert len(gateway.lines) == 9
        assert CANARY.encode() not in told(gateway).lower()
        assert GOOD.encode() not in told(gateway)


async def test_no_slot_of_an_exchange_reaches_log_or_metrics() -> None:
    """Replies, notes' fields and texts, v3.1's paths, ids, bodies and headers leave only codes, kinds and numbers."""

    class Tattler(Talk):
        async def hold(self, call: V2Request, known: object, line: Line) -> Exchange:
            sender = Timed(Sage(), self.telemetry, line)
            await sender.send(V3Request("GET", f"/{CANARY}/{CANARY}", (("search", CANARY),), {"a": CANARY}))
            notes = (Note("unmapped", CANARY, CANARY), Note("cut", CANARY, CANARY))
            reply = V2Response(422, {"$diagnoses": [{"$dataCode": CANARY, "$message": CANARY}]}, (("X", CANARY),))
            return Exchange(call, (), reply, notes, "contacts")

    async with house(Tattler()) as gateway:
        status, _, body = await gateway.get("/accounts/v2/contacts")
        assert (status, CANARY.encode() in body) == (422, True)
        assert CANARY.encode() not in told(gateway)
        [line] = gateway.lines
        assert line["notes"] == ["unmapped", "cut"]
        assert line["upstream"] == [{"method": "GET", "kind": "other", "status": 422, "ms": line["upstream"][0]["ms"]}]


async def test_no_broken_request_reaches_log_or_metrics() -> None:
    """What the parser cannot read is counted and logged by the kind of its fault alone."""
    broken = [
        f"GET /{CANARY} {CANARY}\r\n\r\n",
        f"{CANARY} / HTTP/1.1\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: {CANARY}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: a\r\n{CANARY} {CANARY}: {CANARY}\r\n\r\n",
        f"GET http://{CANARY}/ HTTP/1.1\r\nHost: {CANARY}\r\n\r\n",
        f"GET /{CANARY * 200} HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
    async with house(limits=replace(SMALL, header_seconds=0.05)) as gateway:
        for raw in broken:
            answer = await gateway.send(raw.encode())
            assert CANARY.encode() not in answer.lower()
        assert CANARY.encode() not in told(gateway).lower()
        assert len(gateway.lines) == len(broken)


async def test_a_log_line_is_always_one_line() -> None:
    """Line breaks in what an operator named are encoded: a log line cannot be forged."""
    async with house() as gateway:
        await gateway.get("/a")
        assert gateway.log.getvalue().count(b"\n") == len(gateway.lines) == 1
        assert json.loads(gateway.log.getvalue())["tenant"] == "acme"

"""What is sent to v3.1 and what is taken from it."""

import asyncio
import gzip
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.edges.answers import Trouble, read_answer, retry_after
from gateway.edges.sending import UpstreamLimits
from gateway.errors import BadCall, TableWrong, Throttled, UpstreamFailed
from gateway.messages import V3Request, header

READ = V3Request("GET", "/contacts/f909")
PDF = V3Request("GET", "/sales_invoices/1", (("mark_as_sent", "false"),), accept="application/pdf")


async def test_a_read_on_the_wire(world: Any) -> None:
    """A read names its business, its token and the gateway, takes JSON, and has no body and no type."""
    world.wire.answer(200, {"id": "f909"}, X_Business="b1")
    await world.bound().send(V3Request("GET", "/contacts", (("search", "Ä & B=ü/$"), ("attributes", "name,id"))))
    (seen,) = world.wire.seen
    assert seen.target == "/v3.1/contacts?search=%C3%84%20%26%20B%3D%C3%BC%2F%24&attributes=name,id"
    named = ("authorization", "x-business", "accept", "via", "content-type")
    assert {name: seen.headers.get(name) for name in named} == {
        "authorization": "Bearer token-1", "x-business": "b1", "accept": "application/json", "via": "1.1 sage-gateway",
        "content-type": None,
    }  # fmt: skip
    assert "aiohttp" not in str(seen.headers).lower()


class Row(msgspec.Struct):
    """What is read of a contact."""

    id: str
    name: str | None = None


@pytest.mark.parametrize(("items", "taken"), [
    ([{"id": "a", "name": "A", "notes": "x"}], [Row("a", "A")]),
    ([{"id": "a"}, {"id": "b", "name": 5}], [{"id": "a"}, {"id": "b", "name": 5}]),
    ([{"name": "A"}], [{"name": "A"}]),
    (None, None),
], ids=["typed", "another type", "no id", "no list"])  # fmt: skip
async def test_rows_of_a_type(world: Any, items: Any, taken: Any) -> None:
    """A list is decoded into what is read of its rows, and as it came where one of them is no such row."""
    world.wire.answer(200, {"$items": items, "$total": 1, "$page": 1, "$next": None}, X_Business="b1")
    answer = await world.bound().send(V3Request("GET", "/contacts", rows=Row))
    assert answer.body == {"$items": taken, "$total": 1, "$page": 1, "$next": None}


@pytest.mark.parametrize("status", [400, 404])
async def test_a_refused_list_has_no_rows(world: Any, status: int) -> None:
    """What v3.1 says of a refusal is read whole."""
    world.wire.answer(status, [{"$message": "no"}], X_Business="b1")
    answer = await world.bound().send(V3Request("GET", "/contacts", rows=Row))
    assert (answer.status, answer.body) == (status, [{"$message": "no"}])


async def test_a_write_on_the_wire(world: Any) -> None:
    """A write is JSON with money as text; a DELETE may have a body and gets no idempotency id."""
    world.wire.answer(201, {"id": "1"})
    world.wire.answer(200, {"id": "1"})
    upstream = world.bound()
    await upstream.send(V3Request("POST", "/contact_payments", body={"contact_payment": {"total": Decimal("1E+2")}}))
    await upstream.send(V3Request("DELETE", "/sales_invoices/1", body={"void_reason": "x"}))
    post, delete = world.wire.seen
    assert post.headers["content-type"] == "application/json"
    assert post.body == b'{"contact_payment":{"idempotency_id":"%s","total":"100"}}' % post.id.encode()
    assert delete.body == b'{"void_reason":"x"}'


@pytest.mark.parametrize("path", ["/user", "/businesses", "/businesses/b1"])
async def test_no_business_where_there_is_none(world: Any, path: str) -> None:
    """/user and /businesses are asked without X-Business, and may be answered with any."""
    world.wire.answer(200, {"id": "x"}, X_Business="lead")
    assert (await world.bound().send(V3Request("GET", path))).status == 200
    assert "x-business" not in world.wire.seen[0].headers
    assert world.alarms == []


@pytest.mark.parametrize("request_", [
    READ,
    V3Request("POST", "/contacts", body={"contact": {}}),
    V3Request("GET", "/business_settings"),
], ids=["read", "write", "settings"])  # fmt: skip
@pytest.mark.parametrize("status", [200, 401, 404, 500])
async def test_another_business(world: Any, request_: V3Request, status: int) -> None:
    """An answer that names another business is not used, whatever it says: 502, an alarm, no second attempt."""
    world.wire.answer(status, {"id": "secret"}, X_Business="b2")
    with pytest.raises(UpstreamFailed, match="another business") as failed:
        await world.bound().send(request_)
    assert failed.value.status == 502
    assert world.alarms == [("wrong_business", "acme_london")]
    assert len(world.wire.seen) == 1
    assert "b2" not in str(failed.value)


async def test_two_businesses(world: Any, replied: Callable[..., bytes]) -> None:
    """A second X-Business field is looked at too."""
    world.wire.then(replied(200, {}, X_Business="b1\r\nX-Business: b2"))
    with pytest.raises(UpstreamFailed, match="another business"):
        await world.bound().send(READ)


async def test_the_same_business_in_other_letters(world: Any) -> None:
    """Case and hyphens do not make another business."""
    world.wire.answer(200, {"id": "x"}, X_Business="B-1")
    assert (await world.bound().send(READ)).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
async def test_redirects_are_not_followed(world: Any, status: int) -> None:
    """A redirect is no answer, is not followed and not sent again."""
    world.wire.answer(status, None, Location=f"http://127.0.0.1:{world.wire.port}/elsewhere")
    with pytest.raises(UpstreamFailed):
        await world.bound().send(READ)
    assert len(world.wire.seen) == 1


async def test_cookies_and_proxies(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cookie is kept, and the environment's proxies are not used."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    upstream = world.bound()
    world.wire.answer(200, {}, Set_Cookie="a=b")
    world.wire.answer(200, {})
    await upstream.send(READ)
    await upstream.send(READ)
    assert "cookie" not in world.wire.seen[1].headers
    assert world.wire.connections == 1


async def test_numbers_are_exact(world: Any, replied: Callable[..., bytes]) -> None:
    """No number passes through a float."""
    world.wire.then(replied(200, raw=b'{"a": 12.10, "b": 1000000000000000.01, "c": 12345678901234567890, "d": 1e2}'))
    body = (await world.bound().send(READ)).body
    assert str(body) == (
        "{'a': Decimal('12.10'), 'b': Decimal('1000000000000000.01'), 'c': 12345678901234567890, 'd': Decimal('1E+2')}"
    )


async def test_empty_answers(world: Any, replied: Callable[..., bytes]) -> None:
    """204, an empty DELETE and an empty refusal have no body; header fields come along."""
    for status, request in ((204, READ), (200, V3Request("DELETE", "/contacts/1")), (405, READ)):
        world.wire.then(replied(status, raw=b"", X_Request_Id="r1") if status != 204 else
                        b"HTTP/1.1 204 No Content\r\nX-Request-Id: r1\r\n\r\n")  # fmt: skip
        answer = await world.bound().send(request)
        assert (answer.status, answer.body, header(answer.headers, "x-request-id")) == (status, None, "r1")


async def test_an_unreadable_refusal(world: Any, replied: Callable[..., bytes]) -> None:
    """A 404 page of something in between is no answer of v3.1: it does not say that a record is gone."""
    world.wire.then(replied(404, raw=b"<html>nginx</html>"))
    with pytest.raises(UpstreamFailed):
        await world.bound().send(READ)
    assert len(world.wire.seen) == 1


async def test_pdf(world: Any, replied: Callable[..., bytes]) -> None:
    """A PDF comes as its bytes; its refusal as JSON; anything else in its place is no answer."""
    world.wire.then(replied(200, raw=b"%PDF-1.4 \x00\xff", Content_Type="application/pdf; charset=binary"))
    world.wire.answer(404, [{"$dataCode": "RecordNotFound"}])
    upstream = world.bound()
    assert (await upstream.send(PDF)).body == b"%PDF-1.4 \x00\xff"
    assert (await upstream.send(PDF)).body == [{"$dataCode": "RecordNotFound"}]
    assert world.wire.seen[0].headers["accept"] == "application/pdf"
    for wrong in (replied(200, {"id": "1"}, Content_Type="application/json"),
                  replied(200, raw=b"", Content_Type="application/pdf")):  # fmt: skip
        world.wire.default = (wrong,)
        with pytest.raises(UpstreamFailed, match="document"):
            await upstream.send(PDF)


async def test_size(world: Any, replied: Callable[..., bytes]) -> None:
    """An answer of exactly the limit is taken, one byte more is not, and is not asked for again."""
    limit = 2000
    text = b'"' + b"x" * (limit - 2) + b'"'
    upstream = world.bound(limits=UpstreamLimits(body=limit))
    world.wire.then(replied(200, raw=text))
    assert len((await upstream.send(READ)).body) == limit - 2
    world.wire.then(replied(200, raw=text + b" "))
    with pytest.raises(UpstreamFailed, match="too large"):
        await upstream.send(READ)
    assert len(world.wire.seen) == 2


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_inflated_size(world: Any, replied: Callable[..., bytes], encoding: str) -> None:
    """The limit is on what an answer inflates to."""
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    upstream = world.bound(limits=UpstreamLimits(body=100_000))
    world.wire.then(replied(200, raw=pack(b'{"a": 1}'), Content_Encoding=encoding))
    assert (await upstream.send(READ)).body == {"a": 1}
    world.wire.then(replied(200, raw=pack(b" " * 50_000_000), Content_Encoding=encoding))
    with pytest.raises(UpstreamFailed, match="too large"):
        await upstream.send(READ)


@pytest.mark.parametrize("status", [429, 503])
async def test_throttling(world: Any, status: int) -> None:
    """429, and 503 with a date, are passed on with Sage's Retry-After, and nothing is sent again."""
    for request in (READ, V3Request("POST", "/contacts", body={"contact": {}})):
        world.wire.answer(status, [{"$message": "slow down"}], Retry_After="17")
        with pytest.raises(Throttled) as throttled:
            await world.bound().send(request)
        assert (throttled.value.status, throttled.value.retry_after) == (503, 17)
    assert len(world.wire.seen) == 2


@pytest.mark.parametrize(("field", "seconds"), [
    ("17", 17), ("0", 1), ("1", 1), ("300", 300), ("301", 300), ("99999999999999999999", 5), ("-3", 5), ("soon", 5),
    ("", 5), ("1.5", 5), ("\u0663", 5), ("Wed, 21 Oct 2015 07:28:30 GMT", 30), ("Wed, 21 Oct 2015 07:00:00 GMT", 1),
    ("Wed, 21 Oct 2020 07:00:00 GMT", 300),
])  # fmt: skip
def test_retry_after(field: str, seconds: int) -> None:
    """Retry-After is seconds or a date, brought into 1 to 300; nonsense means 5."""
    date = ("Date", "Wed, 21 Oct 2015 07:28:00 GMT")
    assert retry_after((("Retry-After", field), date)) == seconds
    assert retry_after((date,)) == 5


def test_a_date_without_a_date() -> None:
    """A Retry-After date in an answer that has no Date cannot be reckoned."""
    assert retry_after((("Retry-After", "Wed, 21 Oct 2015 07:28:30 GMT"),)) == 5


async def test_requests_at_once(world: Any, replied: Callable[..., bytes]) -> None:
    """Of one app only so many requests are under way at once; another app has its own count."""
    held = asyncio.Event()
    world.wire.default = (held, replied(200, {}))
    upstream = world.upstream(limits=UpstreamLimits(in_flight=3, queue=5))
    calls = [asyncio.create_task(world.bind(upstream).send(READ)) for _ in range(8)]
    calls += [asyncio.create_task(world.bind(upstream, app="other").send(READ))]
    await world.wire.received(4)
    assert world.wire.running == 4
    held.set()
    await asyncio.gather(*calls)
    assert world.wire.most_running == 4


async def test_too_many_requests_at_once(world: Any, replied: Callable[..., bytes]) -> None:
    """Who waits longer than the queue allows is throttled, without having been sent."""
    held = asyncio.Event()
    world.wire.default = (held, replied(200, {}))
    upstream = world.upstream(limits=UpstreamLimits(in_flight=1, queue=0.02))
    first = asyncio.create_task(world.bind(upstream).send(READ))
    await world.wire.received(1)
    with pytest.raises(Throttled) as throttled:
        await world.bind(upstream).send(READ)
    assert throttled.value.retry_after == 1
    held.set()
    await first
    assert len(world.wire.seen) == 1


@pytest.mark.parametrize("path", [
    "", "/", "contacts", "//contacts", "/contacts/", "/contacts//1", "/contacts/..", "/contacts/.", "/contacts/a/../b",
    "/contacts/a%2Fb", "/contacts/a?b", "/contacts/a#b", "/contacts/a b", "/contacts/\u00e4", "/contacts/a\\b",
    "/contacts/a\n", "/@evil/x", "/contacts/.hidden",
])  # fmt: skip
async def test_paths(world: Any, path: str) -> None:
    """A path of anything but route words and plain ids is a mistake of ours, and is not sent."""
    with pytest.raises(TableWrong):
        await world.bound().send(V3Request("GET", path))
    assert world.wire.seen == []


async def test_good_paths(world: Any) -> None:
    """Ids with dots, hyphens and underscores go as they are, below the base, whose last slash does not matter."""
    world.wire.answer(200, {})
    api = f"http://127.0.0.1:{world.wire.port}/base/v3.1/"
    await world.bound(api=api).send(V3Request("GET", "/tax_rates/GB_STANDARD-2.5"))
    assert world.wire.seen[0].target == "/base/v3.1/tax_rates/GB_STANDARD-2.5"


async def test_half_a_character_in_a_filter(world: Any) -> None:
    """A lone surrogate in a parameter is the client's mistake."""
    with pytest.raises(BadCall):
        await world.bound().send(V3Request("GET", "/contacts", (("search", "\ud800"),)))


async def test_a_filter_that_no_url_can_hold(world: Any) -> None:
    """Text too long for a request line is the client's mistake, and nothing is sent."""
    with pytest.raises(BadCall, match="too long"):
        await world.bound().send(V3Request("GET", "/contacts", (("search", "é" * 2000),)))


async def test_close_before_use(world: Any) -> None:
    """An upstream that never sent anything closes as well."""
    await world.upstream().close()


@pytest.mark.parametrize(
    ("content", "raw", "taken"),
    [
        ("application/octet-stream", b"%PDF", True),
        ("image/png", b"\x89PNG", True),
        ("application/json", b"{}", False),
        ("text/html; charset=utf-8", b"<p>", False),
        ("image/png", b"", False),
    ],
)
def test_octets_are_of_any_type(content: str, raw: bytes, taken: bool) -> None:
    """Who asks for octets takes a file of any type; words are no file."""
    headers = (("Content-Type", content),)
    if taken:
        assert read_answer(200, headers, raw, accept="application/octet-stream", empty=False).body == raw
    else:
        with pytest.raises(Trouble):
            read_answer(200, headers, raw, accept="application/octet-stream", empty=False)

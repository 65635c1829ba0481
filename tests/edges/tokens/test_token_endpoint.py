"""POST /oauth2/token: what v2 clients get for codes and refresh tokens."""

from __future__ import annotations

import asyncio
import base64
import json
import re

import msgspec
import pytest
from sqlalchemy import event, func, insert, select

from gateway.edges.authorization.limiter import WrongTokens
from gateway.edges.authorization.token_endpoint import TIDY_MOST, TIDY_SECONDS
from gateway.grants.legacy import FOR_EVER
from gateway.messages import V2Request
from gateway.store.issued_tokens import KEPT
from gateway.store.tables import legacy_tokens
from tests.edges.tokens.token_house import (
    APPS,
    FORM,
    GRACE,
    SECRET,
    URI,
    BrokenStore,
    Desk,
    FakeSage,
    error,
    good,
    service_of,
)

MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n',
    {"Content-Type": "multipart/form-data; boundary=x"},
)


async def test_a_code_is_exchanged(desk: Desk) -> None:
    """200, and the body as v2 sent it, name by name, in its order (v2.md §1.3)."""
    reply = await desk.exchange(await desk.code())
    body = msgspec.json.encode(good(reply)).decode()
    assert re.fullmatch(
        '{"access_token":"[0-9a-f]{40}","token_type":"bearer","expires_in":3600,'
        '"refresh_token":"[0-9a-f]{40}","scope":"full_access"}',
        body,
    )
    assert dict(reply.headers)["Content-Type"] == "application/json"
    assert await desk.names(good(reply)["access_token"]) == desk.tenant
    assert (desk.line.tenant, desk.line.app) == ("shop", "shop")


async def test_a_refresh_token_rotates(desk: Desk) -> None:
    """The old one stops working when its grace is over; the new one does not end."""
    first = await desk.pair()
    second = good(await desk.refresh(first["refresh_token"]))
    assert not {second["access_token"], second["refresh_token"]} & set(first.values())
    desk.seconds += GRACE
    assert good(await desk.refresh(first["refresh_token"])) == second
    desk.seconds += 1
    assert error(await desk.refresh(first["refresh_token"])) == "invalid_grant"
    desk.seconds += 10 * 365 * 86_400
    assert await desk.names(second["access_token"]) is None
    third = good(await desk.refresh(second["refresh_token"]))
    assert await desk.names(third["access_token"]) == desk.tenant


async def test_a_code_is_good_once_and_for_a_minute(desk: Desk) -> None:
    """Then it is `invalid_grant`, like one that never was."""
    code = await desk.code()
    good(await desk.exchange(code))
    assert error(await desk.exchange(code)) == "invalid_grant"
    late = await desk.code()
    desk.seconds += 60
    assert error(await desk.exchange(late)) == "invalid_grant"


@pytest.mark.parametrize(
    "said", ["", "https://shop.example/callback/", "https://shop.example/callback?scope=", "x" * 9999]
)
async def test_the_redirect_uri_is_the_browsers(desk: Desk, said: str) -> None:
    """Any other is `invalid_grant` and spends nothing; one client leaves its query out (captures/README.md §3)."""
    code = await desk.code()
    assert error(await desk.exchange(code, redirect_uri=said)) == "invalid_grant"
    good(await desk.exchange(code, redirect_uri=URI.partition("?")[0]))


async def test_all_that_is_wrong_with_a_code_or_token_is_one_error(desk: Desk) -> None:
    """Unknown, another app's, truncated, oversized, of the wrong kind: no reply tells which."""
    code, pair = await desk.code(), await desk.pair()
    rivals = await desk.code((await desk.store.tenants.all())[3])
    replies = [await desk.exchange(each, peer=each) for each in (rivals, code[:39], code + "0", "x" * 60_000, "\x00")]
    replies += [await desk.exchange(pair["refresh_token"], peer="a"), await desk.refresh(code, peer="b")]
    replies += [await desk.refresh(pair["access_token"], peer="c"), await desk.refresh("é\U0001f600", peer="d")]
    replies += [await desk.refresh(pair["refresh_token"], client_id="rival-id", peer="e")]
    assert {error(reply) for reply in replies} == {"invalid_grant"}
    assert len({msgspec.json.encode(reply) for reply in replies}) == 1
    good(await desk.exchange(code))
    good(await desk.refresh(pair["refresh_token"]))


async def test_all_that_is_wrong_costs_one_read(desk: Desk) -> None:
    """No more, no less and never a write: nobody can tell from the work what was wrong, or hold up the store by it."""
    code, pair, traded = await desk.code(), await desk.pair(), await desk.code()
    good(await desk.exchange(traded))
    late = await desk.code()
    desk.seconds += 60
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement.split()[0])

    engines = (desk.store._database._reads.sync_engine, desk.store._database._writes.sync_engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    wrong = [desk.exchange(each, peer=each[:9]) for each in ("x" * 40, code[:39], "x" * 60_000, "", traded, late)]
    wrong += [desk.refresh(each, peer=each[:9]) for each in ("y" * 40, pair["access_token"], "z" * 60_000)]
    for fields in ({"client_id": "nobody"}, {"client_secret": "no"}, {"client_id": "rival-id"}, {"client_secret": ""}):
        wrong += [desk.refresh(pair["refresh_token"], **fields, peer=str(fields))]
    for sent in wrong:
        statements.clear()
        error(await sent)
        assert statements == ["SELECT"]


@pytest.mark.parametrize(
    "fields",
    [
        {"client_secret": "wrong"},
        {"client_secret": ""},
        {"client_id": "nobody"},
        {"client_id": ""},
        {"client_id": "open-id"},
        {"client_id": "shop-id" * 2000},
    ],
)
async def test_a_client_that_cannot_be_known_is_one_error(desk: Desk, fields: dict[str, str]) -> None:
    """`invalid_client`, 400, in the same words, whatever it presents; and nothing is spent (v2.md §1.4)."""
    code = await desk.code()
    reply = await desk.exchange(code, **fields)
    assert error(reply) == "invalid_client"
    assert reply == await desk.exchange("nothing", client_secret="wrong")
    good(await desk.exchange(code))


async def test_a_client_may_authenticate_by_header(desk: Desk) -> None:
    """HTTP Basic, which no v2 client used and newer libraries do; a wrong one is 400 all the same."""
    known = base64.b64encode(f"shop-id:{SECRET}".encode()).decode()
    form = f"grant_type=authorization_code&code={await desk.code()}&redirect_uri={URI.partition('?')[0]}".encode()
    for sent, status in (
        ("AAAA", 400),
        ("/////w==", 400),
        (base64.b64encode(b"shop-id:x").decode(), 400),
        (known, 200),
    ):
        headers = (*FORM.items(), ("authorization", f"Basic {sent}"))
        reply = await desk.send(V2Request("POST", "/oauth2/token", headers, form))
        assert reply.status == status
        assert status == 200 or error(reply) == "invalid_client"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"", "invalid_request"),
        (b"grant_type=", "invalid_request"),
        (b"grant_type=password&username=a", "unsupported_grant_type"),
        (b"grant_type=client_credentials", "unsupported_grant_type"),
        (f"grant_type=authorization_code&client_id=shop-id&client_secret={SECRET}".encode(), "invalid_request"),
        (f"grant_type=refresh_token&client_id=shop-id&client_secret={SECRET}".encode(), "invalid_request"),
        (b"{", "invalid_request"),
        (b'{"grant_type": ["refresh_token"]}', "invalid_request"),
        (b"grant_type=refresh_token&refresh_token=" + b"x" * 70_000, "invalid_request"),
    ],
)
async def test_a_call_that_is_no_token_call_is_refused(desk: Desk, body: bytes, wanted: str) -> None:
    """In OAuth's shape, which clients parse on every 400 (v2.md §1.4)."""
    reply = await desk.send(V2Request("POST", "/oauth2/token", tuple(FORM.items()), body))
    assert error(reply) == wanted
    assert "x" * 100 not in reply.body["error_description"]


async def test_only_post_is_a_token_call(desk: Desk) -> None:
    """A GET would have its secrets in everybody's logs."""
    assert error(await desk.send(V2Request("GET", f"/oauth2/token?code={await desk.code()}"))) == "invalid_request"


async def sent_as(encoding: str, fields: dict[str, str]) -> V2Request:
    form = "&".join(f"{name}={value}" for name, value in fields.items())
    target, headers, body = "/oauth2/token", dict(FORM), form.encode()
    match encoding:
        case "text/plain":
            headers = {"Content-Type": "text/plain; charset=utf-8"}
        case "no type":
            headers = {}
        case "misspelt type":
            headers = {"Content_Type": "application/x-www-form-urlencoded"}
        case "multipart":
            template, headers = MULTIPART
            body = b"".join(template % (name.encode(), value.encode()) for name, value in fields.items()) + b"--x--"
        case "json":
            headers, body = {"Content-Type": "application/json"}, json.dumps(fields).encode()
        case "query":
            target, body = f"{target}?{form}", b""
        case "query and body":
            target = f"{target}?{form}"
        case "signed":
            headers |= {"X-Signature": "nonsense", "X-Nonce": "0", "Authorization": "Bearer x"}
        case "line end":
            body += b"\r\n"
    return V2Request("POST", target, tuple(headers.items()), body)


@pytest.mark.parametrize(
    "encoding",
    [
        "form",
        "text/plain",
        "no type",
        "misspelt type",
        "multipart",
        "json",
        "query",
        "query and body",
        "signed",
        "line end",
    ],
)
async def test_every_encoding_of_real_clients_is_read(desk: Desk, encoding: str) -> None:
    """v2.md §1.3: also with the redirect URI not percent-encoded."""
    fields = {"client_id": "shop-id", "client_secret": SECRET, "grant_type": "authorization_code"}
    fields |= {"code": await desk.code(), "redirect_uri": URI}
    first = good(await desk.send(await sent_as(encoding, fields)))
    fields = {"client_id": "shop-id", "client_secret": SECRET, "refresh_token": first["refresh_token"]}
    good(await desk.send(await sent_as(encoding, {**fields, "grant_type": "refresh_token"})))


@pytest.mark.parametrize("lapse", ["reauth_required", "revoked", "disconnected"])
async def test_without_consent_nothing_is_spent(desk: Desk, lapse: str) -> None:
    """`invalid_grant`, on which clients ask for a new consent; the same token works when it is there."""
    pair, code = await desk.pair(), await desk.code()
    if lapse == "disconnected":
        await desk.set_disconnected(desk.seconds)
    else:
        await desk.set_state(lapse)
    for _ in range(3):
        assert error(await desk.refresh(pair["refresh_token"])) == "invalid_grant"
    assert error(await desk.exchange(code)) == "invalid_grant"
    await desk.set_state("active")
    await desk.set_disconnected(None)
    desk.seconds += GRACE + 1
    good(await desk.refresh(pair["refresh_token"]))


async def test_tokens_live_as_the_app_says(desk: Desk) -> None:
    """`never` is told as ten years, and is never (inferred)."""
    tenants = {tenant.name: tenant for tenant in await desk.store.tenants.all()}
    body = good(await desk.exchange(await desk.code(tenants["lasting"]), client_id="lasting-id"))
    assert body["expires_in"] == FOR_EVER
    desk.seconds += 2 * FOR_EVER
    assert await desk.names(body["access_token"]) == tenants["lasting"]


@pytest.mark.parametrize(
    ("name", "asked", "told"), [("shop", "readonly", "readonly"), ("reader", "full_access", "readonly")]
)
async def test_a_scope_is_the_owners_and_never_more_than_the_apps(desk: Desk, name: str, asked: str, told: str) -> None:
    """It is echoed, and a refresh keeps it, whatever it asks for."""
    tenants = {tenant.name: tenant for tenant in await desk.store.tenants.all()}
    first = good(await desk.exchange(await desk.code(tenants[name], asked), client_id=f"{name}-id"))
    second = good(await desk.refresh(first["refresh_token"], client_id=f"{name}-id", scope="full_access"))
    assert (first["scope"], second["scope"]) == (told, told)
    held = await desk.store.tenants.held(second["access_token"], desk.seconds)
    assert held is not None
    assert held.scope == asked


async def test_a_failing_store_is_no_refusal(desk: Desk) -> None:
    """503 and when to come back: `invalid_grant` would make clients throw their tokens away."""
    broken = BrokenStore()
    broken.codes = broken.tokens = broken.grants = broken  # type: ignore[attr-defined]
    desk.service = service_of(desk.now, broken, FakeSage(), WrongTokens(5, clock=desk.now))
    for reply in (await desk.refresh("x"), await desk.exchange("x"), await desk.revoke("x")):
        assert (reply.status, reply.body["error"]) == (503, "temporarily_unavailable")
        assert int(dict(reply.headers)["Retry-After"]) > 0


async def test_old_tokens_are_forgotten_on_the_way(desk: Desk) -> None:
    """A traded refresh token is unknown after its time; what is good stays."""
    first = await desk.pair()
    second = good(await desk.refresh(first["refresh_token"]))
    desk.seconds += max(KEPT, TIDY_SECONDS) + 1
    third = good(await desk.refresh(second["refresh_token"]))
    assert await desk.store.tokens.find(first["refresh_token"]) is None
    assert await desk.store.tokens.find(third["refresh_token"]) is not None


async def test_many_old_tokens_are_forgotten_over_many_calls(desk: Desk) -> None:
    """A batch with each call while there are more, so that no call waits long."""
    old = [
        {"digest": number.to_bytes(4), "tenant_id": desk.tenant.id, "kind": "access", "origin": "issued"}
        | {"expires_at": desk.seconds, "created_at": 0.0}
        for number in range(TIDY_MOST + 1)
    ]
    await desk.put(insert(legacy_tokens).values(old))
    pair = await desk.pair()
    desk.seconds += KEPT + TIDY_SECONDS
    left = []
    for _ in range(2):
        pair = good(await desk.refresh(pair["refresh_token"]))
        gone = select(func.count()).where(legacy_tokens.c.created_at == 0.0)
        left.append((await desk.store._database.read(gone))[0][0])
    assert left == [1, 0]


async def test_calls_at_once_trade_a_code_once(desk: Desk) -> None:
    """One gets the pair, the others v2's error; refreshes at once all get one pair."""
    code = await desk.code()
    replies = await asyncio.gather(*(desk.exchange(code) for _ in range(4)))
    assert sorted(reply.status for reply in replies) == [200, 400, 400, 400]
    (pair,) = (reply.body for reply in replies if reply.status == 200)
    replies = await asyncio.gather(*(desk.refresh(pair["refresh_token"]) for _ in range(4)))
    assert len({good(reply)["refresh_token"] for reply in replies}) == 1


async def test_a_secret_is_told_from_its_hash_alone() -> None:
    """An app holds nothing that a leak would give away."""
    assert SECRET not in repr(APPS)

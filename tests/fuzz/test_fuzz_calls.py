"""Broken calls, a great many, through the real server: every one gets a v2 reply, and none fails the gateway."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resources.registry import TABLES
from tests.fuzz.words import quick

Pairs = list[tuple[str, str]]
ROOT = Path(__file__).parents[2]

words = st.sampled_from(
    (
        *("contacts", "contact_types", "sales_invoices", "payments", "products", "services", "bank_accounts"),
        *("tax_rates", "ledger_accounts", "countries", "payment_types", "user", "business", "core", "accounts"),
        *("v2", "53117661", "1", "0", "-1", "99999999999999999999", "", "x", "%41", "%ff", "%zz", "é"),
    )
)
served = st.sampled_from(
    sorted(
        f"/{prefix}/{path}"
        for table in TABLES
        for prefix in {f"{table.family}/v2", f"{table.family}/v1"}
        | ({"api/v1"} if table.family == "accounts" else set())
        for path in (table.path, *table.aliases)
    )
)
"""The path of every table, under every name that it has, in v2 and v1."""
numbers = st.sampled_from(("1", "7", "80401", "90230", "53117843", "99999999999999999999", "x"))
paths = st.one_of(
    st.builds(lambda path, number: path.replace("*", number), served, numbers),
    st.builds(lambda path, number, above: f"{path.replace('*', above)}/{number}", served, numbers, numbers),
    words.map(lambda word: f"/accounts/v2/{word}"),
    st.tuples(words, words).map(lambda pair: "/accounts/v2/" + "/".join(pair)),
    st.lists(words, max_size=6).map(lambda parts: "/" + "/".join(parts)),
)
names = st.sampled_from(
    (
        *sorted({root for table in TABLES for root in table.roots}),
        *("name", "contact_type_id", "contact_type_ids", "contact_id", "date", "due_date", "line_items_attributes"),
        *("description", "quantity", "unit_price", "tax_rate_id", "main_address", "country_id", "amount", "id"),
        *("_destroy", "lock_version", "email", "search", "$startIndex", "$itemsPerPage", "from_date", "status"),
        *("0", "1", "99", "", "[", "]", "%", "\x00"),
    )
)
keys = st.builds(
    lambda first, rest, closed: first + "".join(f"[{part}]" if closed else f"[{part}" for part in rest),
    names,
    st.lists(names, max_size=4),
    st.booleans(),
)
values = st.one_of(
    st.sampled_from(
        (
            *("", "1", "-1", "0.005", "1e400", "NaN", "Infinity", "1,234.56", "9" * 60, "true", "null", "{}"),
            *("2016-01-31", "31/12/2016", "31-12-2016", "2016-02-30", "0000-00-00", "2015-08-14 00:00:00 UTC"),
            *("é", "€", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), "\x00", "a" * 5000),
        )
    ),
    st.text(max_size=20),
)


def quoted(text: str) -> str:
    return quote_from_bytes(text.encode("utf-8", "replace"))


def form(pairs: Pairs, encoded: bool) -> bytes:
    """Pairs as a form, properly encoded or as they are."""
    if encoded:
        return "&".join(f"{quoted(name)}={quoted(value)}" for name, value in pairs).encode()
    return "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace")


pairs = st.lists(st.tuples(keys, values), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | values,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(names, below, max_size=3),
    max_leaves=8,
)
bodies = st.one_of(
    st.builds(form, pairs, st.booleans()),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=200),
    st.just(b"[" * 2000),
)
types = st.sampled_from(
    (
        "",
        "application/x-www-form-urlencoded",
        "application/json",
        "text/plain; charset=utf-8",
        "multipart/form-data; boundary=x",
        "application/json; charset=nonsense",
        ";",
    )
)
queries = st.builds(form, pairs, st.just(True))
methods = st.sampled_from(("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"))


@quick
@given(
    methods, paths, st.builds(form, pairs, st.just(True)), types, bodies, st.sampled_from(("*/*", "application/pdf"))
)
def test_any_call_gets_a_v2_reply(
    house, method: str, path: str, query: bytes, media: str, body: bytes, accept: str
) -> None:
    """Whatever verb, path, query, content type and body: below 500, one line of JSON, `$diagnoses` or `error`."""
    target = quote_from_bytes(path.encode(), safe="/%") + (f"?{query.decode()}" if query else "")
    head = [f"{method} {target} HTTP/1.1", "Host: gateway", "Authorization: Bearer TestToken", f"Accept: {accept}"]
    head += [f"Content-Type: {media}"] if media else []
    head += [f"Content-Length: {len(body)}", "Connection: close"]
    house.one("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)


lines = st.one_of(st.binary(max_size=60), st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace")))


@quick
@given(lines, st.lists(lines, max_size=5), st.binary(max_size=60))
def test_any_bytes_get_a_v2_reply(house, first: bytes, fields: list[bytes], body: bytes) -> None:
    """Bytes that need not be HTTP at all are answered in v2's shape."""
    head = [b"GET /" + first + b" HTTP/1.1", b"Host: gateway", b"Connection: close", *fields]
    house.one(b"\r\n".join(head) + b"\r\n\r\n" + body)


SERVED = {f"/{table.family}/v2/{table.path.replace('*', '{id}')}" for table in TABLES}
ENDPOINTS = [
    endpoint
    for endpoint in json.loads((ROOT / "tests" / "data" / "v2_endpoints.json").read_text())
    if endpoint["path"] in SERVED
]


@pytest.fixture(scope="module")
def ids(house) -> dict[str, list[int]]:
    """Ids of records that the sandbox has, by the last word of their list's path."""
    found: dict[str, list[int]] = {}
    for endpoint in ENDPOINTS:
        head = f"GET {endpoint['path']} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TestToken\r\n\r\n"
        [(_, _, body)] = house.answers(head.encode())
        listed = json.loads(body)
        if isinstance(listed, dict) and "$resources" in listed:
            found[endpoint["path"].rpartition("/")[2]] = [row["id"] for row in listed["$resources"]]
    return found


ID = "id of "
"""Before a word that names whose id is meant: only a running sandbox knows it."""
indices = st.sampled_from(("0", "1", "7"))


def likely(name: str) -> st.SearchStrategy[str]:
    """Values that an attribute or filter of this name may have."""
    last = re.findall(r"[a-z_0-9$]+", name)[-1]
    if last == "id" or last.endswith("_id") or last in ("contact", "contact_type", "status"):
        return st.just(ID + last.removesuffix("_id") + "s")
    if "date" in last:
        return st.sampled_from(("2016-01-31", "31/12/2016", "14-08-2026"))
    if re.search("price|amount|quantity|percentage|carriage|nominal|Index|Page", last) and "includes" not in last:
        return st.sampled_from(("1", "2", "10.00", "0.5", "19.99"))
    if re.search("include|same_as|destroy|current", last):
        return st.sampled_from(("true", "false", "1", "0"))
    return st.sampled_from(("Name & Co", "a@b.example", "REF1", ""))


@st.composite
def sensible_calls(draw: st.DrawFn) -> tuple[str, str, Pairs, Pairs, int]:
    """A verb and path of v2 with attributes and filters that it has: likely values, and few others."""
    endpoint = draw(st.sampled_from(ENDPOINTS))
    verb = draw(st.sampled_from(endpoint["verbs"]))
    root = endpoint["request_root"]

    def value(name: str) -> str:
        return draw(values) if draw(st.integers(0, 11)) == 0 else draw(likely(name))

    body = []
    known = sorted(endpoint["request_attributes"]) or ["x"]
    chosen = known if draw(st.booleans()) else draw(st.lists(st.sampled_from(known), max_size=12))
    for name in chosen:
        first, bracket, rest = name.replace("[n]", f"[{draw(indices)}]").partition("[")
        body.append((f"{root}[{first}]{bracket}{rest}" if root else name, value(name)))
    filters = [name.partition(" ")[0] for name in endpoint["filters"]] or ["search"]
    query = [(name, value(name)) for name in draw(st.lists(st.sampled_from(filters), max_size=3))]
    return verb, endpoint["path"], query, body, draw(st.integers(0, 1000))


@quick
@given(sensible_calls())
def test_any_sensible_call_gets_a_v2_reply(
    house, ids: dict[str, list[int]], call: tuple[str, str, Pairs, Pairs, int]
) -> None:
    """Calls with v2's own paths, attributes and filters, and with records that exist, never fail the gateway."""
    verb, path, query, body, nth = call

    def pick(of: str) -> str:
        word = of.replace("countrys", "countries").replace("tax_codes", "tax_rates")
        word = word.replace("destinations", "ledger_accounts").removeprefix("main_address_").removeprefix("carriage_")
        known = ids.get(word) or [nth]
        return str(known[nth % len(known)])

    def real(pairs: Pairs) -> Pairs:
        return [(name, pick(text.removeprefix(ID)) if text.startswith(ID) else text) for name, text in pairs]

    path = path.replace("{id}", pick("sales_invoices"))
    method, _, below = verb.partition(" ")
    if below.startswith("/{"):
        path += "/" + pick(path.rpartition("/")[2])
    text = form(real(body), encoded=True)
    target = path + (f"?{form(real(query), encoded=True).decode()}" if query else "")
    head = [f"{method} {target} HTTP/1.1", "Host: gateway", "Authorization: Bearer TestToken", "Connection: close"]
    head += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(text)}"]
    house.one("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + text)

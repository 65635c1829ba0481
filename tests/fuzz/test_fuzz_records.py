"""Records of every resource with wild values in JSON, and calls while v3.1 fails: v2's shape all the same."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.resources.registry import TABLES
from tests.fuzz.conftest import SAGES
from tests.fuzz.words import quick, slow

DATA = Path(__file__).parents[1] / "data" / "v2_endpoints.json"
SERVED = {f"/{table.family}/v2/{table.path.replace('*', '{id}')}" for table in TABLES}
WRITTEN = [
    endpoint
    for endpoint in json.loads(DATA.read_text("utf-8"))
    if endpoint["path"] in SERVED and any(verb[:3] in ("POS", "PUT") for verb in endpoint["verbs"])
]
INVOICE, CONTACT = 90230, 53117843
KNOWN = ("53117843", "53117661", "1", "7")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12).map(float),
    st.sampled_from((1e308, 5e-324, "1E+40", "١٢", "0x10", "1_000", " 1 ", "+1", "-0", "1.", ".5", "٣١/١٢/٢٠١٦")),
    st.sampled_from(("2016-02-30", "31/12/2016", "2016-01-31T00:00:00Z", "20160131", "9999-12-31", "0001-01-01", "")),
    st.sampled_from(
        (*KNOWN, "0", "-1", "1.0", "53117843 ", "null", "true", "é" * 3000, "\ud83d", "a\nb", "\x00", "<b>")
    ),
    st.text(max_size=30),
)
wild = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.sampled_from(("id", "0", "x", "$key")), below),
    max_leaves=6,
)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """A verb, a target and a JSON body with attributes that the resource has, some names twice."""
    endpoint = draw(st.sampled_from(WRITTEN))
    verb = draw(st.sampled_from([verb for verb in endpoint["verbs"] if verb[:3] in ("POS", "PUT")]))
    method, _, below = verb.partition(" ")
    record: dict[str, Any] = {}
    lines: dict[str, dict[str, Any]] = {}
    for name in draw(st.lists(st.sampled_from(sorted(endpoint["request_attributes"]) or ["x"]), max_size=14)):
        first, _, rest = name.partition("[")
        if rest:
            lines.setdefault(first, {})[rest.rpartition("[")[2].rstrip("]")] = draw(scalars)
        else:
            record[name] = draw(st.sampled_from(KNOWN) | wild)
    for first, values in lines.items():
        record[first] = draw(st.sampled_from([values, [values], {"0": values, "7": values}, [values] * 3, [[values]]]))
    body = record if endpoint["request_root"] is None else {endpoint["request_root"]: record}
    text = json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        text = text.replace(b"{", b'{"name": 1, "id": 2, ', draw(st.integers(1, 2)))
    number = draw(st.sampled_from((str(CONTACT), str(INVOICE), "1", "999999999999999999")))
    return method, endpoint["path"].replace("{id}", number) + below.replace("{id}", number), text


def call(method: str, target: str, body: bytes) -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TestToken\r\nConnection: close\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@quick
@given(written())
def test_any_record_in_json_is_written_or_refused(house, made):
    """Values of every type, lists for records and records for lists, half characters, names twice."""
    house.one(call(*made))


LINE = {"description": "Mug", "quantity": "2", "unit_price": "9.99", "ledger_account_id": 66033, "tax_rate_id": 1}
ADDRESS = {"street_one": "1 Mill Road", "town": "Hull", "postcode": "HU1 2AB", "country_id": 218}
PERSON = {"company": "A Ltd", "name": "Jo Pike", "contact_type_id": 1, "main_address": ADDRESS}
INVOICED = {"contact_id": CONTACT, "date": "2026-01-31", "line_items_attributes": [LINE, {**LINE, "_destroy": "0"}]}
ITEM = {"description": "Mug", "product_code": "M", "sales_price": "7.50", "ledger_account_id": 66033, "tax_rate_id": 1}
TIME = {"description": "Tuition", "period_rate_price": "35", "period_type_id": 1, "ledger_account_id": 66033}
PAYMENT = {"amount": "1.00", "date": "2026-02-01", "destination_id": 8801, "payment_type_id": 2, "reference": "R"}
ACCOUNT = {"name": "Pots", "nominal_code": 4999, "ledger_account_type_id": 1, "tax_rate_id": 1}
SOUND = (
    *(
        ("POST", "/accounts/v2/contacts", "contact", PERSON),
        ("PUT", f"/accounts/v2/contacts/{CONTACT}", "contact", PERSON),
    ),
    *(("POST", "/accounts/v2/sales_invoices", "sales_invoice", INVOICED),) * 3,
    *(("PUT", f"/accounts/v2/sales_invoices/{INVOICE}", "sales_invoice", INVOICED),) * 2,
    *(("POST", "/accounts/v2/products", "product", ITEM), ("PUT", "/accounts/v2/products/7702", "product", ITEM)),
    *(("POST", "/accounts/v2/services", "service", TIME), ("PUT", "/accounts/v2/services/7802", "service", TIME)),
    ("POST", f"/accounts/v2/sales_invoices/{INVOICE - 1}/payments", "sales_invoice_payment", PAYMENT),
    ("POST", "/accounts/v2/ledger_accounts", "ledger_account", ACCOUNT),
)
ROOTED = {endpoint["request_root"]: sorted(endpoint["request_attributes"]) for endpoint in WRITTEN}


@st.composite
def altered(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """A write that makes sense, but for one or two values: changed, missing, or added under a name that v2 knew."""
    method, target, root, sound = draw(st.sampled_from(SOUND))
    record = deepcopy(sound)
    for _ in range(draw(st.integers(0, 2))):
        places = [record, *(each for each in record.values() if isinstance(each, dict))]
        places += [
            line for each in record.values() if isinstance(each, list) for line in each if isinstance(line, dict)
        ]
        place = draw(st.sampled_from(places))
        name = draw(st.sampled_from(sorted(place) or ["id"]))
        match draw(st.sampled_from(("change", "change", "change", "lose", "add", "spoil"))):
            case "change":
                place[name] = draw(scalars)
            case "lose":
                place.pop(name, None)
            case "add":
                added = draw(st.sampled_from(ROOTED[root] or ["id"])).rpartition("[")[2].rstrip("]")
                place[added] = draw(scalars | st.sampled_from(KNOWN))
            case "spoil":
                place[name] = draw(wild)
    return method, target, json.dumps({root: record}).encode()


@quick
@given(altered())
def test_a_write_with_a_wild_value_is_carried_out_or_refused(house, made):
    """What v3.1 is sent for it is what its spec allows, whatever the value."""
    house.one(call(*made))


@st.composite
def faults(draw: st.DrawFn) -> dict[str, Any]:
    """What goes wrong with v3.1, for the next requests."""
    kind = draw(st.sampled_from(("status", "status", "html", "reset_before", "reset_after", "truncate")))
    bodies = (None, "", "{", "null", "[]", "[[]]", '"x"', "{}", '[{"$message": 1}]', '[{"$source": null}]', "\ufeff[]")
    statuses = (200, 201, 204, 301, 304, 400, 401, 402, 403, 404, 405, 406, 409, 410, 415, 422, 429, 500, 502, 503, 504)
    return {
        "kind": kind,
        "status": draw(st.sampled_from(statuses)),
        "body": draw(st.sampled_from(bodies)) if kind == "status" else None,
        "retry_after": draw(
            st.sampled_from((None, None, "0", "1", "x", "99999999999", "Sun, 06 Nov 1994 08:49:37 GMT"))
        ),
        "times": draw(st.integers(1, 2)),
    }


CALLS = (
    ("GET", f"/accounts/v2/contacts/{CONTACT}", b""),
    ("GET", "/accounts/v2/sales_invoices?$itemsPerPage=3&from_date=2016-01-01", b""),
    ("GET", "/core/v2/business", b""),
    ("POST", "/accounts/v2/contacts", b'{"contact": {"name": "A", "contact_type_id": 1}}'),
    ("PUT", f"/accounts/v2/contacts/{CONTACT}", b'{"contact": {"main_address": {"city": "Hull"}}}'),
    ("DELETE", "/accounts/v2/products/1", b""),
)


@slow
@given(st.sampled_from(CALLS), st.lists(faults(), min_size=1, max_size=2))
def test_whatever_v31_does_the_reply_has_v2s_shape(house, said, wrong):
    """A v3.1 that refuses, breaks off or talks nonsense becomes a v2 error or a v2 record, and it passes."""
    for each in wrong:
        house.sandbox.faults.add("*", "/v3.1", **each)
    try:
        house.one(call(*said), SAGES)
    finally:
        house.sandbox.faults.clear()
    assert house.works()

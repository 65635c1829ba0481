"""Idempotent writes: which they are, how their bytes are written, and the id that they carry."""

import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadCall, TableWrong
from gateway.translate.idempotent import COLLECTIONS, derived_id, listed, tenant_key, with_id, write_body

TESTS = Path(__file__).parents[1]
DOCUMENTED = [
    line for line in (TESTS / "data" / "idempotent_resources.txt").read_text().splitlines() if not line.startswith("#")
]
SPEC = json.loads((TESTS.parent / "gateway" / "sandbox" / "v31_spec.json").read_text())
KEY = tenant_key(b"k" * 32, "acme", "b1")


def plural(resource: str) -> str:
    if resource.endswith("y"):
        return resource[:-1] + "ies"
    return resource + ("es" if resource.endswith("s") else "s")


def test_collections_are_those_documented() -> None:
    """Exactly the collections of Sage's list are listed."""
    assert sorted(map(plural, DOCUMENTED)) == sorted(COLLECTIONS)


def test_the_spec_agrees() -> None:
    """A write is listed where its body in the spec has an idempotency_id in its root, and nowhere else."""
    seen = 0
    for path, operations in SPEC["paths"].items():
        for method in operations.keys() & {"post", "put"}:
            roots = operations[method].get("body", {}).get("object", {})
            has = any("idempotency_id" in root.get("object", {}) for root in roots.values() if isinstance(root, dict))
            assert listed(method.upper(), path.replace("{key}", "f909")) is has, (method, path)
            seen += has
    assert seen > 60


@pytest.mark.parametrize(("method", "path", "expected"), [
    ("POST", "/contacts", True),
    ("PUT", "/contacts/f909", True),
    ("PUT", "/tax_profiles/1", True),
    ("POST", "/contacts/f909", False),
    ("PUT", "/contacts", False),
    ("GET", "/contacts", False),
    ("DELETE", "/contacts/f909", False),
    ("POST", "/sales_invoices/1/release", False),
    ("POST", "/attachments", False),
    ("POST", "/tax_rates", False),
    ("PUT", "/businesses/b1", False),
    ("PUT", "/user", False),
])  # fmt: skip
def test_listed(method: str, path: str, expected: bool) -> None:
    """Creates in and updates of a listed collection take an id, nothing else does."""
    assert listed(method, path) is expected


def test_money_is_text() -> None:
    """A Decimal is written as text with all its digits and no exponent; order and other values stay."""
    body = {
        "x": {
            "b": Decimal("12.10"),
            "a": Decimal("1E+3"),
            "c": [Decimal("-0.00")],
            "n": None,
            "t": True,
            "i": 2**70,
        }
    }
    assert (
        write_body(body) == b'{"x":{"b":"12.10","a":"1000","c":["-0.00"],"n":null,"t":true,"i":1180591620717411303424}}'
    )


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_no_digit_changes(amount: Decimal) -> None:
    """Any amount reads back as itself."""
    written = msgspec.json.decode(write_body({"x": {"a": amount}}))["x"]["a"]
    assert "E" not in written
    assert Decimal(written).as_tuple() == amount.as_tuple()


def deep(levels: int) -> dict[str, object]:
    body: dict[str, object] = {}
    for _ in range(levels - 1):
        body = {"x": body}
    return body


@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), Decimal("Infinity"), object(), b"x", {1}])
def test_what_is_not_written(value: object) -> None:
    """A float, a Decimal that is no number, and what JSON has no word for are mistakes of ours."""
    with pytest.raises(TableWrong):
        write_body({"x": {"lines": [{"a": value}]}})


def test_depth() -> None:
    """A body may be 32 deep and no deeper."""
    assert write_body(deep(32)).count(b"{") == 32
    with pytest.raises(TableWrong):
        write_body(deep(33))


def test_half_a_character() -> None:
    """A lone surrogate is the client's mistake."""
    with pytest.raises(BadCall):
        write_body({"x": {"a": "\ud800"}})


def test_the_id_stands_inside_the_root() -> None:
    """The id is a member of the root object, and the body given stays as it is."""
    body = {"contact": {"name": "A"}}
    assert with_id(body, "0" * 32) == {"contact": {"idempotency_id": "0" * 32, "name": "A"}}
    assert body == {"contact": {"name": "A"}}


@pytest.mark.parametrize("body", [{}, {"a": {}, "b": {}}, {"a": []}, {"a": {"idempotency_id": "x"}}])
def test_no_place_for_an_id(body: dict[str, object]) -> None:
    """A body without exactly one root object, or with an id, is a mistake of ours."""
    with pytest.raises(TableWrong):
        with_id(body, "0" * 32)


def test_derivation() -> None:
    """The id is 32 hexadecimal digits of an HMAC over all that makes it this write (reliability.md §4.2)."""
    parts = [b"v1", b"b1", b"POST", b"/contacts", b"n0nce", hashlib.sha256(b"{}").hexdigest().encode()]
    text = b"|".join(b"%d:%s" % (len(part), part) for part in parts)
    expected = hmac.new(KEY, text, hashlib.sha256).hexdigest()[:32]
    assert derived_id(KEY, "b1", "POST", "/contacts", "n0nce", b"{}") == expected


def test_the_same_write_has_the_same_id() -> None:
    """Equal writes have equal ids; a difference in anything gives another one."""
    base = ("b1", "POST", "/contacts", "n", b"{}", 0)
    ids = {derived_id(KEY, *base)}
    for place, other in enumerate(["b2", "PUT", "/products", "m", b"{ }", 1]):
        ids.add(derived_id(KEY, *base[:place], other, *base[place + 1 :]))  # type: ignore[arg-type, call-arg]
    ids.add(derived_id(tenant_key(b"k" * 32, "acme", "b2"), *base))
    ids.add(derived_id(tenant_key(b"k" * 32, "other", "b1"), *base))
    ids.add(derived_id(tenant_key(b"j" * 32, "acme", "b1"), *base))
    assert len(ids) == 10
    assert derived_id(KEY, *base) in ids


@given(st.text(), st.text())
def test_parts_do_not_run_together(left: str, right: str) -> None:
    """A nonce with separators in it cannot make two different writes meet."""
    first = derived_id(KEY, "b1", "POST", left, right, b"{}")
    second = derived_id(KEY, "b1", "POST", f"{left}|{right}", "", b"{}")
    third = derived_id(KEY, "b1", "POST", "", f"{left}|{right}", b"{}")
    assert len({first, second, third}) == 3

"""How messages differ from those of an exchange file: by value and type, not by bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.messages import V2Response, V3Request
from gateway.translate.exchange_file import OPEN, query_text


def differences(expected: Any, actual: Any, where: str = "") -> Iterator[str]:
    """How two JSON values differ, by value and type; an open object need only hold what it names."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in expected.keys() | actual.keys():
            if name == OPEN or (name not in expected and OPEN in expected):
                continue
            if name not in actual:
                yield f"{where}.{name} is missing"
            elif name not in expected:
                yield f"{where}.{name} is there: {actual[name]!r}"
            else:
                yield from differences(expected[name], actual[name], f"{where}.{name}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for n, (one, two) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(one, two, f"{where}[{n}]")
    elif type(expected) is not type(actual) or expected != actual:
        yield f"{where} is {actual!r}, not {expected!r}"


def compare_request(expected: V3Request, actual: V3Request) -> list[str]:
    """How a request differs from the one recorded; the order of the query is free."""
    found = []
    if (expected.method, expected.path) != (actual.method, actual.path):
        found.append(f"request is {actual.method} {actual.path}, not {expected.method} {expected.path}")
    named_pairs = sorted(pair for pair in expected.query if pair != (OPEN, ""))
    is_open = len(named_pairs) < len(expected.query)
    query = sorted(pair for pair in actual.query if not is_open or pair in named_pairs)
    if query != named_pairs:
        found.append(f"query is {query_text(sorted(actual.query))}, not {query_text(named_pairs)}")
    if expected.accept != actual.accept:
        found.append(f"accept is {actual.accept}, not {expected.accept}")
    return [*found, *differences(expected.body, actual.body, "request")]


def compare_reply(expected: V2Response, actual: V2Response) -> list[str]:
    """How a reply differs from the one recorded; headers are compared only where the file has them."""
    found = [] if expected.status == actual.status else [f"status is {actual.status}, not {expected.status}"]
    sent = {name.lower(): value for name, value in actual.headers}
    for name, value in expected.headers:
        if sent.get(name.lower()) != value:
            found.append(f"header {name} is {sent.get(name.lower())!r}, not {value!r}")
    return [*found, *differences(expected.body, actual.body, "reply")]

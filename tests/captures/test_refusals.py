"""Captures that rightly get an error: each is named, with the reason, in tests/data/refused.toml."""

from __future__ import annotations

import json

import pytest

from tests.captures.capture_house import House
from tests.captures.fitting import fit
from tests.captures.read_by import SDATA
from tests.captures.recorded import Capture, Refused, read_captures, read_refused
from tests.captures.wire import Reply

CAPTURES = {each.line: each for each in read_captures()}
REFUSED = read_refused()
PAIRS = [(entry, CAPTURES[line]) for entry in REFUSED for line in entry.lines]
NINE = {
    *("error", "error_description", "nonce", "request_method", "token", "base_url", "parameter_string"),
    *("signature_base_string", "signing_secret"),
}


def test_every_refusal_is_named_once_and_explained() -> None:
    """Each entry's captures say what it says of them, and none is in two entries."""
    lines = [line for entry in REFUSED for line in entry.lines]
    assert len(lines) == len(set(lines))
    for entry, capture in PAIRS:
        assert capture.notes.startswith(entry.notes)
        assert entry.meant != bool(entry.why)


def test_few_are_refused_but_for_those_that_mean_it() -> None:
    """At most one capture in twenty is refused that expected to be served."""
    unmeant = [capture for entry, capture in PAIRS if not entry.meant]
    assert len(unmeant) <= len(CAPTURES) * 0.05


@pytest.mark.parametrize(("entry", "capture"), PAIRS, ids=lambda each: each.name if isinstance(each, Capture) else "")
def test_a_refusal_says_what_is_wrong_and_changes_nothing(house: House, entry: Refused, capture: Capture) -> None:
    """The status and shape that clients know, on one line; the books stay as they are."""
    fitted = fit(capture, house)
    violations = list(house.stand_in.violations)
    before = house.snapshot()
    reply = house.send(fitted.message)
    assert reply.status == entry.status
    assert told(reply, entry) == []
    assert house.snapshot() == before
    assert house.stand_in.violations == violations


def told(reply: Reply, entry: Refused) -> list[str]:
    """What is wrong with an error's shape."""
    assert b"\n" not in reply.body
    body = json.loads(reply.body)
    kind = reply.headers["content-type"]
    if entry.shape == "invalid_signature":
        return [] if body.keys() == NINE and body["error"] == entry.shape else [str(body)]
    if entry.shape == "invalid_token":
        return [] if body["error"] == entry.shape and "$diagnoses" not in body else [str(body)]
    (only,) = body["$diagnoses"]
    right = {"$severity": "error", "$message": entry.says, "$source": entry.source}
    wrong = {name: only[name] for name, value in right.items() if only[name] != value}
    return [] if not wrong and only["$dataCode"] and kind == SDATA else [str(wrong), kind]

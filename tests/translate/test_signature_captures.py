"""The signatures of real clients, and that no change of what they sent goes unnoticed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.messages import V2Request, header
from gateway.translate.forms import read_params
from gateway.translate.signature import Verdict, signature_of, verify
from gateway.translate.signature_variants import VARIANTS

CAPTURES = [
    json.loads(line) for line in (Path(__file__).parents[1] / "data" / "requests.jsonl").read_text().splitlines()
]
SIGNED = [capture for capture in CAPTURES if capture["verifies"] in ("published", "variant")]
TOLD_APART = re.compile(rb"[^\[&=%]+(?=\[|%5B)", re.IGNORECASE)

USUAL = {
    "raw (not decoded)": "raw_query",
    "form, latin-1 bytes": "latin1",
    "query + body, identical pairs once": "pair_once",
}


def call_of(capture: dict[str, Any]) -> V2Request:
    headers = tuple((name, value) for name, value in capture["headers"])
    return V2Request(capture["method"], capture["target"], headers, (capture["body"] or "").encode())


def judged(capture: dict[str, Any], call: V2Request, *, rare: bool) -> Verdict:
    host = header(call.headers, "Host")
    url = f"{capture['scheme']}://{host}"
    return verify(call, capture["signing_secret"], capture["access_token"], [url], rare=rare)


def where(verifies: str | None) -> list[dict[str, Any]]:
    return [capture for capture in CAPTURES if capture["verifies"] == verifies]


def test_the_captures_are_all_here():
    """785 published, 59 by a variant, 7 by nothing, 76 unsigned."""
    assert [len(where(kind)) for kind in ("published", "variant", "never", None)] == [785, 59, 7, 76]


@pytest.mark.parametrize("rare", [False, True])
def test_published_signatures_verify_as_published(rare):
    """No variant is needed or named, with the setting for the rarer ones or without."""
    verdicts = {judged(capture, call_of(capture), rare=rare) for capture in where("published")}
    assert verdicts == {Verdict(ok=True, variant=None, reason="verified")}


def test_variant_signatures_verify_by_a_named_variant():
    """With the setting for the rarer ones every one does, and its name is of the closed set."""
    for capture in where("variant"):
        verdict = judged(capture, call_of(capture), rare=True)
        assert verdict.ok, capture["notes"]
        assert verdict.variant in VARIANTS - {""}


def test_ordinary_variants_need_no_setting():
    """Variants 1, 2, 6, 9 and 10 always count, the others only with the setting."""
    accepted: dict[str | None, int] = {}
    for capture in where("variant"):
        verdict = judged(capture, call_of(capture), rare=False)
        accepted[verdict.variant] = accepted.get(verdict.variant, 0) + 1
    assert accepted == {
        "pair_once": 2,
        "raw_query": 14,
        "form_body": 2,
        "latin1": 4,
        "java": 9,
        "latin1+java": 5,
        None: 23,
    }


def test_rarer_variants_are_told_apart():
    """Each of the other captures verifies by the deviation that its line states."""
    accepted: dict[str | None, int] = {}
    for capture in where("variant"):
        if not judged(capture, call_of(capture), rare=False).ok:
            verdict = judged(capture, call_of(capture), rare=True)
            accepted[verdict.variant] = accepted.get(verdict.variant, 0) + 1
    assert accepted == {
        "as_sent": 2,
        "unencoded": 7,
        "as_written": 2,
        "lower_url": 2,
        "net_order": 2,
        "array_order": 3,
        "whole": 4,
        "old_net": 1,
    }


def test_clients_that_sign_other_text_than_they_send_never_verify():
    """No variant is wide enough for a client's own mistake."""
    for capture in where("never"):
        assert judged(capture, call_of(capture), rare=True).reason == "mismatch"


def test_unsigned_calls_are_missing_their_signature():
    """Captures without a signature say so."""
    assert {judged(capture, call_of(capture), rare=True).reason for capture in where(None)} == {"missing"}


def flipped(text: bytes, at: int, to: int) -> bytes:
    at %= len(text)
    assume(text[at] != to)
    return text[:at] + bytes([to]) + text[at + 1 :]


def meaning(call: V2Request) -> object:
    """What the gateway acts on: the parameters as forms reads them. Refused text is never acted on."""
    root = TOLD_APART.match(call.body)
    query = call.target.partition("?")[2]
    try:
        return read_params(
            call.method, query, call.headers, call.body, root[0].decode("utf-8", "replace") if root else None
        )
    except GatewayError:
        return None


positions, values = st.integers(0, 4000), st.integers(0, 255)


@given(st.sampled_from(SIGNED), st.sampled_from(["secret", "token", "nonce"]), positions, values, st.booleans())
def test_a_changed_key_or_nonce_never_verifies(capture, part, at, to, rare):
    """Any other byte in the secret, the token or the nonce breaks the signature under every variant."""
    call = call_of(capture)
    if part == "nonce":
        nonce = flipped((header(call.headers, "X-Nonce") or "").encode(), at, to).decode("latin-1")
        headers = tuple((name, nonce if name == "X-Nonce" else value) for name, value in call.headers)
        assert not judged(capture, V2Request(call.method, call.target, headers, call.body), rare=rare).ok
        return
    name = {"secret": "signing_secret", "token": "access_token"}[part]
    assume(capture[name])
    changed = capture | {name: flipped(capture[name].encode(), at, to).decode("latin-1")}
    assert not judged(changed, call, rare=rare).ok


@given(st.sampled_from(SIGNED), positions, values, st.booleans())
def test_a_changed_path_never_verifies(capture, at, to, rare):
    """Any other byte in the path breaks the signature, its case only without the rarer variants."""
    call = call_of(capture)
    path, mark, query = call.target.partition("?")
    changed = flipped(path.encode(), at, to).decode("latin-1")
    assume("?" not in changed and not (rare and changed.lower() == path.lower()))
    assert not judged(capture, V2Request(call.method, changed + mark + query, call.headers, call.body), rare=rare).ok


@given(st.sampled_from([capture for capture in SIGNED if capture["body"]]), positions, values, st.booleans())
def test_a_changed_body_never_verifies(capture, at, to, rare):
    """Any other byte in a body breaks the signature under every variant, unless it means the same (`+`, space)."""
    call = call_of(capture)
    changed = V2Request(call.method, call.target, call.headers, flipped(call.body, at, to))
    if judged(capture, changed, rare=rare).ok:
        assert meaning(changed) == meaning(call)


@given(st.sampled_from([capture for capture in SIGNED if "?" in capture["target"]]), positions, values)
def test_a_changed_query_never_verifies(capture, at, to):
    """Any other byte in a query breaks the signature, unless it means the same."""
    call = call_of(capture)
    path, mark, query = call.target.partition("?")
    assume(query)
    changed = V2Request(
        call.method, path + mark + flipped(query.encode(), at, to).decode("latin-1"), call.headers, call.body
    )
    if judged(capture, changed, rare=False).ok:
        assert meaning(changed) == meaning(call)


PIECES = ["a", "b", "ã", "&", "=", "+", " ", "%", "*", "~", "!", "'", ";", "c[x]", "c[y]", "-", "%41", "\n"]
SPELLINGS = {
    "&": ["&", "%26"],
    "=": ["=", "%3D", "%3d"],
    "+": ["+", "%2B", "%20", " "],
    " ": [" ", "+", "%20"],
    "%": ["%", "%25"],
    "ã": ["%C3%A3", "%E3", "ã"],
    "c[x]": ["c[x]", "c%5Bx%5D"],
    "c[y]": ["c[y]", "c%5by%5d"],
}


@given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=4).map("".join), min_size=1, max_size=3),
    st.lists(st.lists(st.sampled_from(PIECES), max_size=4), min_size=1, max_size=3),
    st.data(),
)
def test_no_other_form_passes_under_a_published_signature(values, others, data):
    """Of two bodies that mean different things, one signature by the published rule holds for one at most."""
    pairs = tuple((f"c[{name}]", value) for name, value in zip("xyz", values, strict=False))
    signature = signature_of("POST", "https://gateway.example/x", pairs, "n", "s", "t")
    headers = (("X-Nonce", "n"), ("X-Signature", signature))
    spelt = ("".join(data.draw(st.sampled_from(SPELLINGS.get(piece, [piece]))) for piece in other) for other in others)
    if data.draw(st.booleans()):
        spelt = ("".join(data.draw(st.sampled_from(SPELLINGS.get(mark, [mark]))) for mark in text) for text in values)
    body = "&".join(f"c[{name}]={text}" for name, text in zip("xyz", spelt, strict=False)).encode()
    call = V2Request("POST", "/x", headers, body)
    if verify(call, "s", "t", ["https://gateway.example"], rare=True).ok:
        assert meaning(call) in (None, {"c": {name[2]: value for name, value in pairs}})

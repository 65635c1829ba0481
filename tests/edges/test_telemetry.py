"""Log lines and counters: what they say, and what they can never say."""

from __future__ import annotations

import io
import json
import logging
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import gateway
from gateway.edges.metrics import NOTES, Metrics
from gateway.edges.telemetry import (
    FIELDS,
    LibraryLogs,
    Telemetry,
    Told,
    UnknownField,
    adopt_library_logs,
    frames,
    outcome_of,
)
from gateway.messages import Note, V2Response

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make(strict: bool = True) -> tuple[Telemetry, io.BytesIO, Clock]:
    stream, clock = io.BytesIO(), Clock()
    metrics = Metrics({"contacts"}, {"contacts", "tax_rates"})
    return Telemetry(stream, metrics, strict=strict, clock=clock, now=lambda: NOON), stream, clock


def lines(stream: io.BytesIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_exchange_is_one_line_with_everything_an_operator_needs() -> None:
    """One exchange is one JSON line: ids, names, statuses and durations in ms, notes by code."""
    telemetry, stream, clock = make()
    line = telemetry.open("r1", "PUT")
    line.tenant, line.app, line.resource = "acme", "shop", "contacts"
    line.signature, line.variant = "variant", "pair_once"
    line.notes = (Note("unmapped", "contact[secret]", "unknown field"), Note("cut", "name", "cut to 200"))
    telemetry.step(line, "GET", "/contacts/f909", 200, 0.0123)
    clock.now += 0.25
    telemetry.close(line, V2Response(200, {"id": 1}))
    assert lines(stream) == [
        {
            "event": "exchange",
            "level": "info",
            "time": "2026-01-02T12:00:00.000+00:00",
            "request": "r1",
            "tenant": "acme",
            "app": "shop",
            "resource": "contacts",
            "method": "PUT",
            "status": 200,
            "outcome": "ok",
            "ms": 250.0,
            "upstream": [{"method": "GET", "kind": "contacts", "status": 200, "ms": 12.3}],
            "notes": ["unmapped", "cut"],
            "signature": "variant",
            "variant": "pair_once",
        }
    ]


def test_an_unknown_key_is_a_mistake_in_tests_and_left_out_in_production() -> None:
    """A key off the allow-list raises when strict, and is dropped otherwise."""
    telemetry, stream, _ = make()
    with pytest.raises(UnknownField, match="body"):
        telemetry.say("an event", body="canary")
    telemetry, stream, _ = make(strict=False)
    telemetry.say("an event", body="canary", reason="late")
    assert b"canary" not in stream.getvalue()
    assert lines(stream)[0]["reason"] == "late"


def test_an_exchanges_line_has_keys_of_the_allow_list_alone() -> None:
    """The line about an exchange says nothing that other lines may not say."""
    assert set(Told.__struct_fields__) <= FIELDS


def test_no_key_of_the_allow_list_is_for_content() -> None:
    """The allow-list has no place for targets, headers, bodies, addresses or messages."""
    assert not FIELDS & {
        "target",
        "path",
        "query",
        "headers",
        "body",
        "message",
        "token",
        "remote",
        "nonce",
        "url",
    }


def test_a_crash_is_logged_by_type_and_place() -> None:
    """The last resort's line has the exception's type and modules with line numbers, never its message."""
    telemetry, stream, _ = make()
    try:
        int("canary")
    except ValueError as error:
        telemetry.crashed("r1", error)
    [line] = lines(stream)
    assert line["error"] == "ValueError"
    assert str(line["where"]).startswith("['")
    assert "test_telemetry" in str(line["where"])
    assert b"canary" not in stream.getvalue()


def test_library_logs_keep_the_place_and_lose_the_words() -> None:
    """What a library logs becomes a line with its logger, place and exception type, without its words."""
    telemetry, stream, _ = make()
    logger = logging.Logger("aiohttp.server")
    logger.addHandler(LibraryLogs(telemetry))
    try:
        raise RuntimeError("canary-1")
    except RuntimeError:
        logger.exception("canary-2 %s", "canary-3")
    logger.warning("canary-4")
    logger.info("canary-5")
    first, second = lines(stream)
    assert (first["logger"], first["level"], first["error"]) == ("aiohttp.server", "error", "RuntimeError")
    assert second["level"] == "warning"
    assert b"canary" not in stream.getvalue()


def test_library_logs_are_adopted_whole() -> None:
    """After `adopt_library_logs` the root logger has no other handler."""
    telemetry, stream, _ = make()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        adopt_library_logs(telemetry)
        logging.getLogger("some.library").error("canary")
        assert [type(handler) for handler in root.handlers] == [LibraryLogs]
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert lines(stream)[0]["logger"] == "some.library"


@pytest.mark.parametrize(
    ("reply", "exchanged", "outcome"),
    [
        (V2Response(201, {}), True, "ok"),
        (V2Response(200, b"%PDF"), True, "ok"),
        (V2Response(422, {"$diagnoses": []}), True, "client"),
        (V2Response(400, {"error": "invalid_token"}), False, "client"),
        (V2Response(400, {"error": "invalid_token"}), True, "owner"),
        (V2Response(502, {"$diagnoses": [{"$dataCode": "UpstreamFailed"}]}), True, "sage"),
        (V2Response(503, {"$diagnoses": [{"$dataCode": "Throttled"}]}), True, "sage"),
        (V2Response(503, {"$diagnoses": [{"$dataCode": "Unavailable"}]}), True, "gateway"),
        (V2Response(500, {"$diagnoses": []}), True, "gateway"),
        (V2Response(500, b""), True, "gateway"),
    ],
)
def test_the_outcome_says_whose_fault_a_reply_is(reply: V2Response, exchanged: bool, outcome: str) -> None:
    """An outcome follows from status and data code; a lapsed grant is the owner's."""
    assert outcome_of(reply, exchanged) == outcome


def test_labels_come_from_closed_sets() -> None:
    """Whatever a client or v3.1 sends, labels are known names, `none` or `other`."""
    metrics = Metrics({"contacts"}, {"contacts"})
    metrics.exchange("canary", "CANARY", 777, "canary", 1.0)
    metrics.exchange("", "GET", 200, "ok", 1.0)
    metrics.exchange("contacts", "GET", 200, "ok", 1.0)
    metrics.upstream("GET", metrics.kind_of("/canary/1"), 0, 1.0)
    metrics.upstream("GET", metrics.kind_of("/contacts/canary"), 200, 1.0)
    metrics.note("canary", "canary")
    metrics.note("contacts", "unmapped")
    metrics.id_missed("canary")
    metrics.signature("canary")
    metrics.unreadable()
    text = metrics.text().decode()
    assert "canary" not in text
    assert 'sage_gateway_exchanges_total{outcome="other",resource="other",status="other",verb="other"} 1.0' in text
    assert 'sage_gateway_exchanges_total{outcome="ok",resource="none",status="200",verb="GET"} 1.0' in text
    assert 'sage_gateway_exchanges_total{outcome="ok",resource="contacts",status="200",verb="GET"} 1.0' in text
    assert 'sage_gateway_upstream_calls_total{kind="other",method="GET",status="none"} 1.0' in text
    assert 'sage_gateway_upstream_calls_total{kind="contacts",method="GET",status="200"} 1.0' in text
    assert 'sage_gateway_unmapped_fields_total{resource="contacts"} 1.0' in text
    assert 'sage_gateway_notes_total{code="other",resource="other"} 1.0' in text
    assert 'sage_gateway_id_misses_total{kind="other"} 1.0' in text
    assert 'sage_gateway_signatures_total{verdict="other"} 1.0' in text
    assert "sage_gateway_unreadable_requests_total 1.0" in text
    assert "unmapped" in NOTES


def test_frames_are_the_innermost() -> None:
    """Of a deep traceback only the innermost places are told."""

    def deep(level: int) -> None:
        if level:
            deep(level - 1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        deep(30)
    assert len(frames(caught.tb)) == 8


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    """With a full disk or a closed pipe, calls are served and the lost lines counted."""
    telemetry, stream, _ = make()
    stream.close()
    telemetry.close(telemetry.open("r1", "GET"), V2Response(200, {}))
    assert "sage_gateway_lost_log_lines_total 1.0" in telemetry.metrics.text().decode()


def test_the_news_of_a_grant_is_a_line_and_a_count() -> None:
    """What happens to a grant is logged by its number, as loudly as it matters, and counted without it."""
    telemetry, stream, _ = make()
    for event in ("refreshed", "transient", "needs_consent"):
        telemetry.happened(event, 7)
    assert [line["level"] for line in lines(stream)] == ["info", "warning", "error"]
    assert lines(stream)[0]["grant"] == 7
    assert 'sage_gateway_grant_events_total{event="needs_consent"} 1.0' in telemetry.metrics.text().decode()


def test_every_note_has_a_label() -> None:
    """Each code of a note that the gateway's sources name is in the closed set of labels."""
    sources = Path(gateway.__file__).parent.rglob("*.py")
    written = {code for path in sources for code in re.findall(r"""\b[Nn]ote\(\s*"([a-z_]+)\"""", path.read_text())}
    assert "unmapped" in written
    assert written <= NOTES

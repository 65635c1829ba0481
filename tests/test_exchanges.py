"""Every exchange file means what it says: the call becomes these requests, the answers this reply."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.exchange import exchange
from gateway.translate.exchange_compare import compare_reply
from gateway.translate.exchange_file import Recorded, read_exchanges
from tests.ports import RecordedAnswers, StatedFacts, caller_of

FOLDER = Path(__file__).parent / "exchanges"
FILES = sorted(FOLDER.glob("*.http"))


def recorded_in(file: Path) -> list[Recorded]:
    return read_exchanges(file.read_text())


@pytest.mark.parametrize(
    "recorded",
    [pytest.param(one, id=f"{file.stem}: {one.title}") for file in FILES for one in recorded_in(file)],
)
async def test_exchange(recorded: Recorded):
    """The requests, the reply, the facts and the notes are those of the file, no more and no less."""
    lookup, upstream = StatedFacts(recorded.facts), RecordedAnswers(recorded.steps)
    made = await exchange(recorded.call, caller_of(recorded), lookup, upstream)
    problems = [*lookup.problems, *upstream.problems, *compare_reply(recorded.reply, made.reply)]
    problems += [f"a fact is stated and never asked for: {hole}" for hole in recorded.facts.keys() - lookup.asked]
    problems += [f"a request was never sent: {step[0]}" for step in upstream.steps]
    notes = sorted((note.code, note.field) for note in made.notes)
    if notes != sorted(recorded.notes):
        problems.append(f"notes are {notes}, not {sorted(recorded.notes)}")
    if list(made.kept) != recorded.kept:
        problems.append(f"kept is {made.kept}, not {recorded.kept}")
    assert problems == []

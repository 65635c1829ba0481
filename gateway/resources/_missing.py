"""What a create lacks, told all at once and in v2's own words (v2.md §4.4, recorded)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import BadCall, Diagnosis
from gateway.messages import Record
from gateway.translate.rules.ruleset import key_of


@dataclass(frozen=True)
class Needed:
    """An attribute under any of its v2 names, and what v2 said, as (source, message), where all of them were blank."""

    names: tuple[str, ...]
    said: tuple[tuple[str, str], ...]


def given(sent: Record, name: str) -> bool:
    """Whether a value came under a name; an empty reference is none."""
    return key_of(sent.get(name)) not in (None, "")


def complete(sent: Record, needed: tuple[Needed, ...]) -> None:
    """Raises BadCall with everything that is missing."""
    said = [one for need in needed if not any(given(sent, name) for name in need.names) for one in need.said]
    if said:
        (source, message), *more = said
        raise BadCall(message, source, more=[Diagnosis(text, where) for where, text in more])

"""Reads of v3.1 for facts: one record, a whole list, the first of a list."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from gateway.errors import Diagnosis, NeedsConsent, Refused, UpstreamFailed
from gateway.messages import Pairs, Record, V3Request, V3Response

PAGE = 200
MOST_PAGES = 5000
"""Pages of one list: a million records; more is a list without an end."""

MODERN_ID = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.-]{0,63}")
"""A modern id, as it may stand in a path (reliability.md G9)."""

_SHOWING: Pairs = (("show_legacy_id", "true"),)


class KindPath(Protocol):
    """How records of a kind are read."""

    @property
    def path(self) -> str | None:
        """The collection's path, None where the kind has none (invoice lines)."""

    @property
    def query(self) -> Pairs:
        """Fixed parameters of its list."""

    @property
    def read_query(self) -> Pairs:
        """Fixed parameters of a single read."""


class Port(Protocol):
    """v3.1 for one tenant and call."""

    async def send(self, request: V3Request) -> V3Response:
        """The answer, of any status below 500. Raises UpstreamFailed and NeedsConsent."""


class Reading:
    """Reads records of kinds through one call's port."""

    def __init__(self, upstream: Port, kinds: Mapping[str, KindPath]) -> None:
        self._upstream = upstream
        self._kinds = kinds

    def path(self, kind: str) -> str | None:
        """The kind's collection, None where it has none that can be read."""
        found = self._kinds.get(kind)
        return None if found is None else found.path

    async def record(self, kind: str, modern: str, *, forbidden_is_none: bool = False) -> Record | None:
        """One record with its legacy id, None where there is none.

        `forbidden_is_none`: a record that may not be read (403) is as good as none.
        Raises Refused for any other refusal, and what the port raises.
        """
        path = self.path(kind)
        if path is None or not MODERN_ID.fullmatch(modern):
            return None
        query = (*_SHOWING, *self._kinds[kind].read_query)
        answer = await self._upstream.send(V3Request("GET", f"{path}/{modern}", query))
        if answer.status == 404 or (forbidden_is_none and answer.status == 403):
            return None
        body = _served(answer)
        if not isinstance(body, dict):
            raise UpstreamFailed("Sage's answer is not a record.")
        return body

    async def pages(self, kind: str, asked: Pairs = ()) -> AsyncIterator[list[Record]]:
        """A kind's whole list with legacy ids, page by page; nothing for a kind that has no list."""
        path, page = self.path(kind), 1
        if path is None:
            return
        query = (*self._kinds[kind].query, *_SHOWING, *asked, ("items_per_page", str(PAGE)))
        while page <= MOST_PAGES:
            where: Pairs = (("page", str(page)),) if page > 1 else ()
            body = _served(await self._upstream.send(V3Request("GET", path, (*query, *where))))
            items, at, following = _page(body)
            if at is not None and at != page:
                return  # a page beyond the end repeats the last one (v31.md §4)
            yield items
            if following is None:
                return
            page += 1
        raise UpstreamFailed("Sage's list has no end.")

    async def first(self, kind: str, filters: str) -> Record | None:
        """The first record that a filter lists (`visible_in=sales`)."""
        path = self.path(kind)
        if path is None:
            return None
        asked = tuple(parse_qsl(filters, keep_blank_values=True))
        query = (*self._kinds[kind].query, *_SHOWING, *asked, ("items_per_page", "1"))
        items, _, _ = _page(_served(await self._upstream.send(V3Request("GET", path, query))))
        return items[0] if items else None

    async def named(self, kind: str, words: str) -> Record | None:
        """The first record that goes by one of some words (`ELECTRONIC,BANK_TRANSFER`), earlier words first: by its id
        or by what v3.1 displays it as."""
        by_word: dict[str, Record] = {}
        async for items in self.pages(kind):
            for item in items:
                by_word.setdefault(word_of(item["id"]), item)
                by_word.setdefault(word_of(item.get("displayed_as") or ""), item)
        return next((by_word[word] for word in words.split(",") if word in by_word), None)


def word_of(text: str) -> str:
    """A code or a name as one word: `Credit/Debit Card` is `CREDIT_DEBIT_CARD`."""
    return re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")


def pairs_of(kind: str, records: Iterable[Record]) -> list[tuple[str, str, int]]:
    """(kind, modern id, legacy id) of the records that show one."""
    return [(kind, record["id"], number) for record in records if (number := number_of(record)) is not None]


def number_of(record: Record) -> int | None:
    """The legacy id that a record shows, if it shows one."""
    shown = record.get("legacy_id")
    if isinstance(shown, str) and shown.isascii() and shown.isdigit() and len(shown) <= 18:
        shown = int(shown)
    return shown if type(shown) is int and shown > 0 else None


def value_on(record: Any, path: str, day: str) -> Any:
    """What a record held on a day, by the history that v3.1 keeps of it (`percentages` of `percentage`, each with
    `from_date` and `to_date`); what it holds now where there is no day or no history of it."""
    history = value_at(record, f"{path}s") if day else None
    for period in history if isinstance(history, list) else ():
        if isinstance(period, dict) and path in period:
            begun = not period.get("from_date") or str(period["from_date"])[:10] <= day
            if begun and (not period.get("to_date") or day <= str(period["to_date"])[:10]):
                return period[path]
    return value_at(record, path)


def value_at(record: Any, path: str) -> Any:
    """What a record holds at a dotted path; None where it holds nothing there."""
    for name in path.split("."):
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record


def _page(body: Any) -> tuple[list[Record], int | None, Any]:
    """(items, number of the page, the next page); a bare array is a list of one page."""
    if isinstance(body, list):
        items, at, following = body, None, None
    elif isinstance(body, dict) and isinstance(body.get("$items"), list):
        items, at, following = body["$items"], body.get("$page"), body.get("$next")
    else:
        raise UpstreamFailed("Sage's answer is not a list.")
    if not all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in items):
        raise UpstreamFailed("Sage's list holds something that is no record.")
    return items, at if type(at) is int else None, following


def _served(answer: V3Response) -> Any:
    """The body of a success. Raises Refused, with v3.1's words, or NeedsConsent (v31.md §10)."""
    if answer.status < 400:
        return answer.body
    items = answer.body if isinstance(answer.body, list) else []
    told = [str(item["$message"]) for item in items if isinstance(item, dict) and item.get("$message")]
    if answer.status == 401 and not any("subscription" in text.lower() for text in told):
        raise NeedsConsent("Sage no longer accepts this authorisation; the app must be authorised again.")
    if answer.status in (401, 403):
        words = told or ["was refused by Sage"]
        raise Refused(403, [Diagnosis(text, "", "AuthorizationFailure") for text in words])
    raise UpstreamFailed(f"Sage did not say what the gateway must know (status {answer.status}).")


def canonical(known: str) -> str | None:
    """A legacy id without leading zeros; None for what can be none."""
    if not (known.isascii() and known.isdigit()) or len(known.lstrip("0")) > 18:
        return None
    return known.lstrip("0") or None

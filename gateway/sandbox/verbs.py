"""What the verbs do to a collection: list, read, create, update, delete, release."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from gateway.sandbox.attachments import content
from gateway.sandbox.books import Books, Record
from gateway.sandbox.checks import EMPTY
from gateway.sandbox.idempotency import recall, remember
from gateway.sandbox.kinds import Kind
from gateway.sandbox.listing import check_needs, matching, page
from gateway.sandbox.pdf import pdf
from gateway.sandbox.problems import Problem, Refusal, no_record, required
from gateway.sandbox.reading import ALL, NONE, Choice, Reader
from gateway.sandbox.registry import KINDS, kind_of
from gateway.sandbox.spec import Operation, Spec
from gateway.sandbox.switches import Switches
from gateway.sandbox.wire import Answer, Incoming
from gateway.sandbox.writing import Taker

OWN = ("id", "legacy_id", "created_at", "updated_at", "deleted_at", "transaction")
"""What a copy of a record does not take over."""
COLLECTION = 2
RECORD = 3


@dataclass(frozen=True, slots=True)
class Collections:
    """The collections of one business."""

    books: Books
    spec: Spec
    switches: Switches
    violations: list[str]

    def answer(self, operation: Operation, key: str, call: Incoming, sent: Mapping[str, Any] | None) -> Answer:
        """Answers a request that the spec allows."""
        parts = operation.template.split("/")
        kind = kind_of(parts[1])
        if len(parts) > RECORD and parts[-1] != "{key}":
            return self._below(operation, kind, key, parts[-1], call)
        if len(parts) == COLLECTION and self._is_singleton(operation):
            return self._singleton(operation, kind, call, sent)
        match call.method, len(parts):
            case "GET", 2:
                return self._list(operation, kind, call)
            case "GET", _:
                return self._read(operation, kind, self.books.get(kind.collection, key), call)
            case "POST", _:
                return self._once(operation, kind, sent or {}, lambda: self._create(operation, kind, sent or {}))
            case "PUT", _:
                record = self.books.get(kind.collection, key)
                return self._once(
                    operation, kind, sent or {}, lambda: self._update(operation, kind, record, sent or {})
                )
            case _:
                return self._delete(operation, kind, self.books.get(kind.collection, key), call, sent)

    def _is_singleton(self, operation: Operation) -> bool:
        return "/{key}" not in operation.template and not self._is_list(operation.template)

    def _is_list(self, template: str) -> bool:
        found = self.spec.operation("GET", template)
        return found is not None and found.answer.endswith("Collection")

    def _reader(self, operation: Operation, query: Mapping[str, str]) -> Reader:
        asked = "show_legacy_id" in operation.query and query.get("show_legacy_id") == "true"
        return Reader(self.books, self.spec, KINDS, asked and self.switches.show_legacy_id, query)

    def _list(self, operation: Operation, kind: Kind, call: Incoming) -> Answer:
        known = tuple((name, text) for name, text in call.query if name in operation.query)
        query = dict(known)
        check_needs(kind, query)
        found, envelope = page(matching(self.books, kind, query), operation.template, known)
        reader = self._reader(operation, query)
        wanted = Choice.read(query.get("attributes"), default=NONE)
        nested = Choice.read(query.get("nested_attributes"), default=NONE)
        schema = self.spec.record_schema(operation.template)
        envelope["$items"] = [reader.record(kind.collection, record, schema, wanted, nested) for record in found]
        return Answer(200, envelope)

    def _read(self, operation: Operation, kind: Kind, record: Record, call: Incoming) -> Answer:
        query = {name: text for name, text in call.query if name in operation.query}
        check_needs(kind, query)
        if "mark_as_sent" in operation.query and query.get("mark_as_sent") != "false":
            self._mark_as_sent(record)
        if "application/pdf" in operation.media and "application/pdf" in call.headers.get("accept", ""):
            return Answer(200, self._pdf(kind, record), media="application/pdf")
        wanted = Choice.read(query.get("attributes"), default=ALL)
        nested = Choice.read(query.get("nested_attributes"), default=NONE)
        reader = self._reader(operation, query)
        return Answer(200, reader.record(kind.collection, record, operation.answer, wanted, nested))

    def _mark_as_sent(self, record: Record) -> None:
        """The trap of v31_resources.md: reading a sales document marks it as sent unless told not to."""
        if not record.get("sent"):
            record["sent"] = True
            self.books.touch(record)

    def _pdf(self, kind: Kind, record: Record) -> bytes:
        shown = Reader(self.books, self.spec, KINDS).record(
            kind.collection, record, self.spec.record_schema(f"/{kind.collection}")
        )
        names = ("displayed_as", "date", "due_date", "contact_name", "reference", "total_amount")
        return pdf([f"{name}: {shown[name]}" for name in names if shown.get(name)])

    def _once(self, operation: Operation, kind: Kind, sent: Mapping[str, Any], work: Any) -> Answer:
        """Does a write, or recalls its result where its `idempotency_id` is known."""
        key = sent.get("idempotency_id")
        if not key or operation.body is None or "idempotency_id" not in operation.body.attributes:
            return self._shown(operation, kind, work(), operation.status)
        before = recall(self.books, kind.collection, key)
        if before is not None:
            return Answer(before.status, before.body)
        answer = self._shown(operation, kind, work(), operation.status)
        remember(self.books, kind.collection, key, answer.status, answer.body)
        return answer

    def _shown(self, operation: Operation, kind: Kind, record: Record, status: int) -> Answer:
        reader = Reader(self.books, self.spec, KINDS)
        return Answer(status, reader.record(kind.collection, record, operation.answer))

    def _taken(self, operation: Operation, kind: Kind, sent: Mapping[str, Any], old: Record | None) -> Record:
        assert operation.body is not None  # noqa: S101 - only writes with a body get here
        taker = Taker(self.books, self.spec, old or {}, kind.words, kind.targets)
        taken = taker.fields(sent, operation.body, operation.answer)
        about = f"{operation.method} {operation.template}"
        self.violations.extend(f"{about}: {sentence}" for sentence in taker.also)
        if taker.problems:
            raise Refusal(422, *taker.problems)
        return taken

    def _create(self, operation: Operation, kind: Kind, sent: Mapping[str, Any]) -> Record:
        new = {**self.books.fresh(), **self._taken(operation, kind, sent, None)}
        kind.settle(self.books, new, None)
        record = self.books.add(kind.collection, new)
        kind.stored(self.books, record, None)
        return record

    def _update(self, operation: Operation, kind: Kind, record: Record, sent: Mapping[str, Any]) -> Record:
        """What is sent replaces what was there, lists and parts wholly; the rest stays."""
        blank = [name for name in sent if sent[name] in EMPTY and name in self._required(kind)]
        if blank:
            raise Refusal(422, *map(required, blank))
        old = dict(record)
        new = {**deepcopy(record), **self._taken(operation, kind, sent, record)}
        kind.settle(self.books, new, old)
        record.clear()
        record.update(new)
        self.books.touch(record)
        kind.stored(self.books, record, old)
        return record

    def _required(self, kind: Kind) -> frozenset[str]:
        """What no record of a kind may be without: its POST's required attributes."""
        made = self.spec.operation("POST", f"/{kind.collection}")
        return frozenset(made.body.required) if made is not None and made.body is not None else frozenset()

    def _delete(
        self,
        operation: Operation,
        kind: Kind,
        record: Record,
        call: Incoming,
        sent: Mapping[str, Any] | None,
    ) -> Answer:
        reason = dict(call.query).get("void_reason") or (sent or {}).get("void_reason") or ""
        kind.remove(self.books, record, str(reason))
        if not operation.answer:
            return Answer(operation.status)
        return self._shown(operation, kind, record, operation.status)

    def _below(self, operation: Operation, kind: Kind, key: str, word: str, call: Incoming) -> Answer:
        """`POST …/release`, `…/reissue`, `GET …/file`, `…/bank_feed`."""
        record = self.books.get(kind.collection, key)
        if word == "file":
            return self._file(record, call)
        if call.method == "GET":
            raise no_record()
        act = kind.actions.get(word)
        done = act(self.books, record) if act else self._reissued(kind, record)
        return self._shown(operation, kind, done, operation.status)

    def _reissued(self, kind: Kind, record: Record) -> Record:
        """The old record is deleted, a copy takes its place and posts anew."""
        copy = {name: value for name, value in record.items() if name not in OWN}
        kind.remove(self.books, record, "reissued")
        copy = self.books.add(kind.collection, deepcopy(copy))
        kind.stored(self.books, copy, None)
        return copy

    def _file(self, record: Record, call: Incoming) -> Answer:
        """v3.1 gives a file only to who accepts it as bytes (v31.md §3); how it refuses is not published."""
        if "application/octet-stream" not in call.headers.get("accept", ""):
            self.violations.append("GET /attachments/{key}/file: Accept is not application/octet-stream")
            raise Refusal(406, Problem("Not acceptable.", "", "NotAcceptable"))
        return Answer(200, content(record["file"]), media="application/octet-stream")

    def _singleton(self, operation: Operation, kind: Kind, call: Incoming, sent: Mapping[str, Any] | None) -> Answer:
        record = self.books.singletons.setdefault(kind.collection, {})
        if sent is not None:
            new = {**record, **self._taken(operation, kind, sent, record)}
            kind.settle(self.books, new, record)
            record.update(new)
            self.books.touch(record)
        query = {name: text for name, text in call.query if name in operation.query}
        wanted = Choice.read(query.get("attributes"), default=ALL)
        nested = Choice.read(query.get("nested_attributes"), default=NONE)
        reader = self._reader(operation, query)
        return Answer(200, reader.record(kind.collection, record, operation.answer, wanted, nested))

"""One request to the API, answered: who asks, for which business, and whether the spec allows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox.businesses import People, User
from gateway.sandbox.checks import Verdict, check_body, check_query
from gateway.sandbox.oauth import OAuth
from gateway.sandbox.problems import Problem, Refusal
from gateway.sandbox.spec import Operation, Spec
from gateway.sandbox.switches import Switches
from gateway.sandbox.values import instant
from gateway.sandbox.verbs import Collections
from gateway.sandbox.wire import Answer, Incoming, decoded

ROOT = "/v3.1"
UNSCOPED = ("/user", "/businesses")
DENIED = "The current user is not allowed to access that resource with that method."


@dataclass(slots=True)
class Api:
    """The API below `/v3.1`. Authentication is judged before routing (v31.md §10)."""

    spec: Spec
    oauth: OAuth
    people: People
    switches: Switches
    violations: list[str] = field(default_factory=list)

    def answer(self, call: Incoming) -> Answer:
        """The answer to a request; refusals included."""
        try:
            family = self.oauth.bearer(call.headers.get("authorization"))
            if family.scope == "readonly" and call.method != "GET":
                raise Refusal(403, Problem(DENIED, "", "MultiUserAccessDenied"))
            return self._routed(call, self.people.users[family.user])
        except Refusal as refusal:
            return Answer(refusal.status, refusal.body)

    def _routed(self, call: Incoming, user: User) -> Answer:
        path = call.path.removeprefix(ROOT)
        if path.startswith(UNSCOPED):
            operation, _ = self._operation(call, path)
            sent = self._judged(call, operation)
            now = instant(self.oauth.clock())
            return self.people.answer(user, call.method, path, sent, now)
        business = self.people.business(user, call.headers.get("x-business"))
        headers = {"X-Business": business.id}
        try:
            operation, key = self._operation(call, path)
            sent = self._judged(call, operation)
            collections = Collections(business.books, self.spec, self.switches, self.violations)
            found = collections.answer(operation, key, call, sent)
        except Refusal as refusal:
            found = Answer(refusal.status, refusal.body)
        return Answer(found.status, found.body, {**headers, **found.headers}, found.media)

    def _operation(self, call: Incoming, path: str) -> tuple[Operation, str]:
        """The operation of the spec that a request names: else 404 for its path, 405 for its verb."""
        found = self.spec.match(path)
        if found is None:
            self.violations.append(f"{call.method} {path}: the path does not exist")
            raise Refusal(404, Problem("The requested path does not exist.", "", "NotFound"))
        template, key = found
        operation = self.spec.operation(call.method, template)
        if operation is None:
            self.violations.append(f"{call.method} {template}: the verb does not exist")
            raise Refusal(405, Problem("The method is not allowed for this path.", "", "MethodNotAllowed"))
        return operation, key

    def _judged(self, call: Incoming, operation: Operation) -> Mapping[str, Any] | None:
        """The attributes under the root of a write body, checked; None where the request has none."""
        verdict = Verdict(f"{call.method} {operation.template}")
        check_query(operation, call.query, verdict)
        body = None
        if call.body and call.method != "GET":
            self._json_only(call, operation)
            body = decoded(call.body)
        if operation.root:
            check_body(operation, body, verdict)
        self.violations.extend(verdict.violations)
        if verdict.problems:
            raise Refusal(422, *verdict.problems)
        if operation.root and isinstance(body, dict):
            found: Mapping[str, Any] = body[operation.root]
            return found
        return body if isinstance(body, dict) else None

    def _json_only(self, call: Incoming, operation: Operation) -> None:
        media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":
            self.violations.append(f"{call.method} {operation.template}: the media type is {media or 'missing'}")
            problem = Problem("The content type must be application/json.", "", "UnsupportedMediaType")
            raise Refusal(415, problem)

"""What can go wrong, whose fault it is, and which v2 status it becomes.

Every error that the gateway makes is one of these. They are rendered as v2 replies in one place,
`gateway.translate.faults`; exceptions of libraries are turned into these at the edges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar


class Blame(Enum):
    """Whose fault an error is: it decides the log level and the metric's outcome label."""

    CLIENT = "client"
    SAGE = "sage"
    OWNER = "owner"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One entry of v2's `$diagnoses`: what is wrong (a sentence), where (a v2 attribute or ""), and v2's data code."""

    message: str
    source: str = ""
    code: str = "ValidationError"


class GatewayError(Exception):
    """Base of all errors the gateway makes; never raised itself.

    `diagnoses` is never empty. Messages may quote names of fields, never values of secrets or personal data.
    """

    status: ClassVar[int] = 500
    blame: ClassVar[Blame] = Blame.GATEWAY
    code: ClassVar[str] = "UnexpectedError"

    def __init__(self, message: str, source: str = "", *, more: Iterable[Diagnosis] = ()) -> None:
        super().__init__(message)
        self.diagnoses: tuple[Diagnosis, ...] = (Diagnosis(message, source, self.code), *more)


class BadCall(GatewayError):
    """Never valid v2: a value or field that v2 would have refused (422)."""

    status = 422
    blame = Blame.CLIENT
    code = "ValidationError"


class Malformed(BadCall):
    """The message itself cannot be read: framing, form, JSON (400)."""

    status = 400
    code = "BadRequest"


class TooLarge(BadCall):
    """Over one of the gateway's limits on size (413)."""

    status = 413
    code = "BadRequest"


class InvalidToken(BadCall):
    """An unknown or expired legacy token: 400 `{"error":"invalid_token"}` (v2.md §1.4)."""

    status = 400
    code = "invalid_token"


class AccessDenied(BadCall):
    """A bad signature, or a path or verb that v2 did not have: 401 AuthorizationFailure (v2.md §4.4)."""

    status = 401
    code = "AuthorizationFailure"

    def __init__(self, message: str = "Access Denied", source: str = "") -> None:
        super().__init__(message, source)


class ReadingOnly(BadCall):
    """A write by an app whose scope is `readonly`: 403 AuthorizationFailure (v2.md §1.4)."""

    status = 403
    code = "AuthorizationFailure"

    def __init__(self) -> None:
        super().__init__("The token allows reading only")


class NotFound(BadCall):
    """No such record (404); for an id in the path. An unknown id in a body or filter is a plain BadCall."""

    status = 404
    code = "RecordNotFound"


class Conflict(BadCall):
    """A stale `lock_version` (409)."""

    status = 409
    code = "Conflict"


class Retired(GatewayError):
    """Valid v2 that nothing can serve any more; the message is the reason (422)."""

    status = 422
    blame = Blame.CLIENT
    code = "NotSupported"


class Refused(GatewayError):
    """v3.1 said no: its messages, with field names taken down to v2's."""

    blame = Blame.CLIENT
    code = "ValidationError"

    def __init__(self, status: int, diagnoses: Iterable[Diagnosis]) -> None:
        found = tuple(diagnoses)
        super().__init__(found[0].message, found[0].source)
        self.refusal = status
        self.diagnoses = found


class UpstreamFailed(GatewayError):
    """v3.1 is unreachable or answered nonsense (502)."""

    status = 502
    blame = Blame.SAGE
    code = "UpstreamFailed"


class UpstreamLate(UpstreamFailed):
    """v3.1 did not answer in time (504)."""

    status = 504


class Throttled(UpstreamFailed):
    """Too many requests, v3.1's or our own limit (503 with Retry-After)."""

    status = 503
    code = "Throttled"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds, at least 1."""


class WrongTooOften(Throttled):
    """Too many wrong tokens, codes or secrets of one address, or with one beginning (503 with Retry-After)."""

    blame = Blame.CLIENT
    code = "LimitReached"


class NeedsConsent(GatewayError):
    """The grant has lapsed: the Sage user must authorise the app again. The client gets 400 `invalid_token`."""

    status = 400
    blame = Blame.OWNER
    code = "invalid_token"


class StoreFailed(GatewayError):
    """The gateway's own store cannot be read or written (503)."""

    status = 503
    code = "Unavailable"


class TableWrong(GatewayError):
    """A table does not fit what it meets: our mistake (500)."""

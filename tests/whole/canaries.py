"""Secrets that are looked for everywhere: in the forms that carelessness gives them."""

from __future__ import annotations

import base64
import gc
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, is_dataclass
from urllib.parse import quote, quote_plus

import msgspec
from pydantic import BaseModel

from gateway.messages import Exchange, Step, V2Request, V2Response, V3Request, V3Response

WIRE = (V2Request, V2Response, V3Request, V3Response, Step, Exchange)
"""What comes and goes over the wire is a value as it is: the telemetry is what keeps it to itself."""
SHORTEST = 12


def forms(value: bytes) -> Iterator[bytes]:
    """A value raw, in base64 wherever it may stand in a longer text, in hexadecimal, percent-encoded and in JSON."""
    yield value
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(bytes(shift) + value)
            yield whole[(0, 2, 3)[shift] : len(whole) - (4 if (shift + len(value)) % 3 else 0)]
    yield value.hex().encode()
    yield value.hex().upper().encode()
    yield quote(value, safe="").encode()
    yield quote_plus(value).encode()
    yield "".join(f"%{byte:02X}" for byte in value).encode()
    yield "".join(f"%{byte:02x}" for byte in value).encode()
    yield msgspec.json.encode(value.decode("latin-1"))[1:-1]


@dataclass
class Canaries:
    """Every secret by its slot; a slot may have had several."""

    slots: dict[str, dict[bytes, frozenset[bytes]]] = field(default_factory=dict)

    def know(self, slot: str, value: str | bytes) -> str:
        """Looks for a value from now on; gives it as text."""
        raw = value.encode() if isinstance(value, str) else value
        assert len(raw) >= SHORTEST, f"{slot} is too short to be told from anything"
        values = self.slots.setdefault(slot, {})
        if raw not in values:
            values[raw] = frozenset(forms(raw))
        return raw.decode("latin-1")

    def make(self, slot: str) -> str:
        """A text for a slot."""
        return self.know(slot, f"canary/{secrets.token_hex(8)}+{slot.replace(' ', '-')}")

    def token(self, slot: str) -> str:
        """40 hexadecimal digits, as legacy tokens are."""
        return self.know(slot, secrets.token_hex(20))

    def found_in(self, data: bytes, but: Iterable[str] = ()) -> set[str]:
        """The slots of which something stands in the data, in whatever form."""
        allowed = {text.encode("latin-1") for text in but}
        return {
            slot
            for slot, values in self.slots.items()
            for value, looks in values.items()
            if value not in allowed and any(form in data for form in looks)
        }


def printed_objects() -> str:
    """What every living object of ours prints as: settings, apps, grants, links, all that a traceback might show."""
    kinds = (BaseModel, msgspec.Struct, BaseException)
    found = []
    for each in gc.get_objects():
        kind = type(each)
        if not (module := str(kind.__module__)).startswith("gateway.") or module.startswith("gateway.sandbox"):
            continue
        if (is_dataclass(kind) or issubclass(kind, kinds)) and not issubclass(kind, WIRE):
            found.append(repr(each))
    return "\n".join(found)

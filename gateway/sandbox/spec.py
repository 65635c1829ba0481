"""The published spec of v3.1, trimmed (`scripts/trim_spec.py`): what exists, what is required, its type."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Type:
    """The type of an attribute or parameter.

    `word` is `string`, `integer`, `boolean`, `decimal`, `date`, `date-time`, `any`, `array`, `object`
    or `record`.
    `items` belongs to arrays, `attributes` and `required` to objects, `schema` (a name) to records.
    """

    word: str
    enum: tuple[Any, ...] = ()
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    sorts: tuple[str, ...] = ()
    items: Type | None = None
    schema: str = ""
    attributes: Mapping[str, Type] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    must: bool = False
    """Of a query parameter: it may not be left out."""

    @classmethod
    def read(cls, short: Any) -> Type:
        """A type from its short form in `v31_spec.json`."""
        if isinstance(short, str):
            return cls(short)
        if "array" in short:
            return cls("array", items=cls.read(short["array"]))
        if "record" in short:
            return cls("record", schema=short["record"])
        if "object" in short:
            attributes = {name: cls.read(part) for name, part in short["object"].items()}
            return cls("object", attributes=attributes, required=tuple(short.get("required", ())))
        return cls(
            short["type"],
            enum=tuple(short.get("enum", ())),
            max_length=short.get("max_length"),
            minimum=short.get("minimum"),
            maximum=short.get("maximum"),
            pattern=short.get("pattern"),
            sorts=tuple(short.get("sorts", ())),
            must=short.get("required", False),
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb of one path.

    `root` is the key a write body is wrapped in (`contact`), "" for none; `body` the type under it.
    `answer` is the name of the schema it answers with (`ContactCollection`), "" for none.
    """

    method: str
    template: str
    status: int
    query: Mapping[str, Type]
    root: str
    body: Type | None
    answer: str
    media: tuple[str, ...]


class Spec:
    """A reader of the spec. Paths are templates below `/v3.1`: `/contacts`, `/contacts/{key}`."""

    def __init__(self, text: str) -> None:
        found = json.loads(text)
        self._schemas: dict[str, Any] = found["schemas"]
        self._paths: dict[str, dict[str, Any]] = found["paths"]
        self._operations: dict[tuple[str, str], Operation] = {}
        self._records: dict[str, Mapping[str, Type]] = {}

    @classmethod
    @cache
    def load(cls) -> Spec:
        """The spec shipped with this package; read once."""
        return cls(resources.files(__package__).joinpath("v31_spec.json").read_text(encoding="utf-8"))

    @property
    def templates(self) -> tuple[str, ...]:
        return tuple(self._paths)

    @property
    def schemas(self) -> tuple[str, ...]:
        return tuple(self._schemas)

    def verbs(self, template: str) -> tuple[str, ...]:
        """The verbs of a path in upper case; empty for a path that does not exist."""
        return tuple(verb.upper() for verb in self._paths.get(template, ()))

    def operations(self) -> Iterator[Operation]:
        for template in self._paths:
            for verb in self.verbs(template):
                yield self._read(verb, template)

    def operation(self, method: str, template: str) -> Operation | None:
        """One verb of a path, or None where the spec has no such path or verb."""
        if method.lower() not in self._paths.get(template, ()):
            return None
        return self._read(method.upper(), template)

    def match(self, path: str) -> tuple[str, str] | None:
        """The template and the key ("" for none) of a path below `/v3.1`; None for an unknown path."""
        if path in self._paths and "{key}" not in path:
            return path, ""
        parts = path.split("/")
        if len(parts) < 3 or not parts[2]:
            return None
        template = "/".join([*parts[:2], "{key}", *parts[3:]])
        return (template, parts[2]) if template in self._paths else None

    def query(self, method: str, template: str) -> Mapping[str, Type]:
        """The query parameters of an operation by name; empty where it does not exist."""
        found = self.operation(method, template)
        return found.query if found else NOTHING

    def writable(self, method: str, template: str) -> Mapping[str, Type]:
        """The attributes a write body may have, flattened: `invoice_lines`, `invoice_lines.quantity`."""
        found = self.operation(method, template)
        return dict(_flat(found.body)) if found and found.body else NOTHING

    def required(self, method: str, template: str) -> frozenset[str]:
        """The flattened names that a write body must have; those in arrays once for each item."""
        found = self.operation(method, template)
        if not found or not found.body:
            return frozenset()
        nested = {f"{name}.{inner}" for name, part in _flat(found.body) for inner in (part.items or part).required}
        return frozenset(found.body.required) | nested

    def readable(self, schema: str) -> Mapping[str, Type]:
        """The attributes of an answer's schema, in the spec's order; empty for an unknown schema."""
        if schema not in self._records:
            short = self._schemas.get(schema, {}).get("object", {})
            self._records[schema] = {name: Type.read(part) for name, part in short.items()}
        return self._records[schema]

    def record_schema(self, template: str) -> str:
        """The schema of one record that a path's GET answers with: `Contact` for a list of contacts."""
        found = self.operation("GET", template)
        if not found:
            return ""
        items = self.readable(found.answer).get("$items")
        return items.items.schema if items and items.items else found.answer

    def _read(self, method: str, template: str) -> Operation:
        if (method, template) not in self._operations:
            short = self._paths[template][method.lower()]
            root, body = _unwrapped(method, short.get("body"))
            self._operations[method, template] = Operation(
                method,
                template,
                short["status"],
                {name: Type.read(part) for name, part in short.get("query", {}).items()},
                root,
                body,
                short.get("answer", ""),
                tuple(short.get("media", ("application/json",))),
            )
        return self._operations[method, template]


def _unwrapped(method: str, short: Any) -> tuple[str, Type | None]:
    """The root key and what is under it; only a DELETE's body has no root (v31.md §12)."""
    if short is None:
        return "", None
    body = Type.read(short)
    if method == "DELETE":
        return "", body
    ((root, inner),) = body.attributes.items()
    return root, inner


def _flat(body: Type, prefix: str = "") -> Iterator[tuple[str, Type]]:
    for name, part in body.attributes.items():
        yield prefix + name, part
        inner = part.items if part.word == "array" else part
        if inner is not None:
            yield from _flat(inner, f"{prefix}{name}.")

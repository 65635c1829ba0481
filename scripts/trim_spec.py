"""Trims the OpenAPI text of v3.1 to what `gateway.sandbox.spec` reads.

    python scripts/trim_spec.py v31_openapi.json gateway/sandbox/v31_spec.json

Every path is kept, with its verbs, query parameters, write bodies and the schemas that it answers with.
Prose, access rules, examples and provenance go. The lengths that the full text states only on the
reading side are copied to the writing side, since that is where they bind (v31.md §7).

A type is a word (`string`, `integer`, `boolean`, `decimal`, `date`, `date-time`, `any`) or an object:
`{"type": word, "enum"|"max_length"|"minimum"|"maximum"|"pattern": …}`, `{"array": type}`,
`{"record": schema name}` or `{"object": {name: type}, "required": [names]}`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def name_of(reference: str) -> str:
    return reference.rpartition("/")[2]


def trimmed(schema: Json) -> Any:
    """The short form of one OpenAPI schema."""
    if "$ref" in schema:
        return {"record": name_of(schema["$ref"])}
    if "anyOf" in schema or schema.get("type") == "number":
        return "decimal"
    kind = schema.get("type")
    if kind == "array":
        return {"array": trimmed(schema["items"])}
    if kind == "object" and "properties" in schema:
        attributes = {name: trimmed(part) for name, part in schema["properties"].items()}
        required = schema.get("required")
        return {"object": attributes, "required": required} if required else {"object": attributes}
    return scalar(schema)


def scalar(schema: Json) -> Any:
    word = schema.get("type", "any")
    if schema.get("format") in ("date", "date-time"):
        word = schema["format"]
    limits: Json = {}
    if "enum" in schema:
        limits["enum"] = [value for value in schema["enum"] if value is not None]
    for theirs, ours in (
        ("maxLength", "max_length"),
        ("minimum", "minimum"),
        ("maximum", "maximum"),
        ("pattern", "pattern"),
        ("x-sort-attributes", "sorts"),
    ):
        if theirs in schema:
            limits[ours] = schema[theirs]
    return {"type": word, **limits} if limits else word


def parameter(found: Json) -> Any:
    schema = dict(found["schema"])
    if "x-sort-attributes" in found:
        schema["x-sort-attributes"] = found["x-sort-attributes"]
    short = trimmed(schema)
    if found.get("required"):
        short = {**(short if isinstance(short, dict) else {"type": short}), "required": True}
    return short


def operation(spec: Json, found: Json) -> Json:
    """One verb of one path: its query parameters, its write body, what it answers."""
    status, answer = next((int(s), a) for s, a in found["responses"].items() if s.startswith("2"))
    short: Json = {"status": status}
    query = {p["name"]: parameter(p) for p in found.get("parameters", ()) if p.get("in") == "query"}
    if query:
        short["query"] = query
    media = list(answer.get("content", ()))
    if "application/json" in media:
        short["answer"] = name_of(answer["content"]["application/json"]["schema"]["$ref"])
    if len(media) > 1 or (media and media != ["application/json"]):
        short["media"] = media
    body = found.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        schema = spec["components"]["schemas"][name_of(body["$ref"])] if "$ref" in body else body
        short["body"] = trimmed(schema)
    return short


def copy_lengths(body: Any, schema: Any, schemas: Json) -> Any:
    """The writing type with the lengths that the reading type states."""
    if isinstance(schema, dict) and "record" in schema:
        schema = schemas.get(schema["record"], {})
    if isinstance(body, dict) and "array" in body and isinstance(schema, dict) and "array" in schema:
        return {"array": copy_lengths(body["array"], schema["array"], schemas)}
    if isinstance(body, dict) and "object" in body and isinstance(schema, dict) and "object" in schema:
        read = schema["object"]
        return {
            **body,
            "object": {n: copy_lengths(t, read.get(n), schemas) for n, t in body["object"].items()},
        }
    if body == "string" and isinstance(schema, dict) and "max_length" in schema:
        return {"type": "string", "max_length": schema["max_length"]}
    return body


def trim(spec: Json) -> Json:
    schemas = {
        name: trimmed(schema)
        for name, schema in spec["components"]["schemas"].items()
        if not name.startswith(("post", "put"))
    }
    paths = {
        path: {verb: operation(spec, found) for verb, found in verbs.items()} for path, verbs in spec["paths"].items()
    }
    for verbs in paths.values():
        for found in verbs.values():
            if "body" in found and "answer" in found:
                roots = found["body"]["object"]
                for root, body in roots.items():
                    roots[root] = copy_lengths(body, {"record": found["answer"]}, schemas)
    return {"paths": paths, "schemas": schemas}


def main(source: str, target: str) -> None:
    spec = json.loads(Path(source).read_text(encoding="utf-8"))
    text = json.dumps(trim(spec), ensure_ascii=False, separators=(",", ":"), sort_keys=False)
    lines = text.replace('},"/', '},\n"/').replace('"schemas":', '\n"schemas":')
    Path(target).write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

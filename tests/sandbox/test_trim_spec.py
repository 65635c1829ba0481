"""The script that trims the spec, on a small one."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[2] / "scripts" / "trim_spec.py"

DECIMAL: dict[str, Any] = {"anyOf": [{"type": "string", "nullable": True}, {"type": "number"}]}
FULL: dict[str, Any] = {
    "paths": {
        "/mugs": {
            "post": {
                "summary": "prose",
                "x-access": {"areas": {}},
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/s/postMugs"}}}},
                "responses": {"201": {"content": {"application/json": {"schema": {"$ref": "#/s/Mug"}}}}},
            },
            "get": {
                "parameters": [
                    {"name": "sort", "in": "query", "schema": {"type": "string"}, "x-sort-attributes": ["date"]},
                    {"name": "use", "in": "query", "required": True, "schema": {"type": "string", "enum": ["a"]}},
                    {"name": "key", "in": "path", "schema": {"type": "string"}},
                ],
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/s/Mug"}}}}},
            },
            "delete": {"responses": {"204": {}}},
        }
    },
    "components": {
        "schemas": {
            "Mug": {
                "properties": {
                    "name": {"type": "string", "maxLength": 9, "description": "prose"},
                    "price": DECIMAL,
                    "handles": {"type": "array", "items": {"$ref": "#/s/Handle"}},
                },
                "type": "object",
            },
            "Handle": {"type": "object", "properties": {"note": {"type": "string", "maxLength": 3}}},
            "postMugs": {
                "type": "object",
                "properties": {
                    "mug": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string"},
                            "price": DECIMAL,
                            "made": {"type": "string", "format": "date", "nullable": True},
                            "handles": {
                                "type": "array",
                                "items": {"type": "object", "properties": {"note": {"type": "string"}}},
                            },
                        },
                    }
                },
            },
        }
    },
}


def test_what_is_kept_of_the_spec() -> None:
    """Types, enums, required names, statuses; lengths move from the reading to the writing side."""
    trim = runpy.run_path(str(SCRIPT))["trim"]
    found = trim(FULL)
    assert found["paths"]["/mugs"] == {
        "post": {
            "status": 201,
            "answer": "Mug",
            "body": {
                "object": {
                    "mug": {
                        "object": {
                            "name": {"type": "string", "max_length": 9},
                            "price": "decimal",
                            "made": "date",
                            "handles": {"array": {"object": {"note": {"type": "string", "max_length": 3}}}},
                        },
                        "required": ["name"],
                    }
                }
            },
        },
        "get": {
            "status": 200,
            "answer": "Mug",
            "query": {
                "sort": {"type": "string", "sorts": ["date"]},
                "use": {"type": "string", "enum": ["a"], "required": True},
            },
        },
        "delete": {"status": 204},
    }
    assert found["schemas"]["Mug"]["object"]["handles"] == {"array": {"record": "Handle"}}
    assert "postMugs" not in found["schemas"]

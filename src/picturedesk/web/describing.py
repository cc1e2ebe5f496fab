"""The description of the API (OpenAPI 3.1), with the JSON Schemas of the command line's documents.

One schema describes a document of both; references between files become references inside the
description.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from picturedesk.web.access.needing import with_roles
from picturedesk.web.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from fastapi import FastAPI

    from picturedesk.web.bodies import Body

Schema = dict[str, Any]
Responses = dict[int | str, Schema]  # by status
_COMMON = "common"
_PROBLEM: Schema = {
    "type": "object",
    "description": "What went wrong (RFC 9457), with the reason that the command line prints.",
    "properties": {
        "type": {"type": "string", "description": "names the kind of problem"},
        "title": {"type": "string", "description": "the kind of problem, in words"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "what was wrong, what is wanted"},
        "cure": {"type": "string", "description": "what to do; empty if the detail says it"},
    },
    "required": ["type", "title", "status", "detail", "cure"],
    "additionalProperties": False,
}


def answers(schema: str, status: int = 200, more: Responses | None = None) -> Responses:
    """The responses of a route: a document of one schema, or a problem.

    Args:
        schema: name of the schema among the description's.
        status: of success.
        more: other responses.
    """
    body = {"application/json": {"schema": reference(schema)}}
    found: Responses = {status: {"description": "done", "content": body}}
    return found | dict(more or {}) | problems()


def media(*types: str, status: int = 200, more: Responses | None = None) -> Responses:
    """The responses of a route that sends bytes, or a problem."""
    body = {kind: {"schema": {"type": "string"}} for kind in types}
    found: Responses = {status: {"description": "done", "content": body}}
    return found | dict(more or {}) | problems()


def problems() -> Responses:
    """The responses to what cannot be done."""
    content = {MEDIA_TYPE: {"schema": reference("Problem")}}
    return {
        "4XX": {"description": "the request cannot be answered", "content": content},
        "5XX": {"description": "the server cannot answer now", "content": content},
    }


def reference(schema: str) -> Schema:
    """A reference to a schema of the description."""
    return {"$ref": f"#/components/schemas/{schema}"}


def describe(app: FastAPI, bodies: dict[str, type[Body]], own: dict[str, Schema]) -> None:
    """Lets an application describe itself so; makes the description once.

    Args:
        app: with its routes.
        bodies: what requests may say.
        own: schemas of documents that only the API has, by name.
    """
    made = app.openapi

    def described() -> Schema:
        if app.openapi_schema is None:
            document = made()
            document["components"] = document.get("components", {})
            document["components"]["schemas"] = _schemas(bodies, own)
            _drop_unused(document)
            app.openapi_schema = with_roles(document, app.state.routes)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _schemas(bodies: dict[str, type[Body]], own: dict[str, Schema]) -> dict[str, Schema]:
    found: dict[str, Schema] = {"Problem": _PROBLEM}
    for path in (files("picturedesk") / "schemas").iterdir():
        found |= _of_file(path.name.removesuffix(".json"), json.loads(path.read_text("utf-8")))
    found |= {name: _inside(schema, "") for name, schema in own.items()}
    for name, body in bodies.items():
        schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
        found |= schema.pop("$defs", {})
        found[name] = schema
    return found


def _of_file(name: str, schema: Schema) -> dict[str, Schema]:
    """The schemas of one file: its document and its records."""
    records = {key: _inside(one, name) for key, one in schema.pop("$defs", {}).items()}
    if name != _COMMON:
        records = {_record(name, key): one for key, one in records.items()}
        kept = {key: one for key, one in schema.items() if not key.startswith(("$schema", "$id"))}
        records[document_name(name)] = _inside(kept, name)
    return records


def document_name(file: str) -> str:
    """The name of a document's schema: "suggest-slots" → "SuggestSlotsDocument"."""
    return "".join(part.capitalize() for part in file.split("-")) + "Document"


def _record(file: str, name: str) -> str:
    return f"{document_name(file)}_{name}"


def _inside(schema: Any, file: str) -> Any:  # noqa: ANN401 - any part of a schema
    """A schema with references inside the description."""
    if isinstance(schema, list):
        return [_inside(one, file) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _inside(one, file) for key, one in schema.items()}
    target = schema.get("$ref")
    if isinstance(target, str) and not target.startswith("#/components/"):
        place, _, name = target.rpartition("#")
        record = name.rpartition("/")[2]
        if not record:
            found["$ref"] = f"#/components/schemas/{document_name(place.removesuffix('.json'))}"
        elif place.startswith(_COMMON):
            found["$ref"] = f"#/components/schemas/{record}"
        else:
            origin = place.removesuffix(".json") or file
            found["$ref"] = f"#/components/schemas/{_record(origin, record)}"
    return found


def _drop_unused(document: Schema) -> None:
    """Leaves out the schemas that no route refers to."""
    schemas = document["components"]["schemas"]
    used: set[str] = set()
    waiting = [*_references(document["paths"])]
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += _references(schemas[name])
    document["components"]["schemas"] = {name: schemas[name] for name in sorted(used)}


def _references(part: object) -> list[str]:
    if isinstance(part, list):
        return [name for one in part for name in _references(one)]
    if not isinstance(part, dict):
        return []
    found = [name for one in part.values() for name in _references(one)]
    target = part.get("$ref")
    if isinstance(target, str):
        found.append(target.rpartition("/")[2])
    return found

"""Validates documents against the package's JSON Schemas."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def schemas() -> dict[str, dict[str, Any]]:
    """All schemas by file name."""
    folder = files("picturedesk") / "schemas"
    return {path.name: json.loads(path.read_text("utf-8")) for path in folder.iterdir()}


def validate(name: str, document: object) -> None:
    """Raises a ValidationError, naming the place, unless the document fits the schema."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    known = schemas()
    resources = ((one["$id"], Resource.from_contents(one)) for one in known.values())
    registry: Registry[Any] = Registry().with_resources(resources)
    Draft202012Validator(known[f"{name}.json"], registry=registry).validate(document)

"""Schemas of documents that only the API has; those of the command line are in ``schemas/``."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _count(description: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": description}


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


def _object(description: str, optional: tuple[str, ...] = (), **fields: Schema) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": fields,
        "required": [name for name in fields if name not in optional],
        "additionalProperties": False,
    }


_ANSWER: Schema = {
    "found": {
        "type": ["number", "null"],
        "minimum": 0,
        "maximum": 1,
        "description": "chance that the right picture is among these; null if none is stated",
    },
    "doubt": _text("why there may be no good picture; empty if there is no reason"),
    "explanations": _list(_ref("SuggestDocument_explanation"), "with explain: one for each"),
    "suggestions": _list(_ref("suggestion"), "in the order shown"),
}

OWN: dict[str, Schema] = {
    "SuggestAnswer": {
        "description": "The answer to a question, or one for each of several texts.",
        "oneOf": [
            _object(
                "The answer to one question.",
                ("explanations", "text"),
                **_ANSWER,
                text=_text("what was asked, where it was taken out of HTML or a file"),
            ),
            _object("The answers to several texts.", answers=_list(_ref("SuggestDocument"), "")),
        ],
    },
    "Document": _object(
        "A file as text.",
        kind={"type": "string", "enum": ["text", "html", "docx"]},
        text=_text("its words; paragraphs are divided by empty lines"),
    ),
    "Page": _object(
        "A page of the catalogue.",
        pictures=_list(_ref("picture"), "in the order asked for"),
        after=_text("for the next page; empty if this is the last one"),
        total=_count("pictures that meet condition and words"),
    ),
    "Uploaded": _object(
        "What became of an upload.",
        pictures=_list(_ref("picture"), "added, or known before"),
        rejections=_list(_ref("rejection"), "files that were left out"),
    ),
    "Progress": _object(
        "How far a job is.",
        done=_count("units that are finished"),
        total=_count("units; 0 before the first is known"),
        what=_text("the unit"),
    ),
    "Job": _object(
        "Long work.",
        ("result", "problem"),
        id=_text("names it"),
        kind={"type": "string", "enum": ["upload", "refit", "evaluate", "audit"]},
        state={"type": "string", "enum": ["queued", "running", "done", "failed", "stopped"]},
        progress=_ref("Progress"),
        made=_text("ISO 8601"),
        started=_text("ISO 8601; empty before"),
        ended=_text("ISO 8601; empty before"),
        who=_text("asked for it"),
        result={"type": "object", "description": "of one that is done"},
        problem=_ref("Problem"),
    ),
    "Jobs": _object("Jobs.", jobs=_list(_ref("Job"), "the newest first")),
    "JobStarted": _object("Work that goes on.", job=_ref("Job")),
    "Desk": _object(
        "A desk and what its server allows.",
        name=_text("of its folder"),
        archive=_text("that it was fitted on"),
        pictures=_count("in the catalogue"),
        fit=_text("that answers"),
        routes=_list(_text("name of a route"), "that suggest takes"),
        default_route=_text("without a route"),
        columns={
            "type": "object",
            "description": "of the catalogue, by name",
            "additionalProperties": _object(
                "A column.",
                type={"type": "string", "enum": ["text", "date", "number", "boolean", "tags"]},
                filled=_count("pictures that have a value"),
            ),
        },
        tags={"type": "boolean", "description": "whether tags can be asked for"},
        role={"type": "string", "enum": ["anyone", "reader", "editor", "admin"]},
        caller=_text("name of the key; local without keys"),
        version=_text("of picturedesk"),
        limits=_object(
            "What requests may have, at most.",
            k=_count("pictures of an answer"),
            text=_count("characters of a text"),
            texts=_count("texts of a request"),
            files=_count("files of an upload"),
            megabytes={"type": "number", "description": "of one file"},
            megapixels={"type": "number", "description": "of one picture"},
            at_once=_count("files that are answered at once; more become a job"),
        ),
    ),
    "Health": _object("A sign of life.", status={"const": "ok"}),
    "Ready": _object("The desk answers.", status={"const": "ready"}, fit=_text("that answers")),
}

"""A desk, or a part of one, on one screen of 80 columns and 24 lines. Knows their descriptions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

WIDTH = 79  # columns
LINES = 20  # of a part, that are shown
SHOWN_ITEMS = 12  # of a long list of settings
_LABEL = 14  # columns of the names
_MOST_LINES = 2  # for one fact
_TOLD = {  # what has a line of its own, or says too little for one
    *("kind", "path", "archive", "texts", "archive_pictures", "catalogue_pictures", "backbone"),
    *("matcher", "weights", "text_weights", "config", "columns"),
}


Row = tuple[str, str]  # what it is, padded; what is to be said


def in_short(found: dict[str, Any]) -> list[Row]:
    """The lines that describe a desk, or a part of one."""
    if found.get("kind") == "desk":
        return list(_desk(found))
    rows = [(f"{key}: ", _cut(str(value), WIDTH - len(key) - 2)) for key, value in flat(found)]
    if len(rows) <= LINES:
        return rows
    return [*rows[:LINES], ("", f"… and {len(rows) - LINES} more: --all lists them")]


def flat(value: object, prefix: str = "") -> list[tuple[str, object]]:
    """Nested settings as dotted names, one per line."""
    if isinstance(value, dict):
        rows: list[tuple[str, object]] = []
        for key, item in value.items():
            rows += flat(item, f"{prefix}.{key}" if prefix else str(key))
        return rows
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [row for n, item in enumerate(value) for row in flat(item, f"{prefix}[{n}]")]
    if isinstance(value, list) and len(value) > SHOWN_ITEMS:
        first = ", ".join(map(str, value[:SHOWN_ITEMS]))
        return [(prefix, f"{first}, … ({len(value)} in all)")]
    return [(prefix, value)]


def _desk(found: dict[str, Any]) -> Iterator[Row]:
    network, config = found["backbone"], found["config"]
    levels = (_level(one) for one in network["levels"])
    texts = (f"{count} {part}" for part, count in found["texts"].items())
    yield from _fact("Desk", found["path"])
    yield from _fact("Archive", found["archive"])
    yield from _fact("Texts", ", ".join(texts))
    yield from _fact(
        "Pictures",
        f"{found['catalogue_pictures']} in the catalogue, {found['archive_pictures']} in the "
        "archive",
    )
    yield from _fact("Recipe", f"{config['recipe']}; text encoder {config['text_encoder']}")
    yield from _fact("Network", f"{network['name']} at {network['preprocessing']['size']} pixels")
    yield from _fact("Levels", ", ".join(levels))
    yield from _fact("Route weights", _weights(found["weights"]))
    if found.get("text_weights"):
        yield from _fact("… for texts", _weights(found["text_weights"]))
    if found.get("columns"):
        yield from _fact("Columns", _columns(found["columns"]))
    for key, value in found.items():
        if key not in _TOLD:
            yield from _fact(key.replace("_", " ").capitalize(), _worded(value))
    yield from _fact("More", "--all lists every setting, --json prints them for programs")


def _fact(name: str, text: str) -> list[Row]:
    lines = textwrap.wrap(text, WIDTH - _LABEL) or [""]
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1][: WIDTH - _LABEL - 2] + " …"]
    return [(label.ljust(_LABEL), line) for label, line in zip((name, ""), lines, strict=False)]


def _level(level: dict[str, Any]) -> str:
    pooling = "" if level["pooling"] == "none" else f":{level['pooling']}"
    return f"{level['name']}{pooling} ({level['width']})"


def _weights(weights: dict[str, float]) -> str:
    used = sorted(((weight, name) for name, weight in weights.items() if weight), reverse=True)
    return ", ".join(f"{name} {weight:.2f}" for weight, name in used) or "none"


def _columns(columns: dict[str, dict[str, Any]]) -> str:
    """The columns that pictures have values in, one's own first: name, type, how many."""
    filled = {name: one for name, one in columns.items() if one["filled"] and name != "key"}
    return ", ".join(
        f"{name} ({one['type']}, {one['filled']})" for name, one in reversed(filled.items())
    )


def _worded(value: object) -> str:
    """Any further fact in words."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_worded(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_worded, value))
    return str(value)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"

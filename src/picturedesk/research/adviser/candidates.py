"""Candidate levels of a network: few enough that one pass over an archive reads them all.

Knows a network's table of readable levels; no picture and no feature.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from picturedesk.backbones.backbone import readable_levels
from picturedesk.backbones.levels import HEAD, ReadableLevel, parse
from picturedesk.backbones.presets import preset
from picturedesk.types import Level

MAX_LEVELS = 14  # in one pass, unless the preset has more
_MAXIMA = 2  # deepest stages that are also read by their maximum


def candidates(name: str) -> tuple[str, ...]:
    """Candidate levels of a preset or any model, shallowest first, with the preset's own.

    Raises:
        BadInput: there is no such model.
        MissingExtra: timm is not installed.
    """
    return choose_candidates(readable_levels(name), preset(name).levels)


def own_levels(name: str) -> tuple[str, ...]:
    """The default levels of a preset, named by their modules."""
    rows = readable_levels(name)
    return tuple(_resolved(level, rows) for level in preset(name).levels)


def choose_candidates(rows: Sequence[ReadableLevel], own: Sequence[str]) -> tuple[str, ...]:
    """Candidate levels from a network's table.

    These are: the average of every stage (and the class token, if it has one), the maximum of the
    two deepest stages and of the deepest map, the final pool and the class probabilities. If there
    are very many stages (blocks of a transformer), evenly spaced ones, the deepest among them.

    Args:
        rows: in the order in which the network computes.
        own: levels that are always kept; an index is resolved to its module.
    """
    kept = [_resolved(level, rows) for level in own]
    stages = _stages(rows, {parse(level).where for level in kept})
    deepest = [row for row in rows if _is_map(row) and not _repeats(row, stages)][-1:]
    heads = [row.module for row in rows if row.module in HEAD]
    for count in range(len(stages), -1, -1):
        spaced = _spaced(stages, count)
        found = [f"{row.module}:{pooling}" for row in spaced for pooling in _averages(row)]
        found += [f"{row.module}:max" for row in (*spaced[-_MAXIMA:], *deepest)]
        chosen = dict.fromkeys([*found, *heads, *kept])
        if len(chosen) <= MAX_LEVELS or not count:
            break
    place = {row.module: number for number, row in enumerate(rows)}
    return tuple(sorted(chosen, key=lambda level: place.get(parse(level).where, -1)))


def _resolved(level: str, rows: Sequence[ReadableLevel]) -> str:
    """A level with its feature index replaced by the module's path."""
    request = parse(level)
    modules = {row.index: row.module for row in rows if row.index is not None}
    if not re.fullmatch(r"-?\d+", request.where) or not modules:
        return level
    module = modules.get(int(request.where) % (max(modules) + 1), request.where)
    return str(Level(module, 0, request.pooling))


def _is_map(row: ReadableLevel) -> bool:
    return "max" in row.poolings and row.side != 1


def _stages(rows: Sequence[ReadableLevel], own: set[str]) -> list[ReadableLevel]:
    """Maps that timm lists as features, numbered modules between them, and the preset's own."""
    listed = [row.module for row in rows if row.index is not None]
    found: list[ReadableLevel] = []
    begun = not listed
    for row in rows:
        begun = begun or row.module in listed
        between = begun and _numbered(row.module, listed)
        wanted = row.module in own and not _in_head(row.module)
        if _is_map(row) and (row.module in listed or between or wanted):
            found.append(row)
    return found


def _numbered(module: str, listed: Sequence[str]) -> bool:
    parent, _, number = module.rpartition(".")
    return bool(parent) and number.isdigit() and parent not in listed


def _in_head(module: str) -> bool:
    """Whether a module belongs to a head; the final pool is usually its average."""
    return re.search(r"(^|[._])(norm|bn|head|conv_head|act)\w*$", module) is not None


def _repeats(row: ReadableLevel, stages: Sequence[ReadableLevel]) -> bool:
    """Whether the map is the output of a stage inside the module."""
    return any(
        stage.module.startswith(f"{row.module}.") and stage.channels == row.channels
        for stage in stages[-1:]
    )


def _averages(row: ReadableLevel) -> tuple[str, ...]:
    return ("cls", "avg") if "cls" in row.poolings else ("avg",)


def _spaced(stages: Sequence[ReadableLevel], count: int) -> list[ReadableLevel]:
    """``count`` evenly spaced stages, the deepest among them."""
    if not count:
        return []
    step = len(stages) / count
    places = [len(stages) - 1 - int(number * step) for number in range(count)]
    return [stages[place] for place in sorted(places)]

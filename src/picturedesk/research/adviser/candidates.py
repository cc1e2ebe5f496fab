"""Which levels of a network are worth a look: few enough that one pass over an archive reads all.

Knows the table of what can be read, no picture and no feature.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from picturedesk.backbones.backbone import readable_levels
from picturedesk.backbones.levels import HEAD, ReadableLevel, parse
from picturedesk.backbones.presets import preset
from picturedesk.types import Level

MOST = 14  # levels of one pass, unless the preset's own are more
_MAXIMA = 2  # deepest stages that are also read by their maximum


def candidates(name: str) -> tuple[str, ...]:
    """Sensible levels of a preset or any timm model, shallowest first; its own are among them.

    Raises:
        BadInput: there is no such model.
        MissingExtra: timm is not installed.
    """
    return choose_candidates(readable_levels(name), preset(name).levels)


def own_levels(name: str) -> tuple[str, ...]:
    """The levels that a preset reads when nothing else is asked for, by their modules."""
    rows = readable_levels(name)
    return tuple(_resolved(level, rows) for level in preset(name).levels)


def choose_candidates(rows: Sequence[ReadableLevel], own: Sequence[str]) -> tuple[str, ...]:
    """The same from a network's table.

    Every stage by its average (of tokens the class token too), the two deepest also by their
    maximum, the deepest map by its maximum, the final pool and the class probabilities. Of very
    many stages (the blocks of a transformer) evenly spaced ones are taken, the deepest first.

    Args:
        rows: in the order in which the network computes.
        own: levels that are kept in any case; an index is resolved to its module.
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
        if len(chosen) <= MOST or not count:
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
    """Maps that timm lists as features, the numbered ones between, and the preset's own."""
    listed = [row.module for row in rows if row.index is not None]
    found: list[ReadableLevel] = []
    begun = not listed
    for row in rows:
        begun = begun or row.module in listed
        between = begun and _numbered(row.module, listed)
        asked = row.module in own and not _last_touch(row.module)
        if _is_map(row) and (row.module in listed or between or asked):
            found.append(row)
    return found


def _numbered(module: str, listed: Sequence[str]) -> bool:
    parent, _, number = module.rpartition(".")
    return bool(parent) and number.isdigit() and parent not in listed


def _last_touch(module: str) -> bool:
    """Whether it belongs to a head, whose average the final pool mostly is."""
    return re.search(r"(^|[._])(norm|bn|head|conv_head|act)\w*$", module) is not None


def _repeats(row: ReadableLevel, stages: Sequence[ReadableLevel]) -> bool:
    """Whether the map is what a stage inside it has put out already."""
    return any(
        stage.module.startswith(f"{row.module}.") and stage.channels == row.channels
        for stage in stages[-1:]
    )


def _averages(row: ReadableLevel) -> tuple[str, ...]:
    return ("cls", "avg") if "cls" in row.poolings else ("avg",)


def _spaced(stages: Sequence[ReadableLevel], count: int) -> list[ReadableLevel]:
    """So many of the stages, evenly, the deepest always among them."""
    if not count:
        return []
    step = len(stages) / count
    places = [len(stages) - 1 - int(number * step) for number in range(count)]
    return [stages[place] for place in sorted(places)]
